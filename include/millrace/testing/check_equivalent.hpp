#ifndef MILLRACE_TESTING_CHECK_EQUIVALENT_HPP
#define MILLRACE_TESTING_CHECK_EQUIVALENT_HPP

#include <millrace/api/batch.hpp>
#include <millrace/api/rejected_stream.hpp>
#include <millrace/api/stream_execution_environment.hpp>
#include <millrace/core/algorithm.hpp>
#include <millrace/core/functional.hpp>
#include <millrace/runtime/simulated_runtime.hpp>
#include <millrace/testing/arrival.hpp>
#include <millrace/testing/random.hpp>
#include <millrace/testing/scripted_source.hpp>
#include <millrace/types/codec.hpp>
#include <millrace/types/describe.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace millrace::testing {

/// How a check by `checkEquivalent` is done; every member has a default. @public
template <class Event>
struct Equivalence {
    /// The event time, a pointer to a member or a function: the pipelines then get timestamps and watermarks. Without it
    /// they get neither, and the events in any order.
    std::function<Timestamp(const Event&)> time{};
    /// How far behind the largest timestamp events come; watermarks allow for it.
    Duration outOfOrderness{0};
    /// How much further behind they come, so that windows with this allowed lateness fire again.
    Duration allowedLateness{0};
    int runs = 50;
    std::uint64_t seed = 1;  ///< of the first run; each further run has the next one
    int mostEvents = 40;     ///< of a run; the first runs have fewer
    int mostSources = 3;     ///< that the events are dealt out to
    int mostParallelism = 4;
    bool sameArrival = false;      ///< both pipelines get the events in the same order and between the same watermarks
    bool ordered = false;          ///< the results must also come in the same order; wants `mostParallelism = 1`
    bool alsoInBatch = false;      ///< some of the runs in batch execution
    int mostShrinkAttempts = 600;  ///< runs of both pipelines that a counterexample may take to become small
};

/// What `checkEquivalent` has found. @public
class EquivalenceResult {
public:
    EquivalenceResult(bool equivalent, std::string message, std::size_t events)
        : equivalent_(equivalent), message_(std::move(message)), events_(events) {}

    explicit operator bool() const noexcept { return equivalent_; }
    /// The counterexample with its seed, its events and what both pipelines make of them.
    const std::string& message() const noexcept { return message_; }
    /// Number of events of the counterexample.
    std::size_t events() const noexcept { return events_; }

    friend std::ostream& operator<<(std::ostream& out, const EquivalenceResult& result) {
        return out << result.message();
    }

private:
    bool equivalent_;
    std::string message_;
    std::size_t events_;
};

}  // namespace millrace::testing

