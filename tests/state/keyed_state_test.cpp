#include <millrace/functions/keyed_runtime_context.hpp>
#include <millrace/state/memory_snapshot.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace millrace;
using namespace millrace::detail;
using Catch::Matchers::ContainsSubstring;

namespace {

using UpdateType = StateTtlConfig::UpdateType;
using Visibility = StateTtlConfig::StateVisibility;

/// A store as an operator has it, with a clock that the test sets.
template <class Key>
struct Fixture {
    Accumulators accumulators;
    KeyedStateStore<Key> store;
    KeyedRuntimeContext context{RuntimeContext("job", "operator", "uid", 0, 1, 128, accumulators), store.cells()};
    Timestamp now{};

    void seal() {
        store.cells().seal([](const void* clock) { return *static_cast<const Timestamp*>(clock); }, &now);
    }
    /// So many states, and no others.
    std::vector<ValueState<double>> numbers(std::size_t count) {
        std::vector<ValueState<double>> states;
        for (std::size_t i = 0; i < count; ++i) {
            states.push_back(context.getState(ValueStateDescriptor<double>{"value " + std::to_string(i)}));
        }
        seal();
        return states;
    }
    void at(std::int64_t ticks) { now = Timestamp(Duration(ticks)); }
    template <class Call>
    void with(const Key& key, Call call) {
        store.setCurrentKey(key);
        call();
        store.leaveKey();
    }
    MemorySnapshot snapshot() {
        MemorySnapshot taken;
        store.snapshot(taken, "uid", 128);
        return taken;
    }
};

std::string messageOf(const std::function<void()>& call) {
    try {
        call();
    } catch (const std::exception& error) {
        return describeException(error);
    }
    return {};
}

struct Average {
    struct Accumulator {
        std::int64_t sum = 0;
        std::int64_t count = 0;
    };
    Accumulator createAccumulator() const { return {}; }
    void add(std::int64_t value, Accumulator& acc) const {
        acc.sum += value;
        ++acc.count;
    }
    double getResult(const Accumulator& acc) const {
        return static_cast<double>(acc.sum) / static_cast<double>(acc.count);
    }
};

const std::string kLong = "a text that is too long to live in the string itself";

/// Made from a number explicitly, and assigned one in a way of its own.
struct Peak {
    float last = 0;
    float highest = 0;

    Peak() = default;
    explicit Peak(float value) : last(value), highest(value) {}
    Peak& operator=(float value) {
        last = value;
        highest = std::max(highest, value);
        return *this;
    }
};

}  // namespace

template <>
struct millrace::Codec<Peak> {
    static std::string name() { return "peak"; }
    static void encode(const Peak& peak, ByteWriter& writer) {
        writer.write(peak.last);
        writer.write(peak.highest);
    }
    static void decode(ByteReader& reader, Peak& peak) {
        peak.last = reader.read<float>("the last value");
        peak.highest = reader.read<float>("the highest value");
    }
};

namespace {

/// A key that refuses to be compared, now and then.
struct Moody {
    int number = 0;
    static inline bool refuses = false;
    bool operator==(const Moody& other) const {
        if (refuses) throw std::runtime_error("no");
        return number == other.number;
    }
};

/// One state of each kind.
template <class Key>
struct AllKinds : Fixture<Key> {
    explicit AllKinds(std::optional<StateTtlConfig> ttl = {}) {
        const auto with = [&](auto descriptor) {
            if (ttl) descriptor.enableTimeToLive(*ttl);
            return descriptor;
        };
        auto& open = this->context;
        value = open.getState(with(ValueStateDescriptor<std::string>{"value"}));
        list = open.getListState(with(ListStateDescriptor<std::string>{"list"}));
        map = open.getMapState(with(MapStateDescriptor<std::string, int>{"map"}));
        sum = open.getReducingState(with(ReducingStateDescriptor<int, std::plus<>>{"sum"}));
        average = open.getAggregatingState(with(AggregatingStateDescriptor<std::int64_t, Average>{"average"}));
        this->seal();
    }
    ValueState<std::string> value;
    ListState<std::string> list;
    MapState<std::string, int> map;
    ReducingState<int, std::plus<>> sum;
    AggregatingState<std::int64_t, Average> average;

    /// All that the current key has, as text.
    std::string show() const {
        std::string text = value.value() != nullptr ? *value.value() : "-";
        text += " [";
        for (const std::string& element : list.get()) text += element + ",";
        text += "] {";
        std::vector<std::string> entries;
        for (const auto& [key, count] : map.entries()) entries.push_back(key + "=" + std::to_string(count) + ",");
        std::sort(entries.begin(), entries.end());
        for (const std::string& entry : entries) text += entry;
        text += "} " + (sum.get() != nullptr ? std::to_string(*sum.get()) : "-");
        return text + " " + (average.get() ? std::to_string(static_cast<int>(*average.get() * 10)) : "-");
    }
    void write(int n) {
        value.update("v" + std::to_string(n));
        list.add("l" + std::to_string(n));
        map.put("m" + std::to_string(n), n);
        sum.add(n);
        average.add(n);
    }
};

}  // namespace

