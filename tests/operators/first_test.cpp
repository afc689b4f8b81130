#include <millrace/operators/first.hpp>

#include <millrace/operators/first_of_key.hpp>
#include <millrace/state/deferred_snapshot.hpp>

#include "support/catch.hpp"
#include "support/operator_harness.hpp"

#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

using namespace millrace;
using namespace millrace::detail;
using testsupport::Emitted;
using testsupport::OperatorHarness;

namespace {

struct Plain {
    std::int64_t key = 0;
    std::int64_t number = 0;
    bool operator==(const Plain&) const = default;
};
struct Named {
    std::string key;
    std::int64_t number = 0;
    bool operator==(const Named&) const = default;
};

template <class T>
std::vector<std::int64_t> numbers(const std::vector<Emitted<T>>& emitted) {
    std::vector<std::int64_t> all;
    for (const auto& [value, time] : emitted) {
        CHECK(time == value.number * 10);
        all.push_back(value.number);
    }
    return all;
}

template <class T>
Emitted<T> ofKey(int key, std::int64_t number) {
    T value{};
    if constexpr (std::is_same_v<T, Plain>) {
        value.key = key;
    } else {
        value.key = "a key that is too long to be kept without memory of its own " + std::to_string(key);
    }
    value.number = number;
    return {value, number * 10};
}

}  // namespace

TEST_CASE("first: so many records pass, in one block or several, and after a restore only what is left",
          "[operators]") {
    OperatorHarness harness(FirstOperator<Plain>{5});
    harness.open();
    harness.elements({{{0, 1}, 10}, {{0, 2}, 20}, {{0, 3}, 30}});
    const MemorySnapshot snapshot = harness.snapshot();
    harness.elements({{{0, 4}, 40}, {{0, 5}, 50}, {{0, 6}, 60}});
    harness.elements({{{0, 7}, 70}});
    CHECK(numbers(harness.take()) == std::vector<std::int64_t>{1, 2, 3, 4, 5});

    OperatorHarness restored(FirstOperator<Plain>{5});
    restored.openFrom(snapshot);
    restored.elements({{{0, 7}, 70}, {{0, 8}, 80}, {{0, 9}, 90}});
    CHECK(numbers(restored.take()) == std::vector<std::int64_t>{7, 8});
}

TEMPLATE_TEST_CASE("first of a key: so many records of each key pass, and after a restore only what is left",
                   "[operators]", Plain, Named) {
    const auto make = [] { return FirstOfKeyOperator<TestType, decltype(&TestType::key)>{&TestType::key, 2}; };
    const auto record = [](int key, std::int64_t number) { return ofKey<TestType>(key, number); };
    OperatorHarness harness(make());
    harness.open();
    harness.elements({record(1, 1), record(2, 2), record(1, 3), record(1, 4), record(3, 5)});
    CHECK(numbers(harness.take()) == std::vector<std::int64_t>{1, 2, 3, 5});
    const MemorySnapshot snapshot = harness.snapshot();

    OperatorHarness restored(make());
    restored.openFrom(snapshot);
    restored.elements({record(1, 6), record(2, 7), record(2, 8), record(3, 9), record(4, 10)});
    CHECK(numbers(restored.take()) == std::vector<std::int64_t>{7, 9, 10});

    // the end of a key in batch execution: the same key could not come again, so nothing of it is kept
    CHECK(restored.stage().endKey() == Progress::Done);
    CHECK(restored.snapshot().empty());
}

TEMPLATE_TEST_CASE("first of a key: a snapshot that waits holds what had passed at the barrier", "[operators]", Plain,
                   Named) {
    constexpr int kKeys = 10'000;  // more than is written at once
    const auto make = [] { return FirstOfKeyOperator<TestType, decltype(&TestType::key)>{&TestType::key, 2}; };
    const auto ofEach = [](std::int64_t from) {
        std::vector<Emitted<TestType>> records;
        for (int key = 0; key < kKeys; ++key) records.push_back(ofKey<TestType>(key, from + key));
        return records;
    };
    const auto numbersFrom = [](std::int64_t from) {
        std::vector<std::int64_t> all(kKeys);
        std::iota(all.begin(), all.end(), from);
        return all;
    };
    OperatorHarness harness(make());
    harness.open();
    harness.elements(ofEach(0));
    REQUIRE(numbers(harness.take()) == numbersFrom(0));
    DeferredSnapshot snapshot(64 * 1024);
    harness.stage().snapshot(snapshot);
    harness.elements(ofEach(kKeys));  // the second of each, and the last that passes
    harness.elements(ofEach(2 * kKeys));
    REQUIRE(numbers(harness.take()) == numbersFrom(kKeys));

    OperatorHarness restored(make());
    restored.openFrom(snapshot.finish());
    restored.elements(ofEach(0));
    restored.elements(ofEach(kKeys));
    CHECK(numbers(restored.take()) == numbersFrom(0));
}
