#include <millrace/operators/keyed_process.hpp>

#include "support/allocation_count.hpp"
#include "support/catch.hpp"
#include "support/operator_harness.hpp"
#include "support/rounds.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace keyed_process_test {

using namespace millrace;
using namespace millrace::testsupport;
using namespace millrace::detail;
using Catch::Matchers::ContainsSubstring;

namespace {

struct Order {
    int customer;
    std::int64_t amount;
};
using Context = KeyedProcessContext<int>;
using TimerContext = OnTimerContext<int>;
using Customer = int Order::*;

template <class Fn>
auto keyed(Fn fn) {
    using Out = typename ProcessOutput<Fn>::Type;
    return OperatorHarness(KeyedProcessOperator<Order, Out, Customer, Fn>{&Order::customer, std::move(fn)});
}

/// What a function would do for an element or a timer, given by the test.
struct Scripted {
    std::function<void(const Order&, Context&, Collector<std::string>&)> onElement;
    std::function<void(Timestamp, TimerContext&, Collector<std::string>&)> onTime = [](Timestamp time,
                                                                                       TimerContext& context,
                                                                                       Collector<std::string>& out) {
        const bool inEventTime = context.timeDomain() == TimeDomain::EventTime;
        out.collect((inEventTime ? "event " : "processing ") + std::to_string(ticks(time)) + " of " +
                    std::to_string(context.currentKey()) + " at " + std::to_string(ticks(context.currentWatermark())));
    };

    void processElement(const Order& order, Context& context, Collector<std::string>& out) {
        onElement(order, context, out);
    }
    void onTimer(Timestamp time, TimerContext& context, Collector<std::string>& out) { onTime(time, context, out); }
};
using Strings = std::vector<Emitted<std::string>>;
constexpr std::int64_t kNone = INT64_MIN;

/// A key that counts how often one is hashed.
struct Shop {
    int number;
    bool operator==(const Shop&) const = default;
};
std::size_t hashedShops = 0;
struct Visit {
    Shop shop;
    std::int64_t time;
};
struct ReportShop {
    void processElement(const Visit& visit, KeyedProcessContext<Shop>& context, Collector<Shop>&) {
        context.timerService().registerProcessingTimeTimer(at(visit.time));
    }
    void onTimer(Timestamp, OnTimerContext<Shop>& context, Collector<Shop>& out) { out.collect(context.currentKey()); }
};

/// A key that cannot be hashed, compared or copied if it has that number.
struct Picky {
    static inline int unhashable = -1;
    static inline int incomparable = -1;
    static inline int uncopyable = -1;
    int number = 0;

    Picky() = default;
    explicit Picky(int which) : number(which) {}
    Picky(const Picky& other) : number(other.copied()) {}
    Picky& operator=(const Picky& other) {
        number = other.copied();
        return *this;
    }
    bool operator==(const Picky& other) const {
        if (number == incomparable) throw std::logic_error("not comparable");
        return number == other.number;
    }
    int copied() const {
        if (number == uncopyable) throw std::logic_error("not to be copied");
        return number;
    }
};
struct PickyOrder {
    Picky customer;
    std::int64_t amount;
};

/// Registers an event-time timer at `amount`.
auto timerAtAmount() {
    return Scripted{[](const Order& order, Context& context, Collector<std::string>&) {
        context.timerService().registerEventTimeTimer(at(order.amount));
    }};
}

/// Sums up per customer; emits sums.
struct TotalOfKey {
    ValueState<std::int64_t> total;
    void open(KeyedRuntimeContext& context) { total = context.getState(ValueStateDescriptor<std::int64_t>{"total"}); }
    void processElement(const Order& order, Context&, Collector<std::int64_t>& out) {
        total.mutate([&](std::int64_t& sum) { sum += order.amount; });
        out.collect(*total.value());
    }
};

}  // namespace

}  // namespace keyed_process_test

