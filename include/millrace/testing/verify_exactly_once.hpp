#ifndef MILLRACE_TESTING_VERIFY_EXACTLY_ONCE_HPP
#define MILLRACE_TESTING_VERIFY_EXACTLY_ONCE_HPP

#include <millrace/api/checkpointing.hpp>
#include <millrace/api/rejected_stream.hpp>
#include <millrace/testing/check_equivalent.hpp>
#include <millrace/testing/committed_sink.hpp>
#include <millrace/testing/fault_trial.hpp>
#include <millrace/testing/scripted_source.hpp>
#include <millrace/testing/trial_scenario.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace millrace::testing {

/// How a check by `verifyExactlyOnce` of a job with a source and a sink of its own is done. @public
struct FaultRuns {
    int runs = 100;
    std::uint64_t seed = 1;  ///< of the first run; each further run has the next one
    int mostFaults = 4;      ///< of a run
    int mostParallelism = 4;
    bool rescale = true;  ///< operators may get another parallelism: in a process that goes on, or while one runs
    /// AtLeastOnce: results may be repeated, but none may be lost, and none may come that is not among the expected.
    CheckpointingMode mode = CheckpointingMode::ExactlyOnce;
    bool ordered = false;          ///< results must also come in the order of the undisturbed run
    int mostShrinkAttempts = 400;  ///< runs that a counterexample may take to become small
};

/// How a check by `verifyExactlyOnce` of a pipeline is done; every member has a default. @public
template <class Event>
struct ExactlyOnce {
    /// The event time, a pointer to a member or a function: the pipeline then gets timestamps and watermarks.
    std::function<Timestamp(const Event&)> time{};
    /// How far behind the largest timestamp events come; watermarks allow for it.
    Duration outOfOrderness{0};
    int runs = 100;
    std::uint64_t seed = 1;  ///< of the first run; each further run has the next one
    int mostEvents = 60;     ///< of a run
    int mostSources = 3;     ///< that the events are dealt out to; 1 for pipelines that depend on the order of arrival
    int mostFaults = 4;      ///< of a run
    int mostParallelism = 4;
    bool rescale = true;  ///< operators may get another parallelism: in a process that goes on, or while one runs
    /// AtLeastOnce: results may be repeated, but none may be lost, and none may come that is not among the expected.
    CheckpointingMode mode = CheckpointingMode::ExactlyOnce;
    bool ordered = false;          ///< results must also come in the order of the undisturbed run
    int mostShrinkAttempts = 400;  ///< runs that a counterexample may take to become small
};

/// What `verifyExactlyOnce` has found. @public
class ExactlyOnceResult {
public:
    ExactlyOnceResult(bool holds, std::string message, detail::TrialScenario scenario = {})
        : holds_(holds), message_(std::move(message)), scenario_(std::move(scenario)) {}

    explicit operator bool() const noexcept { return holds_; }
    /// What was lost, repeated or wrong, with the seed, and the smallest events and faults that lead to it.
    const std::string& message() const noexcept { return message_; }
    /// Of the counterexample.
    std::size_t events() const noexcept { return scenario_.arrival.steps.size(); }
    const FaultPlan& plan() const noexcept { return scenario_.plan; }

    friend std::ostream& operator<<(std::ostream& out, const ExactlyOnceResult& result) {
        return out << result.message();
    }

private:
    bool holds_;
    std::string message_;
    detail::TrialScenario scenario_;
};

/// A job with all that is outside of it, for `verifyExactlyOnce`: `build(StreamEnvironment&)` records the pipeline, for every
/// process anew, and `committed()` returns a vector of what the sinks have let the world see by the end. Optional:
/// `killed()`, when a process has been killed: writers that it had must have no effect any more; `faults()`, a FaultInjector
/// that source and sink ask. @public
template <class Job>
concept TrialJob = requires(Job job, StreamEnvironment& env) {
    job.build(env);
    job.committed().begin();
};

}  // namespace millrace::testing