TEMPLATE_TEST_CASE("each kind of state keeps what its key wrote", "[state]", std::int32_t, std::string) {
    using Key = TestType;
    const auto key = [](int i) {
        if constexpr (std::is_same_v<Key, std::string>) {
            return "key number " + std::to_string(i) + " of many";
        } else {
            return i;
        }
    };
    AllKinds<Key> states;
    for (int round = 1; round <= 2; ++round) {
        for (int i = 0; i < 500; ++i) states.with(key(i), [&] { states.write(i * round); });
    }
    CHECK(states.store.size() == 500);
    states.with(key(7), [&] { CHECK(states.show() == "v14 [l7,l14,] {m14=14,m7=7,} 21 105"); });
    states.with(key(500), [&] { CHECK(states.show() == "- [] {} - -"); });
    CHECK(states.store.size() == 500);

    states.with(key(7), [&] {
        states.value.clear();
        states.list.clear();
        states.map.clear();
        states.sum.clear();
        CHECK(states.show() == "- [] {} - 105");
        states.average.clear();
    });
    CHECK(states.store.size() == 499);

    AllKinds<Key> restored;
    restored.store.restore(states.snapshot(), "uid");
    CHECK(restored.store.size() == 499);
    restored.with(key(7), [&] { CHECK(restored.show() == "- [] {} - -"); });
    restored.with(key(8), [&] { CHECK(restored.show() == "v16 [l8,l16,] {m16=16,m8=8,} 24 120"); });
}

TEST_CASE("values change in place, by what they were or anew", "[state]") {
    Fixture<int> fixture;
    auto value = fixture.context.getState(ValueStateDescriptor<std::int64_t>{"value"});
    fixture.seal();
    fixture.with(1, [&] {
        CHECK(value.value() == nullptr);
        CHECK(value.valueOr(5) == 5);
        value.mutate([](std::int64_t& v) { v += 3; });
        CHECK(*value.value() == 3);
        value.update(10);
        value.mutate([](std::int64_t& v) { v += 3; });
        CHECK(value.valueOr(5) == 13);
    });
    fixture.with(2, [&] { CHECK(value.value() == nullptr); });
    fixture.with(1, [&] { CHECK(*value.value() == 13); });
    const ValueState<std::int64_t> copy = value;
    fixture.with(1, [&] { CHECK(*copy.value() == 13); });
}

TEST_CASE("a list is replaced by update, which clears it when the new one is empty", "[state]") {
    Fixture<int> fixture;
    auto list = fixture.context.getListState(ListStateDescriptor<int>{"list"});
    fixture.seal();
    const auto elements = [&] { return std::vector<int>(list.get().begin(), list.get().end()); };
    fixture.with(1, [&] {
        list.addAll(std::vector<int>{});
        CHECK(elements().empty());
        list.addAll(std::vector<int>{1, 2});
        list.add(3);
        CHECK(elements() == std::vector<int>{1, 2, 3});
        list.update({9, 8});
        CHECK(elements() == std::vector<int>{9, 8});
        list.update({});
    });
    CHECK(fixture.store.size() == 0);
}

TEST_CASE("a map holds the same entries as a std::map, whatever happens to it", "[state]") {
    const auto seed = GENERATE(1u, 2u, 3u);
    CAPTURE(seed);
    std::mt19937 random(seed);
    Fixture<int> fixture;
    auto map = fixture.context.getMapState(MapStateDescriptor<std::string, int>{"map"});
    fixture.seal();
    std::map<std::string, int> model;
    const unsigned range = seed == 1 ? 6 : 60;
    for (int step = 0; step < 5000; ++step) {
        fixture.with(1, [&] {
            const std::string key = std::to_string(random() % range);
            switch (random() % 5) {
                case 0:
                case 1:
                    map.put(key, step);
                    model[key] = step;
                    break;
                case 2:
                    map.mutate(key, [&](int& value) { value += 7; });
                    model[key] += 7;
                    break;
                default:
                    map.remove(key);
                    model.erase(key);
            }
            const std::string other = std::to_string(random() % range);
            if (map.contains(other) != (model.count(other) == 1)) FAIL("contains");
            if (map.getOr(other, -1) != (model.count(other) == 1 ? model[other] : -1)) FAIL("get");
            if (map.size() != model.size() || map.isEmpty() != model.empty()) FAIL("size");
        });
    }
    fixture.with(1, [&] {
        map.putAll(std::map<std::string, int>{{"more", 1}, {"and more", 2}});
        model.insert({{"more", 1}, {"and more", 2}});
        std::map<std::string, int> all;
        map.forEach([&](const std::string& key, int value) { all[key] = value; });
        CHECK(all == model);
        CHECK(map.keys().size() == model.size());
    });
}

