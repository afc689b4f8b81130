#ifndef MILLRACE_TESTS_API_RANDOM_PIPELINE_HPP
#define MILLRACE_TESTS_API_RANDOM_PIPELINE_HPP

#include <millrace/millrace.hpp>
#include <millrace/runtime/caller_runtime.hpp>
#include <millrace/runtime/simulated_runtime.hpp>
#include <millrace/testing/collect_sink.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

// Pipelines drawn from a seed, each step with a naive model of what it does, run in many manners that must not matter.

namespace millrace::testsupport {

struct Row {
    std::int32_t key = 0;
    std::int64_t value = 0;
    auto operator<=>(const Row&) const = default;
};
struct TimedRow {
    Row row;
    std::int64_t time = 0;
    auto operator<=>(const TimedRow&) const = default;
};
using Rows = std::vector<TimedRow>;
using RowStream = DataStream<Row>;

inline std::int64_t ticksOf(Timestamp time) {
    return time.time_since_epoch().count();
}
inline std::string textOf(const Rows& rows, std::size_t atMost = 40) {
    std::string text;
    for (std::size_t i = 0; i < std::min(rows.size(), atMost); ++i) {
        const TimedRow& each = rows[i];
        text +=
            " " + std::to_string(each.row.key) + ":" + std::to_string(each.row.value) + "@" + std::to_string(each.time);
    }
    return std::to_string(rows.size()) + " rows" + text + (rows.size() > atMost ? " ..." : "");
}

class Draw {
public:
    explicit Draw(std::uint64_t seed) : random_(seed) {}
    /// 0 to n - 1.
    std::int64_t below(std::int64_t n) { return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(n)); }
    bool oneIn(std::int64_t n) { return below(n) == 0; }

private:
    std::mt19937_64 random_;
};

/// So many seeds; MILLRACE_PROPERTY_SEEDS sets another number, for a longer hunt.
inline std::uint64_t seedCount(std::uint64_t usual) {
    const char* const wanted = std::getenv("MILLRACE_PROPERTY_SEEDS");
    return wanted == nullptr ? usual : std::strtoull(wanted, nullptr, 10);
}

/// How a pipeline is run: nothing of it may change what comes out.
struct Manner {
    enum class Runtime { Threads, Simulation, Caller };
    std::uint64_t seed = 0;
    Runtime runtime = Runtime::Simulation;
    int parallelism = 1;
    bool chaining = true;
    bool fused = true;  ///< operators in one expression; otherwise each has a name and a second reader
    Duration bufferTimeout = std::chrono::milliseconds(100);
    std::size_t channelMemory = std::size_t{64} << 20;
    bool alignment = true;
    bool batch = false;
    int sources = 1;  ///< the input comes from so many, in union
    bool strategyAtSource = false;

