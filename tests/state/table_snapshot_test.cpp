#include <millrace/state/deferred_snapshot.hpp>
#include <millrace/state/keyed_state_store.hpp>
#include <millrace/state/keyed_table_scan.hpp>
#include <millrace/state/list_state.hpp>
#include <millrace/state/table_snapshot.hpp>
#include <millrace/state/value_state.hpp>

#include "support/catch.hpp"
#include "support/rounds.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <tuple>
#include <vector>

using namespace millrace;
using namespace millrace::detail;
using namespace millrace::testsupport;

namespace {

struct Pair {
    std::int64_t count = 0;
    double sum = 0;
    bool operator==(const Pair&) const = default;
};

template <class Key>
constexpr StateLayout kLayout{"pairs", {{"key", &kTypeInfo<Key>}, {"value", &kTypeInfo<Pair>}}};

template <class Key>
std::map<Key, Pair> entriesOf(const MemorySnapshot& snapshot) {
    std::map<Key, Pair> entries;
    readKeyGroups(snapshot, "op", "table", kLayout<Key>, 1, [&](ByteReader& reader) {
        const Key key = decodeState<Key>(reader);
        Pair value;
        value.count = reader.read<std::int64_t>("a count");
        value.sum = reader.read<double>("a sum");
        if (!entries.emplace(key, value).second) FAIL("a key is there twice");
    });
    return entries;
}

template <class Key>
void writePairs(KeyedTable<Key, Pair>& table, SnapshotSink& sink) {
    writeTable(sink, table, true, {"op", "table", 16, 1}, kLayout<Key>,
               [](ByteWriter& writer, const Key& key, const Pair& value) {
                   Codec<Key>::encode(key, writer);
                   writer.write(value.count);
                   writer.write(value.sum);
               });
}

/// Changes a table in every way while snapshots of it wait, or are encoded by and by from `gradualFrom` bytes on; each shows
/// the table as it was.
template <class Key, class MakeKey>
void changeWhileFrozen(std::uint32_t seed, int keys, std::size_t gradualFrom, MakeKey makeKey) {
    CAPTURE(seed, keys);
    std::mt19937 random(seed);
    KeyedTable<Key, Pair> table;
    std::map<Key, Pair> model;
    struct Waiting {
        explicit Waiting(std::size_t from) : snapshot(from) {}
        DeferredSnapshot snapshot;
        std::map<Key, Pair> expected;
    };
    std::vector<std::unique_ptr<Waiting>> waiting;
    const auto check = [&] {
        for (const auto& each : waiting) {
            if (entriesOf<Key>(each->snapshot.finish()) != each->expected) FAIL("a snapshot is not as the table was");
        }
        waiting.clear();
    };
    for (int step = 0; step < 300; ++step) {
        std::vector<Key> batch;
        for (int i = 0; i < 500; ++i)
            batch.push_back(makeKey(static_cast<int>(random() % static_cast<unsigned>(keys))));
        std::size_t at = 0;
        scanKeyedTable(
            table, at, batch.size(), nullptr, [&](std::size_t i) -> const Key& { return batch[i]; },
            [&](std::size_t, Pair& value) { ++value.count; },
            [](std::size_t) {
                return Pair{1, 0.5};
            });
        for (const Key& key : batch) {
            const auto [found, isNew] = model.emplace(key, Pair{1, 0.5});
            if (!isNew) ++found->second.count;
        }
        for (int i = 0; i < 20; ++i) {
            const Key key = makeKey(static_cast<int>(random() % static_cast<unsigned>(keys)));
            table.findOrInsert(key, [] { return Pair{}; }).sum += 1;
            model[key].sum += 1;
        }
        for (int i = 0; i < 20; ++i) {
            const Key key = makeKey(static_cast<int>(random() % static_cast<unsigned>(keys)));
            bool found = false;
            auto* const slot = table.view().locate(key, table.hashOf(key), found);
            if (found) table.erase(slot);
            model.erase(key);
        }
        if (random() % 10 == 0) {
            waiting.push_back(std::make_unique<Waiting>(gradualFrom));
            writePairs(table, waiting.back()->snapshot);
            waiting.back()->expected = model;
        }
        for (const auto& each : waiting) {
            if (random() % 2 == 0) each->snapshot.encodeSome(random() % 2000);
        }
        if (random() % 15 == 0) check();
        if (random() % 60 == 0) waiting.clear();  // given up
        if (random() % 100 == 0) {
            table.clear();
            model.clear();
        }
    }
    check();
    MemorySnapshot now;
    writePairs(table, now);
    CHECK(entriesOf<Key>(now) == model);
}

}  // namespace

