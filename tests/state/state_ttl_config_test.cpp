#include <millrace/state/state_ttl_config.hpp>

#include <millrace/functions/keyed_runtime_context.hpp>
#include <millrace/state/deferred_snapshot.hpp>

#include "support/catch.hpp"
#include "support/rounds.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

using namespace millrace;
using namespace millrace::detail;
using namespace millrace::testsupport;
using Catch::Matchers::ContainsSubstring;

namespace {

struct Joined {
    using Accumulator = std::string;
    Accumulator createAccumulator() const { return {}; }
    void add(int value, Accumulator& acc) const { acc += std::to_string(value) + ";"; }
    std::string getResult(const Accumulator& acc) const { return acc; }
};

/// A store with a state of each kind, and one without a time to live, with a clock that the test sets.
template <class Key>
struct Store {
    explicit Store(StateTtlConfig ttl, bool forget = true) {
        const auto with = [&](auto descriptor) {
            if (forget) descriptor.enableTimeToLive(ttl);
            return descriptor;
        };
        Accumulators accumulators;
        const KeyedRuntimeContext context{RuntimeContext("job", "operator", "uid", 0, 1, 128, accumulators),
                                          keyed.cells()};
        value = context.getState(with(ValueStateDescriptor<std::string>{"value"}));
        list = context.getListState(with(ListStateDescriptor<std::string>{"list"}));
        map = context.getMapState(with(MapStateDescriptor<int, std::string>{"map"}));
        sum = context.getReducingState(with(ReducingStateDescriptor<int, std::plus<>>{"sum"}));
        joined = context.getAggregatingState(with(AggregatingStateDescriptor<int, Joined>{"joined"}));
        always = context.getState(ValueStateDescriptor<int>{"always"});
        keyed.cells().seal([](const void* clock) { return *static_cast<const Timestamp*>(clock); }, &now);
    }

    KeyedStateStore<Key> keyed;
    ValueState<std::string> value;
    ListState<std::string> list;
    MapState<int, std::string> map;
    ReducingState<int, std::plus<>> sum;
    AggregatingState<int, Joined> joined;
    ValueState<int> always;
    Timestamp now{};

    void at(std::int64_t ticks) { now = Timestamp(Duration(ticks)); }
    /// One record of a key.
    template <class Call>
    void with(const Key& key, Call call) {
        keyed.scan(
            std::size_t{0}, std::size_t{1}, nullptr, [&](std::size_t) -> const Key& { return key; },
            [&](std::size_t) { call(); });
    }
    /// Writes to some of the states, by the bits of `which`.
    void write(unsigned which, int n) {
        const std::string text = std::to_string(n);
        if ((which & 1) != 0) value.update("value " + text);
        if ((which & 2) != 0) list.add("element " + text);
        if ((which & 4) != 0) map.put(n % 7, "entry " + text);
        if ((which & 8) != 0) sum.add(n);
        if ((which & 16) != 0) joined.add(n);
        if ((which & 32) != 0) always.update(n);
    }
    /// Of the current key, all that it has.
    std::string show() const {
        std::string text = value.value() != nullptr ? *value.value() : "-";
        text += " [";
        for (const std::string& element : list.get()) text += element + ",";
        text += "] {";
        std::map<int, std::string> sorted;
        for (const auto& [key, entry] : map.entries()) sorted[key] = entry;
        for (const auto& [key, entry] : sorted) text += std::to_string(key) + "=" + entry + ",";
        text += "} " + (sum.get() != nullptr ? std::to_string(*sum.get()) : "-") + " " + joined.get().value_or("-");
        return text + (always.value() != nullptr ? " always " + std::to_string(*always.value()) : "");
    }
    std::vector<Key> keys() {
        std::vector<Key> all;
        keyed.forEachKey([&](const Key& key) { all.push_back(key); });
        std::sort(all.begin(), all.end());
        return all;
    }
    /// Of all keys that have anything. What has expired goes.
    std::map<Key, std::string> contents() {
        std::map<Key, std::string> all;
        for (const Key& key : keys()) {
            with(key, [&] {
                std::string text = show();
                if (text != kNothing) all[key] = std::move(text);
            });
        }
        return all;
    }
    MemorySnapshot snapshot() {
        MemorySnapshot taken;
        keyed.snapshot(taken, "uid", 16);
        return taken;
    }

