#include "api/random_pipeline.hpp"

#include <map>
#include <span>

// What depends on the order of a key's records: it is kept from one source to the subtask of the key, and from there on.

using namespace millrace;
using namespace millrace::testsupport;

namespace {

/// From the values of a key to what comes out for them, in order.
using KeyModel = std::function<std::vector<std::int64_t>(const std::vector<std::int64_t>&)>;
struct Ordered {
    std::string name;
    std::function<RowStream(const RowStream&, Building&)> build;
    KeyModel model;
};

Ordered rolling(std::string name, const std::function<RowStream(const KeyedStream<Row, std::int32_t Row::*>&)>& build,
                const std::function<std::int64_t(std::int64_t, std::int64_t)>& combine) {
    return {std::move(name), [build](const RowStream& in, Building& b) { return b.cut(build(in.keyBy(&Row::key))); },
            [combine](const std::vector<std::int64_t>& values) {
                std::vector<std::int64_t> out;
                for (const std::int64_t value : values) out.push_back(out.empty() ? value : combine(out.back(), value));
                return out;
            }};
}

/// What a key has had, in text, in state.
struct History {
    ListState<std::int64_t> values{};
    void open(KeyedRuntimeContext& context) {
        values = context.getListState(ListStateDescriptor<std::int64_t>("values"));
    }
    void processElement(const Row& row, KeyedProcessContext<std::int32_t>&, Collector<Row>& out) {
        values.add(row.value);
        std::int64_t hash = 0;
        for (const std::int64_t value : values.get()) hash = (hash * 31 + value) % 1'000'003;
        out.collect({row.key, hash});
        if (values.get().size() == 7) values.clear();
    }
};

std::vector<Ordered> operators() {
    const auto hashOf = [](const std::vector<std::int64_t>& values) {
        std::int64_t hash = 0;
        for (const std::int64_t value : values) hash = (hash * 31 + value) % 1'000'003;
        return hash;
    };
    const auto hashOfRows = [](const std::int32_t& key, const GlobalWindow&, std::span<const Row> rows) {
        std::int64_t hash = 0;
        for (const Row& row : rows) hash = (hash * 31 + row.value) % 1'000'003;
        return Row{key, hash};
    };
    std::vector<Ordered> all;
    all.push_back(rolling(
        "sum", [](const auto& keyed) -> RowStream { return keyed.sum(&Row::value); },
        [](std::int64_t sum, std::int64_t value) { return sum + value; }));
    all.push_back(rolling(
        "max", [](const auto& keyed) -> RowStream { return keyed.max(&Row::value); },
        [](std::int64_t max, std::int64_t value) { return std::max(max, value); }));
    all.push_back(rolling(
        "reduce",
        [](const auto& keyed) -> RowStream {
            return keyed.reduce([](const Row& a, const Row& b) { return Row{a.key, (a.value * 3 + b.value) % 1009}; });
        },
        [](std::int64_t a, std::int64_t b) { return (a * 3 + b) % 1009; }));
    all.push_back({"first(5)", [](const RowStream& in, Building& b) { return b.cut(in.keyBy(&Row::key).first(5)); },
                   [](const std::vector<std::int64_t>& values) {
                       return std::vector<std::int64_t>(
                           values.begin(),
                           values.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(values.size(), 5)));
                   }});
    all.push_back({"countWindow(3)",
                   [=](const RowStream& in, Building& b) -> RowStream {
                       return b.cut(in.keyBy(&Row::key).countWindow(3).process(hashOfRows));
                   },
                   [=](const std::vector<std::int64_t>& values) {
                       std::vector<std::int64_t> out;
                       for (std::size_t i = 3; i <= values.size(); i += 3) {
                           out.push_back(hashOf({values[i - 3], values[i - 2], values[i - 1]}));
                       }
                       return out;
                   }});
    all.push_back({"countWindow(4, 2)",
                   [=](const RowStream& in, Building& b) -> RowStream {
                       return b.cut(in.keyBy(&Row::key).countWindow(4, 2).process(hashOfRows));
                   },
                   [=](const std::vector<std::int64_t>& values) {
                       std::vector<std::int64_t> out;
                       for (std::size_t i = 2; i <= values.size(); i += 2) {
                           const std::size_t from = i < 4 ? 0 : i - 4;
                           out.push_back(hashOf({values.begin() + static_cast<std::ptrdiff_t>(from),
                                                 values.begin() + static_cast<std::ptrdiff_t>(i)}));
                       }
                       return out;
                   }});
    all.push_back(
        {"list state",
         [](const RowStream& in, Building& b) -> RowStream { return b.cut(in.keyBy(&Row::key).process(History{})); },
         [=](const std::vector<std::int64_t>& values) {
             std::vector<std::int64_t> out;
             for (std::size_t i = 0; i < values.size(); ++i) {
                 out.push_back(hashOf({values.begin() + static_cast<std::ptrdiff_t>(i / 7 * 7),
                                       values.begin() + static_cast<std::ptrdiff_t>(i + 1)}));
             }
             return out;
         }});
    return all;
}

