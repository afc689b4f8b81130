#ifndef MILLRACE_OPERATORS_SIDE_BY_SIDE_SPLITS_HPP
#define MILLRACE_OPERATORS_SIDE_BY_SIDE_SPLITS_HPP

#include <millrace/core/algorithm.hpp>
#include <millrace/core/errors.hpp>
#include <millrace/core/message.hpp>
#include <millrace/core/owner.hpp>
#include <millrace/operators/split_board.hpp>
#include <millrace/operators/watermark_emitter.hpp>
#include <millrace/time/output_watermarks.hpp>

#include <atomic>
#include <cstddef>
#include <optional>
#include <vector>

namespace millrace::detail {

/// The splits that one reader reads side by side: each with a generator and an idleness clock of its own, combined to the
/// watermark of the reader; the ones that are too far ahead of their alignment group pause for themselves.
template <class T, class Strategy>
class SideBySideSplits {
public:
    using Watermarks = SplitWatermarks<T, Strategy>;
    using Result = OutputWatermarks::Result;

    struct Open {
        Open(const Strategy& strategy, SplitBoard::Entry& entry) : watermarks(strategy), shown(entry) {}
        Watermarks watermarks;
        SplitBoard::Entry& shown;
        bool paused = false;
    };

    bool empty() const noexcept { return count_ == 0; }

    /// A split more; its slot.
    std::size_t add(const Strategy& strategy, Timestamp restored, SplitBoard& board, std::string id) {
        const std::size_t slot = combined_.add();
        if (slot == open_.size()) open_.emplace_back();
        open_[slot].reset(new Open(strategy, board.open(std::move(id))));
        open_[slot]->watermarks.restore(restored);
        ++count_;
        return slot;
    }
    void remove(std::size_t slot, SplitBoard& board) {
        board.close(at(slot).shown);
        open_[slot].reset();
        combined_.remove(slot);
        --count_;
    }
    /// *Failure:* MillraceException when the reader names a split that is not open.
    Open& at(std::size_t slot) const {
        if (slot >= open_.size() || open_[slot] == nullptr) {
            raise<MillraceException>("FillResult::split is {}, but the reader has no open split of that number",
                                     {slot});
        }
        return *open_[slot];
    }

    /// Records have come: the split counts again.
    void onRecords(std::size_t slot, std::size_t count) {
        combined_.setIdle(slot, false);
        SplitBoard::Entry& shown = open_[slot]->shown;
        shown.idle.store(false, std::memory_order_relaxed);
        shown.records.store(shown.records.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
    }
    void setIdle(std::size_t slot) {
        combined_.setIdle(slot, true);
        open_[slot]->shown.idle.store(true, std::memory_order_relaxed);
    }
    void advance(std::size_t slot, Timestamp watermark) {
        combined_.advance(slot, watermark);
        open_[slot]->shown.idle.store(false, std::memory_order_relaxed);
        open_[slot]->shown.watermark.store(combined_.watermarkOf(slot).time_since_epoch().count(),
                                           std::memory_order_relaxed);
    }
    /// What the split's generator has said since the last call.
    void takeGenerated(std::size_t slot) {
        WatermarkOutput& output = open_[slot]->watermarks.output();
        if (!output.takeChanged()) return;
        if (output.idle()) {
            setIdle(slot);
        } else {
            advance(slot, output.watermark());
        }
    }
    Result combine() { return combined_.combine(); }

    /// Splits whose watermark is beyond `furthest` pause, the others go on; returns the smallest watermark of those that
    /// pause, else kMaxTimestamp.
    template <class Reader>
    Timestamp align(Timestamp furthest, Reader& reader) {
        Timestamp earliest = kMaxTimestamp;
        if (furthest == kMaxTimestamp && !anyPaused_) return earliest;
        anyPaused_ = false;
        for (std::size_t slot = 0; slot < open_.size(); ++slot) {
            if (open_[slot] == nullptr) continue;
            Open& split = *open_[slot];
            const Timestamp watermark = combined_.watermarkOf(slot);
            const bool ahead = watermark != kMinTimestamp && watermark > furthest;
            if (split.paused != ahead) {
                reader.pauseSplit(slot, ahead);
                split.paused = ahead;
                split.shown.paused.store(ahead, std::memory_order_relaxed);
            }
            if (!ahead) continue;
            anyPaused_ = true;
            earliest = std::min(earliest, watermark);
        }
        return earliest;
    }

    /// `fn(slot, split)` for each that is open.
    template <class Fn>
    void forEach(Fn fn) const {
        for (std::size_t slot = 0; slot < open_.size(); ++slot) {
            if (open_[slot] != nullptr) fn(slot, *open_[slot]);
        }
    }

private:
    std::vector<Owner<Open>> open_;  // by slot
    OutputWatermarks combined_;
    std::size_t count_ = 0;
    bool anyPaused_ = false;
};

}  // namespace millrace::detail

#endif  // MILLRACE_OPERATORS_SIDE_BY_SIDE_SPLITS_HPP
