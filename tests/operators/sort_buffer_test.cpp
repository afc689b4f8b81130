#include <millrace/operators/sort_buffer.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <tuple>
#include <vector>

using namespace millrace;
using namespace millrace::detail;

namespace {

struct Row {
    std::uint32_t hash;
    std::string key;
    std::int64_t time;
    std::string text;
    bool operator==(const Row&) const = default;
};

void put(SortBuffer& buffer, const Row& row) {
    EncodedRecords& records = buffer.pending();
    const std::size_t keyBegin = records.bytes.size();
    records.bytes.writeBytes(row.key.data(), row.key.size());
    records.bytes.writeBytes(row.text.data(), row.text.size());
    records.entries.push_back({keyBegin, row.time, row.hash, static_cast<std::uint32_t>(row.key.size()),
                               static_cast<std::uint32_t>(row.text.size())});
    buffer.added();
}

std::string textOf(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::vector<Row> sorted(SortBuffer& buffer) {
    buffer.sort();
    std::vector<Row> rows;
    SortedRecord record;
    while (buffer.next(record)) {
        rows.push_back(
            {record.hash, textOf(record.key), record.time.time_since_epoch().count(), textOf(record.record)});
    }
    CHECK_FALSE(buffer.next(record));
    return rows;
}

}  // namespace

TEST_CASE("sort buffer: records come out by key and time, equal ones in the order of their arrival", "[operators]") {
    SortBuffer buffer(1 << 20);
    // "x" and "y" have the same hash: they must not mix
    const std::vector<Row> rows = {{7, "y", 1, "a"}, {7, "x", 5, "b"}, {7, "y", 0, "c"}, {3, "z", 9, "d"},
                                   {7, "x", 5, "e"}, {7, "x", 4, ""},  {7, "xx", 4, "f"}};
    for (const Row& row : rows) put(buffer, row);
    CHECK(sorted(buffer) == std::vector<Row>{rows[3], rows[5], rows[1], rows[4], rows[6], rows[2], rows[0]});
    CHECK(buffer.runsOnDisk() == 0);
}

TEST_CASE("sort buffer: an empty one has nothing to give", "[operators]") {
    SortBuffer buffer(1 << 20);
    CHECK(sorted(buffer).empty());
}

TEST_CASE("sort buffer: beyond its memory it sorts through files and gives the same", "[operators]") {
    const auto seed = GENERATE(1U, 2U, 3U, 4U);
    CAPTURE(seed);
    std::mt19937 random(seed);
    std::vector<Row> rows;
    for (int i = 0; i < 3000; ++i) {
        rows.push_back({static_cast<std::uint32_t>(random() % 5), std::string(random() % 4, 'k'),
                        static_cast<std::int64_t>(random() % 50) - 25, std::to_string(i)});
    }
    SortBuffer small(20'000);
    for (const Row& row : rows) put(small, row);
    CHECK(small.runsOnDisk() > 3);

    std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
        return std::tie(a.hash, a.key, a.time) < std::tie(b.hash, b.key, b.time);
    });
    CHECK(sorted(small) == rows);
}

TEST_CASE("sort buffer: many runs are merged into one, so that they do not use up files", "[operators]") {
    SortBuffer buffer(100);
    std::vector<Row> rows;
    for (int i = 0; i < 500; ++i) {
        rows.push_back({static_cast<std::uint32_t>(i * 7 % 3), "key", i % 10, std::to_string(i)});
        put(buffer, rows.back());
        CHECK(buffer.runsOnDisk() < 64);
    }
    std::stable_sort(rows.begin(), rows.end(),
                     [](const Row& a, const Row& b) { return std::tie(a.hash, a.time) < std::tie(b.hash, b.time); });
    CHECK(sorted(buffer) == rows);
}

TEST_CASE("sort buffer: a directory that cannot be written to is named", "[operators]") {
    SortBuffer buffer(100, "/nowhere/at all");
    using Catch::Matchers::ContainsSubstring;
    CHECK_THROWS_WITH(
        [&] {
            for (int i = 0; i < 10; ++i) put(buffer, {1, "key", i, "a record"});
        }(),
        ContainsSubstring("cannot create a temporary file in '/nowhere/at all': No such file or directory"));
}