template <>
struct millrace::KeyHash<keyed_process_test::Shop> {
    static std::uint64_t of(const keyed_process_test::Shop& shop) {
        ++keyed_process_test::hashedShops;
        return static_cast<std::uint64_t>(shop.number);
    }
};
template <>
struct millrace::KeyHash<keyed_process_test::Picky> {
    static std::uint64_t of(const keyed_process_test::Picky& key) {
        if (key.number == keyed_process_test::Picky::unhashable) throw std::logic_error("not hashable");
        return static_cast<std::uint64_t>(key.number);
    }
};
template <>
struct millrace::Codec<keyed_process_test::Picky> {
    static void encode(const keyed_process_test::Picky& key, ByteWriter& writer) { writer.write(key.number); }
    static void decode(ByteReader& reader, keyed_process_test::Picky& key) { key.number = reader.read<int>(); }
    static std::string name() { return "test.Picky"; }
    static constexpr std::uint32_t version() { return 1; }
    static constexpr bool isDeterministic() { return true; }
};

namespace keyed_process_test {

TEST_CASE("each key has state of its own, and results the timestamps of their elements", "[operators]") {
    auto harness = keyed(TotalOfKey{});
    harness.open();
    harness.elements({{{1, 10}, 5}, {{2, 20}, 6}, {{1, 3}, 4}, {{2, 1}, 9}, {{1, 7}, 7}});
    CHECK(harness.take() == std::vector<Emitted<std::int64_t>>{{10, 5}, {20, 6}, {13, 4}, {21, 9}, {20, 7}});
}

namespace {

/// Emits each amount three times; with as many states as `kStates` says, of which the first is cleared now and then.
template <int kStates, class Record>
struct Thrice {
    ValueState<std::int64_t> last;
    ValueState<std::string> text;