TEST_CASE("the table of a store stays right while keys come and go", "[state]") {
    const auto seed = GENERATE(1u, 2u);
    CAPTURE(seed);
    std::mt19937 random(seed);
    Fixture<std::string> fixture;
    auto value = fixture.context.getState(ValueStateDescriptor<int>{"value"});
    fixture.seal();
    std::map<std::string, int> model;
    for (int step = 0; step < 40'000; ++step) {
        const std::string key = "k" + std::to_string(random() % 600);
        fixture.with(key, [&] {
            const int* const found = value.value();
            const auto expected = model.find(key);
            if ((found != nullptr) != (expected != model.end())) FAIL("step " << step);
            if (found != nullptr && *found != expected->second) FAIL("step " << step);
            if (random() % 2 == 0) {
                value.clear();
                model.erase(key);
            } else {
                value.update(step);
                model[key] = step;
            }
        });
    }
    CHECK(fixture.store.size() == model.size());
    std::size_t seen = 0;
    fixture.store.forEachKey(fixture.store.cells().state(0), [&](const std::string& key) {
        ++seen;
        CHECK(*value.value() == model.at(key));
        if (seen % 2 == 0) value.clear();
    });
    CHECK(seen == model.size());
    CHECK(fixture.store.size() == model.size() - seen / 2);
}

TEST_CASE("integer keys come and go, the one beside the table too", "[state]") {
    std::mt19937 random(7);
    Fixture<std::int32_t> fixture;
    auto value = fixture.context.getState(ValueStateDescriptor<int>{"value"});
    fixture.seal();
    std::map<std::int32_t, int> model;
    for (int step = 0; step < 40'000; ++step) {
        const auto draw = static_cast<std::int32_t>(random() % 300);
        const std::int32_t key = draw == 0 ? INT32_MIN : draw * 1'000'003;
        fixture.with(key, [&] {
            if (value.valueOr(-1) != (model.count(key) == 1 ? model[key] : -1)) FAIL("step " << step);
            if (random() % 2 == 0) {
                value.clear();
                model.erase(key);
            } else {
                value.update(step);
                model[key] = step;
            }
        });
    }
    CHECK(fixture.store.size() == model.size());
}

TEST_CASE("the keys of a state are visited with their state current, other keys are not", "[state]") {
    AllKinds<int> states;
    for (int key = 0; key < 100; ++key) {
        states.with(key, [&] {
            states.value.update("v");
            if (key % 3 == 0) states.sum.add(key);
        });
    }
    const DeclaredState* const sum = states.store.cells().find("sum", ReducingState<int, std::plus<>>::typeName());
    REQUIRE(sum != nullptr);
    std::vector<int> visited;
    states.store.forEachKey(*sum, [&](int key) {
        CHECK(*states.sum.get() == key);
        states.list.add("seen");
        visited.push_back(key);
    });
    std::sort(visited.begin(), visited.end());
    REQUIRE(visited.size() == 34);
    CHECK(visited.front() == 0);
    CHECK(visited.back() == 99);
    CHECK(states.store.cells().find("summe", "value<i32>") == nullptr);
    CHECK_THAT(messageOf([&] { states.store.cells().find("sum", "value<i32>"); }),
               ContainsSubstring("state 'sum' is a reducing<i32>, but is asked for as a value<i32>"));
}

