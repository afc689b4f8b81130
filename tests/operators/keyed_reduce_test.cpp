#include <millrace/operators/keyed_reduce.hpp>

#include <millrace/state/deferred_snapshot.hpp>

#include "support/catch.hpp"
#include "support/operator_harness.hpp"

#include <algorithm>
#include <cstdio>
#include <map>
#include <random>
#include <stdexcept>

using namespace millrace;
using namespace millrace::testsupport;
using namespace millrace::detail;
using Catch::Matchers::ContainsSubstring;

namespace {

struct Sale {
    std::int32_t shop;
    std::int32_t item;
    std::int64_t amount;
    bool operator==(const Sale&) const = default;
};
struct Word {
    std::string text;
    int count;
    bool operator==(const Word&) const = default;
};

template <class Fn>
auto rolling(Fn fn) {
    return KeyedReduceOperator<Sale, std::int32_t Sale::*, Fn>{&Sale::shop, std::move(fn)};
}
template <class Fn>
std::vector<Sale> run(Fn fn, const std::vector<Sale>& sales) {
    OperatorHarness harness(rolling(std::move(fn)));
    harness.open();
    std::vector<Emitted<Sale>> in;
    for (std::size_t i = 0; i < sales.size(); ++i) in.push_back({sales[i], static_cast<std::int64_t>(i) + 100});
    harness.elements(in);
    std::vector<Sale> out;
    for (const auto& e : harness.take()) {
        CHECK(e.time == static_cast<std::int64_t>(out.size()) + 100);
        out.push_back(e.value);
    }
    return out;
}

// Records that are kept without their keys: the key comes first, in the middle or last, before or behind the field that is added
// up, alone with it or not.
struct KeyFirst {
    std::uint64_t key;
    std::int64_t other;
    double value;
    std::int32_t more;
    bool operator==(const KeyFirst&) const = default;
};
struct KeyAndValue {
    std::uint64_t key;
    double value;
    bool operator==(const KeyAndValue&) const = default;
};
struct ValueAndKey {
    double value;
    std::int64_t key;
    bool operator==(const ValueAndKey&) const = default;
};
struct KeyInTheMiddle {
    std::int64_t other;
    std::uint64_t key;
    double value;
    std::int32_t more;
    bool operator==(const KeyInTheMiddle&) const = default;
};
struct KeyBehindValue {
    float other;
    float value;
    std::uint64_t key;
    bool operator==(const KeyBehindValue&) const = default;
};
struct KeyLast {
    std::int16_t value;
    std::int16_t other;
    std::int32_t key;
    bool operator==(const KeyLast&) const = default;
};
enum class Level : std::uint16_t {};
struct KeyOfEnum {
    std::uint8_t other;
    std::uint8_t value;
    Level key;
    bool operator==(const KeyOfEnum&) const = default;
};

template <class T>
using KeyIn = std::decay_t<decltype(std::declval<T&>().key)>;
template <class T>
using ValueIn = std::decay_t<decltype(std::declval<T&>().value)>;

template <class T>
T recordOf(std::uint64_t key, int other, int value) {
    T record{};
    record.key = static_cast<KeyIn<T>>(key);
    if constexpr (requires { record.other; }) record.other = static_cast<decltype(record.other)>(other);
    record.value = static_cast<ValueIn<T>>(value);
    if constexpr (requires { record.more; }) record.more = -other;
    return record;
}

using Amount = std::int64_t Sale::*;
constexpr Amount kAmount = &Sale::amount;
const std::vector<Sale> kSales{{1, 10, 5}, {2, 20, 7}, {1, 11, 3}, {1, 12, 9}, {1, 13, 3}, {2, 21, 7}, {1, 14, 9}};

}  // namespace

