#include <millrace/batch.hpp>

#include "api/api_fixtures.hpp"
#include "support/catch.hpp"

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <tuple>
#include <vector>

using namespace millrace;
using namespace millrace::testsupport;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

namespace {

struct Sale {
    std::int32_t shop = 0;
    std::int64_t amount = 0;
    Timestamp time;
};

/// Sales of five shops over 100 seconds, somewhat out of order.
DataStream<Sale> sales(StreamEnvironment& env) {
    std::vector<Sale> all;
    for (std::int32_t i = 0; i < 500; ++i) {
        all.push_back({i % 5, i % 7, Timestamp(std::chrono::milliseconds(200 * (i ^ 3)))});
    }
    return env.fromCollection(std::move(all))
        .assignTimestampsAndWatermarks(
            WatermarkStrategy::forBoundedOutOfOrderness(2s).withTimestampAssigner(&Sale::time));
}

std::int64_t secondsOf(Timestamp time) {
    return time.time_since_epoch() / 1s;
}

/// shop, start of the window, its records, records of the shop in this window and those before
using Running = std::tuple<std::int32_t, std::int64_t, std::size_t, std::int64_t>;

struct RunningCount {
    ValueState<std::int64_t> total;
    void open(WindowRuntimeContext& context) {
        total = context.globalState().getState(ValueStateDescriptor<std::int64_t>{"total"});
    }
    Running process(const std::int32_t& shop, WindowContext& context, std::span<const Sale> all) {
        total.update(total.valueOr(0) + static_cast<std::int64_t>(all.size()));
        return {shop, secondsOf(context.window().start), all.size(), *total.value()};
    }
};

std::vector<Running> expectedCounts() {
    std::vector<Running> expected;
    for (std::int32_t shop = 0; shop < 5; ++shop) {
        std::int64_t total = 0;
        for (std::int64_t start = 0; start < 100; start += 10) {
            std::size_t count = 0;
            for (std::int32_t i = 0; i < 500; ++i) {
                const std::int64_t second = 200 * (i ^ 3) / 1000;
                if (i % 5 == shop && start <= second && second < start + 10) ++count;
            }
            total += static_cast<std::int64_t>(count);
            if (count > 0) expected.emplace_back(shop, start, count, total);
        }
    }
    return sorted(expected);
}

}  // namespace

TEST_CASE("a window function's state of the key goes over its windows, on every runtime and in batch",
          "[api][windowing][threads]") {
    onEveryRuntime([](StreamEnvironment& env, const std::string& runtime) {
        const bool batch = GENERATE(false, true);
        CAPTURE(runtime, batch);
        if (batch) env.setRuntimeMode(RuntimeExecutionMode::Batch);
        env.setParallelism(3);
        CHECK(sorted(sales(env)
                         .keyBy(&Sale::shop)
                         .window(TumblingEventTimeWindows::of(10s))
                         .process(RunningCount{})
                         .executeAndCollect()) == expectedCounts());
    });
}

TEST_CASE("windowAll and the functions behind aggregate and reduce may have state as well", "[api][windowing]") {
    struct Numbered {
        ValueState<int> number;
        void open(WindowRuntimeContext& context) { number = context.getState(ValueStateDescriptor<int>{"number"}); }
        std::pair<int, std::int64_t> process(const TimeWindow&, const Sale& sum) {
            number.update(number.valueOr(0) + 1);
            return {*number.value(), sum.amount};
        }
    };
    StreamExecutionEnvironment env{SimulatedRuntime(3)};
    const auto add = [](const Sale& a, const Sale& b) { return Sale{a.shop, a.amount + b.amount, a.time}; };
    const auto result =
        sales(env).windowAll(TumblingEventTimeWindows::of(50s)).reduce(add, Numbered{}).executeAndCollect();
    std::int64_t halves[2] = {};
    for (std::int32_t i = 0; i < 500; ++i) halves[(i ^ 3) / 250] += i % 7;
    CHECK(result == std::vector<std::pair<int, std::int64_t>>{{1, halves[0]}, {2, halves[1]}});
}

TEST_CASE("a struct's process may return what it emits, in every form that a lambda may have", "[api][windowing]") {
    struct WithContext {
        std::size_t process(const std::int32_t&, WindowContext&, std::span<const Sale> all) { return all.size(); }
    };
    struct WithWindow {
        std::size_t process(const std::int32_t&, const TimeWindow&, std::span<const Sale> all) const {
            return all.size();
        }
    };
    struct WithResult {
        std::int64_t process(const std::int32_t&, WindowContext& context, const Sale& sum) const {
            return sum.amount + context.window().start.time_since_epoch().count() * 0;
        }
    };
    struct Emits {
        void process(const std::int32_t&, WindowContext&, std::span<const Sale> all, Collector<std::size_t>& out) {
            out.collect(all.size());
        }
    };
    StreamExecutionEnvironment env{SimulatedRuntime(1)};
    const auto windows = [&] { return sales(env).keyBy(&Sale::shop).window(TumblingEventTimeWindows::of(1000s)); };
    const std::vector<std::size_t> counts(5, 100);
    CHECK(windows().process(WithContext{}).executeAndCollect() == counts);
    CHECK(windows().process(WithWindow{}).executeAndCollect() == counts);
    CHECK(windows().process(Emits{}).executeAndCollect() == counts);
    const auto add = [](const Sale& a, const Sale& b) { return Sale{a.shop, a.amount + b.amount, a.time}; };
    auto sums = windows().reduce(add, WithResult{}).executeAndCollect();
    std::vector<std::int64_t> expected(5);
    for (std::int32_t i = 0; i < 500; ++i) expected[static_cast<std::size_t>(i % 5)] += i % 7;
    CHECK(sorted(sums) == sorted(expected));
}
