#include <millrace/state/keyed_table_scan.hpp>

#include "support/catch.hpp"
#include "support/rounds.hpp"

#include <map>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

using namespace millrace;
using detail::KeyedTable;
using testsupport::roundsToCount;

namespace {

/// Counts its living copies; copying can be made to fail.
struct Counted {
    static inline int alive = 0;
    static inline int failAfter = -1;

    explicit Counted(int v = 0) : value(v) { ++alive; }
    Counted(const Counted& other) : value(other.value) {
        if (failAfter >= 0 && failAfter-- == 0) throw std::runtime_error("copy failed");
        ++alive;
    }
    Counted& operator=(const Counted&) = default;
    ~Counted() { --alive; }
    int value;
};

template <class Key, class Value>
std::map<Key, Value> contents(KeyedTable<Key, Value>& table) {
    std::map<Key, Value> all;
    table.forEach([&](const Key& key, const Value& value) { REQUIRE(all.emplace(key, value).second); });
    REQUIRE(all.size() == table.size());
    return all;
}

enum class Colour : std::int8_t { Red = -128, Green = 0, Blue = 127 };

}  // namespace

TEMPLATE_TEST_CASE("a keyed table finds what was inserted, whatever the key", "[state][property]", std::uint64_t,
                   std::int64_t, std::int32_t, std::uint8_t, std::string) {
    const auto seed = GENERATE(range(std::uint64_t{1}, 1 + testsupport::roundsToTry(std::uint64_t{5})));
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    const auto makeKey = [&]() -> TestType {
        const std::uint64_t n = random();
        if constexpr (std::is_same_v<TestType, std::string>) {
            return std::string(n % 40, 'x') + std::to_string(n % 5000);
        } else if (n % 10 == 0) {
            return n % 20 == 0 ? std::numeric_limits<TestType>::max() : std::numeric_limits<TestType>::min();
        } else {
            return static_cast<TestType>(n % 3 == 0 ? n : n % 3000);
        }
    };
    KeyedTable<TestType, int> table;
    std::map<TestType, int> model;
    for (int round = 0; round < 3; ++round) {
        for (int i = 0; i < 20'000; ++i) {
            const TestType key = makeKey();
            if (i % 3 == 0) {
                const int* const found = table.find(key);
                const auto expected = model.find(key);
                REQUIRE((found != nullptr) == (expected != model.end()));
                if (found != nullptr) REQUIRE(*found == expected->second);
            } else {
                ++table.findOrInsert(key, [] { return 0; });
                ++model[key];
            }
        }
        REQUIRE(contents(table) == model);
        if (round == 1) {
            table.clear();
            model.clear();
            REQUIRE(table.empty());
        }
    }
}

TEST_CASE("the key that hashes to what free entries hold is a key like any other", "[state]") {
    KeyedTable<std::uint64_t, int> table;
    CHECK(table.find(~0ull) == nullptr);
    table.findOrInsert(0ull, [] { return 3; });
    table.findOrInsert(~0ull, [] { return 7; });
    CHECK(*table.find(~0ull) == 7);
    CHECK(contents(table) == std::map<std::uint64_t, int>{{0, 3}, {~0ull, 7}});
    table.clear();
    CHECK(table.find(~0ull) == nullptr);

    KeyedTable<bool, int> flags;
    flags.findOrInsert(false, [] { return 1; });
    flags.findOrInsert(true, [] { return 2; });
    CHECK(contents(flags) == std::map<bool, int>{{false, 1}, {true, 2}});
    KeyedTable<Colour, int> colours;
    for (const Colour c : {Colour::Red, Colour::Green, Colour::Blue}) colours.findOrInsert(c, [&] { return int(c); });
    CHECK(contents(colours) == std::map<Colour, int>{{Colour::Red, -128}, {Colour::Green, 0}, {Colour::Blue, 127}});
}

TEMPLATE_TEST_CASE("the hash of an integer key tells the key, in as many bits as it has", "[state]", std::int8_t,
                   std::uint8_t, char, std::int16_t, std::uint16_t, char16_t) {
    using Slot = typename KeyedTable<TestType, int>::Slot;
    std::vector<bool> seen(std::size_t{1} << (8 * sizeof(TestType)));
    for (std::size_t i = 0; i < seen.size(); ++i) {
        const auto key = static_cast<TestType>(i);
        Slot slot{};
        slot.occupy(key, Slot::hashOf(key));
        const bool isSide = key == static_cast<TestType>(Slot::kSideKey);
        if (slot.occupied() == isSide || slot.key() != key || slot.storedHash() != Slot::hashOf(key) ||
            seen[slot.lowHash]) {
            FAIL("key " << i);
        }
        seen[slot.lowHash] = true;
    }
}