namespace millrace::detail {

template <class Out>
struct TrialOutcome {
    std::vector<Out> results;
    TrialReport report;
    testing::FaultInjector faults;
};

template <class Out>
ResultDifference differenceOf(const std::vector<Out>& expected, const std::vector<Out>& actual, CheckpointingMode mode,
                              bool ordered) {
    ResultDifference difference;
    if (mode == CheckpointingMode::ExactlyOnce && sameResults(expected, actual, ordered)) return difference;
    const auto countOf = [](const std::vector<Out>& list, const Out& value) {
        return std::count_if(list.begin(), list.end(), [&](const Out& each) { return sameResult(each, value); });
    };
    const auto isNew = [](const std::vector<Out>& list, std::size_t at) {
        return std::none_of(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(at),
                            [&](const Out& each) { return sameResult(each, list[at]); });
    };
    const auto describe = [](const Out& value, std::ptrdiff_t wanted, std::ptrdiff_t found) {
        std::string text = describeValue(value);
        if (wanted + found > 1) text += " (" + std::to_string(found) + " instead of " + std::to_string(wanted) + ")";
        return text;
    };
    for (std::size_t i = 0; i < expected.size(); ++i) {
        if (!isNew(expected, i)) continue;
        const auto wanted = countOf(expected, expected[i]);
        const auto found = countOf(actual, expected[i]);
        if (found < wanted) difference.lost.push_back(describe(expected[i], wanted, found));
        if (found > wanted && mode == CheckpointingMode::ExactlyOnce) {
            difference.repeated.push_back(describe(expected[i], wanted, found));
        }
    }
    for (std::size_t i = 0; i < actual.size(); ++i) {
        if (!isNew(actual, i) || countOf(expected, actual[i]) > 0) continue;
        difference.wrong.push_back(describe(actual[i], 0, countOf(actual, actual[i])));
    }
    difference.isReordered = mode == CheckpointingMode::ExactlyOnce && difference.empty();
    return difference;
}

/// The job of a trial that reads events as an arrival says, and writes to a CommittedSink.
template <class Event, class Pipeline>
class EventsJob {
public:
    using Out = typename std::remove_cvref_t<std::invoke_result_t<const Pipeline&, DataStream<Event>>>::Element;

    EventsJob(const Pipeline& pipeline, const std::vector<Event>& events, const std::vector<Timestamp>& times,
              Duration outOfOrderness, const TrialScenario& scenario)
        : pipeline_(pipeline), hasTime_(!times.empty()), outOfOrderness_(outOfOrderness), splits_(scenario.splits),
          scripts_(static_cast<std::size_t>(scenario.arrival.sources())), sink_(faults_) {
        std::vector<Timestamp> largest(scripts_.size(), kMinTimestamp);
        for (const Arrival::Step& step : scenario.arrival.steps) {
            const auto source = static_cast<std::size_t>(step.source);
            const Timestamp time = hasTime_ ? times[step.event] : kMinTimestamp;
            testing::Script<Event>& script = scripts_[source];
            script.element(events[step.event], time);
            largest[source] = std::max(largest[source], time);
            if (step.watermark && hasTime_ && !splits_) {
                script.watermark(saturatingSubtract(saturatingSubtract(largest[source], outOfOrderness), Duration{1}));
            }
            // by and by, so that much can happen in between
            testing::Random random(scenario.arrival.seed + step.event);
            if (random.chance(30)) script.pause(std::chrono::milliseconds(random.between(1, 8)));
            if (random.chance(50)) script.endBlock();
        }
    }

    void build(StreamEnvironment& env) {
        DataStream<Event> stream = source(env);
        detail::invoke(pipeline_, stream.map([faults = faults_](Event event) mutable {
            faults.pass(testing::FaultPoint::Read);
            return event;
        })).sinkTo(sink_);
    }
    std::vector<Out> committed() const { return sink_.committed(); }
    void killed() { sink_.killed(); }
    testing::FaultInjector faults() const { return faults_; }

private:
    DataStream<Event> source(StreamEnvironment& env) {
        if (splits_ && hasTime_) {
            return env.fromSource(testing::ScriptedSplits<Event>(scripts_),
                                  WatermarkStrategy::forBoundedOutOfOrderness(outOfOrderness_), "events");
        }
        if (splits_) {
            return env.fromSource(testing::ScriptedSplits<Event>(scripts_), WatermarkStrategy::noWatermarks(),
                                  "events");
        }
        DataStream<Event> stream = env.fromSource(testing::ScriptedSource<Event>(scripts_.front()),
                                                  WatermarkStrategy::noWatermarks(), "events 1");
        for (std::size_t i = 1; i < scripts_.size(); ++i) {
            stream =
                stream.unionWith(env.fromSource(testing::ScriptedSource<Event>(scripts_[i]),
                                                WatermarkStrategy::noWatermarks(), "events " + std::to_string(i + 1)));
        }
        return stream;
    }

