#ifndef MILLRACE_OPERATORS_SHARED_ENUMERATOR_HPP
#define MILLRACE_OPERATORS_SHARED_ENUMERATOR_HPP

#include <millrace/core/bytes.hpp>
#include <millrace/core/late.hpp>
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
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace millrace::detail {

/// What is saved of an enumerator: the splits that are left, in the order in which they will be read.
template <class Split>
inline constexpr StateLayout kSplitsLayout{"enumerator", {{"splits", &kListInfo<Split>}}};
inline constexpr std::uint8_t kSplitsFormat = 1;

/// So many of them, encoded.
template <class Split>
[[gnu::cold]] void writeSplits(SnapshotSink& sink, std::string_view uid, std::uint32_t count,
                               std::span<const std::byte> splits) {
    ByteWriter bytes;
    bytes.write(kSplitsFormat);
    bytes.write(count);
    bytes.writeBytes(splits);
    sink.describe(uid, "enumerator", kSplitsLayout<Split>);
    sink.write(uid, "enumerator", kSharedState, bytes.bytes());
}
/// Asks for what there is to restore, and does nothing with it.
template <class Split>
void declareSplits(const SnapshotSource& restored, std::string_view uid) {
    if constexpr (HasCodec<Split>) declareState(restored, uid, "enumerator", kSplitsLayout<Split>);
}

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

    /// Makes the next split, if there is one; `last` becomes whether there will never be another one.
    [[gnu::cold]] void nextSplit(int subtask, Late<Split>& next, bool& last) {
        const std::lock_guard lock(mutex_);
        std::optional<Split> split = enumerator_->nextSplit(subtask);
        last = !split.has_value() && enumerator_->noMoreSplits(subtask);
        if (!split.has_value()) return;
        for (Passed& each : passed_) {
            if (each.subtask == subtask) each.takenSince.push_back(Split(*split));
        }
        next.emplace(std::move(*split));
    }

    [[gnu::cold]] void onBarrier(int subtask, std::int64_t checkpointId) override {
        const std::lock_guard lock(mutex_);
        passed_.push_back({checkpointId, subtask, {}});
    }
    [[gnu::cold]] void snapshot(std::int64_t checkpointId, SnapshotSink& sink) override {
        if constexpr (HasCodec<Split>) {
            const std::lock_guard lock(mutex_);
            ByteWriter splits;
            std::uint32_t count = 0;
            const auto add = [&](const Split& split) {
                Codec<Split>::encode(split, splits);
                ++count;
            };
            // what readers have taken since is before the rest in event time
            for (const Passed& each : passed_) {
                if (each.checkpointId != checkpointId) continue;
                for (const Split& split : each.takenSince) add(split);
            }
            for (const Split& split : enumerator_->snapshot()) add(split);
            writeSplits<Split>(sink, uid_, count, splits.bytes());
        }
    }
    [[gnu::cold]] void forget(std::int64_t checkpointId) override {
        const std::lock_guard lock(mutex_);
        passed_.eraseIf([&](const Passed& each) { return each.checkpointId <= checkpointId; });
    }

private:
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
            readKeyGroups(restored, uid_, "enumerator", kSplitsLayout<Split>, kSplitsFormat, [&](ByteReader& reader) {
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

/// In the place of an enumerator where there is one split. It has gone to its reader before the first barrier: see
/// `SourceStage::prepareBarrier`.
template <class Source>
class SingleSplit final : public SharedState {
    using Split = typename Source::Split;

public:
    [[gnu::cold]] SingleSplit(const Source&, int, std::string uid, const SnapshotSource* restored)
        : uid_(std::move(uid)) {
        if constexpr (HasCodec<Split>) {
            if (restored == nullptr) return;
            readKeyGroups(*restored, uid_, "enumerator", kSplitsLayout<Split>, kSplitsFormat, [&](ByteReader& reader) {
                given_ = true;
                // where there was an enumerator, some may be left
                if (reader.read<std::uint32_t>("a number of splits") > 0) {
                    reader.fail("splits are left, but the source has no enumerator by now that would hand them out");
                }
            });
        }
    }
    [[gnu::cold]] ~SingleSplit() override = default;

    void nextSplit(int, Late<Split>& next, bool& last) {
        last = given_;
        if (!given_) next.emplace();
        given_ = true;
    }
    [[gnu::cold]] void snapshot(std::int64_t, SnapshotSink& sink) override {
        if constexpr (HasCodec<Split>) writeSplits<Split>(sink, uid_, 0, {});
    }

private:
    const std::string uid_;
    bool given_ = false;
};

/// What the subtasks of a source share.
template <class Source>
using SplitsOf = typename std::conditional_t<SingleSplitSource<Source>, std::type_identity<SingleSplit<Source>>,
                                             std::type_identity<SharedEnumerator<Source>>>::type;

}  // namespace millrace::detail

#endif  // MILLRACE_OPERATORS_SHARED_ENUMERATOR_HPP