    static constexpr const char* kNothing = "- [] {} - -";
};

/// What there is in a snapshot, read by states without a time to live, which forget nothing.
template <class Key>
std::map<Key, std::string> contentsOf(const SnapshotSource& snapshot) {
    Store<Key> reader(StateTtlConfig(Duration{1}), false);
    reader.keyed.restore(snapshot, "uid");
    return reader.contents();
}

template <class Key>
Key keyOf(unsigned n) {
    if constexpr (std::is_same_v<Key, std::string>) {
        return "key " + std::to_string(n) + (n % 2 == 0 ? " with a name that is long" : "");
    } else {
        return n == 0 ? std::numeric_limits<Key>::min() : static_cast<Key>(n * 1'000'003);  // 0: beside the table
    }
}

StateTtlConfig ttlOf(int variant) {
    StateTtlConfig ttl(Duration{10});
    if ((variant & 1) != 0) ttl.updateOnReadAndWrite();
    if ((variant & 2) != 0) ttl.returnExpiredIfNotCleanedUp();
    return ttl;
}

}  // namespace

TEMPLATE_TEST_CASE("what has expired goes while other keys are accessed, a few entries at a time", "[state]", int,
                   std::string) {
    using Key = TestType;
    const int variant = GENERATE(0, 1, 2, 3);
    const unsigned kind = GENERATE(1u, 2u, 4u, 8u, 16u, 31u);
    CAPTURE(variant, kind);
    Store<Key> store(ttlOf(variant).cleanupIncrementally(10, false));
    for (unsigned i = 0; i < 1000; ++i) {
        store.with(keyOf<Key>(i), [&] { store.write(kind | (i % 100 == 7 ? 32u : 0u), 1); });
    }
    store.at(5);
    std::vector<Key> alive{keyOf<Key>(5000)};
    for (unsigned i = 0; i < 1000; i += 10) {
        store.with(keyOf<Key>(i), [&] { store.write(kind, 2); });
        alive.push_back(keyOf<Key>(i));
    }
    for (unsigned i = 7; i < 1000; i += 100) alive.push_back(keyOf<Key>(i));  // has a state that stays
    std::sort(alive.begin(), alive.end());
    CHECK(store.keyed.size() == 1000);

    store.at(12);
    const auto access = [&] {
        store.with(keyOf<Key>(5000), [&] {
            switch (kind) {
                case 1:
                    return store.value.mutate([](std::string& text) { text = "new"; });
                case 2:
                    return store.list.update({"new"});
                case 4:
                    return store.map.mutate(1, [](std::string& text) { text = "new"; });
                default:
                    return store.write(kind, 3);
            }
        });
    };
    access();
    CHECK(store.keyed.size() > 900);
    for (int i = 0; i < 400; ++i) access();
    CHECK(store.keys() == alive);

    // reads of entries pay as well
    store.at(17);
    for (int i = 0; i < 400; ++i) {
        store.with(keyOf<Key>(5000), [&] { (void)store.show(); });
        store.with(keyOf<Key>(5001), [&] { CHECK(store.show() == Store<Key>::kNothing); });
    }
    CHECK(store.keyed.size() == 11);
    store.at(40);
    store.with(keyOf<Key>(5000), [&] { store.write(kind, 4); });
    store.with(keyOf<Key>(107), [&] { CHECK(store.show() == std::string(Store<Key>::kNothing) + " always 1"); });
}

