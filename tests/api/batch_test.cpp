#include <millrace/batch.hpp>
#include <millrace/millrace.hpp>

#include "api/api_fixtures.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

using namespace millrace;

namespace {

struct Sale {
    std::string shop;
    int amount = 0;
    std::int64_t time = 0;
    auto operator<=>(const Sale&) const = default;
};

std::vector<Sale> sales() {
    std::vector<Sale> all;
    for (int i = 0; i < 500; ++i) all.push_back({"shop" + std::to_string(i % 7), i, (i * 37) % 100});
    return all;
}

auto byTime() {
    // in a stream most of these would be late
    return WatermarkStrategy::forMonotonousTimestamps().withTimestampAssigner(
        [](const Sale& sale) { return Timestamp{Duration{sale.time}}; });
}

}  // namespace

TEST_CASE("batch: one value per key for rolling reductions, and nothing is late for windows", "[api][threads]") {
    testsupport::onEveryRuntime([](StreamEnvironment& env, const std::string& runtime) {
        CAPTURE(runtime);
        env.setRuntimeMode(RuntimeExecutionMode::Batch, {2000, {}});  // so little memory that it sorts through files

        std::vector<std::tuple<std::string, int>> expectedSums;
        std::vector<std::tuple<std::string, std::int64_t, int>> expectedWindows;
        for (int shop = 0; shop < 7; ++shop) {
            const std::string name = "shop" + std::to_string(shop);
            int sum = 0;
            int windows[10] = {};
            for (const Sale& sale : sales()) {
                if (sale.shop != name) continue;
                sum += sale.amount;
                windows[sale.time / 10] += sale.amount;
            }
            expectedSums.emplace_back(name, sum);
            for (int i = 0; i < 10; ++i) expectedWindows.emplace_back(name, i * 10, windows[i]);
        }

        const DataStream<Sale> all = env.fromCollection(sales()).assignTimestampsAndWatermarks(byTime());
        std::vector<std::tuple<std::string, int>> sums;
        all.keyBy(&Sale::shop)
            .sum(&Sale::amount)
            .addSink([&sums](const Sale& sale) { sums.emplace_back(sale.shop, sale.amount); })
            .setParallelism(1);
        struct Total {
            int createAccumulator() const { return 0; }
            void add(const Sale& sale, int& acc) const { acc += sale.amount; }
            int getResult(const int& acc) const { return acc; }
        };
        auto windows = all.keyBy(&Sale::shop)
                           .window(TumblingEventTimeWindows::of(Duration{10}))
                           .aggregate(Total{},
                                      [](const std::string& shop, const TimeWindow& window, int total) {
                                          return std::tuple(shop, window.start.time_since_epoch().count(), total);
                                      })
                           .executeAndCollect();
        std::sort(sums.begin(), sums.end());
        CHECK(sums == expectedSums);
        std::sort(windows.begin(), windows.end());
        CHECK(windows == expectedWindows);
    });
}

TEST_CASE("batch: automatic looks at the sources, and batch refuses those that never end", "[api][threads]") {
    StreamExecutionEnvironment env;
    env.setRuntimeMode(RuntimeExecutionMode::Automatic);
    CHECK(env.fromData(1, 2, 3).keyBy([](int) { return 0; }).sum().executeAndCollect() == std::vector<int>{6});

    env.setRuntimeMode(RuntimeExecutionMode::Batch);
    auto [stream, channel] = env.fromChannel<int>();
    stream.print();
    CHECK_THROWS_WITH(env.execute(), Catch::Matchers::ContainsSubstring(
                                         "batch execution needs bounded sources, but 'channel' never ends"));
}

namespace {

const MapStateDescriptor<std::int64_t, std::int64_t> kSeen("seen");

/// For each number how many broadcast elements had come before it, and the number.
struct CountBefore {
    using Both = std::pair<std::int64_t, std::int64_t>;
    void processElement(std::int64_t number, BroadcastReadOnlyContext& context, Collector<Both>& out) {
        out.collect({context.getBroadcastState(kSeen).getOr(0, 0), number});
    }
    void processBroadcastElement(std::int64_t, BroadcastContext& context, Collector<Both>&) {
        context.getBroadcastState(kSeen).put(0, context.getBroadcastState(kSeen).getOr(0, 0) + 1);
    }
};

}  // namespace

TEST_CASE("batch: a broadcast is complete before the elements beside it, also where neither has a key",
          "[api][threads]") {
    for (const int parallelism : {1, 3}) {
        testsupport::onEveryRuntime([&](StreamEnvironment& env, const std::string& runtime) {
            CAPTURE(runtime, parallelism);
            env.setRuntimeMode(RuntimeExecutionMode::Batch);
            env.setParallelism(parallelism);
            auto results = env.fromSequence(0, 4'999)
                               .connect(env.fromSequence(1, 3'000).broadcast(kSeen))
                               .process(CountBefore{})
                               .executeAndCollect();
            std::sort(results.begin(), results.end());
            std::vector<CountBefore::Both> expected;
            for (std::int64_t n = 0; n < 5'000; ++n) expected.emplace_back(3'000, n);
            CHECK(results == expected);
        });
    }
}

TEST_CASE("batch: a stream that is broadcast to itself neither stops nor loses anything", "[api][threads]") {
    testsupport::onEveryRuntime([](StreamEnvironment& env, const std::string& runtime) {
        CAPTURE(runtime);
        env.setRuntimeMode(RuntimeExecutionMode::Batch);
        env.setParallelism(2);
        env.setChannelMemory(64 * 1024);  // far less than what is held back
        const DataStream<std::int64_t> numbers = env.fromSequence(0, 49'999).map([](std::int64_t n) { return n; });
        const auto results = numbers.connect(numbers.broadcast(kSeen)).process(CountBefore{}).executeAndCollect();
        CHECK(results.size() == 50'000);
        CHECK(std::all_of(results.begin(), results.end(), [](const auto& each) { return each.first == 50'000; }));
    });
}

TEST_CASE("batch: elements that wait for a broadcast are dropped when the job fails", "[api][threads]") {
    testsupport::onEveryRuntime([](StreamEnvironment& env, const std::string& runtime) {
        CAPTURE(runtime);
        env.setRuntimeMode(RuntimeExecutionMode::Batch);
        const auto failing = [](std::int64_t n) {
            if (n == 20'000) throw std::runtime_error("rules are broken");
            return n;
        };
        env.fromSequence(0, 9'999)
            .connect(env.fromSequence(1, 30'000).map(failing).broadcast(kSeen))
            .process(CountBefore{})
            .addSink([](const CountBefore::Both&) {});
        CHECK_THAT(testsupport::messageOf([&] { env.execute(); }),
                   Catch::Matchers::ContainsSubstring("rules are broken"));
    });
}
