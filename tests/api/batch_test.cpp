#include <millrace/millrace.hpp>

#include "api/api_fixtures.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <cstdint>
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

TEST_CASE("batch: one value per key for rolling reductions, and nothing is late for windows", "[api]") {
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

TEST_CASE("batch: automatic looks at the sources, and batch refuses those that never end", "[api]") {
    StreamExecutionEnvironment env;
    env.setRuntimeMode(RuntimeExecutionMode::Automatic);
    CHECK(env.fromData(1, 2, 3).keyBy([](int) { return 0; }).sum().executeAndCollect() == std::vector<int>{6});

    env.setRuntimeMode(RuntimeExecutionMode::Batch);
    auto [stream, channel] = env.fromChannel<int>();
    stream.print();
    CHECK_THROWS_WITH(env.execute(), Catch::Matchers::ContainsSubstring(
                                         "batch execution needs bounded sources, but 'channel' never ends"));
}