TEST_CASE("without cleanup in the background what has expired stays until its key comes, for every record it goes",
          "[state]") {
    StateTtlConfig ttl(Duration{10});
    CHECK(ttl.cleanupEntries() == 5);
    CHECK_FALSE(ttl.cleansForEveryRecord());
    Store<int> disabled(StateTtlConfig(ttl).disableCleanupInBackground().returnExpiredIfNotCleanedUp());
    Store<int> onAccess(StateTtlConfig(ttl).returnExpiredIfNotCleanedUp());
    Store<int> always(
        StateTtlConfig(ttl).cleanupFullSnapshot().cleanupIncrementally(1, true).returnExpiredIfNotCleanedUp());
    for (Store<int>* const store : {&disabled, &onAccess, &always}) {
        for (int key = 0; key < 100; ++key) store->with(key, [&] { store->value.update("old"); });
        store->at(20);
        for (int i = 0; i < 1000; ++i) store->with(200, [] {});  // touches nothing
    }
    CHECK(disabled.keyed.size() == 100);
    CHECK(onAccess.keyed.size() == 100);
    CHECK(always.keyed.size() == 0);
    for (Store<int>* const store : {&disabled, &onAccess}) {
        for (int i = 0; i < 1000; ++i) store->with(200, [&] { store->value.update("new"); });
    }
    CHECK(disabled.keyed.size() == 101);
    CHECK(onAccess.keyed.size() == 1);
    CHECK(contentsOf<int>(disabled.snapshot()) == contentsOf<int>(onAccess.snapshot()));
    disabled.with(7, [&] { CHECK(disabled.value.valueOr("gone") == "old"); });
    disabled.with(7, [&] { CHECK(disabled.value.valueOr("gone") == "gone"); });
    onAccess.with(7, [&] { CHECK(onAccess.value.valueOr("gone") == "gone"); });

    CHECK_THROWS_WITH(ttl.cleanupIncrementally(0, false), ContainsSubstring("call disableCleanupInBackground()"));
}

TEST_CASE("elements and entries that have expired go from lists and maps of keys that do not come", "[state]") {
    Store<int> store(StateTtlConfig(Duration{10}));
    for (int n = 0; n < 30; ++n) {
        store.at(n);
        store.with(1, [&] {
            store.list.add(std::to_string(n));
            store.map.put(n, "entry");
        });
    }
    for (int n = 0; n < 200; ++n) store.with(2, [&] { store.value.update("new"); });
    std::vector<std::string> elements;
    Store<int> reader(StateTtlConfig(Duration{1}), false);
    reader.keyed.restore(store.snapshot(), "uid");
    std::vector<int> entries;
    reader.with(1, [&] {
        for (const std::string& each : reader.list.get()) elements.push_back(each);
        for (const int key : reader.map.keys()) entries.push_back(key);
    });
    std::sort(entries.begin(), entries.end());
    CHECK(elements == std::vector<std::string>{"20", "21", "22", "23", "24", "25", "26", "27", "28", "29"});
    CHECK(entries == std::vector<int>{20, 21, 22, 23, 24, 25, 26, 27, 28, 29});
    // nothing but what was there has been dropped: the clock goes back, and no more comes to light
    store.at(0);
    store.with(1, [&] {
        CHECK(store.list.get().size() == 10);
        CHECK(store.map.size() == 10);
    });
}

TEST_CASE("a long list counts as many entries", "[state]") {
    Store<int> store(StateTtlConfig(Duration{10}));
    for (int key = 2; key < 12; ++key) store.with(key, [&] { store.value.update("old"); });
    store.at(5);
    store.with(1, [&] { store.list.update(std::vector<std::string>(8000, "element")); });
    store.keyed.cells().cleanupDue = 1'000'000;  // once over all
    store.with(100, [] {});
    CHECK(store.keyed.cells().cleanupDue == 0);
    store.at(10);
    store.keyed.cells().cleanupDue = 1000;
    store.with(100, [] {});
    CHECK(store.keyed.cells().cleanupDue < -7000);  // what others have to pay for first
    store.keyed.cells().cleanupDue = 1000;
    store.with(100, [] {});
    CHECK(store.keyed.size() == 1);
}