namespace millrace::detail {

template <class Out>
struct PipelineOutcome {
    std::vector<Out> results;
    std::string error;
};

template <class Event, class Pipeline>
using ResultOf = typename std::remove_cvref_t<std::invoke_result_t<const Pipeline&, DataStream<Event>>>::Element;

/// Runs a pipeline in a simulation, with the events as an arrival says.
template <class Event, class Pipeline>
auto runArrival(const Pipeline& pipeline, const std::vector<Event>& events, const std::vector<Timestamp>& times,
                Duration outOfOrderness, const Arrival& arrival) {
    std::vector<testing::Script<Event>> scripts(static_cast<std::size_t>(arrival.sources()));
    std::vector<Timestamp> largest(scripts.size(), kMinTimestamp);
    for (const Arrival::Step& step : arrival.steps) {
        const auto source = static_cast<std::size_t>(step.source);
        const Timestamp time = times.empty() ? kMinTimestamp : times[step.event];
        scripts[source].element(events[step.event], time);
        largest[source] = std::max(largest[source], time);
        if (step.watermark) {
            scripts[source].watermark(
                saturatingSubtract(saturatingSubtract(largest[source], outOfOrderness), Duration{1}));
        }
    }
    PipelineOutcome<ResultOf<Event, Pipeline>> outcome;
    try {
        StreamExecutionEnvironment env(SimulatedRuntime{arrival.seed});
        env.setParallelism(arrival.parallelism);
        if (arrival.batch) env.setRuntimeMode(RuntimeExecutionMode::Batch);
        DataStream<Event> stream = env.fromSource(testing::ScriptedSource<Event>(std::move(scripts.front())),
                                                  WatermarkStrategy::noWatermarks(), "events 1");
        for (std::size_t i = 1; i < scripts.size(); ++i) {
            stream =
                stream.unionWith(env.fromSource(testing::ScriptedSource<Event>(std::move(scripts[i])),
                                                WatermarkStrategy::noWatermarks(), "events " + std::to_string(i + 1)));
        }
        outcome.results = detail::invoke(pipeline, std::move(stream)).executeAndCollect();
    } catch (const std::exception& error) {
        outcome.error = describeException(error);
    }
    return outcome;
}

template <class Out>
bool sameResult(const Out& a, const Out& b) {
    if constexpr (std::equality_comparable<Out>) {
        return a == b;
    } else {
        static_assert(
            HasCodec<Out>,
            "millrace: checkEquivalent: the pipelines' results cannot be compared. Give their type a defaulted "
            "operator==, or a codec.");
        ByteWriter left;
        ByteWriter right;
        Codec<Out>::encode(a, left);
        Codec<Out>::encode(b, right);
        const auto bytes = left.bytes();
        const auto others = right.bytes();
        return std::equal(bytes.begin(), bytes.end(), others.begin(), others.end());
    }
}
/// As multisets, unless the order counts.
template <class Out>
bool sameResults(const std::vector<Out>& first, const std::vector<Out>& second, bool ordered) {
    if (first.size() != second.size()) return false;
    if (ordered) return std::equal(first.begin(), first.end(), second.begin(), sameResult<Out>);
    return std::is_permutation(first.begin(), first.end(), second.begin(), sameResult<Out>);
}

/// The events of a run, from either kind of generator.
template <class Event, class Generator>
std::vector<Event> drawEvents(Generator& generator, testing::Random& random, int most) {
    std::vector<Event> events;
    if constexpr (std::is_invocable_r_v<Event, Generator&, testing::Random&>) {
        for (std::int64_t n = random.between(1, most); n > 0; --n) events.push_back(detail::invoke(generator, random));
    } else {
        events = detail::invoke(generator, random);
    }
    return events;
}

template <class Out>
std::vector<std::string> describeAll(const std::vector<Out>& values) {
    std::vector<std::string> texts;
    for (const Out& value : values) texts.push_back(describeValue(value));
    return texts;
}

/// Leaves results as they are.
struct AsTheyAre {
    template <class Results>
    Results operator()(Results results) const {
        return results;
    }
};

template <class Event, class First, class Second, class Generator, class Normalise>
testing::EquivalenceResult findDifference(const First& first, const Second& second, Generator& generator,
                                          const testing::Equivalence<Event>& how, Normalise& normalise) {
    const ArrivalLimits limits{how.outOfOrderness + how.allowedLateness, how.mostSources, how.mostParallelism,
                               how.alsoInBatch};
    bool anyResult = false;
    for (int run = 0; run < how.runs; ++run) {
        const std::uint64_t seed = how.seed + static_cast<std::uint64_t>(run);
        testing::Random random(seed);
        const int most = std::max(1, how.mostEvents * std::min(4 * (run + 1), how.runs) / std::max(1, how.runs));
        const std::vector<Event> events = drawEvents<Event>(generator, random, most);
        std::vector<Timestamp> times;
        if (how.time) {
            for (const Event& event : events) times.push_back(how.time(event));
        }
        ArrivalPair arrivals{drawArrival(random, events.size(), times, limits),
                             drawArrival(random, events.size(), times, limits)};
        if (how.sameArrival) arrivals.second.steps = arrivals.first.steps;

        const auto outcomeOf = [&](const auto& pipeline, const Arrival& arrival) {
            auto outcome = runArrival(pipeline, events, times, how.outOfOrderness, arrival);
            if (outcome.error.empty()) outcome.results = normalise(std::move(outcome.results));
            return outcome;
        };
        const auto differs = [&](const ArrivalPair& pair) {
            const auto one = outcomeOf(first, pair.first);
            const auto other = outcomeOf(second, pair.second);
            anyResult = anyResult || !one.results.empty() || !other.results.empty();
            return !one.error.empty() || !other.error.empty() || !sameResults(one.results, other.results, how.ordered);
        };
        if (!differs(arrivals)) continue;

        shrinkArrivals(arrivals, times, how.mostShrinkAttempts, differs);
        const auto one = outcomeOf(first, arrivals.first);
        const auto other = outcomeOf(second, arrivals.second);
        const std::size_t left = arrivals.first.steps.size();
        return {
            false,
            describeFailure({std::move(arrivals), describeAll(events), describeAll(one.results),
                             describeAll(other.results), one.error, other.error, events.size(), run, how.runs, seed}),
            left};
    }
    if (!anyResult) {
        return {false,
                "the pipelines have given no result in any of " + std::to_string(how.runs) +
                    " runs: what was compared says nothing. Generate events that lead to results",
                0};
    }
    return {true, "equivalent in " + std::to_string(how.runs) + " runs", 0};
}

}  // namespace millrace::detail