TEST_CASE("reduce gives the new value of the key for every record, the first one unchanged", "[operators]") {
    const auto fn = [](const Sale& a, const Sale& b) { return Sale{a.shop, b.item, a.amount * 10 + b.amount}; };
    CHECK(run(fn, kSales) ==
          std::vector<Sale>{
              {1, 10, 5}, {2, 20, 7}, {1, 11, 53}, {1, 12, 539}, {1, 13, 5393}, {2, 21, 77}, {1, 14, 53939}});
}

TEST_CASE("sum, min and max keep the other fields of the first record", "[operators]") {
    CHECK(run(SumFunction<Amount>{kAmount}, kSales) ==
          std::vector<Sale>{{1, 10, 5}, {2, 20, 7}, {1, 10, 8}, {1, 10, 17}, {1, 10, 20}, {2, 20, 14}, {1, 10, 29}});
    CHECK(run(MinFunction<Amount>{kAmount}, kSales) ==
          std::vector<Sale>{{1, 10, 5}, {2, 20, 7}, {1, 10, 3}, {1, 10, 3}, {1, 10, 3}, {2, 20, 7}, {1, 10, 3}});
    CHECK(run(MaxFunction<Amount>{kAmount}, kSales) ==
          std::vector<Sale>{{1, 10, 5}, {2, 20, 7}, {1, 10, 5}, {1, 10, 9}, {1, 10, 9}, {2, 20, 7}, {1, 10, 9}});
}

TEST_CASE("a run of records of one key is reduced as one by one", "[operators]") {
    std::vector<Sale> sales;
    for (std::int32_t i = 0; i < 300; ++i) sales.push_back({i / 70 % 3, i, i * 7919 % 101});
    const auto byCall = [](auto change) {
        return [change](Sale a, const Sale& b) {
            a.amount = change(a.amount, b.amount);
            return a;
        };
    };
    using Number = std::int64_t;
    CHECK(run(SumFunction<Amount>{kAmount}, sales) == run(byCall([](Number a, Number b) { return a + b; }), sales));
    CHECK(run(MinFunction<Amount>{kAmount}, sales) ==
          run(byCall([](Number a, Number b) { return std::min(a, b); }), sales));
    CHECK(run(MaxFunction<Amount>{kAmount}, sales) ==
          run(byCall([](Number a, Number b) { return std::max(a, b); }), sales));
}

TEST_CASE("minBy and maxBy keep the whole record, of equal ones the first or the latest", "[operators]") {
    CHECK(run(MinByFunction<Amount>{kAmount}, kSales) ==
          std::vector<Sale>{{1, 10, 5}, {2, 20, 7}, {1, 11, 3}, {1, 11, 3}, {1, 11, 3}, {2, 20, 7}, {1, 11, 3}});
    CHECK(run(MinByFunction<Amount>{kAmount, false}, kSales) ==
          std::vector<Sale>{{1, 10, 5}, {2, 20, 7}, {1, 11, 3}, {1, 11, 3}, {1, 13, 3}, {2, 21, 7}, {1, 13, 3}});
    CHECK(run(MaxByFunction<Amount>{kAmount, false}, kSales) ==
          std::vector<Sale>{{1, 10, 5}, {2, 20, 7}, {1, 10, 5}, {1, 12, 9}, {1, 12, 9}, {2, 21, 7}, {1, 14, 9}});
}

TEST_CASE("a stream of numbers is summed as a whole", "[operators]") {
    const auto parity = [](std::int16_t n) { return n % 2; };
    OperatorHarness harness(KeyedReduceOperator<std::int16_t, decltype(parity), SumFunction<WholeValue>>{parity, {}});
    harness.open();
    harness.elements({{1, 1}, {2, 2}, {3, 3}, {4, 4}});
    CHECK(harness.take() == std::vector<Emitted<std::int16_t>>{{1, 1}, {2, 2}, {4, 3}, {6, 4}});
}

