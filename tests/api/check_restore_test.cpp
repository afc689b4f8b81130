#include <millrace/api/check_restore.hpp>
// first: it stands alone
#include <millrace/api/checkpointing.hpp>
#include <millrace/checkpoint/checkpoint_summary.hpp>
#include <millrace/functions/checkpointed_function.hpp>
#include <millrace/millrace.hpp>
#include <millrace/runtime/simulated_runtime.hpp>

#include "api/api_fixtures.hpp"
#include "connectors/temp_directory.hpp"
#include "support/catch.hpp"
#include "support/rounds.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

// A pipeline with everything that keeps records of a type, run in a first version until a savepoint, and from there in a
// second version with another type: its results have to be those of the second version alone.

using namespace millrace;
using namespace millrace::testsupport;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

namespace {

constexpr std::int64_t kCount = 3000;

struct Item1 {
    std::int64_t key = 0;
    std::int32_t amount = 0;
    std::string gone = "gone";
    std::int64_t time = 0;

    static Item1 of(std::uint64_t i) {
        const auto n = static_cast<std::int64_t>(i);
        return {n % 5, static_cast<std::int32_t>(n % 100), "gone", n};
    }
    std::int64_t number() const { return amount; }
    void add(const Item1& other) { amount += other.amount; }
    std::int64_t rest() const { return 7; }
};
struct Item2 {
    std::int64_t key = 0;
    std::int64_t extra = 7;
    std::int64_t time = 0;
    std::optional<std::int64_t> value;