TEST_CASE("a state that lies in its row goes with its last value, however that is cleared", "[state]") {
    const auto clock = [](const void*) { return kMinTimestamp; };
    KeyedStateStore<int> store;
    auto value = declareState<ValueState<double>>(store.cells(), ValueStateDescriptor<double>("value"));
    store.cells().seal(clock, nullptr);
    REQUIRE(store.cells().keepsRowsInline());
    const auto keysOf = [&] {
        std::vector<int> keys;
        store.forEachKey([&](int key) { keys.push_back(key); });
        std::sort(keys.begin(), keys.end());
        return keys;
    };
    std::vector<int> keys{1, 2, 3, 4, 5, 6};
    const auto keyOf = [&](std::size_t i) { return keys[i]; };
    store.scan(std::size_t{0}, keys.size(), nullptr, keyOf,
               [&](std::size_t i) { value.update(static_cast<double>(keys[i])); });
    // cleared, cleared and written again, and written by a call that fails
    store.scan(std::size_t{0}, std::size_t{3}, nullptr, keyOf, [&](std::size_t i) {
        CHECK(value.valueOr(0) == keys[i]);
        value.clear();
        CHECK(value.value() == nullptr);
        if (i == 1) value.update(20.0);
    });
    CHECK(keysOf() == std::vector{2, 4, 5, 6});
    CHECK(store.size() == 4);
    keys = {7};
    CHECK_THROWS_AS(store.scan(std::size_t{0}, std::size_t{1}, nullptr, keyOf,
                               [&](std::size_t i) {
                                   store.beginCall(&keys[i]);
                                   value.update(7.0);
                                   throw std::runtime_error("no");
                               }),
                    std::runtime_error);
    CHECK(store.abandonRun() == keys.data());
    CHECK_FALSE(store.hasKey());
    CHECK(store.abandonRun() == nullptr);
    keys = {8};
    store.scan(std::size_t{0}, std::size_t{1}, nullptr, keyOf, [&](std::size_t) { CHECK(value.value() == nullptr); });
    CHECK(keysOf() == std::vector{2, 4, 5, 6});
    // from a visit of all keys
    store.forEachKey(store.cells().state(0), [&](int key) {
        if (key % 4 == 0 || key == 6) value.clear();
    });
    CHECK(keysOf() == std::vector{2, 5});
    store.setCurrentKey(2);
    CHECK(value.valueOr(0) == 20.0);
    value.clear();
    store.leaveKey();
    CHECK(keysOf() == std::vector{5});
}

TEMPLATE_TEST_CASE("the current key is known with state and without, also where its entry is beside the table",
                   "[state]", std::int8_t, std::int32_t, std::int64_t, std::uint64_t, bool, std::string) {
    const std::size_t states = GENERATE(0, 1, 2);  // one: in the row
    CAPTURE(states);
    Fixture<TestType> fixture;
    auto values = fixture.numbers(states);
    std::vector<TestType> keys;
    if constexpr (std::is_same_v<TestType, std::string>) {
        keys = {"", "a", kLong};
    } else {
        using Limits = std::numeric_limits<TestType>;
        keys = {Limits::min(), Limits::max(), TestType{1}};
    }
    std::map<TestType, double> model;
    bool clears = false;
    const auto call = [&](std::size_t i) {
        const TestType key = keys[i];
        CHECK(fixture.store.currentKey() == key);
        for (auto& value : values) {
            CHECK(value.valueOr(0) == model[key]);
            value.update(model[key] + 1);
            CHECK(fixture.store.currentKey() == key);
            if (clears) value.clear();
            CHECK(fixture.store.currentKey() == key);
        }
        model[key] = clears ? 0 : model[key] + 1;
    };
    for (int round = 0; round < 10; ++round) {
        CAPTURE(round);
        clears = round % 5 == 0 || round % 5 == 3;
        if (round < 5) {
            fixture.store.scan(
                std::size_t{0}, keys.size(), nullptr, [&](std::size_t i) -> TestType { return keys[i]; }, call);
        } else {
            for (std::size_t i = 0; i < keys.size(); ++i) fixture.with(keys[i], [&] { call(i); });
        }
        CHECK_FALSE(fixture.store.hasKey());
        CHECK(fixture.store.size() == (clears || states == 0 ? 0 : model.size()));
    }
}

TEST_CASE("what is to be done behind a call is done once, with no key current", "[state]") {
    const std::size_t states = GENERATE(1, 2);
    CAPTURE(states);
    Fixture<int> fixture;
    auto values = fixture.numbers(states);
    std::vector<int> visited;
    std::vector<std::size_t> attended;
    const auto scan = [&](std::vector<int> keys, std::vector<int> cleared) {
        visited.clear();
        attended.clear();
        fixture.store.scan(
            keys.data(), keys.data() + keys.size(), nullptr, [](const int* at) { return *at; },
            [&](const int* at) {
                visited.push_back(*at);
                for (auto& value : values) {
                    value.update(1.0);
                    if (std::count(cleared.begin(), cleared.end(), *at) > 0) value.clear();
                }
            },
            [&] {
                attended.push_back(visited.size());
                for (auto& value : values) {
                    CHECK_THAT(messageOf([&] { value.value(); }), ContainsSubstring("while no key is current"));
                    CHECK_THAT(messageOf([&] { value.update(1.0); }), ContainsSubstring("while no key is current"));
                }
            });
        CHECK(visited == keys);
    };
    scan({1, 2, 1, 3}, {});
    CHECK(attended == std::vector<std::size_t>{1, 2, 4});  // the first of each key
    scan({1, 2, 3, 1}, {});
    CHECK(attended.empty());
    scan({1, 2, 3}, {1, 3});
    CHECK(attended == std::vector<std::size_t>{1, 3});  // also of the last record
    CHECK(fixture.store.size() == 1);
    scan({}, {});
    CHECK(attended.empty());
}