TEST_CASE("records that own memory are reduced too, by string keys", "[operators][state]") {
    const auto text = [](const Word& w) -> std::string_view { return w.text; };
    const auto add = [](const Word& a, const Word& b) { return Word{a.text, a.count + b.count}; };
    KeyedReduceOperator<Word, decltype(text), decltype(add)> op{text, add};
    OperatorHarness harness(op);
    harness.open();
    const std::string longWord = "a word too long to be kept inline";
    harness.elements({{{longWord, 1}, 1}, {{"b", 1}, 2}, {{longWord, 4}, 3}});
    using Words = std::vector<Emitted<Word>>;
    CHECK(harness.take() == Words{{{longWord, 1}, 1}, {{"b", 1}, 2}, {{longWord, 5}, 3}});

    OperatorHarness restored(op);
    restored.openFrom(harness.snapshot());
    restored.elements({{{longWord, 10}, 4}, {{"b", 10}, 5}});
    CHECK(restored.take() == Words{{{longWord, 15}, 4}, {{"b", 11}, 5}});
}

TEST_CASE("batch: a reduce gives its value when the key ends, and forgets the key", "[operators]") {
    const std::int64_t end = ticks(kMaxTimestamp);
    OperatorHarness sums(rolling(SumFunction<Amount>{kAmount}));
    sums.context.isBatch = true;
    sums.open();
    sums.elements({{{1, 10, 5}, 1}, {{1, 11, 3}, 2}});
    sums.element({1, 12, 9}, 3);
    CHECK(sums.take().empty());
    CHECK(sums.stage().endKey() == Progress::Done);
    CHECK(sums.take() == std::vector<Emitted<Sale>>{{{1, 10, 17}, end}});
    CHECK(sums.snapshot().empty());
    sums.element({1, 13, 4}, 4);  // would be 21, were the key known
    CHECK(sums.stage().endKey() == Progress::Done);
    CHECK(sums.stage().endKey() == Progress::Done);  // there is nothing more
    CHECK(sums.take() == std::vector<Emitted<Sale>>{{{1, 13, 4}, end}});

    const auto text = [](const Word& w) -> std::string_view { return w.text; };
    const auto add = [](const Word& a, const Word& b) { return Word{a.text, a.count + b.count}; };
    OperatorHarness counts(KeyedReduceOperator<Word, decltype(text), decltype(add)>{text, add});
    counts.context.isBatch = true;
    counts.open();
    const std::string longWord = "a word too long to be kept inline";
    counts.elements({{{longWord, 1}, 1}, {{longWord, 4}, 3}});
    CHECK(counts.take().empty());
    CHECK(counts.stage().endKey() == Progress::Done);
    CHECK(counts.take() == std::vector<Emitted<Word>>{{{longWord, 5}, end}});
    CHECK(counts.snapshot().empty());
}

TEST_CASE("rolling sums go on after a restore to another parallelism", "[operators][state][property]") {
    const auto seed = GENERATE(range(std::uint64_t{1}, std::uint64_t{6}));
    const auto parts = GENERATE(1, 2, 3);
    CAPTURE(seed, parts);
    std::mt19937_64 random(seed);
    std::map<std::int32_t, std::int64_t> model;
    std::vector<std::unique_ptr<OperatorHarness<decltype(rolling(SumFunction<Amount>{}))>>> subtasks;
    const auto make = [&](int parallelism, const MemorySnapshot* from) {
        subtasks.clear();
        for (int i = 0; i < parallelism; ++i) {
            subtasks.push_back(std::make_unique<OperatorHarness<decltype(rolling(SumFunction<Amount>{}))>>(
                rolling(SumFunction<Amount>{kAmount})));
            const KeyGroupRange mine = keyGroupRange(i, parallelism, 128);
            if (from == nullptr) {
                subtasks.back()->open();
            } else {
                subtasks.back()->openFrom(from->forKeyGroups(mine.first, mine.last));
            }
        }
    };
    const auto feed = [&] {
        for (int i = 0; i < 3000; ++i) {
            const Sale sale{static_cast<std::int32_t>(random() % 500) - 250, 0,
                            static_cast<std::int64_t>(random() % 100)};
            const int group = keyGroupFor(keyHash(sale.shop), 128);
            auto& subtask =
                *subtasks[static_cast<std::size_t>(subtaskForKeyGroup(group, static_cast<int>(subtasks.size()), 128))];
            subtask.element(sale, i);
            model[sale.shop] += sale.amount;
            const auto out = subtask.take();
            REQUIRE(out.size() == 1);
            REQUIRE(out[0].value.amount == model[sale.shop]);
        }
    };
    make(2, nullptr);
    feed();
    MemorySnapshot snapshot;
    for (auto& subtask : subtasks) snapshot.merge(subtask->snapshot());
    make(parts, &snapshot);
    feed();
}