TEST_CASE("keys are looked up by views and references and copied only on insert", "[state]") {
    KeyedTable<std::string, int> words;
    words.findOrInsert(std::string_view("key"), [] { return 1; });
    CHECK(*words.find("key") == 1);
    CHECK(*words.find(std::string("key")) == 1);

    KeyedTable<std::tuple<std::string, int>, int> pairs;
    const std::string name = "name";
    const int number = 4;
    pairs.findOrInsert(std::tie(name, number), [] { return 2; });
    CHECK(*pairs.find(std::tuple<std::string, int>("name", 4)) == 2);
    CHECK(*pairs.find(std::tuple<std::string_view, int>("name", 4)) == 2);
    KeyedTable<std::pair<std::string, int>, int> couples;
    couples.findOrInsert(std::pair<std::string_view, int>("name", 4), [] { return 3; });
    CHECK(*couples.find(std::pair<std::string_view, int>("name", 4)) == 3);
}

TEST_CASE("a count and a sum per integer key take 24 bytes, and a full table at most 60 per key", "[state]") {
    struct CountAndSum {
        double sum;
        std::uint64_t count;
    };
    using Table = KeyedTable<std::uint64_t, CountAndSum>;
    static_assert(sizeof(Table::Slot) == 24);
    Table table;
    std::mt19937_64 random(1);
    while (table.size() < roundsToCount<std::size_t>(1'000'000)) {
        table.findOrInsert(random(), [] { return CountAndSum{}; });
        if (table.size() > 50'000) REQUIRE(table.memoryBytes() <= 64 * table.size());
    }
    const std::size_t full = table.memoryBytes();
    table.clear();
    CHECK(table.memoryBytes() == full);
    table.findOrInsert(std::uint64_t{1}, [] { return CountAndSum{}; });
    table.clear();  // far too large for one entry
    CHECK(table.memoryBytes() == 0);
}

TEST_CASE("a value may be put in for a key that has none, also when the table has to grow", "[state]") {
    KeyedTable<std::uint64_t, int> numbers;
    std::map<std::uint64_t, int> expected;
    for (const std::uint64_t key : {0ull, ~0ull, 1ull}) {
        numbers.put(key, numbers.hashOf(key), static_cast<int>(key % 1000));
        expected[key] = static_cast<int>(key % 1000);
    }
    for (std::uint64_t key = 100; key < 1100; ++key) {
        numbers.put(key, numbers.hashOf(key), 7);
        expected[key] = 7;
    }
    CHECK(contents(numbers) == expected);

    KeyedTable<std::string, std::unique_ptr<int>> owners;
    for (int i = 0; i < 100; ++i) {
        const std::string key = std::to_string(i);
        owners.put(key, owners.hashOf(key), std::make_unique<int>(i));
    }
    CHECK(owners.size() == 100);
    for (int i = 0; i < 100; ++i) REQUIRE(**owners.find(std::to_string(i)) == i);
}

TEST_CASE("values that own something are ended exactly once", "[state]") {
    {
        KeyedTable<std::string, Counted> table;
        KeyedTable<int, std::unique_ptr<Counted>> owners;
        for (int i = 0; i < 1000; ++i) {
            table.findOrInsert(std::to_string(i), [&] { return Counted(i); });
            owners.findOrInsert(i, [&] { return std::make_unique<Counted>(i); });
        }
        CHECK(Counted::alive == 2000);
        for (int i = 0; i < 1000; ++i) {
            REQUIRE(table.find(std::to_string(i))->value == i);
            REQUIRE((*owners.find(i))->value == i);
        }
        table.clear();
        CHECK(Counted::alive == 1000);
    }
    CHECK(Counted::alive == 0);
}

TEST_CASE("a table is as it was when making a value or growing throws", "[state]") {
    {
        KeyedTable<std::string, Counted> table;
        int failures = 0;
        for (int i = 0; i < 300; ++i) {
            const std::string key = "a key of some length " + std::to_string(i);
            for (int after = 0;; ++after) {  // every copy in turn fails
                Counted::failAfter = after;
                try {
                    table.findOrInsert(key, [&] { return Counted(i); });
                    Counted::failAfter = -1;
                    break;
                } catch (const std::runtime_error&) {
                    Counted::failAfter = -1;
                    ++failures;
                    REQUIRE(table.find(key) == nullptr);
                    REQUIRE(table.size() == static_cast<std::size_t>(i));
                    REQUIRE(Counted::alive == i);
                }
            }
        }
        CHECK(failures > 100);  // growing copies what cannot be moved without the risk of an exception
        CHECK_THROWS_AS(table.findOrInsert("x", []() -> Counted { throw std::runtime_error("make"); }),
                        std::runtime_error);
        CHECK(table.find("x") == nullptr);
        for (int i = 0; i < 300; ++i) REQUIRE(table.find("a key of some length " + std::to_string(i))->value == i);
    }
    CHECK(Counted::alive == 0);
}

TEST_CASE("gathering in pieces visits every entry once and frees them on the way", "[state]") {
    using Table = KeyedTable<std::uint32_t, int>;
    const auto count = GENERATE(0u, 1u, 7u, 1000u, 5000u);
    const auto room = GENERATE(std::size_t{1}, std::size_t{3}, std::size_t{256});
    Table table;
    std::map<std::uint32_t, int> expected;
    for (std::uint32_t i = 0; i < count; ++i) {
        const std::uint32_t key = i == 0 ? ~0u : i * 77;
        table.findOrInsert(key, [&] { return static_cast<int>(i); });
        expected.emplace(key, static_cast<int>(i));
    }
    std::map<std::uint32_t, int> seen;
    std::vector<Table::Slot*> slots(room);
    for (std::size_t position = 0; position < table.endPosition();) {
        const std::size_t found = table.gather(position, slots.data(), room);
        for (std::size_t i = 0; i < found; ++i) {
            REQUIRE(seen.emplace(table.keyOf(*slots[i]), slots[i]->value).second);
            Table::release(*slots[i]);
        }
    }
    table.drained();
    CHECK(seen == expected);
    CHECK(table.empty());
    CHECK(contents(table).empty());
    table.findOrInsert(5u, [] { return 5; });
    CHECK(*table.find(5u) == 5);
}

TEMPLATE_TEST_CASE("a scan counts like a map: few keys, runs of one key, more keys than fit the cache",
                   "[state][property]", std::uint64_t, std::string) {
    const auto keys = GENERATE(1u, 3u, 1000u, 60'000u);
    const bool sorted = GENERATE(false, true);
    CAPTURE(keys, sorted);
    std::mt19937_64 random(keys);
    KeyedTable<TestType, std::uint64_t> table;
    std::map<TestType, std::uint64_t> model;
    for (int block = 0; block < 100; ++block) {
        std::vector<TestType> records;
        for (int i = 0; i < 700; ++i) {
            const std::uint64_t n = random() % keys;
            if constexpr (std::is_same_v<TestType, std::string>) {
                records.push_back("key number " + std::to_string(n));
            } else {
                records.push_back(n - 1);
            }
        }
        if (sorted) std::sort(records.begin(), records.end());
        std::vector<std::uint32_t> hashes;
        for (const auto& key : records) hashes.push_back(keyHash(key));
        std::size_t at = 0;
        detail::scanKeyedTable(
            table, at, records.size(), block % 2 == 0 ? hashes.data() : nullptr,
            [&](std::size_t i) -> const TestType& { return records[i]; }, [](std::size_t, std::uint64_t& n) { ++n; },
            [](std::size_t) { return std::uint64_t{1}; });
        REQUIRE(at == records.size());
        for (const auto& key : records) ++model[key];
    }
    CHECK(contents(table) == model);
}

// Such records were lost: a run of one key did not ask whether they had been taken.
TEST_CASE("what a scan declines is handed back, also out of a run of one key", "[state]") {
    struct Sums {
        std::vector<int>& sums;
        std::vector<std::size_t>& declines;
        bool operator()(std::size_t, int id) const {
            if (sums[static_cast<std::size_t>(id)] == 0) return false;
            ++sums[static_cast<std::size_t>(id)];
            return true;
        }
        void declined(std::size_t at, int id) const {
            declines.push_back(at);
            ++sums[static_cast<std::size_t>(id)];
        }
    };
    KeyedTable<std::uint64_t, int> table;
    table.findOrInsert(7, [] { return 0; });
    std::vector<int> sums(2);
    std::vector<std::size_t> declines;
    std::size_t at = 0;
    scanKeyedTable(
        table, at, 300, nullptr, [](std::size_t i) { return i < 200 ? std::uint64_t{7} : std::uint64_t{8}; },
        Sums{sums, declines},
        [&](std::size_t) {
            ++sums[1];
            return 1;
        });
    CHECK(at == 300);
    CHECK(sums == std::vector<int>{200, 100});
    CHECK(declines == std::vector<std::size_t>{0});
}