TEST_CASE("a key that could not be made the current one is not, and no state is touched", "[state]") {
    Fixture<Moody> fixture;
    auto value = fixture.context.getState(ValueStateDescriptor<double>{"value"});
    fixture.seal();
    fixture.with(Moody{1}, [&] { value.update(1.0); });
    Moody::refuses = true;
    CHECK_THROWS_WITH(fixture.store.setCurrentKey(Moody{1}), "no");
    Moody::refuses = false;
    CHECK_FALSE(fixture.store.hasKey());
    CHECK_THAT(messageOf([&] { value.value(); }), ContainsSubstring("while no key is current"));
    CHECK_THAT(messageOf([&] { value.update(2.0); }), ContainsSubstring("while no key is current"));
    fixture.with(Moody{1}, [&] { CHECK(*value.value() == 1.0); });
}

TEST_CASE("keys that a visit takes the last state of lose their entries, also where it throws", "[state]") {
    // one small state lies in the row itself, two do not
    const int states = GENERATE(1, 2);
    CAPTURE(states);
    Fixture<int> fixture;
    auto value = fixture.context.getState(ValueStateDescriptor<int>{"value"});
    if (states == 2) fixture.context.getState(ValueStateDescriptor<int>{"other"});
    fixture.seal();
    REQUIRE(fixture.store.cells().keepsRowsInline() == (states == 1));
    for (const int key : {std::numeric_limits<int>::min(), 1, 2, 3, 4, 5, 6, 7}) {
        fixture.with(key, [&] { value.update(key); });
    }
    const DeclaredState& declared = fixture.store.cells().state(0);
    fixture.store.forEachKey(declared, [&](int key) {
        if (key < 4) value.clear();
    });
    CHECK(fixture.store.size() == 4);
    CHECK(!fixture.store.contains(std::numeric_limits<int>::min()));

    std::vector<int> cleared;
    CHECK_THROWS_AS(fixture.store.forEachKey(declared,
                                             [&](int key) {
                                                 value.clear();
                                                 cleared.push_back(key);
                                                 if (cleared.size() == 3) throw std::runtime_error("no");
                                             }),
                    std::runtime_error);
    CHECK(!fixture.store.hasKey());
    CHECK(fixture.store.size() == 1);
    for (const int key : cleared) {
        fixture.with(key, [&] { CHECK(value.value() == nullptr); });
    }
}

TEST_CASE("a visit inside of a visit is refused, and takes nothing away", "[state]") {
    Fixture<int> fixture;
    auto value = fixture.context.getState(ValueStateDescriptor<int>{"value"});
    fixture.seal();
    for (int key = 0; key < 5; ++key) fixture.with(key, [&] { value.update(key); });
    const DeclaredState& declared = fixture.store.cells().state(0);
    CHECK_THAT(messageOf([&] {
                   fixture.store.forEachKey(declared, [&](int) { fixture.store.forEachKey(declared, [](int) {}); });
               }),
               ContainsSubstring("applyToKeyedState is called inside of a function that visits the keys"));
    for (int key = 0; key < 5; ++key) fixture.with(key, [&] { CHECK(value.valueOr(-1) == key); });
}

TEST_CASE("names of states are unique within an operator", "[state]") {
    Fixture<int> fixture;
    fixture.context.getState(ValueStateDescriptor<std::int32_t>{"count"});
    CHECK_THAT(messageOf([&] { fixture.context.getState(ValueStateDescriptor<std::int32_t>{"count"}); }),
               ContainsSubstring("state 'count' is declared twice in one operator; keep one handle"));
    CHECK_THAT(messageOf([&] { fixture.context.getListState(ListStateDescriptor<std::int32_t>{"count"}); }),
               ContainsSubstring("declared twice in one operator, as value<i32> and as list<i32>; give one of them "
                                 "another name"));
    CHECK_THROWS_AS(fixture.context.getState(ValueStateDescriptor<int>{""}), ConfigurationException);
    CHECK_THROWS_AS(StateTtlConfig(Duration{0}), ConfigurationException);
    fixture.seal();
    CHECK_THROWS_AS(fixture.context.getState(ValueStateDescriptor<int>{"late"}), ConfigurationException);
}