TEST_CASE("states without a time to live look for nothing", "[state]") {
    Store<int> store(StateTtlConfig(Duration{10}), false);
    for (int key = 0; key < 100; ++key) {
        store.with(key, [&] {
            store.write(63, key);
            (void)store.show();
        });
    }
    CHECK(store.keyed.cells().cleanupDue == 0);
}

TEMPLATE_TEST_CASE("cleanup changes nothing but what takes memory, whatever happens", "[state]", int, std::string) {
    using Key = TestType;
    const unsigned seed = GENERATE(1u, 2u, 3u, 4u);
    if (kSanitized && (seed == 2 || seed == 3)) return;  // the others have each setting once
    CAPTURE(seed);
    std::mt19937 random(seed);
    StateTtlConfig ttl(Duration{300});
    if (seed % 2 == 0) ttl.updateOnReadAndWrite();
    Store<Key> plain(StateTtlConfig(ttl).disableCleanupInBackground());
    Store<Key> cleaned(StateTtlConfig(ttl).cleanupIncrementally(1 + static_cast<int>(seed), seed > 2));
    // snapshots that are written by and by, while states change and go
    struct Waiting {
        DeferredSnapshot snapshot{0};
        std::map<Key, std::string> expected;
    };
    std::vector<std::unique_ptr<Waiting>> waiting;
    std::int64_t time = 0;
    std::size_t gone = 0;
    const int steps = kSanitized ? 700 : 1500;  // both have a gap in time
    for (int step = 0; step < steps; ++step) {
        time += random() % 8;
        if (step % 500 == 499) time += 250;
        std::vector<Key> batch;
        std::vector<unsigned> which;
        // which keys come changes with time, so that most never come again
        for (int i = 0; i < 5; ++i) {
            batch.push_back(keyOf<Key>(static_cast<unsigned>(step / 10) * 20 + static_cast<unsigned>(random() % 60)));
            which.push_back(random() % 4 == 0 ? 32u << random() % 2 : static_cast<unsigned>(random() % 32));
        }
        std::vector<std::string> shown[2];
        for (Store<Key>* const store : {&plain, &cleaned}) {
            store->at(time);
            const bool alone = step % 7 == 0;  // as timers do
            const auto call = [&](std::size_t i) {
                if (which[i] == 64) store->always.clear();
                store->write(which[i], step);
                if (i % 2 == 0) shown[store == &cleaned ? 1 : 0].push_back(store->show());
            };
            if (!alone) {
                store->keyed.scan(
                    std::size_t{0}, batch.size(), nullptr, [&](std::size_t i) -> const Key& { return batch[i]; }, call);
            }
            for (std::size_t i = 0; alone && i < batch.size(); ++i) {
                store->keyed.setCurrentKey(batch[i]);
                call(i);
                store->keyed.leaveKey();
            }
            if (alone) store->keyed.report();
        }
        if (shown[0] != shown[1]) FAIL("step " << step);
        gone = std::max(gone, plain.keyed.size() - cleaned.keyed.size());

        for (const auto& each : waiting) each->snapshot.encodeSome(random() % 20);
        if (step % 25 == 0) {
            const MemorySnapshot asItIs = plain.snapshot();
            waiting.push_back(std::make_unique<Waiting>());
            waiting.back()->expected = contentsOf<Key>(asItIs);
            CHECK(contentsOf<Key>(cleaned.snapshot()) == waiting.back()->expected);
            cleaned.keyed.snapshot(waiting.back()->snapshot, "uid", 16);
        }
        if (step % 100 == 99) {
            for (const auto& each : waiting) CHECK(contentsOf<Key>(each->snapshot.finish()) == each->expected);
            waiting.clear();
        }
    }
    CHECK(gone > 100);
    CHECK(plain.keyed.size() >= cleaned.keyed.size());
    CHECK(cleaned.contents() == plain.contents());
}