    void open(KeyedRuntimeContext& context) {
        if constexpr (kStates > 0) last = context.getState(ValueStateDescriptor<std::int64_t>{"last"});
        if constexpr (kStates > 1) text = context.getState(ValueStateDescriptor<std::string>{"text"});
    }
    template <class AnyContext>
    void processElement(const Record& record, AnyContext&, Collector<std::int64_t>& out) {
        if constexpr (kStates > 0) {
            record.amount % 7 == 0 ? last.clear() : last.update(record.amount);
        }
        if constexpr (kStates > 1) text.update(std::to_string(record.amount));
        for (int i = 0; i < 3; ++i) out.collect(record.amount);
    }
};
/// Without `open`.
struct ThriceWithoutStates {
    void processElement(const Order& order, Context& context, Collector<std::int64_t>& out) {
        Thrice<0, Order>{}.processElement(order, context, out);
    }
};
struct NamedOrder {
    std::string customer;
    std::int64_t amount;
};

template <class Record>
Record recordOf(std::int64_t customer, std::int64_t amount) {
    Record record{{}, amount};
    if constexpr (std::is_same_v<Record, NamedOrder>) {
        record.customer = std::to_string(customer);
    } else {
        record.customer = static_cast<int>(customer);
    }
    return record;
}

template <class Record, class Fn>
void checkBlocksOfThrice(Fn fn, bool timed) {
    constexpr std::size_t kFull = kBlockRecords<std::int64_t>;
    using Member = decltype(&Record::customer);
    OperatorHarness harness(KeyedProcessOperator<Record, std::int64_t, Member, Fn>{&Record::customer, fn});
    harness.open();
    std::vector<Emitted<Record>> records;
    std::vector<Emitted<std::int64_t>> expected;
    for (std::int64_t amount = 0; amount < static_cast<std::int64_t>(2 * kFull); ++amount) {
        records.push_back({recordOf<Record>(amount % 10, amount), amount});
        expected.insert(expected.end(), 3, {amount, timed ? amount : ticks(kMinTimestamp)});
    }
    harness.elements(std::move(records), timed);
    CHECK(harness.take() == expected);
    CHECK(harness.output.largestBlock >= kFull);
    CHECK(harness.output.largestBlock < kFull + 3);
}

}  // namespace

TEST_CASE("what a keyed function emits is handed on as soon as a block is full", "[operators]") {
    for (const bool timed : {false, true}) {
        CAPTURE(timed);
        checkBlocksOfThrice<Order>(ThriceWithoutStates{}, timed);
        checkBlocksOfThrice<Order>(Thrice<0, Order>{}, timed);
        checkBlocksOfThrice<Order>(Thrice<1, Order>{}, timed);
        checkBlocksOfThrice<Order>(Thrice<2, Order>{}, timed);
        checkBlocksOfThrice<NamedOrder>(Thrice<1, NamedOrder>{}, timed);
    }
}

TEST_CASE("keyed state survives a restore, and goes to the subtask that owns its key group", "[operators]") {
    auto harness = keyed(TotalOfKey{});
    harness.open();
    for (int customer = 0; customer < 100; ++customer) harness.element({customer, customer}, 1);
    const MemorySnapshot snapshot = harness.snapshot();

    auto all = keyed(TotalOfKey{});
    all.openFrom(snapshot);
    for (int customer = 0; customer < 101; ++customer) all.element({customer, 1000}, 1);
    const auto restored = all.take();
    REQUIRE(restored.size() == 101);
    for (int customer = 0; customer < 100; ++customer)
        CHECK(restored[static_cast<std::size_t>(customer)].value == 1000 + customer);
    CHECK(restored[100].value == 1000);

    auto half = keyed(TotalOfKey{});
    half.openFrom(snapshot.forKeyGroups(0, 63));
    for (int customer = 0; customer < 100; ++customer) half.element({customer, 1000}, 1);
    const auto parts = half.take();
    for (int customer = 0; customer < 100; ++customer) {
        const bool owned = keyGroupFor(keyHash(customer), 128) < 64;
        CHECK(parts[static_cast<std::size_t>(customer)].value == 1000 + (owned ? customer : 0));
    }
}

TEST_CASE("an event timer fires when the watermark reaches it, before the watermark, with its own timestamp",
          "[operators]") {
    auto harness = keyed(timerAtAmount());
    harness.open();
    harness.elements({{{1, 20}, 1}, {{2, 10}, 2}, {{1, 10}, 3}, {{2, 21}, 4}});
    CHECK(harness.take().empty());
    harness.watermark(9);
    CHECK(harness.take().empty());
    harness.watermark(20);
    CHECK(harness.take() ==
          Strings{{"event 10 of 2 at 20", 10}, {"event 10 of 1 at 20", 10}, {"event 20 of 1 at 20", 20}});
    CHECK(harness.output.watermarks == std::vector<RecordingPort<std::string>::Watermark>{{9, 0}, {20, 3}});
    harness.watermark(21);
    CHECK(harness.take() == Strings{{"event 21 of 2 at 21", 21}});
}

TEST_CASE("the same timer registered twice fires once; deleting an unknown one does nothing", "[operators]") {
    auto harness = keyed(Scripted{[](const Order& order, Context& context, Collector<std::string>&) {
        auto& timers = context.timerService();
        timers.registerEventTimeTimer(at(10));
        timers.registerEventTimeTimer(at(10));
        timers.deleteEventTimeTimer(at(11));
        timers.registerEventTimeTimer(at(12));
        timers.deleteEventTimeTimer(at(12));
        timers.deleteProcessingTimeTimer(at(10));
        if (order.customer == 2) timers.deleteEventTimeTimer(at(10));
    }});
    harness.open();
    harness.elements({{{1, 0}, 1}, {{1, 0}, 2}, {{2, 0}, 2}});
    harness.watermark(100);
    CHECK(harness.take() == Strings{{"event 10 of 1 at 100", 10}});
}

TEST_CASE("an event timer of the past fires with the next watermark, not at once", "[operators]") {
    auto harness = keyed(timerAtAmount());
    harness.open();
    harness.watermark(50);
    harness.element({1, 10}, 60);
    harness.element({1, 50}, 60);
    CHECK(harness.take().empty());
    harness.watermark(51);
    CHECK(harness.take() == Strings{{"event 10 of 1 at 51", 10}, {"event 50 of 1 at 51", 50}});
}

TEST_CASE("a timer that a timer registers at or below the watermark fires in the same round", "[operators]") {
    auto scripted = timerAtAmount();
    scripted.onTime = [](Timestamp time, TimerContext& context, Collector<std::string>& out) {
        out.collect(std::to_string(ticks(time)));
        if (ticks(time) == 10) {
            context.timerService().registerEventTimeTimer(at(5));
            context.timerService().registerEventTimeTimer(at(20));
            context.timerService().registerEventTimeTimer(at(21));
        }
    };
    auto harness = keyed(scripted);
    harness.open();
    harness.elements({{{1, 10}, 1}, {{2, 15}, 1}});
    harness.watermark(20);
    CHECK(harness.take() == Strings{{"10", 10}, {"5", 5}, {"15", 15}, {"20", 20}});
    harness.watermark(21);
    CHECK(harness.take() == Strings{{"21", 21}});
}

TEST_CASE("the last watermark fires all event timers, at the latest time too; processing timers are dropped",
          "[operators]") {
    auto harness = keyed(Scripted{[](const Order&, Context& context, Collector<std::string>&) {
        context.timerService().registerEventTimeTimer(at(1'000'000));
        context.timerService().registerEventTimeTimer(kMaxTimestamp);
        context.timerService().registerProcessingTimeTimer(at(5));
    }});
    harness.open();
    harness.element({1, 0}, 1);
    harness.watermark(INT64_MAX);
    harness.stage().endInput(0);
    const auto last = std::to_string(INT64_MAX);
    CHECK(harness.take() ==
          Strings{{"event 1000000 of 1 at " + last, 1'000'000}, {"event " + last + " of 1 at " + last, INT64_MAX}});
    harness.context.now = at(100);
    harness.stage().onProcessingTime(at(100));
    CHECK(harness.take().empty());
    CHECK(harness.output.controls == std::vector<std::string>{"end"});
}

TEST_CASE("a processing timer fires when the clock has reached it, and what it emits has no timestamp", "[operators]") {
    auto harness = keyed(Scripted{[](const Order& order, Context& context, Collector<std::string>& out) {
        context.timerService().registerProcessingTimeTimer(at(order.amount));
        out.collect("now " + std::to_string(ticks(context.timerService().currentProcessingTime())));
    }});
    harness.open();
    harness.context.now = at(7);
    harness.elements({{{1, 30}, 100}, {{2, 20}, 101}, {{3, 5}, 102}});
    CHECK(harness.context.requested == std::vector<std::int64_t>{30, 20, 5});
    CHECK(harness.take() == Strings{{"now 7", 100}, {"now 7", 101}, {"now 7", 102}});
    harness.context.now = at(20);
    harness.stage().onProcessingTime(at(20));
    CHECK(harness.take() == Strings{{"processing 5 of 3 at " + std::to_string(kNone), kNone},
                                    {"processing 20 of 2 at " + std::to_string(kNone), kNone}});
    CHECK(harness.context.requested == std::vector<std::int64_t>{30, 20, 5, 30});
    harness.stage().onProcessingTime(at(29));
    CHECK(harness.take().empty());
    harness.stage().onProcessingTime(at(30));
    CHECK(harness.take() == Strings{{"processing 30 of 1 at " + std::to_string(kNone), kNone}});
}

TEST_CASE("a processing timer that fires does not have those looked at that wait", "[operators]") {
    OperatorHarness harness(KeyedProcessOperator<Visit, Shop, Shop Visit::*, ReportShop>{&Visit::shop, {}});
    harness.open();
    for (int i = 0; i < 5000; ++i) harness.elements({{{{i}, 1000 + i}, 0}});
    hashedShops = 0;
    std::size_t fired = 0;
    for (std::int64_t now = 1000; now < 1100; ++now) {
        harness.context.now = at(now);
        harness.stage().onProcessingTime(at(now));
        fired += harness.take().size();
    }
    CHECK(fired == 100);
    CHECK(hashedShops < 5000);
}

TEST_CASE("both kinds of timers survive a restore; overdue ones fire at once, the watermark starts anew",
          "[operators]") {
    const auto both = Scripted{[](const Order& order, Context& context, Collector<std::string>&) {
        context.timerService().registerEventTimeTimer(at(order.amount));
        context.timerService().registerProcessingTimeTimer(at(order.amount));
    }};
    auto harness = keyed(both);
    harness.open();
    harness.elements({{{1, 10}, 1}, {{2, 20}, 2}});
    harness.watermark(15);
    CHECK(harness.take() == Strings{{"event 10 of 1 at 15", 10}});

    auto restored = keyed(both);
    restored.context.now = at(12);
    restored.openFrom(harness.snapshot());
    CHECK(restored.context.requested == std::vector<std::int64_t>{10});
    restored.stage().onProcessingTime(at(12));
    CHECK(restored.take() == Strings{{"processing 10 of 1 at " + std::to_string(kNone), kNone}});
    restored.watermark(12);
    CHECK(restored.take().empty());
    restored.watermark(20);
    CHECK(restored.take() == Strings{{"event 20 of 2 at 20", 20}});
}

TEST_CASE("timers that were set behind the watermark wait for the next one, also where a restore is in between",
          "[operators]") {
    // key 1 sets a timer, and deletes it when it comes again
    struct SetOrDelete {
        ValueState<std::int64_t> set;
        void open(KeyedRuntimeContext& context) { set = context.getState(ValueStateDescriptor<std::int64_t>{"set"}); }
        void processElement(const Order& order, Context& context, Collector<std::string>&) {
            if (const std::int64_t* before = set.value()) context.timerService().deleteEventTimeTimer(at(*before));
            set.update(order.amount);
            context.timerService().registerEventTimeTimer(at(order.amount));
        }
        void onTimer(Timestamp time, OnTimerContext<int>& context, Collector<std::string>& out) {
            out.collect(std::to_string(context.currentKey()) + " at " +
                        std::to_string(time.time_since_epoch().count()));
        }
    };
    struct Running {
        decltype(keyed(SetOrDelete{})) harness = keyed(SetOrDelete{});
    };
    const int restores = GENERATE(0, 1, 2);
    CAPTURE(restores);
    auto running = std::make_unique<Running>();
    running->harness.open();
    running->harness.watermark(50);
    running->harness.elements({{{1, 30}, 20}, {{2, 40}, 30}, {{3, 60}, 50}});
    for (int i = 0; i < restores; ++i) {
        auto next = std::make_unique<Running>();
        next->harness.openFrom(running->harness.snapshot());  // the second time before the watermark has come again
        running = std::move(next);
    }
    auto& harness = running->harness;
    if (restores > 0) harness.watermark(50);
    CHECK(harness.take().empty());
    harness.elements({{{1, 70}, 60}});
    harness.watermark(55);
    CHECK(harness.take() == Strings{{"2 at 40", 40}});
    harness.watermark(70);
    CHECK(harness.take() == Strings{{"3 at 60", 60}, {"1 at 70", 70}});
}

TEST_CASE("side outputs carry the timestamp of the element or of the event timer", "[operators]") {
    static const OutputTag<std::string> tag("alerts");
    auto scripted = timerAtAmount();
    scripted.onElement = [](const Order& order, Context& context, Collector<std::string>&) {
        context.output(tag, "element");
        context.timerService().registerEventTimeTimer(at(order.amount));
        context.timerService().registerProcessingTimeTimer(at(order.amount));
    };
    scripted.onTime = [](Timestamp, TimerContext& context, Collector<std::string>&) {
        context.output(tag, context.timestamp() ? "event timer" : "processing timer");
    };
    auto harness = keyed(scripted);
    RecordingPort<std::string> alerts;
    harness.readSide(tag, alerts);
    harness.open();
    harness.element({1, 10}, 3);
    harness.watermark(10);
    harness.stage().onProcessingTime(at(10));
    CHECK(alerts.elements == Strings{{"element", 3}, {"event timer", 10}, {"processing timer", kNone}});
}

TEST_CASE("firing stops when the output is full and goes on where it stopped", "[operators]") {
    auto harness = keyed(timerAtAmount());
    harness.open();
    for (int customer = 0; customer < 5000; ++customer) harness.element({customer, 10 + customer % 3}, 1);
    harness.output.afterBlock = [&] { harness.context.outputBlocked = true; };
    int rounds = 1;
    for (Progress progress = harness.watermark(11); progress == Progress::Suspended; ++rounds) {
        CHECK(harness.output.watermarks.empty());
        harness.context.outputBlocked = false;
        progress = harness.stage().resume();
    }
    CHECK(rounds > 3);
    CHECK(harness.output.largestBlock <= 1024);
    const auto all = harness.take();
    REQUIRE(all.size() == 3334);
    for (std::size_t i = 1; i < all.size(); ++i) REQUIRE(all[i - 1].time <= all[i].time);
    CHECK(harness.output.watermarks == std::vector<RecordingPort<std::string>::Watermark>{{11, 3334}});
}

TEST_CASE("a key whose last state is cleared leaves nothing behind", "[operators]") {
    struct Toggle {
        ValueState<int> seen;
        ListState<std::string> names;
        void open(KeyedRuntimeContext& context) {
            seen = context.getState(ValueStateDescriptor<int>{"seen"});
            names = context.getListState(ListStateDescriptor<std::string>{"names"});
        }
        void processElement(const Order& order, Context&, Collector<int>& out) {
            if (order.amount == 0) {
                seen.clear();
                names.clear();
            } else {
                seen.update(1);
                names.add("a name that is too long to live in the string itself");
            }
            out.collect(static_cast<int>(names.get().size()));
        }
    };
    auto harness = keyed(Toggle{});
    harness.open();
    for (int round = 0; round < 3; ++round) {
        for (int customer = 0; customer < 1000; ++customer) harness.element({customer, 1}, 1);
        for (int customer = 0; customer < 1000; customer += 2) harness.element({customer, 0}, 1);
    }
    CHECK(harness.take().back().value == 0);
    auto restored = keyed(Toggle{});
    restored.openFrom(harness.snapshot());
    for (int customer = 0; customer < 4; ++customer) restored.element({customer, 1}, 1);
    CHECK(restored.take() == std::vector<Emitted<int>>{{1, 1}, {4, 1}, {1, 1}, {4, 1}});
}

TEST_CASE("an error in a keyed function names the operator, the subtask and the time", "[operators]") {
    auto scripted = timerAtAmount();
    scripted.onTime = [](Timestamp, TimerContext&, Collector<std::string>&) {
        throw std::runtime_error("no such page");
    };
    auto harness = keyed(scripted);
    harness.open();
    harness.element({1, 10}, 3);
    const auto messageOf = [](const std::function<void()>& call) {
        try {
            call();
        } catch (const UserFunctionException& error) {
            return describeException(error);
        }
        return std::string();
    };
    CHECK_THAT(messageOf([&] { harness.watermark(10); }),
               ContainsSubstring("operator 'window' (uid 'uid-1', subtask 0): onTimer() threw, timestamp ") &&
                   ContainsSubstring("caused by: no such page"));

    auto failing =
        keyed(Scripted{[](const Order&, Context&, Collector<std::string>&) { throw std::runtime_error("full"); }});
    failing.open();
    CHECK_THAT(
        messageOf([&] {
            failing.element({1, 10}, 3);
        }),
        ContainsSubstring("operator 'window' (uid 'uid-1', subtask 0): the user's function threw for the record") &&
            ContainsSubstring("caused by: full"));
}

namespace {

/// Throws for the record of the amount `fails`; counts in a state if it `kHasState`.
template <class Record, bool kHasState>
struct FailsAt {
    using Key = decltype(Record::customer);
    std::int64_t fails;
    ValueState<std::int64_t> count;