TEST_CASE("a handle says what is wrong when it was not opened or no key is current", "[state]") {
    AllKinds<int> states;
    const std::string noKey = "is used while no key is current";
    CHECK_THAT(messageOf([&] { states.value.value(); }), ContainsSubstring("state 'value' " + noKey));
    CHECK_THAT(messageOf([&] { states.value.update("x"); }), ContainsSubstring("state 'value' " + noKey));
    CHECK_THAT(messageOf([&] { states.list.get(); }), ContainsSubstring("state 'list' " + noKey));
    CHECK_THAT(messageOf([&] { states.list.add("x"); }), ContainsSubstring("state 'list' " + noKey));
    CHECK_THAT(messageOf([&] { states.map.put("x", 1); }), ContainsSubstring("state 'map' " + noKey));
    CHECK_THAT(messageOf([&] { states.map.get("x"); }), ContainsSubstring("state 'map' " + noKey));
    CHECK_THAT(messageOf([&] { states.map.isEmpty(); }), ContainsSubstring("state 'map' " + noKey));
    CHECK_THAT(messageOf([&] { states.sum.add(1); }), ContainsSubstring("state 'sum' " + noKey));
    CHECK_THAT(messageOf([&] { states.average.get(); }), ContainsSubstring("state 'average' " + noKey));
    CHECK_THAT(messageOf([&] { states.average.clear(); }), ContainsSubstring("state 'average' " + noKey));

    const std::string unopened = "used before it was opened; get it in open(KeyedRuntimeContext& context)";
    CHECK_THAT(messageOf([] { ValueState<int>().value(); }), ContainsSubstring(unopened));
    CHECK_THAT(messageOf([] { ValueState<int>().mutate([](int&) {}); }), ContainsSubstring(unopened));
    CHECK_THAT(messageOf([] { ListState<int>().add(1); }), ContainsSubstring(unopened));
    CHECK_THAT(messageOf([] { ListState<int>().update({1}); }), ContainsSubstring(unopened));
    CHECK_THAT(messageOf([] { MapState<int, int>().mutate(1, [](int&) {}); }), ContainsSubstring(unopened));
    CHECK_THAT(messageOf([] { ReducingState<int, std::plus<>>().add(1); }), ContainsSubstring(unopened));
    CHECK_THAT(messageOf([] { ValueState<int>().clear(); }), ContainsSubstring(unopened));
}

TEST_CASE("states are saved one by one: a new one starts empty, one of another type is refused", "[state]") {
    Fixture<int> first;
    auto one = first.context.getState(ValueStateDescriptor<std::int32_t>{"one"});
    first.seal();
    first.with(7, [&] { one.update(1); });
    const MemorySnapshot snapshot = first.snapshot();

    Fixture<int> second;
    auto two = second.context.getListState(ListStateDescriptor<std::string>{"two"});
    auto oneAgain = second.context.getState(ValueStateDescriptor<std::int32_t>{"one"});
    second.seal();
    second.store.restore(snapshot, "uid");
    second.with(7, [&] {
        CHECK(*oneAgain.value() == 1);
        CHECK(two.get().empty());
        two.add(kLong);
    });
    Fixture<int> third;
    third.context.getState(ValueStateDescriptor<std::int16_t>{"one"});
    third.seal();
    CHECK_THAT(
        messageOf([&] { third.store.restore(second.snapshot(), "uid"); }),
        ContainsSubstring("state 'state/one' of operator uid 'uid' cannot be restored: field value: saved as i32, "
                          "now i16: a number may become wider, but this one would not always fit. Nothing that "
                          "was saved has been changed."));
    Fixture<int> fourth;
    fourth.context.getListState(ListStateDescriptor<std::int32_t>{"one"});
    fourth.seal();
    CHECK_THAT(messageOf([&] { fourth.store.restore(second.snapshot(), "uid"); }),
               ContainsSubstring("it was saved by another kind of operator or state: value, now list. "));
}

TEST_CASE("damaged state is refused with the name of the state, and nothing leaks", "[state]") {
    AllKinds<int> states;
    states.with(7, [&] {
        states.value.update(kLong);
        states.list.add(kLong);
        states.map.put(kLong, 1);
    });
    const MemorySnapshot snapshot = states.snapshot();
    for (const std::string name : {"value", "list", "map"}) {
        for (std::size_t length = 2; length < 70; length += 3) {
            MemorySnapshot damaged;
            snapshot.read("uid", "state/" + name, [&](int group, std::span<const std::byte> bytes) {
                damaged.write("uid", "state/" + name, group, bytes.first(std::min(length, bytes.size() - 1)));
            });
            AllKinds<int> restored;
            CHECK_THAT(messageOf([&] { restored.store.restore(damaged, "uid"); }),
                       ContainsSubstring("state 'state/" + name + "' of operator uid 'uid', key group"));
        }
    }
}

