#include <millrace/state/state_memory.hpp>
// first: it stands alone
#include <millrace/core/errors.hpp>
#include <millrace/state/chunk_pool.hpp>
#include <millrace/state/keyed_state_store.hpp>
#include <millrace/state/keyed_table.hpp>
#include <millrace/state/memory_snapshot.hpp>
#include <millrace/state/value_state.hpp>
#include <millrace/windowing/accumulator_column.hpp>
#include <millrace/windowing/slice_combiner.hpp>

#include <support/catch.hpp>
#include <support/overflow_in_memory.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
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
