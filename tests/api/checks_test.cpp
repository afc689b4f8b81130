#include <millrace/api/stream_environment.hpp>

#include "api/api_fixtures.hpp"
#include "support/catch.hpp"

using namespace millrace;
using namespace millrace::testsupport;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;

namespace {

struct Tick {
    int key = 0;
    int value = 0;
    Timestamp time;
};

auto byTime() {
    return WatermarkStrategy::forMonotonousTimestamps().withTimestampAssigner(&Tick::time);
}

}  // namespace

TEST_CASE("executing nothing, or twice, is an error that says so", "[api]") {
    StreamExecutionEnvironment env{CallerRuntime()};
    CHECK_THAT(messageOf([&] { env.execute(); }), Contains("No operators defined in streaming topology"));
    auto numbers = env.fromData(1, 2, 3);
    numbers.addSink([](int) {});
    env.execute();
    CHECK_THAT(messageOf([&] { env.execute(); }), Contains("nothing was recorded since the last execute"));
    CHECK_THAT(messageOf([&] { numbers.addSink([](int) {}); }), Contains("an execute consumes the graph"));
}

TEST_CASE("a stream that nobody reads is found before running", "[api]") {
    StreamExecutionEnvironment env{CallerRuntime()};
    auto numbers = env.fromData(1, 2, 3);
    numbers.addSink([](int) {});
    DataStream<int> lost = numbers.map([](int x) { return x; }).name("lost map");
    CHECK_THAT(messageOf([&] { env.execute(); }), Contains("'lost map' goes nowhere"));
}

TEST_CASE("a moved-from stream and a sealed one used by move are found", "[api]") {
    StreamExecutionEnvironment env{CallerRuntime()};
    auto numbers = env.fromData(1, 2, 3).map([](int x) { return x; });
    auto moved = std::move(numbers).filter([](int) { return true; });
    CHECK_THAT(messageOf([&] { numbers.addSink([](int) {}); }), Contains("was moved from"));
    moved.addSink([](int) {});
    CHECK_THAT(messageOf([&] { std::move(moved).map([](int x) { return x; }); }), Contains("go on by its name"));
}

TEST_CASE("parallelism is checked where it is set and against the maximum", "[api]") {
    StreamExecutionEnvironment env{CallerRuntime()};
    CHECK_THAT(messageOf([&] { env.setParallelism(0); }), Contains("must be at least 1"));
    CHECK_THAT(messageOf([&] { env.setMaxParallelism(0); }), Contains("between 1 and 32768"));
    CHECK_THAT(messageOf([&] { env.setMaxParallelism(40000); }), Contains("between 1 and 32768"));
    CHECK_THAT(messageOf([&] { env.fromData(1).rebalance().map([](int x) { return x; }).name("m").setParallelism(0); }),
               Contains("'m'") && Contains("at least 1"));
    CHECK_THAT(messageOf([&] { env.fromData(1).setParallelism(2); }), Contains("always runs at parallelism 1"));

    StreamExecutionEnvironment other{CallerRuntime()};
    other.setMaxParallelism(4);
    other.fromData(1).rebalance().map([](int x) { return x; }).name("wide").setParallelism(5).addSink([](int) {});
    CHECK_THAT(messageOf([&] { other.execute(); }), Contains("'wide' has parallelism 5, more than the maximum 4"));
}

TEST_CASE("forward needs equal parallelism", "[api]") {
    StreamExecutionEnvironment env{CallerRuntime()};
    env.fromData(1).forward().map([](int x) { return x; }).setParallelism(2).addSink([](int) {});
    CHECK_THAT(messageOf([&] { env.execute(); }), Contains("forward()") && Contains("use rebalance()"));
}

TEST_CASE("two operators with one uid are named", "[api]") {
    StreamExecutionEnvironment env{CallerRuntime()};
    env.fromData(1)
        .map([](int x) { return x; })
        .name("first")
        .uid("u")
        .map([](int x) { return x; })
        .name("second")
        .uid("u")
        .addSink([](int) {});
    CHECK_THAT(messageOf([&] { env.execute(); }), Contains("uid 'u'") && Contains("'first'") && Contains("'second'"));
    CHECK_THAT(messageOf([&] { env.fromData(1).uid(""); }), Contains("must not be empty"));
}

TEST_CASE("an event-time window without watermarks or timestamps upstream is found", "[api]") {
    StreamExecutionEnvironment env{CallerRuntime()};
    const auto window = [](const auto& stream) {
        stream.keyBy(&Tick::key).window(TumblingEventTimeWindows::of(1s)).sum(&Tick::value).addSink([](const Tick&) {});
    };
    window(env.fromData(Tick{}));
    CHECK_THAT(messageOf([&] { env.execute(); }), Contains("'tumbling window sum'") && Contains("without watermarks") &&
                                                      Contains("assignTimestampsAndWatermarks"));

    StreamExecutionEnvironment second{CallerRuntime()};
    window(second.fromData(Tick{}).assignTimestampsAndWatermarks(WatermarkStrategy::forMonotonousTimestamps()));
    CHECK_THAT(messageOf([&] { second.execute(); }), Contains("without timestamps"));

    // one side of a union is enough to hold event time back for ever
    StreamExecutionEnvironment third{CallerRuntime()};
    DataStream<Tick> timed = third.fromData(Tick{}).assignTimestampsAndWatermarks(byTime());
    window(timed.unionWith(third.fromData(Tick{}).filter([](const Tick&) { return true; })));
    CHECK_THAT(messageOf([&] { third.execute(); }), Contains("without watermarks"));

    StreamExecutionEnvironment fine{CallerRuntime()};
    window(fine.fromData(Tick{}).assignTimestampsAndWatermarks(byTime()).filter([](const Tick&) { return true; }));
    CHECK(fine.execute().status == JobStatus::Finished);
}