    void open(KeyedRuntimeContext& context)
        requires(kHasState)
    {
        count = context.getState(ValueStateDescriptor<std::int64_t>{"count"});
    }
    void processElement(const Record& record, KeyedProcessContext<Key>&, Collector<std::int64_t>& out) {
        if constexpr (kHasState) count.update(count.valueOr(0) + 1);
        if (record.amount == fails) throw std::runtime_error("will not");
        out.collect(record.amount);
    }
};

/// What is thrown while a block of orders is processed whose function, key selector or successor fails; the first two at the
/// record of that amount.
template <class Record, bool kHasState>
std::string errorOf(std::int64_t functionAt, std::int64_t selectorAt, bool nextFails, bool timed) {
    const auto keyOf = [selectorAt](const Record& record) {
        if (record.amount == selectorAt) throw std::runtime_error("no key");
        return record.customer;
    };
    using Fn = FailsAt<Record, kHasState>;
    OperatorHarness harness(KeyedProcessOperator<Record, std::int64_t, decltype(keyOf), Fn>{keyOf, Fn{functionAt, {}}});
    harness.open();
    std::vector<Emitted<Record>> records;
    for (std::int64_t amount = 0; amount < static_cast<std::int64_t>(kBlockRecords<std::int64_t>) + 1; ++amount) {
        records.push_back({recordOf<Record>(amount % 3, amount), amount});
    }
    if (nextFails) harness.output.afterBlock = [] { throw std::logic_error("the next one fails"); };
    try {
        harness.elements(std::move(records), timed);
    } catch (const UserFunctionException& error) {
        return describeException(error);
    } catch (const std::logic_error& error) {
        return error.what();
    }
    return "nothing";
}

template <class Record, bool kHasState>
void checkErrorsOfRuns() {
    for (const bool timed : {true, false}) {
        CAPTURE(timed);
        constexpr std::int64_t kNever = -1;
        const std::string operatorText = "operator 'window' (uid 'uid-1', subtask 0): ";
        const auto textOf = [timed](std::int64_t amount) {
            return describeValue(recordOf<Record>(amount % 3, amount)) +
                   (timed ? ", timestamp " + describeTime(at(amount)) : std::string());
        };
        for (const std::int64_t amount : {0, 1, 4, 100}) {  // keys without state, and with
            const std::string record = std::is_same_v<Record, Order> ? " for the record " + textOf(amount) : "";
            CHECK_THAT((errorOf<Record, kHasState>(amount, kNever, false, timed)),
                       ContainsSubstring(operatorText + "the user's function threw" + record) &&
                           ContainsSubstring("caused by: will not"));
            CHECK_THAT((errorOf<Record, kHasState>(kNever, amount, false, timed)),
                       ContainsSubstring(operatorText + "the key selector threw for the record " + textOf(amount)) &&
                           ContainsSubstring("caused by: no key"));
        }
        CHECK(errorOf<Record, kHasState>(kNever, kNever, true, timed) == "the next one fails");
    }
}

}  // namespace

TEST_CASE("an error in a run of records names the record; one of the next operator passes as it is", "[operators]") {
    checkErrorsOfRuns<Order, true>();
    checkErrorsOfRuns<Order, false>();
    checkErrorsOfRuns<NamedOrder, true>();
    checkErrorsOfRuns<NamedOrder, false>();
}

namespace {

/// What 600 orders of 400 customers throw, all in one block.
template <bool kHasState>
std::string errorOfPicky() {
    using Fn = FailsAt<PickyOrder, kHasState>;
    using Member = Picky PickyOrder::*;
    OperatorHarness harness(
        KeyedProcessOperator<PickyOrder, std::int64_t, Member, Fn>{&PickyOrder::customer, Fn{-1, {}}});
    harness.open();
    std::vector<PickyOrder> orders(600);
    for (std::size_t i = 0; i < orders.size(); ++i) {
        orders[i].customer.number = static_cast<int>(i % 400);
        orders[i].amount = static_cast<std::int64_t>(i);
    }
    try {
        harness.stage().onBlock(0, Block<PickyOrder>{orders.data(), nullptr, nullptr, orders.size()});
    } catch (const std::exception& error) {
        return error.what();
    }
    return "nothing";
}

}  // namespace

TEST_CASE("an error of a key between two calls is not blamed on a record", "[operators]") {
    for (int* const which : {&Picky::unhashable, &Picky::incomparable, &Picky::uncopyable}) {
        const char* const expected = which == &Picky::unhashable     ? "not hashable"
                                     : which == &Picky::incomparable ? "not comparable"
                                                                     : "not to be copied";
        for (const int number : {0, 50, 150, 300}) {  // hashed are 256 at a time; only the first 200 come again
            if (which == &Picky::incomparable && number >= 200) continue;
            CAPTURE(expected, number);
            *which = number;
            CHECK(errorOfPicky<true>() == expected);
            CHECK(errorOfPicky<false>() == (which == &Picky::uncopyable ? expected : "nothing"));
        }
        *which = -1;
    }
    CHECK(errorOfPicky<true>() == "nothing");
}

TEST_CASE("keyed state and timers cannot be used in open", "[operators]") {
    struct TooEarly {
        ValueState<int> count;
        void open(KeyedRuntimeContext& context) {
            count = context.getState(ValueStateDescriptor<int>{"count"});
            count.update(1);
        }
        void processElement(const Order&, Context&, Collector<int>&) {}
    };
    auto harness = keyed(TooEarly{});
    try {
        harness.open();
        FAIL("it opened");
    } catch (const UserFunctionException& error) {
        CHECK_THAT(describeException(error), ContainsSubstring("open() threw") &&
                                                 ContainsSubstring("state 'count' is used while no key is current"));
    }
}

namespace {

/// Keeps what is asked of the other tests in a form that the compiler sees through.
struct LastPerKey {
    ValueState<std::int64_t> last;
    MapState<std::int32_t, std::int64_t> counts;
    void open(KeyedRuntimeContext& context) {
        last = context.getState(ValueStateDescriptor<std::int64_t>{"last"});
        counts = context.getMapState(MapStateDescriptor<std::int32_t, std::int64_t>{"counts"});
    }
    void processElement(const Order& order, Context& context, Collector<std::int64_t>& out) {
        if (const auto* old = last.value()) context.timerService().deleteEventTimeTimer(at(*old));
        last.update(ticks(*context.timestamp()) + 1000);
        counts.mutate(static_cast<std::int32_t>(order.amount % 20), [](std::int64_t& count) { ++count; });
        context.timerService().registerEventTimeTimer(at(*last.value()));
        out.collect(static_cast<std::int64_t>(counts.size()));
    }
    void onTimer(Timestamp, TimerContext&, Collector<std::int64_t>& out) { out.collect(*last.value()); }
};

}  // namespace

TEST_CASE("state, timers and firing ask the heap for nothing once they have what they need", "[operators]") {
    auto harness = keyed(LastPerKey{});
    harness.open();
    harness.output.keeps = false;
    std::int64_t time = 0;
    const auto run = [&](int records) {
        for (int i = 0; i < records; ++i, ++time) {
            harness.element({static_cast<int>(time % 257), time}, time);
            if (time % 100 == 0) harness.watermark(time - 500);
        }
    };
    run(roundsToCount(200'000));
    const std::uint64_t before = allocationCount();
    run(roundsToCount(200'000));
    CHECK(allocationCount() - before < 100);
}

}  // namespace keyed_process_test