    static Manner drawn(std::uint64_t seed, bool batch) {
        Draw draw(seed);
        Manner manner;
        manner.seed = seed;
        manner.runtime = static_cast<Runtime>(draw.below(3));
        manner.parallelism = 1 + static_cast<int>(draw.below(5));
        manner.chaining = !draw.oneIn(3);
        manner.fused = !draw.oneIn(2);
        const Duration timeouts[] = {Duration{0}, Duration{-1}, std::chrono::milliseconds(1),
                                     std::chrono::milliseconds(100)};
        manner.bufferTimeout = timeouts[draw.below(4)];
        if (draw.oneIn(2)) manner.channelMemory = static_cast<std::size_t>(1 + draw.below(50'000));
        manner.alignment = draw.oneIn(2);
        manner.batch = batch;
        manner.sources = 1 + static_cast<int>(draw.below(3));
        manner.strategyAtSource = draw.oneIn(2);
        return manner;
    }
    std::string text() const {
        const char* const runtimes[] = {"threads", "simulation", "caller"};
        return std::string(runtimes[static_cast<int>(runtime)]) + ", manner " + std::to_string(seed) +
               ", parallelism " + std::to_string(parallelism) + (chaining ? "" : ", no chaining") +
               (fused ? ", fused" : ", named and read twice") + ", buffer timeout " +
               std::to_string(bufferTimeout.count()) + " ns, channel memory " + std::to_string(channelMemory) +
               (alignment ? "" : ", no alignment") + (batch ? ", batch" : ", streaming") + ", " +
               std::to_string(sources) + " sources" + (strategyAtSource ? " with strategy" : "");
    }
};

/// What a step may use while it is built.
class Building {
public:
    Building(const Manner& manner, std::vector<testing::CollectSink<Row>>& taps)
        : fused(manner.fused), draw(manner.seed * 7919 + 1), taps_(taps) {}

    const bool fused;
    Draw draw;

    /// The stream of one operator, in a task of its own or at another parallelism, or as it is.
    RowStream cut(const RowStream& stream) {
        switch (draw.below(7)) {
            case 0:
                return stream.setParallelism(1 + static_cast<int>(draw.below(4)));
            case 1:
                return stream.disableChaining();
            case 2:
                return stream.startNewChain();
            default:
                return stream;
        }
    }
    /// Unless fused, a second reader for a stream that has a name; what it reads is compared as well.
    void tap(const RowStream& stream) {
        taps_.emplace_back();
        if (!fused) stream.sinkTo(taps_.back());
    }

private:
    std::vector<testing::CollectSink<Row>>& taps_;
};

struct Step {
    std::string name;
    std::function<RowStream(const RowStream&, Building&)> build;
    std::function<Rows(const Rows&)> model;
};
using Steps = std::vector<Step>;

/// Thrown by a model that has no single answer for its input.
struct NoSingleAnswer {};

/// Records whose times are at most `disorder` behind the latest.
struct RandomInput {
    Rows rows;
    std::int64_t disorder;

    /// As many keys as records, nearly: more than a cache holds.
    static RandomInput ofManyKeys(std::uint64_t seed, std::size_t count) {
        Draw draw(seed);
        RandomInput input{{}, 1000};
        for (std::size_t i = 0; i < count; ++i) {
            const std::int64_t now = static_cast<std::int64_t>(i) / 10;
            input.rows.push_back(
                {{static_cast<std::int32_t>(draw.below(static_cast<std::int64_t>(count))), draw.below(100)},
                 now - draw.below(input.disorder)});
            // the same key again, soon and late
            if (i > 0 && draw.oneIn(3)) input.rows.back().row.key = input.rows[i - 1].row.key;
            if (i > 5000 && draw.oneIn(3)) input.rows.back().row.key = input.rows[i - 5000].row.key;
        }
        return input;
    }
    static RandomInput drawn(std::uint64_t seed, std::size_t count) {
        Draw draw(seed);
        RandomInput input{{}, draw.oneIn(4) ? 1 : 1 + draw.below(60)};
        const std::int64_t keys = draw.oneIn(4) ? 1 : draw.oneIn(2) ? 5 : 60;
        const bool skewed = draw.oneIn(2);
        const std::int64_t pace = 1 + draw.below(4);
        std::int64_t now = -100;
        for (std::size_t i = 0; i < count; ++i) {
            now += draw.below(pace);
            if (draw.oneIn(150)) now += draw.below(500);
            const std::int64_t key = skewed && !draw.oneIn(3) ? 0 : draw.below(keys);
            input.rows.push_back(
                {{static_cast<std::int32_t>(key - 1), draw.below(100)}, now - draw.below(input.disorder)});
        }
        return input;
    }
};

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

/// The steps, each alone, over so many keys that state does not fit a cache.
inline void checkManyKeys(const Steps& steps, std::size_t inputSize) {
    const RandomInput input = RandomInput::ofManyKeys(7, inputSize);
    for (const Step& step : steps) {
        for (const bool parallel : {false, true}) {
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
