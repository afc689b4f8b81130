#ifndef MILLRACE_TESTS_API_RANDOM_PIPELINE_HPP
#define MILLRACE_TESTS_API_RANDOM_PIPELINE_HPP

#include <millrace/batch.hpp>
#include <millrace/millrace.hpp>
#include <millrace/runtime/caller_runtime.hpp>
#include <millrace/runtime/simulated_runtime.hpp>

#include "api/random_step.hpp"
#include "support/catch.hpp"
#include "support/rounds.hpp"

#include <optional>

// Pipelines drawn from a seed, each step with a naive model of what it does, run in many manners that must not matter.

namespace millrace::testsupport {

namespace random_pipeline {

inline auto strategy(std::int64_t disorder) {
    return WatermarkStrategy::forBoundedOutOfOrderness(Duration{disorder})
        .withTimestampAssigner([](const TimedRow& each) { return Timestamp{Duration{each.time}}; });
}

/// The input as a stream, without reading anything but `manner` and `input`.
inline RowStream sourceOf(StreamEnvironment& env, const RandomInput& input, const Manner& manner) {
    std::vector<RowStream> parts;
    for (int part = 0; part < manner.sources; ++part) {
        Rows rows;
        for (std::size_t i = static_cast<std::size_t>(part); i < input.rows.size();
             i += static_cast<std::size_t>(manner.sources)) {
            rows.push_back(input.rows[i]);
        }
        const auto rowOf = [](const TimedRow& each) { return each.row; };
        if (manner.strategyAtSource) {
            parts.push_back(
                env.fromSource(CollectionSource<TimedRow>(std::move(rows)), strategy(input.disorder), "rows")
                    .map(rowOf));
        } else {
            parts.push_back(
                env.fromCollection(std::move(rows)).assignTimestampsAndWatermarks(strategy(input.disorder)).map(rowOf));
        }
    }
    RowStream all = parts[0];
    for (std::size_t i = 1; i < parts.size(); ++i) all = all.unionWith(parts[i]);
    return all;
}

inline Rows sortedRows(Rows rows) {
    std::sort(rows.begin(), rows.end());
    return rows;
}
inline Rows rowsOf(const testing::CollectSink<Row>& sink) {
    Rows rows;
    for (const auto& each : sink.stamped()) rows.push_back({each.value, ticksOf(each.time)});
    return sortedRows(std::move(rows));
}

inline void run(StreamEnvironment& env, const Steps& steps, const RandomInput& input, const Manner& manner,
                std::vector<testing::CollectSink<Row>>& taps) {
    env.setParallelism(manner.parallelism);
    env.setBufferTimeout(manner.bufferTimeout);
    env.setChannelMemory(manner.channelMemory);
    env.setSourceAlignment(manner.alignment);
    if (!manner.chaining) env.disableOperatorChaining();
    if (manner.batch) env.setRuntimeMode(RuntimeExecutionMode::Batch, {3000, {}});
    Building building(manner, taps);
    RowStream stream = sourceOf(env, input, manner);
    building.tap(stream);
    for (const Step& step : steps) {
        stream = step.build(stream, building);
        building.tap(stream);
    }
    taps.emplace_back();
    stream.sinkTo(taps.back());
    env.execute();
}

/// What is wrong when the input goes through the steps in this manner; none if nothing is.
inline std::optional<std::string> problem(const Steps& steps, const RandomInput& input, const Manner& manner) {
    std::vector<Rows> expected{input.rows};
    try {
        for (const Step& step : steps) expected.push_back(step.model(expected.back()));
    } catch (const NoSingleAnswer&) {
        return std::nullopt;
    }
    expected.push_back(expected.back());
    std::vector<testing::CollectSink<Row>> taps;
    try {
        if (manner.runtime == Manner::Runtime::Threads) {
            StreamExecutionEnvironment env(ThreadPoolRuntime(2));
            run(env, steps, input, manner, taps);
        } else if (manner.runtime == Manner::Runtime::Simulation) {
            StreamExecutionEnvironment env{SimulatedRuntime(manner.seed)};
            run(env, steps, input, manner, taps);
        } else {
            StreamExecutionEnvironment env{CallerRuntime()};
            run(env, steps, input, manner, taps);
        }
    } catch (const std::exception& error) {
        return "failed: " + describeException(error);
    }
    for (std::size_t i = 0; i < expected.size(); ++i) {
        if (manner.fused && i + 1 < expected.size()) continue;  // not read
        const Rows actual = rowsOf(taps[i]);
        const Rows wanted = sortedRows(expected[i]);
        if (actual == wanted) continue;
        Rows missing, surplus;
        std::set_difference(wanted.begin(), wanted.end(), actual.begin(), actual.end(), std::back_inserter(missing));
        std::set_difference(actual.begin(), actual.end(), wanted.begin(), wanted.end(), std::back_inserter(surplus));
        return "after step " + std::to_string(i) + " missing " + textOf(missing) + "; surplus " + textOf(surplus);
    }
    return std::nullopt;
}

}  // namespace random_pipeline

/// Draws steps and input from the seed, runs them in several manners and compares with the models. Says on failure how
/// to repeat it, with an input that halving has made small.
inline void checkRandomPipeline(std::uint64_t seed, const std::function<Step(Draw&)>& drawStep, std::size_t inputSize,
                                int stepCount, int manners) {
    Draw draw(seed);
    RandomInput input = RandomInput::drawn(seed + 1000, inputSize);
    Steps steps;
    Rows reached = input.rows;
    for (int tries = 0; static_cast<int>(steps.size()) < stepCount && tries < 50; ++tries) {
        Step step = drawStep(draw);
        Rows next;
        try {
            next = step.model(reached);
        } catch (const NoSingleAnswer&) {
            continue;
        }
        // neither nothing nor ever more
        if (next.empty() || next.size() > 4 * inputSize) continue;
        steps.push_back(std::move(step));
        reached = std::move(next);
    }
    std::string names;
    for (const Step& step : steps) names += (names.empty() ? "" : " -> ") + step.name;
    for (int i = 0; i < manners; ++i) {
        const Manner manner = Manner::drawn(seed * 100 + static_cast<std::uint64_t>(i), i % 4 == 3);
        auto wrong = random_pipeline::problem(steps, input, manner);
        if (!wrong.has_value()) continue;
        for (bool smaller = true; smaller && input.rows.size() > 1;) {
            smaller = false;
            const auto middle = static_cast<std::ptrdiff_t>(input.rows.size() / 2);
            for (const bool first : {true, false}) {
                const RandomInput half{first ? Rows(input.rows.begin(), input.rows.begin() + middle)
                                             : Rows(input.rows.begin() + middle, input.rows.end()),
                                       input.disorder};
                if (auto still = random_pipeline::problem(steps, half, manner)) {
                    input = half;
                    wrong = std::move(still);
                    smaller = true;
                    break;
                }
            }
        }
        FAIL("seed " << seed << ": " << names << "; " << manner.text() << "; disorder " << input.disorder << ", "
                     << textOf(input.rows) << ": " << *wrong);
    }
    SUCCEED();
}

/// The steps, each alone, over so many keys that state does not fit a cache; under a sanitizer only in one subtask, which has all.
inline void checkManyKeys(const Steps& steps, std::size_t inputSize) {
    const RandomInput input = RandomInput::ofManyKeys(7, inputSize);
    for (const Step& step : steps) {
        for (const bool parallel : {false, true}) {
            if (parallel && kSanitized) continue;
            Manner manner;
            manner.runtime = parallel ? Manner::Runtime::Simulation : Manner::Runtime::Caller;
            manner.parallelism = parallel ? 3 : 1;
            manner.alignment = false;
            if (const auto wrong = random_pipeline::problem({step}, input, manner)) {
                FAIL(step.name << ", " << manner.text() << ": " << wrong->substr(0, 2000));
            }
        }
    }
    SUCCEED();
}

}  // namespace millrace::testsupport

#endif  // MILLRACE_TESTS_API_RANDOM_PIPELINE_HPP