TEST_CASE("rows of a key and a namespace belong to the key's group", "[state]") {
    using Key = NamespacedKey<std::string, std::int64_t>;
    Fixture<Key> fixture;
    auto value = fixture.context.getState(ValueStateDescriptor<int>{"value"});
    fixture.seal();
    for (int i = 0; i < 50; ++i) fixture.with(Key{"key", i}, [&] { value.update(i); });
    fixture.with(Key{"key", 3}, [&] { CHECK(*value.value() == 3); });
    const MemorySnapshot snapshot = fixture.snapshot();
    const int group = keyGroupFor(keyHash(std::string("key")), 128);
    Fixture<Key> restored;
    auto again = restored.context.getState(ValueStateDescriptor<int>{"value"});
    restored.seal();
    restored.store.restore(snapshot.forKeyGroups(group, group), "uid");
    CHECK(restored.store.size() == 50);
    restored.with(Key{"key", 49}, [&] { CHECK(*again.value() == 49); });
}

TEST_CASE("a number of another type is converted when it is written", "[state]") {
    Fixture<int> fixture;
    auto value = fixture.context.getState(ValueStateDescriptor<double>{"value"});
    auto map = fixture.context.getMapState(MapStateDescriptor<int, double>{"map"});
    auto list = fixture.context.getListState(ListStateDescriptor<double>{"list"});
    auto sum = fixture.context.getReducingState(ReducingStateDescriptor<double, std::plus<>>{"sum"});
    fixture.seal();
    fixture.with(1, [&] {
        const int three = 3;
        value.update(three);  // makes the cell
        CHECK(*value.value() == 3.0);
        value.update(4L);  // writes to it
        CHECK(*value.value() == 4.0);
        value.update(4.5F);
        CHECK(value.valueOr(0) == 4.5);
        map.put(1, three);
        map.put(1, 4U);
        CHECK(map.getOr(1, 0) == 4.0);
        list.add(three);
        CHECK(list.get()[0] == 3.0);
        sum.add(three);
        CHECK(*sum.get() == 3.0);
    });
}

TEST_CASE("whatever could be assigned is written", "[state]") {
    Fixture<int> fixture;
    auto value = fixture.context.getState(ValueStateDescriptor<std::string>{"value"});
    auto map = fixture.context.getMapState(MapStateDescriptor<int, std::string>{"map"});
    auto numbers = fixture.context.getState(ValueStateDescriptor<std::vector<int>>{"numbers"});
    fixture.seal();
    fixture.with(1, [&] {
        value.update('x');  // makes the cell
        CHECK(*value.value() == "x");
        value.update('y');  // writes to it
        CHECK(*value.value() == "y");
        value.clear();
        value.update("text");
        CHECK(*value.value() == "text");
        map.put(1, 'x');
        CHECK(*map.get(1) == "x");
        numbers.update({1, 2});
        CHECK(*numbers.value() == std::vector{1, 2});
        numbers.clear();
        numbers.update(std::vector<int>(2, 3));
        CHECK(*numbers.value() == std::vector{3, 3});
    });
}

TEST_CASE("a type that is assigned from numbers in its own way is, with a time to live and without", "[state]") {
    const bool stamped = GENERATE(false, true);
    CAPTURE(stamped);
    Fixture<int> fixture;
    ValueStateDescriptor<Peak> descriptor{"peak"};
    if (stamped) descriptor.enableTimeToLive(StateTtlConfig::newBuilder(Duration(10)).build());
    auto peak = fixture.context.getState(descriptor);
    fixture.seal();
    fixture.with(1, [&] {
        peak.update(9.0F);
        peak.update(4.0F);
    });
    fixture.with(1, [&] {
        peak.update(5.0F);
        CHECK(peak.value()->last == 5.0F);
        CHECK(peak.value()->highest == 9.0F);
    });
}

TEST_CASE("after open() a descriptor finds the state that it declared", "[state]") {
    Fixture<int> fixture;
    auto value = fixture.context.getState(ValueStateDescriptor<int>{"value"});
    fixture.seal();
    fixture.with(1, [&] {
        value.update(7);
        CHECK(*fixture.context.getState(ValueStateDescriptor<int>{"value"}).value() == 7);
        CHECK_THAT(messageOf([&] { (void)fixture.context.getState(ValueStateDescriptor<int>{"other"}); }),
                   ContainsSubstring("state 'other' is not known: a state is declared in open()"));
        CHECK_THAT(messageOf([&] { (void)fixture.context.getListState(ListStateDescriptor<int>{"value"}); }),
                   ContainsSubstring("state 'value' is a value<i32>, but is asked for as a list<i32>"));
    });
}

// ---- time to live

