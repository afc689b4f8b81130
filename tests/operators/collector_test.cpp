#include <millrace/record/collector.hpp>

#include "support/allocation_count.hpp"
#include "support/catch.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace millrace;

namespace {

template <class T>
std::vector<std::pair<T, Timestamp>> contentsOf(Collector<T>& collector) {
    std::vector<std::pair<T, Timestamp>> contents;
    const auto block = collector.block(true);
    for (std::size_t i = 0; i < block.size; ++i) contents.emplace_back(block.values[i], block.timestamps[i]);
    return contents;
}
Timestamp at(std::int64_t nanoseconds) {
    return Timestamp(Duration(nanoseconds));
}

}  // namespace

TEST_CASE("a collector gives what each call has emitted its timestamp, however it grows", "[operators]") {
    Collector<std::string> collector;
    std::vector<std::pair<std::string, Timestamp>> expected;
    for (int call = 0; call < 3000; ++call) {
        for (int i = 0; i < call % 4; ++i) {
            const std::string element = std::to_string(call) + "/" + std::to_string(i);
            collector.collect(element);
            expected.emplace_back(element, at(call));
        }
        collector.stampNew(at(call));
    }
    CHECK(collector.size() == expected.size());
    CHECK(contentsOf(collector) == expected);

    // what a failed call has emitted is taken back
    const std::size_t before = collector.size();
    collector.collect("a");
    collector.collect("b");
    collector.truncate(before);
    collector.collect("c");
    collector.stampNew(at(-1));
    expected.emplace_back("c", at(-1));
    CHECK(contentsOf(collector) == expected);

    // also what has been stamped
    collector.truncate(5);
    collector.collect("d");
    collector.stampNew(at(-2));
    expected.resize(5);
    expected.emplace_back("d", at(-2));
    CHECK(contentsOf(collector) == expected);

    collector.clear();
    CHECK(collector.size() == 0);
    collector.collect("e");
    collector.stampNew(at(7));
    CHECK(contentsOf(collector) == std::vector<std::pair<std::string, Timestamp>>{{"e", at(7)}});
}

TEST_CASE("a collector says when it has a full block, each time", "[operators]") {
    constexpr std::size_t kFull = detail::kBlockRecords<std::int64_t>;
    Collector<std::int64_t> collector;
    std::size_t runEnd = 5;
    collector.zeroWhenFull(runEnd);
    const auto told = [&] { return runEnd == 0; };
    const auto collectTo = [&](std::size_t size) {
        while (collector.size() < size) {
            collector.collect(1);
            if (told() != collector.full()) return false;
        }
        return true;
    };
    for (int block = 0; block < 3; ++block) {
        CAPTURE(block);
        CHECK(collectTo(kFull - 1));
        CHECK_FALSE(told());
        CHECK(collectTo(kFull + 10));
        CHECK(told());
        runEnd = 5;
        collector.clear();
    }
    // after a failed call's elements have been taken back
    CHECK(collectTo(kFull + 10));
    runEnd = 5;
    collector.truncate(kFull - 1);
    CHECK(collectTo(kFull + 10));
    CHECK(told());
    // when there is more room for one that stays full, but not when there is none
    runEnd = 5;
    while (collector.size() < kFull + 15) collector.collect(1);
    CHECK_FALSE(told());
    if (testsupport::failNextAllocation()) {
        CHECK_THROWS_AS(collector.collect(1), std::bad_alloc);
        CHECK_FALSE(told());
        CHECK(collector.size() == kFull + 15);
    }
    collector.collect(1);
    CHECK(told());
    // and behind so much that the room is given up
    while (collector.size() < 100 * kFull) collector.collect(1);
    runEnd = 5;
    collector.clear();
    CHECK(collectTo(kFull));
    CHECK(told());
}

TEST_CASE("a collector can be used on after one call has asked for very much", "[operators]") {
    Collector<std::int64_t> collector;
    const std::size_t count = 100 * detail::kBlockRecords<std::int64_t>;
    for (std::size_t i = 0; i < count; ++i) collector.collect(static_cast<std::int64_t>(i));
    collector.stampNew(at(1));
    CHECK(collector.size() == count);
    CHECK(collector.full());
    collector.clear();
    CHECK_FALSE(collector.full());
    for (std::int64_t i = 0; i < 3; ++i) collector.collect(i);
    collector.stampNew(at(2));
    CHECK(contentsOf(collector) == std::vector<std::pair<std::int64_t, Timestamp>>{{0, at(2)}, {1, at(2)}, {2, at(2)}});
}

TEST_CASE("a collector that gets no memory for less room keeps what it has", "[operators]") {
    Collector<std::string> collector;
    const std::size_t count = 100 * detail::kBlockRecords<std::string>;
    for (std::size_t i = 0; i < count; ++i) collector.collect("a");
    if (!testsupport::failNextAllocation()) return;
    CHECK_THROWS_AS(collector.clear(), std::bad_alloc);
    CHECK(collector.size() == 0);
    collector.collect("b");
    collector.stampNew(at(1));
    CHECK(contentsOf(collector) == std::vector<std::pair<std::string, Timestamp>>{{"b", at(1)}});
    collector.clear();
    CHECK(collector.size() == 0);
}

TEST_CASE("an element whose constructor throws is not emitted", "[operators]") {
    struct Picky {
        explicit Picky(int number) : value(std::make_shared<int>(number)) {
            if (number == 1) throw std::runtime_error("no");
        }
        std::shared_ptr<int> value;
    };
    Collector<Picky> collector;
    collector.collect(0);
    CHECK_THROWS_AS(collector.collect(1), std::runtime_error);
    collector.collect(2);
    REQUIRE(collector.size() == 2);
    CHECK(*collector.block(false).values[1].value == 2);
}