/// Records that hold on to the order of their key through any operators without an exchange.
using ByKey = std::map<std::int32_t, std::vector<std::int64_t>>;

ByKey runOrdered(const std::vector<const Ordered*>& steps, const Rows& input, const Manner& manner) {
    testing::CollectSink<Row> sink;
    std::vector<testing::CollectSink<Row>> taps;
    const auto run = [&](StreamEnvironment& env) {
        env.setParallelism(manner.parallelism);
        env.setBufferTimeout(manner.bufferTimeout);
        env.setChannelMemory(manner.channelMemory);
        if (!manner.chaining) env.disableOperatorChaining();
        Building building(manner, taps);
        RowStream stream = env.fromCollection(input).map([](const TimedRow& each) { return each.row; });
        for (const Ordered* const step : steps) {
            // two keyed operators in a row: equal keys, so an exchange from subtask to subtask
            stream = step->build(stream, building);
        }
        stream.sinkTo(sink);
        env.execute();
    };
    if (manner.runtime == Manner::Runtime::Threads) {
        StreamExecutionEnvironment env(ThreadPoolRuntime(2));
        run(env);
    } else if (manner.runtime == Manner::Runtime::Simulation) {
        StreamExecutionEnvironment env{SimulatedRuntime(manner.seed)};
        run(env);
    } else {
        StreamExecutionEnvironment env{CallerRuntime()};
        run(env);
    }
    ByKey byKey;
    for (const Row& row : sink.elements()) byKey[row.key].push_back(row.value);
    return byKey;
}

}  // namespace

TEST_CASE("a key's records keep their order through keyed operators, at any parallelism", "[api][property][threads]") {
    const std::vector<Ordered> all = operators();
    for (std::uint64_t seed = 1; seed <= seedCount(60); ++seed) {
        Draw draw(seed);
        const RandomInput input = RandomInput::drawn(seed, seed % 6 == 0 ? 4000 : 300);
        std::vector<const Ordered*> steps;
        std::string names;
        ByKey expected;
        for (const TimedRow& each : input.rows) expected[each.row.key].push_back(each.row.value);
        for (std::int64_t n = 1 + draw.below(3); n > 0; --n) {
            steps.push_back(&all[static_cast<std::size_t>(draw.below(static_cast<std::int64_t>(all.size())))]);
            names += " -> " + steps.back()->name;
            for (auto& [key, values] : expected) values = steps.back()->model(values);
        }
        std::erase_if(expected, [](const auto& each) { return each.second.empty(); });
        for (std::uint64_t i = 0; i < 4; ++i) {
            const Manner manner = Manner::drawn(seed * 10 + i, false);
            CAPTURE(seed, names, manner.text());
            CHECK(runOrdered(steps, input.rows, manner) == expected);
        }
    }
}
