#ifndef MILLRACE_TESTS_API_RANDOM_STEP_HPP
#define MILLRACE_TESTS_API_RANDOM_STEP_HPP

#include <millrace/millrace.hpp>
#include <millrace/testing/collect_sink.hpp>

#include "support/rounds.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <random>
#include <string>
#include <utility>
#include <vector>

// The parts of pipelines that are drawn from a seed: each step with a naive model of what it does.

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

/// So many seeds, fewer under a sanitizer; MILLRACE_PROPERTY_SEEDS sets another number, for a longer hunt.
inline std::uint64_t seedCount(std::uint64_t usual) {
    const char* const wanted = std::getenv("MILLRACE_PROPERTY_SEEDS");
    return wanted == nullptr ? roundsToTry(usual) : std::strtoull(wanted, nullptr, 10);
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

}  // namespace millrace::testsupport

#endif  // MILLRACE_TESTS_API_RANDOM_STEP_HPP
