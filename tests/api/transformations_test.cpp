#include <millrace/api/data_stream.hpp>

#include "api/api_fixtures.hpp"
#include "support/catch.hpp"

#include <limits>
#include <map>
#include <numeric>
#include <set>

using namespace millrace;
using namespace millrace::testsupport;

namespace {

struct Reading {
    std::string sensor;
    int value = 0;
    int other = 0;
    bool operator==(const Reading&) const = default;
    auto operator<=>(const Reading&) const = default;
};

std::vector<std::int64_t> upTo(std::int64_t n) {
    std::vector<std::int64_t> numbers(static_cast<std::size_t>(n));
    std::iota(numbers.begin(), numbers.end(), 1);
    return numbers;
}

}  // namespace

TEST_CASE("map, filter and flatMap keep order and compute what a loop computes", "[api][threads]") {
    onEveryRuntime([](StreamEnvironment& env, const std::string& runtime) {
        INFO(runtime);
        const auto result = env.fromCollection(upTo(5000))
                                .map([](std::int64_t x) { return static_cast<double>(x) / 2; })
                                .filter([](double x) { return x > 1; })
                                .filter([](double x) { return x == static_cast<int>(x); })
                                .map([](double x) { return std::to_string(static_cast<int>(x)); })
                                .filter([](const std::string& text) { return text.back() == '7'; })
                                .flatMap([](std::string text, Collector<std::string>& out) {
                                    out.collect(text);
                                    out.collect(text + "!");
                                })
                                .map([](const std::string& text) { return text.size(); })
                                .filter([](std::size_t n) { return n > 1; })
                                .executeAndCollect();
        std::vector<std::size_t> expected;
        for (int x = 2; x <= 2500; ++x) {
            if (x % 10 != 7) continue;
            for (const std::size_t n : {std::to_string(x).size(), std::to_string(x).size() + 1}) {
                if (n > 1) expected.push_back(n);
            }
        }
        CHECK(result == expected);
    });
}