    const Pipeline& pipeline_;
    bool hasTime_;
    Duration outOfOrderness_;
    bool splits_;
    std::vector<testing::Script<Event>> scripts_;
    testing::FaultInjector faults_;
    testing::CommittedSink<Out> sink_;
};

/// Runs a job to its end as the plan says.
template <class Job>
auto runJob(Job& job, const testing::FaultPlan& plan) {
    TrialJob trial;
    trial.build = [&](StreamEnvironment& env) { job.build(env); };
    if constexpr (requires { job.killed(); }) trial.killed = [&] { job.killed(); };
    if constexpr (requires { job.faults(); }) trial.injector = job.faults();
    if constexpr (requires { job.store(std::shared_ptr<CheckpointStore>()); }) {
        trial.store = [&](std::shared_ptr<CheckpointStore> behind) { return job.store(std::move(behind)); };
    }
    if constexpr (requires { job.mode(); }) trial.mode = job.mode();
    TrialOutcome<std::remove_cvref_t<decltype(*job.committed().begin())>> outcome;
    outcome.report = runTrial(plan, trial);
    outcome.faults = trial.injector;
    for (auto& each : job.committed()) outcome.results.push_back(each);
    return outcome;
}

/// The plan without anything that could disturb.
inline testing::FaultPlan undisturbedPlan(std::uint64_t seed, int parallelism) {
    testing::FaultPlan plan;
    plan.seed = seed;
    plan.parallelism = parallelism;
    return plan;
}

template <class Out>
FaultLimits limitsFrom(const TrialOutcome<Out>& undisturbed) {
    FaultLimits limits;
    limits.steps = undisturbed.report.steps;
    limits.reads = undisturbed.faults.calls(testing::FaultPoint::Read);
    limits.writes = undisturbed.faults.calls(testing::FaultPoint::Write);
    limits.commits = undisturbed.faults.calls(testing::FaultPoint::BeforeCommit);
    return limits;
}

/// One trial against the undisturbed run of the same.
template <class RunIn, class How, class Normalise>
class ExactlyOnceCheck {
public:
    ExactlyOnceCheck(RunIn& runIn, const How& how, Normalise& normalise)
        : runIn_(runIn), how_(how), normalise_(normalise) {}