TEST_CASE("state written at 0 with a time to live of 10 is there at 9 and gone at 10", "[state]") {
    AllKinds<int> states(StateTtlConfig(Duration{10}));
    states.with(1, [&] { states.write(1); });
    states.at(9);
    states.with(1, [&] { CHECK(states.show() == "v1 [l1,] {m1=1,} 1 10"); });
    states.at(10);
    states.with(1, [&] { CHECK(states.show() == "- [] {} - -"); });
    CHECK(states.store.size() == 0);
}

TEST_CASE("with OnReadAndWrite, state read at 9 lives until 19", "[state]") {
    AllKinds<int> states(StateTtlConfig(Duration{10}).updateOnReadAndWrite());
    states.with(1, [&] { states.write(1); });
    states.at(9);
    states.with(1, [&] { CHECK(states.show() == "v1 [l1,] {m1=1,} 1 10"); });
    AllKinds<int> restored(StateTtlConfig(Duration{10}));
    restored.at(10);
    restored.store.restore(states.snapshot(), "uid");
    restored.at(18);
    restored.with(1, [&] { CHECK(restored.show() == "v1 [l1,] {m1=1,} 1 10"); });
    states.at(19);
    states.with(1, [&] { CHECK(states.show() == "- [] {} - -"); });
    restored.at(19);
    restored.with(1, [&] { CHECK(restored.show() == "- [] {} - -"); });
}

TEST_CASE("each list element and map entry expires on its own; values and accumulators by their last write",
          "[state]") {
    AllKinds<int> states(StateTtlConfig(Duration{10}));
    states.with(1, [&] { states.write(1); });
    states.at(6);
    states.with(1, [&] { states.write(2); });
    states.at(10);
    states.with(1, [&] { CHECK(states.show() == "v2 [l2,] {m2=2,} 3 15"); });
    states.with(1, [&] {
        CHECK_FALSE(states.map.contains("m1"));
        CHECK(states.map.contains("m2"));
    });
    states.at(16);
    states.with(1, [&] { CHECK(states.show() == "- [] {} - -"); });
}

TEST_CASE("an accumulator that has expired is not added to, a value is not changed, an entry starts anew", "[state]") {
    AllKinds<int> states(StateTtlConfig(Duration{10}));
    states.with(1, [&] { states.write(4); });
    states.at(10);
    states.with(1, [&] {
        states.sum.add(8);
        states.average.add(8);
        states.value.mutate([](std::string& text) { text += "new"; });
        states.map.mutate("m4", [](int& count) { count += 1; });
        CHECK(states.show() == "new [] {m4=1,} 8 80");
    });
    states.at(19);
    states.with(1, [&] { CHECK(states.show() == "new [] {m4=1,} 8 80"); });
}

TEST_CASE("ReturnExpiredIfNotCleanedUp gives expired state once more, to the first read", "[state]") {
    AllKinds<int> states(StateTtlConfig(Duration{10}).returnExpiredIfNotCleanedUp());
    states.with(1, [&] { states.write(3); });
    states.at(1000);
    states.with(1, [&] {
        CHECK(*states.value.value() == "v3");
        CHECK(states.value.value() == nullptr);
        CHECK(states.list.get().size() == 1);
        CHECK(states.list.get().empty());
        CHECK(*states.map.get("m3") == 3);
        CHECK(states.map.get("m3") == nullptr);
        CHECK(states.map.isEmpty());
        CHECK(*states.sum.get() == 3);
        CHECK(states.sum.get() == nullptr);
        states.average.add(7);  // what has expired is not added to, even if it could still be read
        CHECK(*states.average.get() == 7);
    });
}

TEST_CASE("a time to live without end does not overflow", "[state]") {
    AllKinds<int> states{StateTtlConfig{Duration::max()}};
    states.at(10);
    states.with(1, [&] { states.write(1); });
    states.at(INT64_MAX - 1);
    states.with(1, [&] { CHECK(states.show() == "v1 [l1,] {m1=1,} 1 10"); });
}

TEST_CASE("stamps are saved; state saved without them counts as written when it is restored", "[state]") {
    AllKinds<int> without;
    without.with(1, [&] { without.write(1); });
    AllKinds<int> with(StateTtlConfig(Duration{10}));
    with.at(100);
    with.store.restore(without.snapshot(), "uid");
    with.at(109);
    with.with(1, [&] { CHECK(with.show() == "v1 [l1,] {m1=1,} 1 10"); });

    AllKinds<int> withoutAgain;
    withoutAgain.store.restore(with.snapshot(), "uid");
    withoutAgain.at(100'000);
    withoutAgain.with(1, [&] {
        CHECK(withoutAgain.show() == "v1 [l1,] {m1=1,} 1 10");
        withoutAgain.write(2);
        CHECK(withoutAgain.show() == "v2 [l1,l2,] {m1=1,m2=2,} 3 15");
    });
}
