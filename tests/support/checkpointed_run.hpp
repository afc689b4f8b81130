#ifndef MILLRACE_TESTS_SUPPORT_CHECKPOINTED_RUN_HPP
#define MILLRACE_TESTS_SUPPORT_CHECKPOINTED_RUN_HPP

#include <millrace/checkpoint/memory_checkpoint_store.hpp>
#include <millrace/checkpoint/subtask_state.hpp>

#include <support/operator_harness.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace millrace::testsupport {

/// Runs one operator over an input that can be read again, with a checkpoint after every few elements and one at the end, as a
/// job would; and crashes it: the operator is dropped without being closed, a new one is restored from the last checkpoint
/// that was complete, and reads on from there.
template <class Op>
class CheckpointedRun {
public:
    using In = typename Op::Input;

    CheckpointedRun(Op op, std::vector<In> input, std::size_t elementsPerCheckpoint)
        : op_(std::move(op)), input_(std::move(input)), perCheckpoint_(elementsPerCheckpoint) {}

    /// Processing time of each element.
    Duration timePerElement{0};
    std::function<void()> afterStep;

    /// Crashes after so many steps, counted over the whole run. A step is an element, or a part of a checkpoint, or the end.
    /// False: the run had fewer steps than the last of them.
    bool run(const std::set<std::size_t>& crashesAfter) {
        std::size_t steps = 0;
        std::size_t crashes = 0;
        start();
        for (;;) {
            if (crashesAfter.contains(steps++)) {
                ++crashes;
                start();
                continue;
            }
            const bool more = step();
            if (afterStep) afterStep();
            if (!more) return crashes == crashesAfter.size();
        }
    }

    /// Whether the operator had nothing left to wait for when it closed.
    bool ended() const noexcept { return ended_; }

private:
    enum class Next : std::uint8_t { Element, Prepare, Snapshot, Complete, Notify, EndInput, Close };
    struct Completed {
        MemorySnapshot snapshot;
        std::size_t position;
        bool inputEnded;
    };

    void start() {
        harness_ = std::make_unique<OperatorHarness<Op>>(op_);
        harness_->context.isCheckpointed = true;
        harness_->context.now = at(0) + timePerElement * static_cast<std::int64_t>(clock_);
        position_ = 0;
        inputEnded_ = false;
        next_ = Next::Element;
        sinceCheckpoint_ = 0;
        if (completed_.has_value()) {
            harness_->openFrom(completed_->snapshot);
            position_ = completed_->position;
            if (completed_->inputEnded) next_ = Next::EndInput;
        } else {
            harness_->open();
        }
    }
    void tick() {
        ++clock_;
        if (timePerElement == Duration{0}) return;
        auto& context = harness_->context;
        context.now += timePerElement;
        bool isDue = false;
        std::erase_if(context.requested, [&](std::int64_t time) {
            const bool due = at(time) <= context.now;
            isDue = isDue || due;
            return due;
        });
        if (isDue) harness_->stage().onProcessingTime(context.now);
    }
    bool step() {
        switch (next_) {
            case Next::Element:
                if (position_ == input_.size()) {
                    next_ = Next::EndInput;
                    return step();
                }
                tick();
                harness_->element(input_[position_], static_cast<std::int64_t>(position_));
                ++position_;
                if (++sinceCheckpoint_ == perCheckpoint_) next_ = Next::Prepare;
                break;
            case Next::Prepare:
                sinceCheckpoint_ = 0;
                harness_->stage().prepareBarrier(++id_);
                next_ = Next::Snapshot;
                break;
            case Next::Snapshot:
                taken_ = harness_->snapshot();
                next_ = Next::Complete;
                break;
            case Next::Complete:
                completed_ = Completed{taken_, position_, inputEnded_};
                next_ = Next::Notify;
                break;
            case Next::Notify:
                harness_->stage().notifyCheckpointComplete(id_);
                next_ = inputEnded_ ? Next::Close : Next::Element;
                break;
            case Next::EndInput:
                harness_->stage().endInput(0);
                inputEnded_ = true;
                next_ = Next::Prepare;
                break;
            case Next::Close:
                ended_ = !harness_->stage().awaitsFinalCheckpoint();
                harness_->stage().close();
                return false;
        }
        return true;
    }

    Op op_;
    std::vector<In> input_;
    std::size_t perCheckpoint_;
    std::unique_ptr<OperatorHarness<Op>> harness_;
    std::optional<Completed> completed_;
    MemorySnapshot taken_;
    Next next_ = Next::Element;
    std::size_t position_ = 0;
    std::size_t sinceCheckpoint_ = 0;
    std::int64_t id_ = 0;
    std::size_t clock_ = 0;
    bool inputEnded_ = false;
    bool ended_ = false;
};

/// What `taken`, one snapshot per subtask, restores at another parallelism: one source per subtask.
inline std::vector<std::unique_ptr<detail::SubtaskState>> rescaled(const std::vector<MemorySnapshot>& taken,
                                                                   int parallelism, std::int64_t checkpointId = 1) {
    detail::MemoryCheckpointStore store;
    detail::CheckpointDescription description;
    description.id = checkpointId;
    store.begin(description);
    for (std::size_t i = 0; i < taken.size(); ++i) {
        store.writePart(checkpointId, static_cast<int>(i), static_cast<int>(i), taken[i]);
    }
    store.complete(description);
    const auto stored = store.load(checkpointId);
    std::vector<std::unique_ptr<detail::SubtaskState>> parts;
    for (int i = 0; i < parallelism; ++i) {
        parts.push_back(std::make_unique<detail::SubtaskState>(stored, i, parallelism));
    }
    return parts;
}

}  // namespace millrace::testsupport

#endif  // MILLRACE_TESTS_SUPPORT_CHECKPOINTED_RUN_HPP
