#ifndef MILLRACE_RUNTIME_STAGE_SLOT_HPP
#define MILLRACE_RUNTIME_STAGE_SLOT_HPP

#include <millrace/core/config.hpp>
#include <millrace/core/errors.hpp>
#include <millrace/core/owner.hpp>
#include <millrace/graph/job_graph.hpp>
#include <millrace/operators/stage.hpp>

#include <string>
#include <utility>

namespace millrace::detail {

/// An exception out of a stage that did not say where it came from: names operators, uid and subtask; the cause is nested.
class TaskException : public MillraceException {
public:
    using MillraceException::MillraceException;
};

/// "source -> map": the operators of a node.
std::string operatorNames(const GraphNode& node);

class Task;

/// A stage of a task, and where in the job it stands.
struct StageSlot {
    Owner<Stage> stage;
    const GraphNode* node = nullptr;
    int subtask = 0;
    int parallelism = 1;  ///< that of the node by now may be another: the job may be rescaled
    Task* task = nullptr;
    bool opened = false;
    Timestamp restoredWatermark =
        kMinTimestamp;              ///< of a stage that is called directly: it has been told so much already
    StageCounters countersAtEnd{};  ///< once the stage is gone
    double queueFillAtEnd = 0;

    /// "'source -> map' (uid 'm', subtask 0 of 4)"
    std::string place() const;
    /// Inside a catch block: throws on what names its operator already, wraps everything else.
    [[noreturn]] void rethrowWithPlace() const;

    template <class Fn>
    auto call(Fn fn) {
        try {
            return fn(*stage);
        } catch (...) {
            rethrowWithPlace();
        }
    }
};

/// Calls a stage of the same task: such an edge costs one virtual call per block.
class DirectPort final : public Port {
public:
    DirectPort(StageSlot& next, int input) : next_(next), input_(input) {}

    void onBlock(BlockRef block, bool) override {
        next_.call([&](Stage& stage) { stage.onBlock(input_, block); });
    }
    Progress onWatermark(Timestamp watermark) override {
        if (watermark < next_.restoredWatermark) return Progress::Done;
        return next_.call([&](Stage& stage) { return stage.onWatermark(input_, watermark); });
    }
    void onIdle() override {
        next_.call([&](Stage& stage) { stage.onIdle(input_); });
    }
    void onActive() override {
        next_.call([&](Stage& stage) { stage.onActive(input_); });
    }
    Progress endInput() override {
        return next_.call([&](Stage& stage) { return stage.endInput(input_); });
    }
    void flush() override {}  // nothing is buffered here; the task flushes the ports behind the stage itself
    bool wantsOwnership() const noexcept override { return true; }

private:
    StageSlot& next_;
    int input_;
};

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/runtime/stage_slot.ipp>
#endif

#endif  // MILLRACE_RUNTIME_STAGE_SLOT_HPP