TEST_CASE("records larger than a block, and one call that emits far more than a block", "[api]") {
    struct Big {
        std::array<std::int64_t, 4096> data;
    };
    StreamExecutionEnvironment env{CallerRuntime()};
    const auto sums =
        env.fromSequence(1, 40)
            .map([](std::int64_t x) {
                Big big;
                big.data.fill(x);
                return big;
            })
            .filter([](const Big& big) { return big.data[0] % 2 == 0; })
            .map([](const Big& big) { return std::accumulate(big.data.begin(), big.data.end(), std::int64_t{0}); })
            .executeAndCollect();
    std::vector<std::int64_t> expected;
    for (std::int64_t x = 2; x <= 40; x += 2) expected.push_back(x * 4096);
    CHECK(sums == expected);

    const auto many = env.fromData(200'000)
                          .flatMap([](int n, Collector<int>& out) {
                              for (int i = 0; i < n; ++i) out.collect(i);
                          })
                          .map([](int x) { return x + 1; })
                          .executeAndCollect();
    CHECK(many.size() == 200'000);
    CHECK(many.back() == 200'000);
}

TEST_CASE("a named stream used twice branches; a temporary fuses", "[api][threads]") {
    onEveryRuntime([](StreamEnvironment& env, const std::string& runtime) {
        INFO(runtime);
        auto calls = std::make_shared<std::atomic<int>>(0);
        auto doubled = env.fromCollection(upTo(100)).map([calls](std::int64_t x) {
            ++*calls;
            return 2 * x;
        });
        DataStream<std::int64_t> big = doubled.filter([](std::int64_t x) { return x > 150; });
        DataStream<std::int64_t> small = doubled.filter([](std::int64_t x) { return x <= 4; });
        CHECK(sorted(big.unionWith(small).executeAndCollect()) == [] {
            std::vector<std::int64_t> expected{2, 4};
            for (std::int64_t x = 152; x <= 200; x += 2) expected.push_back(x);
            return expected;
        }());
        CHECK(*calls == 100);
    });
}

TEST_CASE("union with itself doubles the elements", "[api][threads]") {
    onEveryRuntime([](StreamEnvironment& env, const std::string& runtime) {
        INFO(runtime);
        auto numbers = env.fromData(1, 2, 3);
        CHECK(sorted(numbers.unionWith(numbers).executeAndCollect()) == std::vector<int>{1, 1, 2, 2, 3, 3});
    });
}

TEST_CASE("exchanges deliver every element to the subtasks that they promise", "[api][threads]") {
    onEveryRuntime([](StreamEnvironment& env, const std::string& runtime) {
        INFO(runtime);
        struct Tagged {
            int subtask = 0;
            std::int64_t value = 0;
            auto operator<=>(const Tagged&) const = default;
        };
        struct Tag {
            int subtask = -1;
            void open(RuntimeContext& context) { subtask = context.subtaskIndex(); }
            Tagged operator()(std::int64_t value) const { return {subtask, value}; }
        };
        env.setParallelism(3);
        const auto numbers = [&] { return env.fromCollection(upTo(999)); };
        const auto perSubtask = [](const std::vector<Tagged>& all) {
            std::array<int, 3> counts{};
            for (const Tagged& t : all) ++counts.at(static_cast<std::size_t>(t.subtask));
            return counts;
        };

        CHECK(perSubtask(numbers().rebalance().map(Tag{}).executeAndCollect()) == std::array{333, 333, 333});
        CHECK(perSubtask(numbers().rescale().map(Tag{}).executeAndCollect()) == std::array{333, 333, 333});
        CHECK(perSubtask(numbers().broadcast().map(Tag{}).executeAndCollect()) == std::array{999, 999, 999});
        CHECK(perSubtask(numbers().global().map(Tag{}).executeAndCollect()) == std::array{999, 0, 0});
        const auto shuffled = perSubtask(numbers().shuffle().map(Tag{}).executeAndCollect());
        CHECK(shuffled[0] + shuffled[1] + shuffled[2] == 999);
        CHECK(*std::min_element(shuffled.begin(), shuffled.end()) > 200);
        const auto custom =
            numbers()
                .partitionCustom([](std::int64_t key, int partitions) { return static_cast<int>(key % partitions); },
                                 [](std::int64_t x) { return x; })
                .map(Tag{})
                .executeAndCollect();
        CHECK(std::all_of(custom.begin(), custom.end(), [](const Tagged& t) { return t.subtask == t.value % 3; }));
        CHECK(custom.size() == 999);
        const auto forwarded =
            numbers().rebalance().map(Tag{}).forward().map([](Tagged t) { return t; }).executeAndCollect();
        CHECK(forwarded.size() == 999);
    });
}

TEST_CASE("keyBy brings equal keys together: member, lambda, several selectors, strings and structs",
          "[api][threads]") {
    onEveryRuntime([](StreamEnvironment& env, const std::string& runtime) {
        INFO(runtime);
        env.setParallelism(2);
        std::vector<Reading> readings;
        for (int i = 0; i < 300; ++i) readings.push_back({"s" + std::to_string(i % 7), i, i % 3});
        std::map<std::string, int> last;
        for (const Reading& r : readings) last[r.sensor] += r.value;

        const auto finalSums = [](const std::vector<Reading>& rolling) {
            std::map<std::string, int> sums;
            for (const Reading& r : rolling) sums[r.sensor] = std::max(sums[r.sensor], r.value);
            return sums;
        };
        CHECK(
            finalSums(env.fromCollection(readings).keyBy(&Reading::sensor).sum(&Reading::value).executeAndCollect()) ==
            last);
        CHECK(finalSums(env.fromCollection(readings)
                            .keyBy([](const Reading& r) -> std::string_view { return r.sensor; })
                            .sum(&Reading::value)
                            .executeAndCollect()) == last);
        std::map<std::pair<std::string, int>, int> byBoth;
        for (const Reading& r : readings) ++byBoth[{r.sensor, r.other}];
        const auto counted = env.fromCollection(readings)
                                 .keyBy(&Reading::sensor, &Reading::other)
                                 .reduce([](const Reading& a, const Reading& b) {
                                     return Reading{a.sensor, b.value, a.other};
                                 })
                                 .executeAndCollect();
        std::map<std::pair<std::string, int>, int> seen;
        for (const Reading& r : counted) ++seen[{r.sensor, r.other}];
        CHECK(seen == byBoth);
    });
}

TEST_CASE("sum, min and max keep the first record's other fields; minBy and maxBy give whole records, ties by choice",
          "[api]") {
    StreamExecutionEnvironment env{CallerRuntime()};
    const std::vector<Reading> readings{{"a", 3, 1}, {"a", 5, 2}, {"a", 3, 3}, {"a", 1, 4}, {"a", 5, 5}};
    const auto keyed = env.fromCollection(readings).keyBy(&Reading::sensor);
    CHECK(keyed.sum(&Reading::value).executeAndCollect() ==
          std::vector<Reading>{{"a", 3, 1}, {"a", 8, 1}, {"a", 11, 1}, {"a", 12, 1}, {"a", 17, 1}});
    const auto again = [&] { return env.fromCollection(readings).keyBy(&Reading::sensor); };
    CHECK(again().min(&Reading::value).executeAndCollect() ==
          std::vector<Reading>{{"a", 3, 1}, {"a", 3, 1}, {"a", 3, 1}, {"a", 1, 1}, {"a", 1, 1}});
    CHECK(again().max(&Reading::value).executeAndCollect() ==
          std::vector<Reading>{{"a", 3, 1}, {"a", 5, 1}, {"a", 5, 1}, {"a", 5, 1}, {"a", 5, 1}});
    CHECK(again().maxBy(&Reading::value).executeAndCollect() ==
          std::vector<Reading>{{"a", 3, 1}, {"a", 5, 2}, {"a", 5, 2}, {"a", 5, 2}, {"a", 5, 2}});
    CHECK(again().maxBy(&Reading::value, false).executeAndCollect() ==
          std::vector<Reading>{{"a", 3, 1}, {"a", 5, 2}, {"a", 5, 2}, {"a", 5, 2}, {"a", 5, 5}});
    CHECK(again().minBy(&Reading::value, false).executeAndCollect() ==
          std::vector<Reading>{{"a", 3, 1}, {"a", 3, 1}, {"a", 3, 3}, {"a", 1, 4}, {"a", 1, 4}});
    CHECK(env.fromData(1, 2, 3, 4).keyBy([](int x) { return x % 2; }).sum().executeAndCollect() ==
          std::vector<int>{1, 2, 4, 6});
}

TEST_CASE("process functions emit to side outputs, chained or not, with the element's timestamp", "[api][threads]") {
    const OutputTag<std::string> odd("odd");
    struct Split {
        OutputTag<std::string> tag;
        void processElement(std::int64_t x, ProcessContext& ctx, Collector<std::int64_t>& out) const {
            if (x % 2 == 1) {
                ctx.output(tag, std::to_string(x) + "@" + std::to_string(ctx.timestamp()->time_since_epoch().count()));
            } else {
                out.collect(x);
            }
        }
    };
    onEveryRuntime([&](StreamEnvironment& env, const std::string& runtime) {
        INFO(runtime);
        for (const bool chained : {true, false}) {
            auto strategy = WatermarkStrategy::forMonotonousTimestamps().withTimestampAssigner(
                [](std::int64_t x) { return Timestamp{Duration{10 * x}}; });
            auto split =
                env.fromData<std::int64_t>({1, 2, 3, 4, 5}).assignTimestampsAndWatermarks(strategy).process(Split{odd});
            DataStream<std::int64_t> evens = chained ? DataStream<std::int64_t>(split) : split.disableChaining();
            auto even = std::make_shared<std::vector<std::int64_t>>();
            evens.addSink([even](std::int64_t x) { even->push_back(x); });
            CHECK(evens.getSideOutput(odd).executeAndCollect() == std::vector<std::string>{"1@10", "3@30", "5@50"});
            CHECK(*even == std::vector<std::int64_t>{2, 4});
        }
    });
}

TEST_CASE("inspect looks at elements in passing, with or without their timestamps", "[api]") {
    StreamExecutionEnvironment env{CallerRuntime()};
    std::vector<std::string> seen;
    env.fromData(1, 2, 3)
        .inspect([&](int x) { seen.push_back("before " + std::to_string(x)); })
        .assignTimestampsAndWatermarks(
            WatermarkStrategy::noWatermarks().withTimestampAssigner([](int x) { return Timestamp{Duration{x}}; }))
        .inspect([&](int x, Timestamp t) {
            seen.push_back("after " + std::to_string(x) + "@" + std::to_string(t.time_since_epoch().count()));
        })
        .addSink([](int) {});
    env.execute();
    CHECK(sorted(seen) ==
          std::vector<std::string>{"after 1@1", "after 2@2", "after 3@3", "before 1", "before 2", "before 3"});
}

TEST_CASE("functions are opened and closed once per subtask, know their context, and count", "[api][threads]") {
    onEveryRuntime([](StreamEnvironment& env, const std::string& runtime) {
        INFO(runtime);
        struct Counting {
            std::shared_ptr<std::atomic<int>> open_;
            std::shared_ptr<std::atomic<int>> closed;
            LongCounter* elements = nullptr;
            void open(RuntimeContext& context) {
                ++*open_;
                elements = &context.counter("elements");
                context.accumulator<DoubleMaximum>("largest subtask").add(context.subtaskIndex());
            }
            int operator()(int x) {
                elements->add();
                return x;
            }
            void close() { ++*closed; }
        };
        Counting counting{std::make_shared<std::atomic<int>>(0), std::make_shared<std::atomic<int>>(0)};
        env.setParallelism(3);
        env.fromCollection(std::vector<int>(100, 1)).rebalance().map(counting).addSink([](int) {});
        const JobExecutionResult result = env.execute("counting");
        CHECK(*counting.open_ == 3);
        CHECK(*counting.closed == 3);
        CHECK(result.jobName == "counting");
        CHECK(result.status == JobStatus::Finished);
        CHECK(result.accumulator("elements") == 100);
        CHECK(result.accumulator<double>("largest subtask") == 2);
    });
}

TEST_CASE("a user function struct is copied for each subtask from an untouched prototype", "[api]") {
    StreamExecutionEnvironment env{SimulatedRuntime(7)};
    env.setParallelism(4);
    struct Numbering {
        int next = 0;
        int operator()(int) { return next++; }
    };
    const auto numbers = env.fromCollection(std::vector<int>(8, 0)).rebalance().map(Numbering{}).executeAndCollect();
    CHECK(sorted(numbers) == std::vector<int>{0, 0, 0, 0, 1, 1, 1, 1});
}

TEST_CASE("records that cannot be copied pass through a chain and an exchange", "[api][threads]") {
    onEveryRuntime([](StreamEnvironment& env, const std::string& runtime) {
        INFO(runtime);
        env.setParallelism(2);
        const auto values = env.fromCollection(upTo(2000))
                                .map([](std::int64_t x) { return std::make_unique<std::int64_t>(x); })
                                .filter([](const std::unique_ptr<std::int64_t>& p) { return *p % 2 == 0; })
                                .rebalance()
                                .map([](std::unique_ptr<std::int64_t> p) { return *p; })
                                .executeAndCollect();
        std::vector<std::int64_t> expected;
        for (std::int64_t x = 2; x <= 2000; x += 2) expected.push_back(x);
        CHECK(sorted(values) == expected);
    });
}

TEST_CASE("fromSequence includes both ends, executeAndCollect with a limit cancels the rest", "[api][threads]") {
    onEveryRuntime([](StreamEnvironment& env, const std::string& runtime) {
        INFO(runtime);
        CHECK(sorted(env.fromSequence(1, 5).executeAndCollect()) == std::vector<std::int64_t>{1, 2, 3, 4, 5});
        CHECK(env.fromSequence(1, 1'000'000'000'000)
                  .map([](std::int64_t x) { return x; })
                  .executeAndCollect("limited", 10)
                  .size() == 10);
    });
}

TEST_CASE("generic helpers take any stream, functions the nameable form", "[api]") {
    StreamExecutionEnvironment env{CallerRuntime()};
    const auto evens = [](StreamOf<int> auto numbers) {
        return std::move(numbers).filter([](int x) { return x % 2 == 0; });
    };
    const auto squares = [](DataStream<int> numbers) -> DataStream<int> {
        return numbers.map([](int x) { return x * x; });
    };
    CHECK(squares(evens(env.fromData(1, 2, 3, 4).map([](int x) { return x + 1; }))).executeAndCollect() ==
          std::vector<int>{4, 16});
}

TEST_CASE("a map may be a pointer to member or return a reference: the stream holds values", "[api]") {
    StreamExecutionEnvironment env{CallerRuntime()};
    const std::vector<Reading> readings{{"a", 3, 1}, {"b", 5, 2}};
    CHECK(env.fromCollection(readings).map(&Reading::sensor).executeAndCollect() == std::vector<std::string>{"a", "b"});
    CHECK(env.fromCollection(readings)
              .map([](const Reading& r) -> const int& { return r.value; })
              .map([](int x) { return x + 1; })
              .executeAndCollect() == std::vector<int>{4, 6});
}

TEST_CASE("a keyed stream is a stream: its operators run in the subtask of the key", "[api][threads]") {
    onEveryRuntime([](StreamEnvironment& env, const std::string& runtime) {
        INFO(runtime);
        env.setParallelism(3);
        struct Place {
            int subtask = -1;
            void open(RuntimeContext& context) { subtask = context.subtaskIndex(); }
            std::pair<std::int64_t, int> operator()(std::int64_t x) const { return {x % 10, subtask}; }
        };
        const auto places =
            env.fromCollection(upTo(500)).keyBy([](std::int64_t x) { return x % 10; }).map(Place{}).executeAndCollect();
        std::map<std::int64_t, std::set<int>> subtasksOfKey;
        for (const auto& [key, subtask] : places) subtasksOfKey[key].insert(subtask);
        CHECK(places.size() == 500);
        CHECK(std::all_of(subtasksOfKey.begin(), subtasksOfKey.end(),
                          [](const auto& entry) { return entry.second.size() == 1; }));
    });
}

TEST_CASE("keying again by another key does not reuse the first one's hashes", "[api][threads]") {
    onEveryRuntime([](StreamEnvironment& env, const std::string& runtime) {
        INFO(runtime);
        env.setParallelism(1).disableOperatorChaining();
        std::vector<Reading> readings;
        for (int i = 0; i < 200; ++i) readings.push_back({"s" + std::to_string(i % 5), 1, i % 2});
        const auto counts = env.fromCollection(readings)
                                .keyBy(&Reading::sensor)
                                .inspect([](const Reading&) {})
                                .keyBy([](const Reading& r) { return std::to_string(r.other); })
                                .sum(&Reading::value)
                                .executeAndCollect();
        CHECK(std::count_if(counts.begin(), counts.end(), [](const Reading& r) { return r.value == 100; }) == 2);
    });
}

TEST_CASE("streams of bool, NaN keys, and a stream that outlives its environment", "[api]") {
    StreamExecutionEnvironment env{CallerRuntime()};
    auto flags = env.fromData(1, 2, 3).map([](int x) { return x > 1; });
    auto count = std::make_shared<int>(0);
    flags.addSink([count](bool flag) { *count += flag ? 1 : 0; });
    flags.addSink([count](bool flag) { *count += flag ? 10 : 0; });
    env.execute();
    CHECK(*count == 22);

    const double nan = std::numeric_limits<double>::quiet_NaN();
    const auto sums =
        env.fromData(nan, nan, nan).keyBy([](double x) { return x; }).map([](double) { return 1; }).executeAndCollect();
    CHECK(sums == std::vector<int>{1, 1, 1});
    struct Weighted {
        double key = 0;
        int weight = 0;
    };
    const auto weights = env.fromData({Weighted{nan, 1}, Weighted{nan, 2}})
                             .keyBy(&Weighted::key)
                             .sum(&Weighted::weight)
                             .executeAndCollect();
    CHECK(weights.back().weight == 3);

    const auto orphan = [] {
        StreamExecutionEnvironment gone{CallerRuntime()};
        return gone.fromData(1, 2, 3);
    }();
    CHECK_THAT(messageOf([&] { orphan.executeAndCollect(); }), Catch::Matchers::Contains("outlived its environment"));
}