TEST_CASE("an exception from the reduce function names operator, record and time", "[operators]") {
    OperatorHarness harness(rolling([](const Sale& a, const Sale& b) {
        if (b.amount < 0) throw std::invalid_argument("negative amount");
        return a;
    }));
    harness.open();
    try {
        harness.elements({{{1, 1, 1}, 1}, {{1, 2, 2}, 2}, {{1, 3, -3}, 3}});
        FAIL("expected an exception");
    } catch (const UserFunctionException& error) {
        CHECK_THAT(describeException(error),
                   ContainsSubstring("uid 'uid-1'") && ContainsSubstring("item: 3, amount: -3") &&
                       ContainsSubstring("00.000000003Z") && ContainsSubstring("negative amount"));
    }
}

// The table's keys are strings; what is looked up is the array, with what is behind the end of its text.
TEST_CASE("records keyed by an array of characters are saved as they were at the barrier, however late that is done",
          "[operators]") {
    struct Quote {
        char symbol[8];
        std::int64_t amount;
    };
    const auto add = [](const Quote& sum, const Quote& quote) {
        Quote next = sum;
        next.amount += quote.amount;
        return next;
    };
    using Add = std::decay_t<decltype(add)>;
    const auto make = [&] { return KeyedReduceOperator<Quote, char(Quote::*)[8], Add>{&Quote::symbol, add}; };
    constexpr int kKeys = 5'000;  // more than is written at once
    std::vector<Emitted<Quote>> ofEach;
    for (int key = 0; key < kKeys; ++key) {
        Quote quote{{}, 1};
        std::snprintf(quote.symbol, sizeof quote.symbol, "k%d", key);
        ofEach.push_back({quote, key});
    }
    const auto amounts = [](const std::vector<Emitted<Quote>>& emitted) {
        std::vector<std::int64_t> all;
        for (const auto& each : emitted) all.push_back(each.value.amount);
        return all;
    };
    OperatorHarness harness(make());
    harness.open();
    harness.elements(ofEach);
    REQUIRE(amounts(harness.take()) == std::vector<std::int64_t>(kKeys, 1));
    DeferredSnapshot snapshot(64 * 1024);
    harness.stage().snapshot(snapshot);
    harness.elements(ofEach);
    REQUIRE(amounts(harness.take()) == std::vector<std::int64_t>(kKeys, 2));

    OperatorHarness restored(make());
    restored.openFrom(snapshot.finish());
    restored.elements(ofEach);
    CHECK((amounts(restored.take()) == std::vector<std::int64_t>(kKeys, 2)));
}