    /// What differs when the scenario is run; `expected`, unless given, is found by running it undisturbed.
    template <class Out>
    ResultDifference compare(const std::vector<Out>& expected, std::vector<Out> actual) const {
        return differenceOf(expected, normalise_(std::move(actual)), how_.mode, how_.ordered);
    }
    auto undisturbed(const TrialScenario& scenario, int parallelism = 1) const {
        TrialScenario calm = scenario;
        calm.plan = undisturbedPlan(scenario.plan.seed + static_cast<std::uint64_t>(parallelism), parallelism);
        auto outcome = runIn_(calm);
        outcome.results = normalise_(std::move(outcome.results));
        return outcome;
    }
    bool fails(const TrialScenario& scenario) const {
        const auto expected = undisturbed(scenario);
        if (!expected.report.error.empty()) return false;  // not about faults
        auto actual = runIn_(scenario);
        return !actual.report.error.empty() || !compare(expected.results, std::move(actual.results)).empty();
    }
    /// Whether nothing needs to go wrong for the results to differ.
    bool failsUndisturbed(const TrialScenario& scenario) const {
        const auto expected = undisturbed(scenario);
        for (int parallelism : {1, 2, scenario.plan.parallelism}) {
            for (std::uint64_t i = 1; i <= 3; ++i) {
                TrialScenario calm = scenario;
                calm.plan = undisturbedPlan(scenario.plan.seed + 17 * i, parallelism);
                auto outcome = runIn_(calm);
                if (!outcome.report.error.empty()) return true;
                if (!compare(expected.results, std::move(outcome.results)).empty()) return true;
            }
        }
        return false;
    }
    testing::ExactlyOnceResult failure(TrialScenario scenario, std::string run,
                                       const std::function<void(TrialFailure&)>& describe) const {
        TrialFailure failure;
        failure.run = std::move(run);
        failure.drawnEvents = scenario.arrival.steps.size();
        failure.drawnFaults = scenario.plan.faults.size();
        failure.withoutFaults = failsUndisturbed(scenario);
        if (failure.withoutFaults) scenario.plan.faults.clear();
        const std::function<bool(const TrialScenario&)> stillFails = [&](const TrialScenario& smaller) {
            if (failure.withoutFaults) return failsUndisturbed(smaller);
            return fails(smaller) && !failsUndisturbed(smaller);
        };
        shrinkScenario(scenario, how_.mostShrinkAttempts, stillFails);
        const auto expected = undisturbed(scenario);
        auto actual = runIn_(scenario);
        failure.error = expected.report.error.empty() ? actual.report.error : expected.report.error;
        failure.difference = compare(expected.results, std::move(actual.results));
        failure.scenario = scenario;
        describe(failure);
        return {false, describeTrialFailure(failure), std::move(scenario)};
    }

private:
    RunIn& runIn_;
    const How& how_;
    Normalise& normalise_;
};

inline std::string describeRun(int run, int runs, std::uint64_t seed) {
    return "run " + std::to_string(run + 1) + " of " + std::to_string(runs) + ", seed " + std::to_string(seed);
}

template <class Event, class Pipeline, class Generator, class Normalise>
testing::ExactlyOnceResult findBrokenPromise(const Pipeline& pipeline, Generator& generator,
                                             const testing::ExactlyOnce<Event>& how, Normalise& normalise) {
    const ArrivalLimits arrivals{how.outOfOrderness, how.mostSources, 1, false};
    TrialTotals totals;
    bool anyResult = false;
    for (int run = 0; run < how.runs; ++run) {
        const std::uint64_t seed = how.seed + static_cast<std::uint64_t>(run);
        testing::Random random(seed);
        const std::vector<Event> events = drawEvents<Event>(generator, random, std::max(1, how.mostEvents));
        std::vector<Timestamp> times;
        if (how.time) {
            for (const Event& event : events) times.push_back(how.time(event));
        }
        TrialScenario scenario;
        scenario.arrival = drawArrival(random, events.size(), times, arrivals);
        scenario.splits = random.chance(40);
        const auto runIn = [&](const TrialScenario& wanted) {
            EventsJob<Event, Pipeline> job(pipeline, events, times, how.outOfOrderness, wanted);
            return runJob(job, wanted.plan);
        };
        const ExactlyOnceCheck check(runIn, how, normalise);
        const auto expected = check.undisturbed(scenario);
        anyResult = anyResult || !expected.results.empty();
        FaultLimits limits = limitsFrom(expected);
        limits.mostFaults = how.mostFaults;
        limits.mostParallelism = how.mostParallelism;
        limits.rescales = how.rescale;
        limits.mode = how.mode;
        limits.ordered = how.ordered;
        limits.spreads = !how.ordered && how.mostSources > 1;
        scenario.plan = drawFaults(random, limits);
        if (expected.report.error.empty()) {
            auto actual = runIn(scenario);
            totals.add(actual.report);
            if (actual.report.error.empty() && check.compare(expected.results, std::move(actual.results)).empty()) {
                continue;
            }
        }
        return check.failure(std::move(scenario), describeRun(run, how.runs, seed),
                             [&](TrialFailure& failure) { failure.events = describeAll(events); });
    }
    if (!anyResult) {
        return {false, "the pipeline has given no result in any of " + std::to_string(how.runs) +
                           " runs: what was compared says nothing. Generate events that lead to results"};
    }
    return {true, "exactly once in " + totals.text()};
}

}  // namespace millrace::detail

