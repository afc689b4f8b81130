#include <millrace/state/state_memory.hpp>
// first: it stands alone
#include <millrace/core/errors.hpp>
#include <millrace/state/broadcast_state.hpp>
#include <millrace/state/chunk_pool.hpp>
#include <millrace/state/keyed_state_store.hpp>
#include <millrace/state/keyed_table.hpp>
#include <millrace/state/map_state.hpp>
#include <millrace/state/memory_snapshot.hpp>
#include <millrace/state/value_state.hpp>
#include <millrace/windowing/accumulator_column.hpp>
#include <millrace/windowing/slice_combiner.hpp>

#include <support/catch.hpp>
#include <support/overflow_in_memory.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

using namespace millrace;
using namespace millrace::detail;
using testsupport::OverflowInMemory;

namespace {

using Table = KeyedTable<std::int64_t, std::int64_t>;

/// One state of a job with a limit.
struct Account {
    explicit Account(std::size_t limit = StateMemoryBudget::kUnlimited, std::shared_ptr<OverflowStorage> overflow = {})
        : budget(limit, std::move(overflow)) {
        memory.bind(&budget, size, {"count", "c", "reduce", 1, 4});
    }
    std::uint64_t bytes() const { return size.bytes.load(); }
    std::uint64_t entries() const { return size.entries.load(); }

    StateMemoryBudget budget;
    StateSize size;
    StateMemory memory;
};

void fill(Table& table, std::int64_t from, std::int64_t to) {
    for (std::int64_t key = from; key < to; ++key) table.findOrInsert(key, [&] { return 10 * key; });
    table.report();
}

struct Largest {
    static std::int64_t createAccumulator() { return 0; }
    static void add(std::int64_t value, std::int64_t& acc) { acc = std::max(acc, value); }
    static std::int64_t getResult(const std::int64_t& acc) { return acc; }
    static void merge(std::int64_t& into, const std::int64_t& from) { into = std::max(into, from); }
};

template <class Fn>
std::string memoryErrorOf(Fn fn) {
    try {
        fn();
    } catch (const StateMemoryException& error) {
        return error.what();
    }
    return {};
}

}  // namespace