TEMPLATE_TEST_CASE("records that are kept without their keys come out as those that are kept whole",
                   "[operators][state][property]", KeyFirst, KeyAndValue, ValueAndKey, KeyInTheMiddle, KeyBehindValue,
                   KeyLast, KeyOfEnum) {
    using Key = KeyIn<TestType>;
    using Sum = SumFunction<ValueIn<TestType> TestType::*>;
    using Member = Key TestType::*;
    const auto keyOf = [](const TestType& record) { return record.key; };
    using Lambda = std::decay_t<decltype(keyOf)>;
    STATIC_REQUIRE(kKeepsNoKeys<TestType, Member, Key, Sum>);
    STATIC_REQUIRE(sizeof(TableSlot<Key, RecordRest<TestType, Key>>) == sizeof(TestType));
    STATIC_REQUIRE_FALSE(kKeepsNoKeys<TestType, Lambda, Key, Sum>);
    const Sum sum{&TestType::value};
    const KeyedReduceOperator<TestType, Member, Sum> without{&TestType::key, sum};
    const KeyedReduceOperator<TestType, Lambda, Sum> whole{keyOf, sum};

    const auto seed = GENERATE(range(std::uint64_t{1}, std::uint64_t{4}));
    const bool isBatch = GENERATE(false, true);
    CAPTURE(seed, isBatch);
    std::mt19937_64 random(seed);
    const auto records = [&] {
        std::vector<Emitted<TestType>> some;
        while (some.size() < 60'000) {
            // in runs, too; and the key whose entry lies beside the others
            const std::uint64_t key =
                random() % 50 == 0 ? static_cast<std::uint64_t>(TableSlot<Key, int>::kSideKey) : random() % 30'000;
            for (std::uint64_t run = random() % 20 == 0 ? random() % 40 : 1; run > 0; --run) {
                some.push_back(
                    {recordOf<TestType>(key, static_cast<int>(random() % 100), static_cast<int>(random() % 5)),
                     static_cast<std::int64_t>(some.size())});
            }
        }
        return some;
    };
    const auto sorted = [&](std::vector<Emitted<TestType>> emitted) {
        if (isBatch)
            std::sort(emitted.begin(), emitted.end(),
                      [](const auto& a, const auto& b) { return a.value.key < b.value.key; });
        return emitted;
    };
    const auto takeAll = [&](auto& harness) {
        if (isBatch) REQUIRE(harness.stage().endKey() == Progress::Done);
        return sorted(harness.take());
    };
    OperatorHarness shortOnes(without);
    OperatorHarness longOnes(whole);
    const auto both = [&](auto&& call) {
        call(shortOnes);
        call(longOnes);
    };
    both([&](auto& harness) {
        harness.context.isBatch = isBatch;
        harness.open();
    });
    const auto before = records();
    both([&](auto& harness) { harness.elements(before); });
    if (isBatch) {
        REQUIRE(takeAll(shortOnes) == takeAll(longOnes));
        return;
    }
    REQUIRE(shortOnes.take() == longOnes.take());

    // what has been kept one way is restored the other way, and what changes meanwhile is not in it
    DeferredSnapshot ofShort(64 * 1024), ofLong(64 * 1024);
    shortOnes.stage().snapshot(ofShort);
    longOnes.stage().snapshot(ofLong);
    const auto behind = records();
    both([&](auto& harness) { harness.elements(behind); });
    const auto expected = longOnes.take();
    REQUIRE(shortOnes.take() == expected);
    OperatorHarness shortAgain(without);
    OperatorHarness longAgain(whole);
    shortAgain.openFrom(ofLong.finish());
    longAgain.openFrom(ofShort.finish());
    shortAgain.elements(behind);
    longAgain.elements(behind);
    CHECK(shortAgain.take() == expected);
    CHECK(longAgain.take() == expected);
}

