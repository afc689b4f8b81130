#ifndef MILLRACE_OPERATORS_SHARED_ENUMERATOR_HPP
#define MILLRACE_OPERATORS_SHARED_ENUMERATOR_HPP

#include <millrace/core/bytes.hpp>
#include <millrace/core/list.hpp>
#include <millrace/functions/source.hpp>
#include <millrace/operators/stage.hpp>
#include <millrace/state/key_group_state.hpp>
#include <millrace/types/codec.hpp>

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace::detail {

/// The enumerator of a source with the lock that serialises its readers' questions (one per split, not per record).
template <class Source>
class SharedEnumerator final : public SharedState {
    using Split = typename Source::Split;

public:
    [[gnu::cold]] SharedEnumerator(const Source& source, int parallelism, std::string uid,
                                   const SnapshotSource* restored)
        : uid_(std::move(uid)) {
        if (restored != nullptr) restore(source, parallelism, *restored);
        if (enumerator_ == nullptr) enumerator_ = source.createEnumerator(parallelism);
    }
    [[gnu::cold]] ~SharedEnumerator() override = default;

    /// The next split; `last` becomes whether there will never be another one.
    [[gnu::cold]] std::optional<Split> nextSplit(int subtask, bool& last) {
        const std::lock_guard lock(mutex_);
        std::optional<Split> split = enumerator_->nextSplit(subtask);
        if (split.has_value()) {
            for (Passed& each : passed_) {
                if (each.subtask == subtask) each.takenSince.push_back(Split(*split));
            }
        }
        last = !split.has_value() && enumerator_->noMoreSplits(subtask);
        return split;
    }

    /// Asks for what there is to restore, and does nothing with it.
    static void declare(const SnapshotSource& restored, std::string_view uid) {
        if constexpr (HasCodec<Split>) {
            detail::declareState(restored, uid, "enumerator", kLayout);
        }
    }

    [[gnu::cold]] void onBarrier(int subtask, std::int64_t checkpointId) override {
        const std::lock_guard lock(mutex_);
        passed_.push_back({checkpointId, subtask, {}});
    }
    [[gnu::cold]] void snapshot(std::int64_t checkpointId, SnapshotSink& sink) override {
        if constexpr (HasCodec<Split>) {
            const std::lock_guard lock(mutex_);
            List<Split> left;
            // what readers have taken since is before the rest in event time
            for (const Passed& each : passed_) {
                if (each.checkpointId != checkpointId) continue;
                for (const Split& split : each.takenSince) left.push_back(Split(split));
            }
            for (Split& split : enumerator_->snapshot()) left.push_back(std::move(split));
            ByteWriter bytes;
            bytes.write(kFormat);
            bytes.write(static_cast<std::uint32_t>(left.size()));
            for (const Split& split : left) Codec<Split>::encode(split, bytes);
            sink.describe(uid_, "enumerator", kLayout);
            sink.write(uid_, "enumerator", kSharedState, bytes.bytes());
        }
    }
    [[gnu::cold]] void forget(std::int64_t checkpointId) override {
        const std::lock_guard lock(mutex_);
        passed_.eraseIf([&](const Passed& each) { return each.checkpointId <= checkpointId; });
    }

private:
    static constexpr std::uint8_t kFormat = 1;
    static constexpr StateLayout kLayout{"enumerator", {{"splits", &kListInfo<Split>}}};

    /// A reader that has passed a barrier, and the splits that it has taken since.
    struct Passed {
        std::int64_t checkpointId;
        int subtask;
        List<Split> takenSince;
    };

    [[gnu::cold, gnu::noinline]] static void readSplits(ByteReader& reader, List<Split>& into) {
        for (auto count = reader.read<std::uint32_t>("a number of splits"); count > 0; --count) {
            into.emplace_back();
            Codec<Split>::decode(reader, into.back());
        }
    }
    [[gnu::cold]] void restore(const Source& source, int parallelism, const SnapshotSource& restored) {
        if constexpr (HasCodec<Split>) {
            List<Split> read;
            bool isSaved = false;
            readKeyGroups(restored, uid_, "enumerator", kLayout, kFormat, [&](ByteReader& reader) {
                isSaved = true;
                readSplits(reader, read);
            });
            if (!isSaved) return;
            std::vector<Split> splits(std::make_move_iterator(read.begin()), std::make_move_iterator(read.end()));
            if constexpr (requires { source.restoreEnumerator(parallelism, std::move(splits)); }) {
                enumerator_ = source.restoreEnumerator(parallelism, std::move(splits));
            } else {
                enumerator_ =
                    std::unique_ptr<SplitEnumerator<Split>>(new SplitListEnumerator<Split>(std::move(splits)));
            }
        }
    }

    std::mutex mutex_;
    std::string uid_;
    std::unique_ptr<SplitEnumerator<Split>> enumerator_;
    List<Passed> passed_;
};

}  // namespace millrace::detail

#endif  // MILLRACE_OPERATORS_SHARED_ENUMERATOR_HPP