namespace millrace::testing {

/// Checks that what a pipeline gives is not changed by failures: each run gives it random events in a simulation, undisturbed
/// at first, then while tasks fail, the process is killed and started again at another parallelism, checkpoints fail and
/// expire, commits fail or come twice, the job is suspended or stopped with a savepoint. What its sink has committed by the end must
/// be the same. If not, most of the events and of the faults is taken away as long as it still is not, and the result
/// shows what is left. @public
/// ```
/// CHECK(verifyExactlyOnce<Trade>(
///     [](DataStream<Trade> trades) { return perMinute(trades); },
///     [](Random& random) { return Trade{random.oneOf({"A", "B"}), Timestamp(random.below(300) * 1s)}; },
///     {.time = &Trade::time, .outOfOrderness = 30s}));
/// ```
/// `generator(Random&)` returns an event, or a vector of all events of a run. Results are compared as multisets, by `==` or, for
/// types without it, by their codec; `normalise(std::vector<Out>)` may change them first. With `.ordered` it gets them as they were
/// committed: sort them stably by the key whose order counts. Results must not depend on the order of arrival, but for what comes
/// from one source (`.mostSources = 1`).
/// *Failure:* none; a pipeline that throws by itself, and one that never gives a result, count as broken.
template <class Event, class Pipeline, class Generator, class Normalise = detail::AsTheyAre>
    requires std::invocable<const Pipeline&, DataStream<Event>> && std::invocable<Generator&, Random&>
ExactlyOnceResult verifyExactlyOnce(const Pipeline& pipeline, Generator generator, const ExactlyOnce<Event>& how = {},
                                    Normalise normalise = {}) {
    using Out = detail::ResultOf<Event, Pipeline>;
    if constexpr (!std::equality_comparable<Out> && !HasCodec<Out>) {
        static_assert(
            detail::kRejected<Out>,
            "millrace: verifyExactlyOnce: the pipeline's results cannot be compared. Give their type a defaulted "
            "operator==, or a codec.");
        return {false, {}};
    } else {
        return detail::findBrokenPromise<Event>(pipeline, generator, how, normalise);
    }
}

/// The same for a whole job, with its own source and sink: `makeJob()` returns a `TrialJob` with a world of its own, to which nothing has
/// happened yet, and which always reads the same. Only the faults are made fewer.
template <class MakeJob, class Normalise = detail::AsTheyAre>
    requires TrialJob<std::invoke_result_t<MakeJob&>>
ExactlyOnceResult verifyExactlyOnce(MakeJob makeJob, const FaultRuns& how = {}, Normalise normalise = {}) {
    const auto runIn = [&](const detail::TrialScenario& wanted) {
        auto job = makeJob();
        return detail::runJob(job, wanted.plan);
    };
    const detail::ExactlyOnceCheck check(runIn, how, normalise);
    detail::TrialTotals totals;
    for (int run = 0; run < how.runs; ++run) {
        const std::uint64_t seed = how.seed + static_cast<std::uint64_t>(run);
        Random random(seed);
        detail::TrialScenario scenario;
        const auto expected = check.undisturbed(scenario);
        detail::FaultLimits limits = detail::limitsFrom(expected);
        limits.mostFaults = how.mostFaults;
        limits.mostParallelism = how.mostParallelism;
        limits.rescales = how.rescale;
        limits.mode = how.mode;
        limits.ordered = how.ordered;
        scenario.plan = detail::drawFaults(random, limits);
        if (expected.report.error.empty()) {
            if (expected.results.empty()) {
                return {false, "the job has committed nothing: what was compared says nothing"};
            }
            auto actual = runIn(scenario);
            totals.add(actual.report);
            if (actual.report.error.empty() && check.compare(expected.results, std::move(actual.results)).empty()) {
                continue;
            }
        }
        return check.failure(std::move(scenario), detail::describeRun(run, how.runs, seed),
                             [](detail::TrialFailure&) {});
    }
    return {true, "exactly once in " + totals.text()};
}

}  // namespace millrace::testing

#endif  // MILLRACE_TESTING_VERIFY_EXACTLY_ONCE_HPP