TEST_CASE("records are kept whole where the key cannot be told from the field, or nothing is gained", "[operators]") {
    struct SameType {
        std::int64_t key;
        std::int64_t value;
    };
    struct LargerField {
        std::int32_t key;
        std::int32_t other;
        double value;
    };
    struct AcrossCacheLines {  // 24 bytes instead of 32
        std::int64_t key;
        std::int64_t other;
        double value;
    };
    STATIC_REQUIRE_FALSE(
        kKeepsNoKeys<SameType, std::int64_t SameType::*, std::int64_t, SumFunction<std::int64_t SameType::*>>);
    STATIC_REQUIRE_FALSE(
        kKeepsNoKeys<LargerField, std::int32_t LargerField::*, std::int32_t, SumFunction<double LargerField::*>>);
    STATIC_REQUIRE_FALSE(kKeepsNoKeys<AcrossCacheLines, std::int64_t AcrossCacheLines::*, std::int64_t,
                                      SumFunction<double AcrossCacheLines::*>>);
    STATIC_REQUIRE_FALSE(kKeepsNoKeys<std::int64_t, WholeValue, std::int64_t, SumFunction<WholeValue>>);

    OperatorHarness harness(
        KeyedReduceOperator<SameType, std::int64_t SameType::*, SumFunction<std::int64_t SameType::*>>{
            &SameType::key, {&SameType::key}});
    harness.open();
    harness.elements({{{7, 1}, 1}, {{7, 2}, 2}, {{8, 3}, 3}, {{7, 4}, 4}});
    std::vector<std::pair<std::int64_t, std::int64_t>> sums;
    for (const auto& each : harness.take()) sums.push_back({each.value.key, each.value.value});
    CHECK(sums == std::vector<std::pair<std::int64_t, std::int64_t>>{{7, 1}, {14, 1}, {8, 3}, {21, 1}});
}

TEST_CASE(
    "the smallest and the largest value are kept without keys like a sum, also of an inherited field, by small keys",
    "[operators][state]") {
    struct Measured {
        std::uint8_t value;
    };
    struct ByChar : Measured {
        char key;
        std::uint8_t other;
        std::uint8_t more;
    };
    struct ByBool {
        bool key;
        std::int8_t value;
    };
    using Field = std::uint8_t Measured::*;
    constexpr Field kField = &ByChar::value;  // of the base
    using Largest = RecordsWithoutKey<ByChar, char, MaxFunction<Field>>;
    const MaxFunction<Field> largest{kField};
    const Largest records(&ByChar::key, largest);
    auto kept = records.keep(ByChar{{5}, 'k', 6, 7});
    ByChar next{{9}, 'k', 1, 2};
    foldRecord(largest, records, kept, next);
    CHECK((next.value == 9 && next.key == 'k' && next.other == 6 && next.more == 7));
    ByChar last{{3}, 'k', 0, 0};
    foldRecord(largest, records, kept, last);
    CHECK((last.value == 9 && last.key == 'k' && last.other == 6 && last.more == 7));
    const ByChar whole = records.recordOf('k', kept);
    CHECK((whole.value == 9 && whole.key == 'k' && whole.other == 6 && whole.more == 7));

    using Smallest = MinFunction<std::int8_t ByBool::*>;
    STATIC_REQUIRE(kKeepsNoKeys<ByBool, bool ByBool::*, bool, Smallest>);
    OperatorHarness harness(KeyedReduceOperator<ByBool, bool ByBool::*, Smallest>{&ByBool::key, {&ByBool::value}});
    harness.open();
    harness.elements({{{true, 5}, 1}, {{false, -3}, 2}, {{true, 7}, 3}, {{false, -4}, 4}, {{true, 2}, 5}});
    std::vector<std::pair<bool, int>> smallest;
    for (const auto& each : harness.take()) smallest.emplace_back(each.value.key, each.value.value);
    CHECK(smallest == std::vector<std::pair<bool, int>>{{true, 5}, {false, -3}, {true, 5}, {false, -4}, {true, 2}});
}

TEST_CASE("a field that shares memory with the key is refused", "[operators]") {
    struct Record {
        std::int64_t other;
        union {
            std::int64_t key;
            double value;
        };
    };
    using Records = RecordsWithoutKey<Record, std::int64_t, SumFunction<double Record::*>>;
    CHECK_THROWS_WITH(Records(&Record::key, {&Record::value}), ContainsSubstring("shares its memory with the key"));
}