TEST_CASE("a snapshot has what had not expired when it was taken, however late it is written", "[state]") {
    Store<int> store(StateTtlConfig(Duration{10}));
    for (int key = 0; key < 50; ++key) store.with(key, [&] { store.write(31, 1); });
    store.at(6);
    for (int key = 0; key < 50; key += 5) store.with(key, [&] { store.write(31, 2); });
    store.at(9);
    DeferredSnapshot before(0);
    store.keyed.snapshot(before, "uid", 16);
    store.at(10);
    DeferredSnapshot after(0);
    store.keyed.snapshot(after, "uid", 16);
    CHECK_FALSE(before.isWhole());
    store.at(1000);
    for (int i = 0; i < 100; ++i) store.with(100, [&] { store.write(31, 3); });
    CHECK(store.keyed.size() == 1);

    const auto old = contentsOf<int>(before.finish());
    CHECK(old.size() == 50);
    CHECK(old.at(1) == "value 1 [element 1,] {1=entry 1,} 1 1;");
    CHECK(old.at(5) == "value 2 [element 1,element 2,] {1=entry 1,2=entry 2,} 3 1;2;");
    const auto late = contentsOf<int>(after.finish());
    CHECK(late.size() == 10);
    CHECK(late.at(5) == "value 2 [element 2,] {2=entry 2,} 3 1;2;");
}

TEST_CASE("what has expired when it is restored is dropped", "[state]") {
    Store<int> store(StateTtlConfig(Duration{10}));
    for (int key = 0; key < 50; ++key) store.with(key, [&] { store.write(key % 10 == 3 ? 63 : 31, 1); });
    store.at(6);
    for (int key = 0; key < 50; key += 5) store.with(key, [&] { store.write(31, 2); });
    const MemorySnapshot snapshot = store.snapshot();

    Store<int> restored(StateTtlConfig(Duration{10}));
    restored.at(12);
    restored.keyed.restore(snapshot, "uid");
    CHECK(restored.keyed.size() == 15);
    std::map<int, std::string> expected;
    for (int key = 0; key < 50; key += 5) expected[key] = "value 2 [element 2,] {2=entry 2,} 3 1;2;";
    for (int key = 3; key < 50; key += 10) expected[key] = "- [] {} - - always 1";
    CHECK(contentsOf<int>(restored.snapshot()) == expected);

    // the configuration at hand decides
    Store<int> longer(StateTtlConfig(Duration{20}));
    longer.at(12);
    longer.keyed.restore(snapshot, "uid");
    CHECK(longer.keyed.size() == 50);
    Store<int> shorter(StateTtlConfig(Duration{2}));
    shorter.at(12);
    shorter.keyed.restore(snapshot, "uid");
    CHECK(shorter.keyed.size() == 5);
}

TEST_CASE("states of a key and a namespace are cleaned up", "[state]") {
    using Key = NamespacedKey<std::string, std::int64_t>;
    KeyedStateStore<Key> store;
    auto value =
        declareState<ValueState<int>>(store.cells(), ValueStateDescriptor<int>("value", StateTtlConfig(Duration{10})));
    Timestamp now{};
    store.cells().seal([](const void* clock) { return *static_cast<const Timestamp*>(clock); }, &now);
    for (std::int64_t window = 0; window < 500; ++window) {
        now = Timestamp(Duration(window));
        store.setCurrentKey(Key{"key", window});
        value.update(1);
        store.leaveKey();
        store.report();
        if (store.size() > 25) FAIL("window " << window << ": " << store.size());
    }
    CHECK(store.contains(Key{"key", 499}));
    CHECK_FALSE(store.contains(Key{"key", 100}));
}