TEST_CASE("window and strategy arguments are checked", "[api]") {
    CHECK_THAT(messageOf([] { TumblingEventTimeWindows::of(0s); }), Contains("size"));
    CHECK_THAT(messageOf([] { TumblingEventTimeWindows::of(-1s); }), Contains("size"));
    CHECK_THAT(messageOf([] { SlidingEventTimeWindows::of(1s, 0s); }), Contains("slide"));
    CHECK_THAT(messageOf([] { WatermarkStrategy::forBoundedOutOfOrderness(-1s); }), Contains("negative"));
    CHECK_THAT(messageOf([] { WatermarkStrategy::noWatermarks().withIdleness(0s); }), Contains("positive"));
    StreamExecutionEnvironment env{CallerRuntime()};
    CHECK_THAT(messageOf([&] {
                   env.fromData(Tick{}).keyBy(&Tick::key).window(TumblingEventTimeWindows::of(1s)).allowedLateness(-1s);
               }),
               Contains("allowedLateness"));
    CHECK_THAT(messageOf([&] { env.fromSequence(5, 1); }), Contains("5") && Contains("1"));
}

TEST_CASE("a side output is read from a named operator, before union or an exchange", "[api]") {
    StreamExecutionEnvironment env{CallerRuntime()};
    const OutputTag<int> tag("t");
    auto numbers = env.fromData(1, 2);
    const DataStream<int> spread = numbers.rebalance();
    CHECK_THAT(messageOf([&] { spread.getSideOutput(tag); }), Contains("getSideOutput(\"t\")"));
}

TEST_CASE("setParallelism on a named, already recorded chain says where to put it", "[api]") {
    StreamExecutionEnvironment env{CallerRuntime()};
    auto two = env.fromData(1).map([](int x) { return x; }).name("one").map([](int x) { return x; }).name("two");
    two.addSink([](int) {});
    CHECK_THAT(messageOf([&] { two.setParallelism(1); }),
               Contains("'two'") && Contains("directly behind the operator"));
}

TEST_CASE("a throwing function fails the job with operator, uid, subtask, record and cause", "[api][threads]") {
    onEveryRuntime([](StreamEnvironment& env, const std::string& runtime) {
        INFO(runtime);
        env.setParallelism(2);
        env.fromSequence(1, 10'000'000)
            .map([](std::int64_t x) {
                if (x == 5000) throw std::runtime_error("five thousand");
                return x;
            })
            .name("picky")
            .uid("picky-uid")
            .keyBy([](std::int64_t x) { return x % 100; })
            .sum()
            .addSink([](std::int64_t) {});
        const std::string message = messageOf([&] { env.execute("doomed"); });
        CHECK_THAT(message, Contains("job 'doomed' failed") && Contains("'picky'") && Contains("picky-uid") &&
                                Contains("subtask") && Contains("5000") && Contains("five thousand"));
    });
}

TEST_CASE("exceptions in open, in a sink, in a key selector and in an aggregate are attributed", "[api]") {
    struct BadOpen {
        void open(RuntimeContext&) { throw std::runtime_error("cannot open"); }
        int operator()(int x) const { return x; }
    };
    StreamExecutionEnvironment env{CallerRuntime()};
    env.fromData(1).map(BadOpen{}).name("opener").addSink([](int) {});
    CHECK_THAT(messageOf([&] { env.execute(); }),
               Contains("'opener'") && Contains("open()") && Contains("cannot open"));
    env.fromData(1).addSink([](int) { throw std::runtime_error("disk full"); }).name("writer");
    CHECK_THAT(messageOf([&] { env.execute(); }), Contains("'writer'") && Contains("disk full"));
    env.fromData(1).addSink([](int) { throw 42; }).name("writer");
    CHECK_THAT(messageOf([&] { env.execute(); }), Contains("'writer'") && Contains("not a std::exception"));
    env.fromData(1, 2)
        .keyBy([](int) { return 0; })
        .reduce([](int, int) -> int { throw std::runtime_error("cannot add"); })
        .name("adder")
        .addSink([](int) {});
    CHECK_THAT(messageOf([&] { env.execute(); }), Contains("'adder'") && Contains("cannot add"));
}

TEST_CASE("what was opened is closed, also when a later function cannot be opened or an earlier one cannot be closed",
          "[api]") {
    struct Guarded {
        std::shared_ptr<std::vector<std::string>> calls;
        std::string name;
        bool failsToOpen = false;
        bool failsToClose = false;
        void open(RuntimeContext&) {
            if (failsToOpen) throw std::runtime_error(name + " cannot open");
            calls->push_back("open " + name);
        }
        int operator()(int x) const { return x; }
        void close() {
            calls->push_back("close " + name);
            if (failsToClose) throw std::runtime_error(name + " cannot close");
        }
    };
    StreamExecutionEnvironment env{CallerRuntime()};
    auto calls = std::make_shared<std::vector<std::string>>();
    env.fromData(1).map(Guarded{calls, "a"}).map(Guarded{calls, "b", true}).map(Guarded{calls, "c"}).addSink([](int) {
    });
    CHECK_THAT(messageOf([&] { env.execute(); }), Contains("b cannot open"));
    CHECK(*calls == std::vector<std::string>{"open a", "close a"});
    calls->clear();
    env.fromData(1).map(Guarded{calls, "a", false, true}).map(Guarded{calls, "b", false, true}).addSink([](int) {});
    CHECK_THAT(messageOf([&] { env.execute(); }), Contains("a cannot close"));
    CHECK(*calls == std::vector<std::string>{"open a", "open b", "close a", "close b"});
}