TEST_CASE("a snapshot shows a table as it was, whatever happens to the table before it is written", "[state]") {
    const auto seed = GENERATE(range(1u, 1 + roundsToTry(3u)));
    const std::size_t gradualFrom = GENERATE(std::size_t{0}, std::size_t{50'000}, SIZE_MAX);
    const int many = kSanitized ? 4'000 : 20'000;  // both take more than 50'000 bytes
    CAPTURE(gradualFrom);
    changeWhileFrozen<std::int32_t>(seed, many, gradualFrom,
                                    [](int key) { return key == 0 ? INT32_MIN : key; });  // INT32_MIN: free
    changeWhileFrozen<std::int64_t>(seed, 2'000, gradualFrom, [](int key) { return std::int64_t{key}; });
    // plain, but with a stored hash
    changeWhileFrozen<double>(seed, many, gradualFrom, [](int key) { return key * 0.25; });
    changeWhileFrozen<std::string>(seed, 3'000, gradualFrom, [](int key) { return std::to_string(key); });
}

TEST_CASE("a table may go before its snapshot is written", "[state]") {
    DeferredSnapshot snapshot;
    {
        KeyedTable<int, Pair> table;
        for (int key = 0; key < 20'000; ++key) table.findOrInsert(key, [&] { return Pair{key, 1}; });
        table.findOrInsert(INT32_MIN, [] { return Pair{7, 1}; });  // beside the slots
        writePairs(table, snapshot);
        table.findOrInsert(INT32_MIN, [] { return Pair{}; }) = Pair{8, 2};
    }
    const auto entries = entriesOf<int>(snapshot.finish());
    CHECK(entries.size() == 20'001);
    CHECK(entries.at(INT32_MIN) == Pair{7, 1});
    CHECK(entries.at(19'999) == Pair{19'999, 1});
}

TEST_CASE("states of a key that change or go while a snapshot waits are in it as they were", "[state]") {
    const auto clock = [](const void*) { return kMinTimestamp; };
    KeyedStateStore<int> store;
    const auto state = declareState<ValueState<double>>(store.cells(), ValueStateDescriptor<double>("sum"));
    auto sum = state;
    store.cells().seal(clock, nullptr);
    std::vector<int> keys(30'000);
    for (int i = 0; i < 30'000; ++i) keys[static_cast<std::size_t>(i)] = i;
    const auto keyOf = [&](std::size_t i) { return keys[i]; };
    store.scan(std::size_t{0}, keys.size(), nullptr, keyOf, [&](std::size_t i) { sum.update(static_cast<double>(i)); });

    DeferredSnapshot snapshot;
    store.snapshot(snapshot, "op", 16);
    store.scan(std::size_t{0}, keys.size(), nullptr, keyOf, [&](std::size_t i) {
        if (i % 3 == 0) sum.clear();
        if (i % 3 == 1) sum.update(-1.0);
    });
    for (int key = 29'000; key < 40'000; ++key) {
        store.setCurrentKey(key);
        sum.update(-2.0);
        store.leaveKey();
    }

    KeyedStateStore<int> restored;
    auto again = declareState<ValueState<double>>(restored.cells(), ValueStateDescriptor<double>("sum"));
    restored.cells().seal(clock, nullptr);
    restored.restore(snapshot.finish(), "op");
    CHECK(restored.size() == 30'000);
    int wrong = 0;
    for (int key = 0; key < 30'000; ++key) {
        restored.setCurrentKey(key);
        wrong += again.valueOr(-3) == key ? 0 : 1;
        restored.leaveKey();
    }
    CHECK(wrong == 0);
}

TEST_CASE("states that own memory are encoded by and by, as they were", "[state]") {
    const auto clock = [](const void*) { return kMinTimestamp; };
    struct Store {
        KeyedStateStore<std::string> keyed;
        ValueState<std::string> text;
        ListState<std::int64_t> numbers;
        Store() {
            text = declareState<ValueState<std::string>>(keyed.cells(), ValueStateDescriptor<std::string>("text"));
            numbers =
                declareState<ListState<std::int64_t>>(keyed.cells(), ListStateDescriptor<std::int64_t>("numbers"));
        }
        /// "key:text/number,number," of all keys, in order.
        std::map<std::string, std::string> contents() {
            std::map<std::string, std::string> all;
            std::vector<std::string> keys;
            keyed.forEachKey([&](const std::string& key) { keys.push_back(key); });
            for (const std::string& key : keys) {
                keyed.setCurrentKey(key);
                std::string& line = all[key] = text.valueOr("-") + "/";
                for (const std::int64_t each : numbers.get()) line += std::to_string(each) + ",";
                keyed.leaveKey();
            }
            return all;
        }
    };
    for (std::uint32_t seed = 1; seed <= 3; ++seed) {
        CAPTURE(seed);
        std::mt19937 random(seed);
        Store store;
        store.keyed.cells().seal(clock, nullptr);
        struct Waiting {
            DeferredSnapshot snapshot{0};
            std::map<std::string, std::string> expected;
        };
        std::vector<std::unique_ptr<Waiting>> waiting;
        for (int step = 0; step < 200; ++step) {
            std::vector<std::string> batch;
            for (int i = 0; i < 60; ++i) batch.push_back("key " + std::to_string(random() % 400));
            store.keyed.scan(
                std::size_t{0}, batch.size(), nullptr, [&](std::size_t i) -> const std::string& { return batch[i]; },
                [&](std::size_t i) {
                    switch (random() % 5) {
                        case 0:
                            return store.text.clear();
                        case 1:
                            return store.numbers.clear();
                        case 2:
                            return store.numbers.add(step);
                        default:
                            return store.text.update(batch[i] + " at " + std::to_string(step));
                    }
                });
            store.keyed.setCurrentKey(batch.front());  // as timers do
            store.numbers.add(-step);
            store.keyed.leaveKey();
            for (const auto& each : waiting) each->snapshot.encodeSome(random() % 40);
            if (step % 20 == 0) {
                waiting.push_back(std::make_unique<Waiting>());
                waiting.back()->expected = store.contents();
                store.keyed.snapshot(waiting.back()->snapshot, "op", 16);
                CHECK_FALSE(waiting.back()->snapshot.isWhole());
            }
            if (step % 50 == 49) {
                for (const auto& each : waiting) {
                    Store restored;
                    restored.keyed.cells().seal(clock, nullptr);
                    restored.keyed.restore(each->snapshot.finish(), "op");
                    CHECK(restored.contents() == each->expected);
                }
                waiting.clear();
            }
            if (step == 120) store.keyed.clear();
        }
    }
}

TEST_CASE("a snapshot that is given up, or whose table goes, leaves the other alone", "[state]") {
    auto snapshot = std::make_unique<DeferredSnapshot>(0);
    {
        KeyedTable<std::string, Pair> table;
        for (int key = 0; key < 100; ++key) table.findOrInsert(std::to_string(key), [&] { return Pair{key, 1}; });
        writePairs(table, *snapshot);
        CHECK(snapshot->encodeSome(10));
        {
            DeferredSnapshot givenUp(0);
            writePairs(table, givenUp);
            CHECK(givenUp.encodeSome(1));
        }
        table.findOrInsert(std::string("7"), [] { return Pair{}; }).count = -1;
    }
    CHECK_FALSE(snapshot->encodeSome(10));  // with its task
}

namespace {
struct Unwritable {
    std::string text;
    bool operator==(const Unwritable&) const = default;
};
}  // namespace

TEST_CASE("what a codec throws for an entry that is about to change comes out of the next step", "[state]") {
    KeyedTable<int, Unwritable> table;
    for (int key = 0; key < 50; ++key) table.findOrInsert(key, [&] { return Unwritable{std::to_string(key)}; });
    DeferredSnapshot snapshot(0);
    writeTable(snapshot, table, false, {"op", "table", 16, 1}, kLayout<int>,
               [](ByteWriter& writer, const int& key, const Unwritable& value) {
                   if (value.text == "7") throw CodecException("not this one");
                   Codec<int>::encode(key, writer);
               });
    table.findOrInsert(7, [] { return Unwritable{}; }).text = "8";
    CHECK_THROWS_WITH(snapshot.encodeSome(1), "not this one");
}

// 512 entries were a step once, however long their lists.
TEST_CASE("of entries that are large, fewer are encoded at a time", "[state]") {
    const auto stepsFor = [](std::size_t bytes) {
        KeyedTable<int, std::string> table;
        for (int key = 0; key < 50; ++key) table.findOrInsert(key, [&] { return std::string(bytes, 'x'); });
        DeferredSnapshot snapshot(0);
        writeTable(snapshot, table, false, {"op", "table", 16, 1}, kLayout<int>,
                   [](ByteWriter& writer, const int& key, const std::string& value) {
                       Codec<int>::encode(key, writer);
                       Codec<std::string>::encode(value, writer);
                   });
        int steps = 1;
        while (snapshot.encodeSome(1'000'000)) ++steps;
        return steps;
    };
    CHECK(stepsFor(10) == 1);
    CHECK(stepsFor(30'000) == 17);   // three are the first that have 64 KiB
    CHECK(stepsFor(100'000) == 50);  // behind the last entry there are no free slots
}

// A table of a few keys is small, however long their lists: such were encoded at the barrier once.
TEST_CASE("a small table of large values is encoded by and by, one of small values at once", "[state]") {
    const auto isWhole = [](std::size_t bytes) {
        KeyedTable<int, std::string> table;
        for (int key = 0; key < 50; ++key) table.findOrInsert(key, [&] { return std::string(bytes, 'x'); });
        DeferredSnapshot snapshot(128 * 1024);
        writeTable(snapshot, table, false, {"op", "table", 16, 1}, kLayout<int>,
                   [](ByteWriter& writer, const int& key, const std::string& value) {
                       Codec<int>::encode(key, writer);
                       Codec<std::string>::encode(value, writer);
                   });
        const bool whole = snapshot.isWhole();
        table.findOrInsert(49, [] { return std::string(); });
        table.clear();
        int entries = 0;
        readKeyGroups(snapshot.finish(), "op", "table", kLayout<int>, 1, [&](ByteReader& reader) {
            decodeState<int>(reader);
            entries += decodeState<std::string>(reader).size() == bytes ? 1 : 0;
        });
        CHECK(entries == 50);
        return whole;
    };
    CHECK(isWhole(1'000));
    CHECK_FALSE(isWhole(2'000));
    CHECK_FALSE(isWhole(1'000'000));
}

namespace {

/// Says how much it has.
class SizedSnapshot final : public EntrySource {
public:
    SizedSnapshot(const MemorySnapshot& snapshot, std::uint64_t bytes) : snapshot_(snapshot), bytes_(bytes) {}
    void read(std::string_view uid, std::string_view state, const Visitor& visit) const override {
        snapshot_.read(uid, state, visit);
    }
    std::uint64_t bytesOf(std::string_view, std::string_view) const override { return bytes_; }

private:
    const MemorySnapshot& snapshot_;
    std::uint64_t bytes_;
};

}  // namespace

TEST_CASE("a table that is restored gets its size with the first entries, where the source knows it", "[state]") {
    constexpr std::uint64_t kKeys = 10'000;
    constexpr std::uint64_t kBytesOfAll = kKeys * (8 + 16);
    KeyedTable<std::uint64_t, Pair> table;
    for (std::uint64_t key = 0; key < kKeys; ++key) table.findOrInsert(key, [] { return Pair{}; });
    MemorySnapshot snapshot;
    writePairs(table, snapshot);

    const auto restored = [&](std::uint64_t bytesSaid) {
        KeyedTable<std::uint64_t, Pair> to;
        std::vector<std::size_t> capacities;
        readIntoTable(to, SizedSnapshot(snapshot, bytesSaid), "op", "table", kLayout<std::uint64_t>, 1,
                      [&](ByteReader& reader) {
                          const auto key = decodeState<std::uint64_t>(reader);
                          const auto count = reader.read<std::int64_t>("a count");
                          to.findOrInsert(key, [&] { return Pair{count, reader.read<double>("a sum")}; });
                          if (capacities.empty() || capacities.back() != to.capacity()) {
                              capacities.push_back(to.capacity());
                          }
                      });
        CHECK(to.size() == kKeys);
        return capacities;
    };
    CHECK(restored(kBytesOfAll) == std::vector<std::size_t>{16, 32, 64, 16'384});
    CHECK(restored(kBytesOfAll / 4) == std::vector<std::size_t>{16, 32, 64, 4'096, 8'192, 16'384});
    CHECK(restored(0) == std::vector<std::size_t>{16, 32, 64, 128, 256, 512, 1'024, 2'048, 4'096, 8'192, 16'384});
}