    static Item2 of(std::uint64_t i) {
        const auto n = static_cast<std::int64_t>(i);
        return {n % 5, 7, n, n % 100};
    }
    std::int64_t number() const { return *value; }
    void add(const Item2& other) { *value += *other.value; }
    std::int64_t rest() const { return extra; }
};

std::string textOf(std::initializer_list<std::int64_t> numbers) {
    std::string text;
    for (const std::int64_t number : numbers) text += " " + std::to_string(number);
    return text;
}

template <class Item>
struct Sum {
    using Accumulator = Item;
    Item createAccumulator() const { return {}; }
    void add(const Item& item, Item& sum) const {
        if (sum.time == 0) {
            sum = item;
        } else {
            sum.add(item);
        }
    }
    void merge(Item& into, const Item& other) const { add(other, into); }
    Item getResult(const Item& sum) const { return sum; }
};
template <class Item>
struct ReduceItems {
    Item operator()(const Item& a, const Item& b) const {
        Item sum = a;
        sum.add(b);
        return sum;
    }
};

/// A state of each kind; one of them has a time to live, but none expires.
template <class Item>
class AllStates {
public:
    void open(KeyedRuntimeContext& context) {
        value_ = context.getState(ValueStateDescriptor<Item>{"value", StateTtlConfig(24h)});
        list_ = context.getListState(ListStateDescriptor<Item>{"list"});
        map_ = context.getMapState(MapStateDescriptor<std::int64_t, Item>{"map", StateTtlConfig(24h)});
        reduced_ = context.getReducingState(ReducingStateDescriptor<Item, ReduceItems<Item>>{"reduced"});
        aggregated_ = context.getAggregatingState(AggregatingStateDescriptor<Item, Sum<Item>>{"aggregated"});
    }
    void processElement(const Item& item, KeyedProcessContext<std::int64_t>& context, Collector<std::string>& out) {
        value_.update(item);
        list_.add(item);
        map_.put(item.number() % 3, item);
        reduced_.add(item);
        aggregated_.add(item);
        std::int64_t listed = 0;
        for (const Item& each : list_.get()) listed += each.number() + each.rest();
        std::int64_t mapped = 0;
        for (const auto& [key, each] : map_.entries()) mapped += key * each.number() + each.rest();
        out.collect("states" + textOf({context.currentKey(), value_.value()->number(), listed, mapped,
                                       reduced_.get()->number(), aggregated_.get()->number()}));
    }

private:
    ValueState<Item> value_;
    ListState<Item> list_;
    MapState<std::int64_t, Item> map_;
    ReducingState<Item, ReduceItems<Item>> reduced_;
    AggregatingState<Item, Sum<Item>> aggregated_;
};

/// A list that belongs to no key.
template <class Item>
class LastItems {
public:
    void initializeState(FunctionInitializationContext& context) {
        list_ = context.getOperatorStateStore().getUnionListState(ListStateDescriptor<Item>{"last"});
        items_ = list_.get();
    }
    void snapshotState(FunctionSnapshotContext&) { list_.update(items_); }
    std::string operator()(const Item& item) {
        items_.push_back(item);
        if (items_.size() > 10) items_.erase(items_.begin());
        std::int64_t sum = 0;
        for (const Item& each : items_) sum += each.number() + each.rest();
        return "last" + textOf({item.time, sum});
    }

private:
    OperatorListState<Item> list_;
    std::vector<Item> items_;
};

template <class Item>
struct Rules {
    static const MapStateDescriptor<std::int64_t, Item>& descriptor() {
        static const MapStateDescriptor<std::int64_t, Item> rules{"rules"};
        return rules;
    }
    void processElement(const Item&, BroadcastReadOnlyContext&, Collector<std::string>&) {}
    void processBroadcastElement(const Item& item, BroadcastContext& context, Collector<std::string>& out) {
        auto&& state = context.getBroadcastState(descriptor());
        Item sum = item;
        if (const Item* const old = state.get(item.key)) sum.add(*old);
        state.put(item.key, sum);
        if (item.time + 10 > kCount) out.collect("rules" + textOf({item.key, sum.number(), sum.rest()}));
    }
};

template <class Item>
void build(StreamEnvironment& env, int parallelism, std::multiset<std::string>& output) {
    env.setParallelism(parallelism);
    const DataStream<Item> items =
        env.fromSource(DataGeneratorSource(Item::of, kCount, RateLimiterStrategy::perSecond(10'000)),
                       WatermarkStrategy::forMonotonousTimestamps().withTimestampAssigner(
                           [](const Item& item) { return Timestamp(Duration{item.time}); }),
                       "items")
            .uid("items")
            .setParallelism(1);
    const auto keyed = items.keyBy(&Item::key);
    const auto addLine = [&output](const std::string& line) { output.insert(line); };
    const auto show = [](std::string name) {
        return [name](const Item& item) { return name + textOf({item.key, item.number(), item.rest()}); };
    };
    keyed.reduce(ReduceItems<Item>{}).uid("reduce").map(show("reduced")).addSink(addLine).setParallelism(1);
    keyed.window(TumblingEventTimeWindows::of(200ns))
        .reduce(ReduceItems<Item>{})
        .uid("tumbling")
        .map(show("tumbling"))
        .addSink(addLine)
        .setParallelism(1);
    keyed.window(SlidingEventTimeWindows::of(200ns, 50ns))
        .aggregate(Sum<Item>{})
        .uid("sliding")
        .map(show("sliding"))
        .addSink(addLine)
        .setParallelism(1);
    keyed.window(EventTimeSessionWindows::withGap(1000ns))
        .aggregate(Sum<Item>{})
        .uid("session")
        .map(show("session"))
        .addSink(addLine)
        .setParallelism(1);
    keyed.countWindow(70)
        .template process<std::string>(
            [](std::int64_t key, const auto& window, const auto& elements, Collector<std::string>& out) {
                (void)window;
                std::int64_t sum = 0;
                for (const auto& each : elements) sum += each.number() + each.rest();
                out.collect("count" + textOf({key, sum}));
            })
        .uid("count")
        .addSink(addLine)
        .setParallelism(1);
    keyed.intervalJoin(items.keyBy(&Item::key))
        .between(-5ns, 5ns)
        .process([](const Item& a, const Item& b) {
            return "join" + textOf({a.number(), a.rest(), b.number()});
        })
        .uid("join")
        .addSink(addLine)
        .setParallelism(1);
    keyed.process(AllStates<Item>{}).uid("states").addSink(addLine).setParallelism(1);
    items.map(LastItems<Item>{}).uid("last").setParallelism(1).addSink(addLine).setParallelism(1);
    items.connect(items.broadcast(Rules<Item>::descriptor()))
        .process(Rules<Item>{})
        .uid("rules")
        .setParallelism(1)
        .addSink(addLine)
        .setParallelism(1);
}

std::multiset<std::string> minus(std::multiset<std::string> all, const std::multiset<std::string>& some) {
    for (const std::string& each : some) {
        const auto found = all.find(each);
        if (found != all.end()) all.erase(found);
    }
    return all;
}

/// Stops somewhere in the middle.
std::multiset<std::string> saveFirst(const std::string& directory, std::uint64_t seed) {
    std::multiset<std::string> output;
    StreamExecutionEnvironment env{SimulatedRuntime(seed)};
    build<Item1>(env, 2, output);
    env.enableCheckpointing({});
    const auto job = env.executeAsync("first");
    job->waitFor(100ms + seed * 10ms);
    job->stopWithSavepoint(directory);
    job->result();
    return output;
}

}  // namespace

template <>
struct millrace::SchemaEvolution<Item2> {
    static constexpr RenamedField renamed[] = {{"amount", "value"}};
};

TEST_CASE("whatever keeps records of a type goes on with those of its next version", "[api][checkpoint]") {
    std::multiset<std::string> undisturbed;
    {
        StreamExecutionEnvironment env{SimulatedRuntime(1)};
        build<Item2>(env, 2, undisturbed);
        env.execute();
    }
    for (std::uint64_t seed = 1; seed <= roundsToTry<std::uint64_t>(4); ++seed) {
        CAPTURE(seed);
        const testing::TempDirectory directory(testing::inMemoryDirectory());
        std::multiset<std::string> output = saveFirst(directory.path("saved"), seed);
        REQUIRE(output.size() > 1000);
        REQUIRE(output.size() + 1000 < undisturbed.size());

        StreamExecutionEnvironment env{SimulatedRuntime(seed)};
        build<Item2>(env, 3, output);
        CheckpointConfig config;
        config.restoreFrom = directory.path("saved");
        env.enableCheckpointing(config);
        const RestoreReport report = checkRestore(directory.path("saved"), env);
        CHECK(report.isRestorable());
        CHECK(report.states.size() == 20);
        for (const StateChange& each : report.states) {
            CAPTURE(each.uid, each.state);
            CHECK(each.fate != StateFate::Dropped);
            // there may be none: of timers, and of sources that are in the middle of a split
            const bool mayBeNone = each.state.starts_with("timers/") || each.state == "watermark";
            CHECK((each.fate != StateFate::Defaulted || mayBeNone));
        }
        env.execute("second");
        CHECK(minus(output, undisturbed).empty());
        CHECK(minus(undisturbed, output).empty());
    }
}

// ---- the report ----

namespace {

struct Old {
    std::int64_t kept = 1;
    std::int64_t narrow = 2;
    std::string gone = "g";
};
struct New {
    std::int64_t kept = 1;
    std::int32_t narrow = 2;
    std::int32_t added = 3;
};

template <class State>
struct Keeper {
    ValueState<State> state;
    void open(KeyedRuntimeContext& context) { state = context.getState(ValueStateDescriptor<State>{"state"}); }
    void processElement(std::int64_t, KeyedProcessContext<std::int64_t>&, Collector<std::int64_t>&) {
        state.update(State{});
    }
};

template <class State>
void buildKeeper(StreamEnvironment& env, const std::string& uid) {
    env.setParallelism(1);
    env.fromSource(DataGeneratorSource([](std::uint64_t i) { return static_cast<std::int64_t>(i); }, 1000,
                                       RateLimiterStrategy::perSecond(1000)),
                   WatermarkStrategy::noWatermarks(), "numbers")
        .uid("numbers")
        .keyBy([](std::int64_t i) { return i % 5; })
        .process(Keeper<State>{})
        .name("keeper")
        .uid(uid)
        .addSink([](std::int64_t) {})
        .uid("sink");
}

template <class State>
std::string save(const std::string& directory) {
    StreamExecutionEnvironment env{SimulatedRuntime(1)};
    buildKeeper<State>(env, "keeper");
    env.enableCheckpointing({});
    const auto job = env.executeAsync("keeper");
    job->waitFor(100ms);
    return job->stopWithSavepoint(directory).path;
}

std::string linesOf(const RestoreReport& report) {
    std::string text;
    for (const StateChange& each : report.states) {
        text += each.uid + " " + each.state + " " + std::string(toString(each.fate)) + "\n";
        for (const FieldChange& field : each.fields) {
            text += "  " + field.field + " " + std::string(toString(field.fate)) + " " + field.saved + " -> " +
                    field.now + "\n";
        }
    }
    return text;
}

}  // namespace

TEST_CASE("checkRestore says what becomes of each uid, state and field, and runs nothing", "[api][checkpoint]") {
    const testing::TempDirectory directory(testing::inMemoryDirectory());
    const std::string saved = save<Old>(directory.path("saved"));

    StreamExecutionEnvironment same{SimulatedRuntime(1)};
    buildKeeper<Old>(same, "keeper");
    const RestoreReport unchanged = checkRestore(saved, same);
    CHECK(unchanged.isRestorable());
    CHECK(
        linesOf(unchanged) ==
        "numbers enumerator kept\n  splits kept list<{next:u64,end:u64,block:u64,lanes:u64}> -> "
        "list<{next:u64,end:u64,block:u64,lanes:u64}>\n"
        "numbers splits kept\n  split.next kept u64 -> u64\n  split.end kept u64 -> u64\n"
        "  split.block kept u64 -> u64\n  split.lanes kept u64 -> u64\n"
        "numbers watermark defaulted\n"
        "keeper state/state kept\n  key kept i64 -> i64\n  value.kept kept i64 -> i64\n  value.narrow kept i64 -> i64\n"
        "  value.gone kept string -> string\n"
        "keeper timers/event defaulted\nkeeper timers/processing defaulted\nkeeper timers/overdue defaulted\n");
    same.execute();  // the pipeline is still there

    StreamExecutionEnvironment changed{SimulatedRuntime(1)};
    buildKeeper<New>(changed, "keeper");
    const RestoreReport report = checkRestore(saved, changed);
    CHECK_FALSE(report.isRestorable());
    CHECK_FALSE(report.isRestorable(true));
    CHECK_THAT(
        linesOf(report),
        ContainsSubstring("keeper state/state incompatible\n  key kept i64 -> i64\n  value.kept kept i64 -> i64\n"
                          "  value.narrow incompatible i64 -> i32\n  value.added defaulted  -> i32\n"
                          "  value.gone dropped string -> \n"));
    CHECK_THAT(report.toString(), ContainsSubstring("cannot be restored"));

    StreamExecutionEnvironment renamed{SimulatedRuntime(1)};
    buildKeeper<Old>(renamed, "other");
    const RestoreReport gone = checkRestore(saved, renamed);
    CHECK_FALSE(gone.isRestorable());
    CHECK(gone.isRestorable(true));
    CHECK_THAT(linesOf(gone),
               ContainsSubstring("other state/state defaulted\n") && ContainsSubstring("keeper state/state dropped\n"));
    CHECK_THAT(gone.toString(), ContainsSubstring("can be restored with allowNonRestoredState"));

    StreamExecutionEnvironment narrow{SimulatedRuntime(1)};
    buildKeeper<Old>(narrow, "keeper");
    narrow.setMaxParallelism(64);
    CHECK_THAT(checkRestore(saved, narrow).toString(),
               ContainsSubstring("was taken with maximum parallelism 128, but setMaxParallelism(64) asks for another"));
    CHECK_THROWS_AS(checkRestore(directory.path("nowhere"), narrow), IoException);
}

TEST_CASE("a state that does not fit fails the job at once, and what was saved stays", "[api][checkpoint]") {
    const testing::TempDirectory directory(testing::inMemoryDirectory());
    const std::string checkpoints = directory.path("checkpoints");
    CheckpointConfig config;
    config.directory = checkpoints;
    config.retention = CheckpointRetention::NoExternalized;  // even so
    config.restart = RestartStrategy::exponentialDelay();    // for ever, were it any other failure
    {
        StreamExecutionEnvironment env{SimulatedRuntime(1)};
        buildKeeper<Old>(env, "keeper");
        env.enableCheckpointing(config);
        const auto job = env.executeAsync("keeper");
        job->waitFor(100ms);
        job->stop(false);
        job->result();
    }
    {
        StreamExecutionEnvironment env{SimulatedRuntime(1)};
        buildKeeper<New>(env, "keeper");
        env.enableCheckpointing(config);
        CHECK_THAT(
            messageOf([&] { env.execute("keeper"); }),
            ContainsSubstring("state 'state/state' of operator uid 'keeper' cannot be restored: field "
                              "value.narrow: saved as i64, now i32: a number may become wider, but this one would "
                              "not always fit. Nothing that was saved has been changed."));
    }
    StreamExecutionEnvironment env{SimulatedRuntime(1)};
    buildKeeper<Old>(env, "keeper");
    env.enableCheckpointing(config);
    CHECK(env.execute("keeper").status == JobStatus::Finished);
}

TEST_CASE("a checkpoint of before schemas were saved is named, not restored", "[api][checkpoint]") {
    const std::string old = MILLRACE_TEST_DATA "/checkpoints/version_1/chk-7";
    StreamExecutionEnvironment env{SimulatedRuntime(1)};
    buildKeeper<Old>(env, "keeper");
    const RestoreReport report = checkRestore(old, env);
    CHECK_FALSE(report.isRestorable(true));
    CHECK_THAT(report.toString(), ContainsSubstring("version_1/chk-7) has format version 1"));
    CheckpointConfig config;
    config.restoreFrom = old;
    env.enableCheckpointing(config);
    CHECK_THAT(messageOf([&] { env.execute(); }), ContainsSubstring("version_1/chk-7) has format version 1"));
}

TEST_CASE("a checkpoint has the fingerprint of the plan", "[api][checkpoint]") {
    const testing::TempDirectory directory(testing::inMemoryDirectory());
    const std::string saved = save<Old>(directory.path("saved"));
    StreamExecutionEnvironment env{SimulatedRuntime(1)};
    buildKeeper<Old>(env, "keeper");
    CHECK(summarizeCheckpoint(saved).fingerprint == env.getExecutionPlan().fingerprint());
}