TEST_CASE("what a table reserves and holds is counted, and given back", "[state]") {
    Account account;
    {
        Table table;
        table.chargeTo(account.memory);
        CHECK(account.bytes() == 0);
        for (const std::int64_t keys : {1, 100, 10'000, 300'000}) {  // the last beyond the size from which it is mapped
            fill(table, 0, keys);
            CHECK(account.entries() == static_cast<std::uint64_t>(keys));
            CHECK(account.bytes() == table.memoryBytes());
            CHECK(account.budget.used() == table.memoryBytes());
        }
        table.erase(reinterpret_cast<Table::Slot*>(reinterpret_cast<std::byte*>(table.find(std::int64_t{5})) -
                                                   offsetof(Table::Slot, value)));
        table.report();
        CHECK(account.entries() == 299'999);
        table.clear();
        CHECK(account.entries() == 0);
        fill(table, 7, 9);
        CHECK(account.entries() == 2);
        CHECK(account.bytes() == table.memoryBytes());
    }
    CHECK(account.bytes() == 0);
    CHECK(account.entries() == 0);
    CHECK(account.budget.used() == 0);
}

TEST_CASE("tables of one state are counted together", "[state]") {
    Account account;
    Table one;
    one.chargeTo(account.memory);
    fill(one, 0, 50);
    {
        Table other;
        other.chargeTo(account.memory);
        fill(other, 0, 7);
        CHECK(account.entries() == 57);
        CHECK(account.bytes() == one.memoryBytes() + other.memoryBytes());
    }
    CHECK(account.entries() == 50);
    CHECK(account.bytes() == one.memoryBytes());
}

TEST_CASE("a table that would grow beyond the limit says so and stays as it was", "[state]") {
    Account account(4000);
    Table table;
    table.chargeTo(account.memory);
    std::int64_t reached = 0;
    const std::string error = memoryErrorOf([&] {
        for (;; ++reached) table.findOrInsert(reached, [&] { return 10 * reached; });
    });
    // 64 entries of 16 bytes, of which half may be used; while it grows both tables are there
    CHECK(reached == 64);
    CHECK(
        error ==
        "operator 'count' (uid 'c', subtask 1 of 4): state 'reduce' needs 4096 bytes more; it has 2048 for 64 entries, "
        "and all states of the job have 2048 of the 4000 bytes that setStateMemoryLimit allows. Raise the limit, let "
        "state end sooner (a time to live, clear(), shorter windows), or give setStateMemoryLimit an OverflowStorage");
    CHECK(table.size() == 64);
    for (std::int64_t key = 0; key < 64; ++key) CHECK(*table.find(key) == 10 * key);
    CHECK(table.find(std::int64_t{64}) == nullptr);
    CHECK(account.bytes() == table.memoryBytes());
    *table.find(std::int64_t{3}) = 5;  // what is there can be used
    CHECK(*table.find(std::int64_t{3}) == 5);
}

TEST_CASE("what finds no room in memory lies in the overflow storage", "[state]") {
    const auto overflow = std::make_shared<OverflowInMemory>();
    {
        Account account(4000, overflow);
        Table table;
        table.chargeTo(account.memory);
        fill(table, 0, 50'000);
        for (std::int64_t key = 0; key < 50'000; ++key) {
            if (*table.find(key) != 10 * key) FAIL(key);
        }
        CHECK(overflow->bytes() == table.memoryBytes());
        CHECK(overflow->reservations() > 5);
        CHECK(account.bytes() == table.memoryBytes());
        CHECK(account.budget.used() == 0);
        CHECK(account.entries() == 50'000);
        fill(table, 0, 10);
    }
    CHECK(overflow->bytes() == 0);
}

TEST_CASE("an overflow storage that fails leaves the table and its account as they were", "[state]") {
    const auto overflow = std::make_shared<OverflowInMemory>(10'000);
    Account account(4000, overflow);
    Table table;
    table.chargeTo(account.memory);
    std::int64_t reached = 0;
    CHECK_THROWS_WITH(
        [&] {
            for (;; ++reached) table.findOrInsert(reached, [&] { return reached; });
        }(),
        "the overflow is full");
    CHECK(table.size() == static_cast<std::size_t>(reached));
    CHECK(account.bytes() == table.memoryBytes());
    CHECK(overflow->bytes() == table.memoryBytes());
}

TEST_CASE("rows of several states, columns of windows and chunks of timers are counted", "[state]") {
    Account account;
    {
        KeyedStateStore<std::int64_t> store;
        declareState<ValueState<std::int64_t>>(store.cells(), ValueStateDescriptor<std::int64_t>("one"));
        auto two = declareState<ValueState<std::string>>(store.cells(), ValueStateDescriptor<std::string>("two"));
        store.cells().seal([](const void*) { return Timestamp{}; }, nullptr);
        store.chargeTo(account.memory);
        CHECK(store.describe() == "state/one, state/two");
        for (std::int64_t key = 0; key < 5000; ++key) {
            store.setCurrentKey(key);
            two.update("text");
            store.leaveKey();
        }
        CHECK(account.bytes() > 5000 * (sizeof(std::int64_t) + sizeof(StateRow) + sizeof(std::string)));
    }
    CHECK(account.bytes() == 0);
    {
        AccumulatorColumn<std::int64_t> column;
        column.chargeTo(&account.memory);
        column.ensure(1000);
        CHECK(account.bytes() == 1000 * sizeof(std::int64_t));
        column.start(999, [] { return std::int64_t{5}; });
        column.ensure(1500);
        CHECK(account.bytes() == 2000 * sizeof(std::int64_t));
        CHECK(column[999] == 5);
        column.remap(std::vector<std::uint32_t>(1000, 0), 10);
        CHECK(account.bytes() == 64 * sizeof(std::int64_t));
        CHECK(column[0] == 5);
    }
    CHECK(account.bytes() == 0);
    {
        ChunkPool pool;
        pool.chargeTo(account.memory);
        void* const chunk = pool.take();
        CHECK(account.bytes() == pool.memoryBytes());
        CHECK(account.bytes() > 0);
        pool.give(chunk);
    }
    CHECK(account.bytes() == 0);
}

TEST_CASE("rows of keys that are dropped all together are used again", "[state]") {
    Account account;
    KeyedStateStore<std::int64_t> store;
    auto one = declareState<ValueState<std::int64_t>>(store.cells(), ValueStateDescriptor<std::int64_t>("one"));
    declareState<ValueState<std::int64_t>>(store.cells(), ValueStateDescriptor<std::int64_t>("two"));
    store.cells().seal([](const void*) { return Timestamp{}; }, nullptr);
    store.chargeTo(account.memory);
    REQUIRE(!store.cells().needsRelease());
    std::uint64_t afterOne = 0;
    for (std::int64_t key = 0; key < 10'000; ++key) {  // as in batch execution, which has one key at a time
        store.setCurrentKey(key);
        CHECK(one.value() == nullptr);
        one.update(key);
        store.leaveKey();
        store.clear();
        if (key == 0) afterOne = account.bytes();
    }
    CHECK(account.bytes() == afterOne);
}

TEST_CASE("keys that come and go one at a time are counted when that is asked for", "[state]") {
    Account account;
    KeyedStateStore<std::int64_t> store;
    auto value = declareState<ValueState<std::int64_t>>(store.cells(), ValueStateDescriptor<std::int64_t>("value"));
    store.cells().seal([](const void*) { return Timestamp{}; }, nullptr);
    store.chargeTo(account.memory);
    for (std::int64_t key = 0; key < 5; ++key) {
        store.setCurrentKey(key);
        value.update(key);
        store.leaveKey();
    }
    store.report();
    CHECK(account.entries() == 5);
    store.forEachKey(store.cells().state(0), [&](std::int64_t key) {
        if (key > 1) value.clear();
    });
    CHECK(account.entries() == 2);

    MemorySnapshot snapshot;
    store.snapshot(snapshot, "uid", 128);
    Account other;
    KeyedStateStore<std::int64_t> restored;
    declareState<ValueState<std::int64_t>>(restored.cells(), ValueStateDescriptor<std::int64_t>("value"));
    restored.cells().seal([](const void*) { return Timestamp{}; }, nullptr);
    restored.chargeTo(other.memory);
    restored.restore(snapshot, "uid");
    CHECK(other.entries() == 2);
}

TEST_CASE("the columns that sliding windows combine slices into are counted", "[state]") {
    using Traits = AggregateTraits<Largest, std::int64_t>;
    Account account;
    {
        Largest largest;
        TimeSlices<Traits> slices;  // not counted here
        for (std::int64_t slice = 0; slice < 4; ++slice) {
            slices[slice].cells.ensure(1000);
            slices[slice].cells.start(999, [&] { return slice; });
        }
        TwoStacks<Largest, Traits> stacks(largest);
        stacks.chargeTo(account.memory);
        stacks.moveTo(slices, 0, 3);
        CHECK(account.bytes() == 3 * 1000 * sizeof(std::int64_t));
        stacks.moveTo(slices, 1, 4);
        CHECK(account.bytes() == 4 * 1000 * sizeof(std::int64_t));
    }
    CHECK(account.bytes() == 0);
}

TEST_CASE("lists and maps are counted with what their elements own, and given back", "[state]") {
    const std::string text(100, 'x');
    Account account;
    const auto withStates = [&](auto use) {
        KeyedStateStore<std::int64_t> store;
        auto list = declareState<ListState<std::string>>(store.cells(), ListStateDescriptor<std::string>("list"));
        auto numbers =
            declareState<ListState<std::int64_t>>(store.cells(), ListStateDescriptor<std::int64_t>("numbers"));
        auto map = declareState<MapState<std::string, std::string>>(
            store.cells(), MapStateDescriptor<std::string, std::string>("map"));
        store.cells().seal([](const void*) { return Timestamp{}; }, nullptr);
        store.chargeTo(account.memory);
        use(store, list, numbers, map);
    };
    withStates([&](auto& store, auto& list, auto& numbers, auto& map) {
        store.setCurrentKey(1);
        list.add("short");
        numbers.add(1);
        map.put("a", "b");
        store.leaveKey();
        store.setCurrentKey(1);
        const std::uint64_t before = account.bytes();

        numbers.addAll(std::vector<std::int64_t>(1024, 7));
        CHECK(account.bytes() >= before + 1025 * sizeof(std::int64_t));
        CHECK(account.bytes() <= before + 2 * 1025 * sizeof(std::int64_t));
        numbers.clear();
        CHECK(account.bytes() == before - sizeof(std::int64_t));
        numbers.add(1);
        CHECK(account.bytes() == before);

        for (int i = 0; i < 1000; ++i) list.add(text);
        CHECK(account.bytes() >= before + 1000 * (sizeof(std::string) + text.size()));
        CHECK(account.bytes() <= before + 1000 * (2 * sizeof(std::string) + text.size() + 1));
        list.update({text, "short"});
        list.clear();
        list.add("short");
        CHECK(account.bytes() == before);

        for (int i = 0; i < 1000; ++i) map.put(text + std::to_string(i), text);
        const std::uint64_t full = account.bytes();
        CHECK(full >= before + 1000 * (2 * sizeof(std::string) + 2 * text.size()));
        map.put(text + "5", "short");
        CHECK(account.bytes() == full);  // the string keeps its memory
        map.mutate(text + "5", [](std::string& value) { std::string().swap(value); });
        CHECK(account.bytes() == full - text.size() - 1);
        map.mutate(text + "5", [&](std::string& value) { value = text; });
        CHECK(account.bytes() == full);
        CHECK_THROWS(map.mutate(text + "5", [&](std::string& value) {
            value.append(10 * text.size(), 'y');
            throw std::runtime_error("after it has grown");
        }));
        CHECK(account.bytes() >= full + 9 * text.size());
        for (int i = 0; i < 1000; ++i) map.remove(text + std::to_string(i));
        CHECK(account.bytes() < full - 2 * 1000 * text.size());  // the places stay
        map.clear();
        map.put("a", "b");
        CHECK(account.bytes() == before);
        store.leaveKey();
    });
    CHECK(account.bytes() == 0);
    CHECK(account.budget.used() == 0);

    MemorySnapshot snapshot;
    std::uint64_t saved = 0;
    const auto fill = [&](auto& store, auto& list, auto& numbers, auto& map) {
        for (std::int64_t key = 0; key < 10; ++key) {
            store.setCurrentKey(key);
            list.update(std::vector<std::string>(64, text));
            numbers.update(std::vector<std::int64_t>(64, key));
            for (int i = 0; i < 64; ++i) map.put(std::to_string(i), text);
            store.leaveKey();
        }
        saved = account.bytes();
        store.snapshot(snapshot, "uid", 128);
    };
    withStates(fill);
    CHECK(account.bytes() == 0);
    withStates([&](auto& store, auto&...) {
        store.restore(snapshot, "uid");
        CHECK(account.bytes() == saved);
        store.clear();
        CHECK(account.bytes() < saved / 4);
    });
    CHECK(account.bytes() == 0);
}

TEST_CASE("a list or a map that would grow beyond the limit says so and stays as it was", "[state]") {
    Account account(200'000);
    KeyedStateStore<std::int64_t> store;
    const StateTtlConfig ttl(std::chrono::hours(1));
    auto list = declareState<ListState<std::string>>(store.cells(), ListStateDescriptor<std::string>("list", ttl));
    auto map = declareState<MapState<std::int64_t, std::string>>(
        store.cells(), MapStateDescriptor<std::int64_t, std::string>("map", ttl));
    store.cells().seal([](const void*) { return Timestamp{}; }, nullptr);
    store.chargeTo(account.memory);
    store.setCurrentKey(7);
    const std::string text(1000, 'x');

    std::int64_t added = 0;
    const std::string ofList = memoryErrorOf([&] {
        for (;; ++added) list.add(text);
    });
    CHECK((added > 120 && added < 135));  // beside the rows
    CHECK(ofList.starts_with("operator 'count' (uid 'c', subtask 1 of 4): state 'reduce' needs "));
    CHECK(ofList.ends_with(
        "of the 200000 bytes that setStateMemoryLimit allows. Raise the limit, or let state end sooner (a "
        "time to live, clear(), shorter windows); what lists, maps and buffers hold stays in memory, also "
        "where there is an OverflowStorage"));
    CHECK(list.get().size() == static_cast<std::size_t>(added));
    CHECK(account.bytes() <= 200'000);
    list.clear();
    CHECK(account.bytes() < 70'000);

    std::int64_t put = 0;
    const std::string ofMap = memoryErrorOf([&] {
        for (;; ++put) map.put(put, text);
    });
    CHECK((put > 110 && put < 135));
    CHECK(ofMap.find(" bytes more; it has ") != std::string::npos);
    CHECK(map.size() == static_cast<std::size_t>(put));
    CHECK(map.get(put) == nullptr);
    CHECK(map.get(put - 1) != nullptr);
    CHECK(account.bytes() <= 200'000);
    map.remove(0);
    map.put(put, text);  // in its place
    CHECK(map.size() == static_cast<std::size_t>(put));
    store.leaveKey();
}

TEST_CASE("where there is an overflow storage tables give way to lists", "[state]") {
    const auto overflow = std::make_shared<OverflowInMemory>();
    {
        Account account(200'000, overflow);
        KeyedStateStore<std::int64_t> store;
        auto list = declareState<ListState<std::int64_t>>(store.cells(), ListStateDescriptor<std::int64_t>("list"));
        store.cells().seal([](const void*) { return Timestamp{}; }, nullptr);
        store.chargeTo(account.memory);
        store.setCurrentKey(1);
        const auto addMany = [&](int count) {
            for (int i = 0; i < count; ++i) list.add(i);
        };
        Table table;
        table.chargeTo(account.memory);
        fill(table, 0, 1500);
        CHECK(overflow->bytes() == 0);
        addMany(8192);  // 64 KiB, and half of that while they move: beyond the limit with the rows and the table
        CHECK(account.budget.used() < 200'000);
        addMany(1);
        CHECK(account.budget.used() > 200'000);
        CHECK(list.get().size() == 8193);
        fill(table, 1500, 5000);
        CHECK(overflow->bytes() == table.memoryBytes());
        CHECK(memoryErrorOf([&] { addMany(100'000); }).find("stays in memory") != std::string::npos);
        store.leaveKey();
    }
    CHECK(overflow->bytes() == 0);
}

TEST_CASE("broadcast state is counted, and given back", "[state]") {
    Account account(1'000'000);
    {
        BroadcastStates states;
        const MapStateDescriptor<std::int64_t, std::string> rules("rules");
        states.add(rules);
        states.chargeTo(account.memory);
        CHECK(states.describe() == "broadcast/rules");
        auto& map = states.get(rules);
        const std::string text(1000, 'x');
        for (int i = 0; i < 100; ++i) map.put(i, text);
        const std::uint64_t full = account.bytes();
        CHECK(full > 100 * text.size());
        map.put(5, std::string(5000, 'x'));
        CHECK(account.bytes() >= full + 4000);
        map.remove(5);
        CHECK(account.bytes() == full - text.size() - 1);
        map.put(5, text);
        MemorySnapshot snapshot;
        states.snapshot(snapshot, "uid");
        map.clear();
        CHECK(account.bytes() == 0);
        states.restore(snapshot, "uid");
        CHECK(account.bytes() > 100 * text.size());
        CHECK(!memoryErrorOf([&] {
                   for (int i = 0;; ++i) map.put(i, text);
               }).empty());
    }
    CHECK(account.bytes() == 0);
}

TEST_CASE("what types own is known as far as it takes a few steps", "[state]") {
    struct Plain {
        std::int64_t a;
        double b;
    };
    struct Named {
        std::string name;
        std::optional<std::vector<std::int64_t>> values;
        std::int64_t number;
    };
    static_assert(!kOwnsMemory<Plain> && !kOwnsMemory<std::pair<int, double>> && !kOwnsMemory<std::optional<int>>);
    static_assert(kOwnsMemory<std::string> && kOwnsMemory<Named> && kOwnsMemory<std::variant<int, Named>>);
    CHECK(ownedBytes(std::string("short")) == 0);
    CHECK(ownedBytes(std::string(100, 'x')) == 101);
    Named named{"short", std::nullopt, 0};
    CHECK(ownedBytes(named) == 0);
    named.name.assign(200, 'x');
    named.values.emplace(50, 1);
    CHECK(ownedBytes(named) == 201 + 50 * sizeof(std::int64_t));
    CHECK(ownedBytes(std::variant<int, Named>(named)) == 201 + 50 * sizeof(std::int64_t));
    CHECK(ownedBytes(std::vector<std::string>(3, std::string(100, 'x'))) == 3 * sizeof(std::string));
}

TEST_CASE("an accumulator that is aligned more than memory is, is aligned in its column", "[state]") {
    struct alignas(256) Wide {
        std::int64_t value;
    };
    Account account;
    AccumulatorColumn<Wide> column;
    column.chargeTo(&account.memory);
    column.ensure(100);
    column.start(7, [] { return Wide{70}; });
    CHECK(reinterpret_cast<std::size_t>(&column[0]) % 256 == 0);
    column.ensure(3000);
    CHECK(reinterpret_cast<std::size_t>(&column[0]) % 256 == 0);
    CHECK(column[7].value == 70);
}
