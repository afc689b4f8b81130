#ifndef MILLRACE_TESTING_FAULT_PLAN_IPP
#define MILLRACE_TESTING_FAULT_PLAN_IPP

#include <millrace/core/algorithm.hpp>
#include <millrace/testing/fault_plan.hpp>

#include <utility>

namespace millrace::detail {

inline testing::Fault drawFault(testing::Random& random, const FaultLimits& limits, bool onDisk) {
    using Fault = testing::Fault;
    using Kind = Fault::Kind;
    using Point = testing::FaultPoint;
    std::vector<Kind> kinds{Kind::FailTask,  Kind::FailTask,  Kind::Kill,           Kind::Kill,
                            Kind::FailStore, Kind::KillStore, Kind::KillStoreAfter, Kind::FailStoreAfter,
                            Kind::Savepoint, Kind::Suspend,   Kind::Checkpoint,     Kind::StopWithSavepoint};
    if (limits.rescales) kinds.insert(kinds.end(), {Kind::Rescale, Kind::Rescale, Kind::Rescale});
    if (onDisk) kinds.insert(kinds.end(), {Kind::FailDisk, Kind::FailDisk, Kind::KillDisk, Kind::KillDisk});
    if (limits.commits > 0) {
        kinds.insert(kinds.end(), {Kind::FailCall, Kind::FailCall, Kind::KillCall, Kind::KillCall, Kind::Retry,
                                   Kind::Wait, Kind::Wait});
        if (!limits.ordered) kinds.push_back(Kind::KeepBuffer);
    }
    Fault fault;
    fault.kind = kinds[static_cast<std::size_t>(random.below(static_cast<std::int64_t>(kinds.size())))];
    const auto upTo = [&](std::uint64_t most) {
        return static_cast<std::uint64_t>(
            random.between(1, std::max<std::int64_t>(1, static_cast<std::int64_t>(most))));
    };
    if (limits.rescales && random.chance(60))
        fault.parallelism = static_cast<int>(random.between(1, limits.mostParallelism));
    switch (fault.kind) {
        case Kind::FailCall:
        case Kind::KillCall:
            fault.point = random.oneOf({Point::Read, Point::Write, Point::PrepareCommit, Point::BeforeCommit,
                                        Point::BeforeCommit, Point::AfterCommit, Point::AfterCommit});
            fault.at = upTo(fault.point == Point::Read    ? 2 * limits.reads
                            : fault.point == Point::Write ? 2 * limits.writes
                                                          : 6);
            break;
        case Kind::Retry:
        case Kind::KeepBuffer:
            fault.at = upTo(6);
            break;
        case Kind::Rescale:
            fault.at = upTo(limits.steps);
            fault.choice = static_cast<int>(random.below(40));
            fault.parallelism = static_cast<int>(random.between(1, limits.mostParallelism + 1));
            break;
        case Kind::Wait:
            fault.at = upTo(limits.writes);
            fault.choice = static_cast<int>(random.between(1, 60));
            break;
        case Kind::FailStore:
        case Kind::FailStoreAfter:
        case Kind::KillStore:
        case Kind::KillStoreAfter:
            fault.at = upTo(random.chance(50) ? 20 : 80);
            break;
        default:
            fault.at = upTo(limits.steps * 3 / 2);
            fault.choice = static_cast<int>(random.below(40));
    }
    return fault;
}

MILLRACE_INLINE_COLD testing::FaultPlan drawFaults(testing::Random& random, const FaultLimits& limits) {
    using std::chrono::milliseconds;
    testing::FaultPlan plan;
    plan.seed = random.next();
    plan.parallelism = static_cast<int>(random.between(1, limits.mostParallelism));
    plan.spreads = limits.spreads;
    plan.chaining = !random.chance(25);
    plan.alignment = !random.chance(25);
    plan.bufferTimeout = random.oneOf<Duration>({Duration{0}, Duration{-1}, milliseconds(3), milliseconds(100)});
    if (random.chance(40)) plan.channelMemory = static_cast<std::size_t>(random.between(1, 20'000));
    plan.checkpoints = true;
    plan.mode = limits.mode;
    const auto steps = static_cast<std::int64_t>(limits.steps);
    plan.interval =
        milliseconds(random.between(2, std::max<std::int64_t>(4, random.chance(50) ? steps / 8 : steps / 2)));
    if (random.chance(20)) plan.timeout = milliseconds(random.between(5, std::max<std::int64_t>(10, steps / 4)));
    plan.maxConcurrent = random.chance(70) ? 1 : static_cast<int>(random.between(2, 4));
    if (plan.maxConcurrent == 1 && random.chance(20)) plan.minPause = milliseconds(random.between(1, 20));
    plan.tolerableFailures = random.oneOf({1'000'000, 1'000'000, 1'000'000, 1, 0});
    plan.retained = static_cast<int>(random.between(1, 3));
    plan.onDisk = random.chance(35);
    plan.compressed = plan.onDisk && plan.seed % 2 == 0 && isAvailable(SnapshotCompression::Zstd);
    plan.incremental = plan.onDisk && plan.seed / 2 % 4 != 0;
    if (plan.mode == CheckpointingMode::ExactlyOnce && plan.maxConcurrent == 1 && random.chance(60)) {
        plan.unaligned = true;
        if (random.chance(40)) plan.alignedCheckpointTimeout = milliseconds(random.between(1, 30));
    }
    for (std::int64_t n = random.between(1, std::max(1, limits.mostFaults)); n > 0; --n) {
        plan.faults.push_back(drawFault(random, limits, plan.onDisk));
    }
    // what was on its way to several subtasks meets the watermark of the one that gets it all earlier or later than it would have
    for (const testing::Fault& fault : plan.faults) {
        const bool changes = fault.parallelism != 0 || fault.kind == testing::Fault::Kind::Rescale;
        if (changes && !limits.spreads) plan.unaligned = false;
    }
    if (!plan.unaligned) plan.alignedCheckpointTimeout = Duration{0};
    return plan;
}

MILLRACE_INLINE_COLD std::string describeFault(const testing::Fault& fault) {
    using Kind = testing::Fault::Kind;
    const char* const points[] = {"reading a record", "writing a record", "preparing a commit", "a commit, before it",
                                  "a commit, after it"};
    const std::string at = std::to_string(fault.at);
    const std::string step = "step " + at + ": ";
    const std::string point = std::string(points[static_cast<std::size_t>(fault.point)]) + ", call " + at + ": ";
    const std::string after =
        fault.parallelism == 0 ? "" : ", which goes on with parallelism " + std::to_string(fault.parallelism);
    switch (fault.kind) {
        case Kind::FailTask:
            return step + "task " + std::to_string(fault.choice) + " (modulo their number) fails";
        case Kind::Kill:
            return step + "the process is killed" + after;
        case Kind::FailCall:
            return point + "fails";
        case Kind::KillCall:
            return point + "the process is killed" + after;
        case Kind::Retry:
            return "commit " + at + ": asks for another try";
        case Kind::Wait:
            return "block " + at + " at the sinks: one takes no more for " + std::to_string(fault.choice) + " steps";
        case Kind::KeepBuffer:
            return "preparing a commit, call " + at + ": keeps its buffer as state";
        case Kind::FailStore:
            return "checkpoint store, operation " + at + ": fails";
        case Kind::FailStoreAfter:
            return "checkpoint store, operation " + at + ": fails after having had its effect";
        case Kind::KillStore:
            return "checkpoint store, operation " + at + ": the process is killed before it" + after;
        case Kind::KillStoreAfter:
            return "checkpoint store, operation " + at + ": the process is killed after it" + after;
        case Kind::FailDisk:
            return "disk, operation " + std::to_string(fault.choice + 1) + " from step " + at + " on: fails";
        case Kind::KillDisk:
            return "disk, operation " + std::to_string(fault.choice + 1) + " from step " + at + " on: the power fails" +
                   after;
        case Kind::Checkpoint:
            return step + "a checkpoint is asked for";
        case Kind::Savepoint:
            return step + "a savepoint is taken in passing";
        case Kind::StopWithSavepoint:
            return step + "the job is stopped with a savepoint" + after;
        case Kind::Suspend:
            return step + "the job is suspended" + after;
        case Kind::Rescale:
            return step + "operator " + std::to_string(fault.choice) + " (modulo the number of those that can) gets " +
                   "parallelism " + std::to_string(std::max(fault.parallelism, 1)) + " while the job runs";
    }
    return "?";
}

MILLRACE_INLINE_COLD std::string describePlan(const testing::FaultPlan& plan, const std::string& indent) {
    const auto ms = [](Duration duration) { return std::to_string(duration / std::chrono::milliseconds(1)) + " ms"; };
    std::string text =
        indent + "schedule " + std::to_string(plan.seed) + ", parallelism " + std::to_string(plan.parallelism);
    if (!plan.chaining) text += ", no chaining";
    if (!plan.alignment) text += ", sources not aligned";
    if (plan.bufferTimeout != std::chrono::milliseconds(100)) {
        text += ", buffer timeout " + (plan.bufferTimeout < Duration{0} ? "-1" : ms(plan.bufferTimeout));
    }
    if (plan.channelMemory != std::size_t{64} << 20) {
        text += ", channel memory " + std::to_string(plan.channelMemory);
    }
    if (plan.checkpoints) {
        text += plan.mode == CheckpointingMode::AtLeastOnce ? ", at least once" : "";
        text += ", checkpoints every " + ms(plan.interval) + (plan.onDisk ? " on disk" : "");
        if (plan.compressed) text += ", compressed";
        if (plan.incremental) text += ", incremental";
        if (plan.timeout < std::chrono::hours(1)) text += ", timeout " + ms(plan.timeout);
        if (plan.minPause > Duration{0}) text += ", pause " + ms(plan.minPause);
        if (plan.maxConcurrent > 1) text += ", " + std::to_string(plan.maxConcurrent) + " at a time";
        if (plan.unaligned) text += ", unaligned";
        if (plan.alignedCheckpointTimeout > Duration{0}) text += " after " + ms(plan.alignedCheckpointTimeout);
        if (plan.tolerableFailures < 1000) text += ", " + std::to_string(plan.tolerableFailures) + " may fail";
        if (plan.retained > 1) text += ", " + std::to_string(plan.retained) + " are kept";
    }
    for (const testing::Fault& fault : plan.faults) text += "\n" + indent + describeFault(fault);
    return text;
}

}  // namespace millrace::detail

#endif  // MILLRACE_TESTING_FAULT_PLAN_IPP