namespace millrace::testing {

/// Checks that two pipelines give the same results for random events: each run gives both of them the same events in a
/// simulation, but in an order, from a number of sources, between watermarks, at a parallelism and in a schedule of their own.
/// If they differ, most of the events and of the rest is taken away as long as they still do, and the result shows what is
/// left. @public
/// ```
/// CHECK(checkEquivalent<Trade>(
///     [](DataStream<Trade> trades) { return perMinute(trades); },
///     [](DataStream<Trade> trades) { return perMinuteByHand(trades); },
///     [](Random& random) { return Trade{random.oneOf({"A", "B"}), Timestamp(random.below(300) * 1s)}; },
///     {.time = &Trade::time, .outOfOrderness = 30s}));
/// ```
/// `generator(Random&)` returns an event, or a vector of all events of a run. Results are compared as multisets, by `==` or, for
/// types without it, by their codec; `normalise(std::vector<Out>)` may change them first (round, drop what a later result
/// corrects). A pipeline compared with itself must not depend on the order of arrival.
/// *Failure:* none; a pipeline that throws, and pipelines that never give a result, count as not equivalent.
template <class Event, class First, class Second, class Generator, class Normalise = detail::AsTheyAre>
    requires std::invocable<const First&, DataStream<Event>> && std::invocable<const Second&, DataStream<Event>> &&
             std::invocable<Generator&, Random&>
EquivalenceResult checkEquivalent(const First& first, const Second& second, Generator generator,
                                  const Equivalence<Event>& how = {}, Normalise normalise = {}) {
    using Out = detail::ResultOf<Event, First>;
    if constexpr (!std::is_same_v<Out, detail::ResultOf<Event, Second>>) {
        static_assert(detail::kRejected<Out>,
                      "millrace: checkEquivalent(first, second, …): the two pipelines must give streams of the same "
                      "type.");
        return {false, {}, 0};
    } else if constexpr (!std::equality_comparable<Out> && !HasCodec<Out>) {
        static_assert(
            detail::kRejected<Out>,
            "millrace: checkEquivalent: the pipelines' results cannot be compared. Give their type a defaulted "
            "operator==, or a codec.");
        return {false, {}, 0};
    } else {
        return detail::findDifference<Event>(first, second, generator, how, normalise);
    }
}

}  // namespace millrace::testing

#endif  // MILLRACE_TESTING_CHECK_EQUIVALENT_HPP
