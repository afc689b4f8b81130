#include <millrace/connectors/file_source.hpp>
#include <millrace/connectors/parse_lines.hpp>

#include <connectors/fake_source_context.hpp>
#include <connectors/temp_directory.hpp>
#include <support/catch.hpp>
#include <support/rounds.hpp>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <random>
#include <string>
#include <variant>
#include <vector>

namespace {

using namespace millrace;
using Catch::Matchers::ContainsSubstring;
using testing::FakeSourceContext;
using testing::readAll;
using testing::readPerSubtask;
using testing::TempDirectory;
using Lines = std::vector<std::string>;

struct Trade {
    std::string symbol;
    double price;
    std::int64_t quantity;
    bool operator==(const Trade&) const = default;
};

static_assert(SourceType<FormatFileSource<TextLineFormat>>);
static_assert(SourceType<FormatFileSource<CsvFormat<Trade>, true>>);

TEST_CASE("a text file is read line by line, empty lines included", "[connectors][file]") {
    const TempDirectory directory;
    CHECK(readAll(FileSource::lines(directory.write("a", "one\ntwo\n\nfour\n"))) == Lines{"one", "two", "", "four"});
    CHECK(readAll(FileSource::lines(directory.write("b", "no newline\nat the end"))) ==
          Lines{"no newline", "at the end"});
    CHECK(readAll(FileSource::lines(directory.write("c", "dos\r\n\r\nlines\r\n"))) == Lines{"dos", "", "lines"});
    CHECK(readAll(FileSource::lines(directory.write("d", "\xEF\xBB\xBFmarked\n"))) == Lines{"marked"});
    CHECK(readAll(FileSource::lines(directory.write("e", ""))).empty());
    CHECK(readAll(FileSource::lines(directory.write("f", "\n"))) == Lines{""});
}

TEST_CASE("lines far longer than the buffer arrive whole", "[connectors][file]") {
    const TempDirectory directory;
    const Lines lines{std::string(1'000'000, 'a'), "short", std::string(262'144, 'b'), std::string(262'143, 'c'),
                      "end"};
    std::string text;
    for (const std::string& line : lines) text += line + "\r\n";
    const auto path = directory.write("long", text);
    CHECK((readAll(FileSource::lines(path)) == lines));
    CHECK((readAll(FileSource::lines(path).splitSize(100'000)) == lines));
}

TEST_CASE("any split size gives the same records as one split", "[connectors][file]") {
    const auto seed = GENERATE(range(1U, 1 + testsupport::roundsToTry(40U)));
    std::mt19937 random(seed);
    const auto below = [&](std::uint32_t n) { return random() % n; };

    std::string text = below(4) == 0 ? "\xEF\xBB\xBF" : "";
    const std::uint32_t longest = 1U << below(7);
    const bool mixedEnds = below(2) == 0;
    const std::string usualEnd = below(2) == 0 ? "\n" : "\r\n";
    Lines expected;
    for (std::uint32_t left = below(60); left > 0; --left) {
        expected.push_back(std::string(below(longest), static_cast<char>('a' + below(26))));
        text += expected.back() + (mixedEnds && below(2) == 0 ? "\r\n" : usualEnd);
    }
    if (below(2) == 0) text += expected.emplace_back("the last line has no end");

    const TempDirectory directory;
    const auto path = directory.write("lines.txt", text);
    const std::uint64_t splitSize = 1 + below(below(2) == 0 ? 10 : static_cast<std::uint32_t>(text.size()) + 10);
    const std::size_t blockSize = 1 + below(20);
    CAPTURE(seed, splitSize, blockSize, text);
    CHECK(readAll(FileSource::lines(path), blockSize) == expected);
    CHECK(readAll(FileSource::lines(path).splitSize(splitSize), blockSize) == expected);

    // and broken off at any place, each split goes on at its position
    FakeSourceContext fake;
    const auto source = FileSource::lines(path).splitSize(splitSize);
    const auto enumerator = source.createEnumerator(1);
    Lines records;
    while (auto split = enumerator->nextSplit(0)) {
        std::vector<std::string> block(1 + below(3));
        std::vector<Timestamp> times(block.size());
        auto reader = source.createReader(fake.context());
        reader.open(*split);
        FillResult result;
        for (std::uint32_t fills = below(4); fills > 0 && result.status == SourceStatus::MoreAvailable; --fills) {
            result = reader.fill(block, times);
            records.insert(records.end(), block.begin(), block.begin() + static_cast<std::ptrdiff_t>(result.count));
        }
        auto restored = source.createReader(fake.context());
        testing::readSplit(restored, reader.position(), records, blockSize, fake);
    }
    CHECK(records == expected);
}

TEST_CASE("a directory is read in the order of its paths, without hidden names", "[connectors][file]") {
    const TempDirectory directory;
    directory.write("in/b.txt", "b\n");
    directory.write("in/a/2.txt", "a2\n");
    directory.write("in/a/1.txt", "a1\n");
    directory.write("in/.hidden", "no\n");
    directory.write("in/_SUCCESS", "no\n");
    directory.write("in/_temporary/part", "no\n");
    directory.write("in/c.txt", "c\n");
    std::filesystem::create_directory_symlink(directory.path("in"), directory.path("in/circle"));
    CHECK(readAll(FileSource::lines(directory.path("in"))) == Lines{"a1", "a2", "b", "c"});
    CHECK(readAll(FileSource::lines(directory.path("in/c.txt"), directory.path("in/a"))) == Lines{"c", "a1", "a2"});
    // what is named is read whatever its name
    CHECK(readAll(FileSource::lines(std::filesystem::path(directory.path("in/.hidden")))) == Lines{"no"});
    CHECK(readAll(FileSource::of(TextLineFormat{}, std::vector{directory.path("in/b.txt")})) == Lines{"b"});
}

TEST_CASE("what cannot be read is said when the job starts, with path and cause", "[connectors][file]") {
    const TempDirectory directory;
    const auto missing = FileSource::lines(directory.path("missing.txt"));
    CHECK_THROWS_AS(missing.createEnumerator(1), IoException);
    CHECK_THROWS_WITH(missing.createEnumerator(1),
                      ContainsSubstring("missing.txt") && ContainsSubstring("No such file or directory"));
    const auto noDirectory = FileSource::lines(directory.write("file", "") + "/x");
    CHECK_THROWS_WITH(noDirectory.createEnumerator(1), ContainsSubstring("Not a directory"));
    CHECK_THROWS_WITH(FileSource::lines("/dev/null").createEnumerator(1), ContainsSubstring("StdinSource"));
    CHECK_THROWS_AS(FileSource::of(TextLineFormat{}, std::vector<std::string>{}), ConfigurationException);

    // also one that lies deep in a directory; a link that leads to itself cannot be opened even by root
    directory.write("deep/down/file", "x\n");
    std::filesystem::create_symlink("loop", directory.path("deep/down/loop"));
    CHECK_THROWS_WITH(FileSource::lines(directory.path("deep")).createEnumerator(1),
                      ContainsSubstring("deep/down/loop"));
}

TEST_CASE("CSV rows become records in every split, whichever holds the header", "[connectors][file]") {
    const TempDirectory directory;
    std::string text = "quantity,symbol,price\r\n";
    std::vector<Trade> expected;
    for (int i = 0; i < 50; ++i) {
        expected.push_back({"S" + std::to_string(i), i * 0.5, i});
        text += std::to_string(i) + ",S" + std::to_string(i) + "," + std::to_string(i * 0.5) + "\r\n";
        if (i % 7 == 0) text += "\r\n";  // empty lines are no rows
    }
    const auto path = directory.write("trades.csv", text);
    CHECK(readAll(FileSource::csv<Trade>(path)) == expected);
    const std::uint64_t splitSize = GENERATE(1U, 3U, 20U, 24U, 25U, 100U, 5000U);
    CAPTURE(splitSize);
    CHECK(readAll(FileSource::csv<Trade>(path).splitSize(splitSize)) == expected);
}

TEST_CASE("each CSV file has its own header", "[connectors][file]") {
    const TempDirectory directory;
    directory.write("1.csv", "symbol,price,quantity\nA,1.5,10\n");
    directory.write("2.csv", "quantity,price,symbol\n20,2.5,B\n");
    CHECK(readAll(FileSource::csv<Trade>(directory.path())) == std::vector<Trade>{{"A", 1.5, 10}, {"B", 2.5, 20}});
    directory.write("3.csv", "quantity,symbol\n20,B\n");
    CHECK_THROWS_WITH(readAll(FileSource::csv<Trade>(directory.path())),
                      ContainsSubstring("3.csv") && ContainsSubstring("price"));
}

const char* const kTwoBadRows = "symbol,price,quantity\nA,1.5,10\nB,abc,20\n\nC,2.5,30\nD,3.5\n";

TEST_CASE("a malformed row fails the job and says file, line, column, expected and found", "[connectors][file]") {
    const TempDirectory directory;
    const auto path = directory.write("trades.csv", kTwoBadRows);
    const std::uint64_t splitSize = GENERATE(0U, 1U, 5U, 30U, 40U);  // line numbers are right in later splits as well
    CAPTURE(splitSize);
    const auto source = FileSource::csv<Trade>(path).splitSize(splitSize);
    CHECK_THROWS_AS(readAll(source), FormatException);
    CHECK_THROWS_WITH(readAll(source), ContainsSubstring(path + ":3:") && ContainsSubstring("column 2") &&
                                           ContainsSubstring("price") && ContainsSubstring("expected a number") &&
                                           ContainsSubstring("found \"abc\"") &&
                                           ContainsSubstring("MalformedPolicy::Skip"));
}

TEST_CASE("malformed rows are skipped and counted", "[connectors][file]") {
    const TempDirectory directory;
    const auto source =
        FileSource::csv<Trade>(directory.write("trades.csv", kTwoBadRows)).onMalformed(MalformedPolicy::Skip);
    FakeSourceContext fake;
    const auto records = readPerSubtask(source, 1, 10, fake).front();
    CHECK(records == std::vector<Trade>{{"A", 1.5, 10}, {"C", 2.5, 30}});
    CHECK(std::get<std::int64_t>(fake.accumulators.values().at("malformedRows")) == 2);
}

TEST_CASE("malformed rows go to a handler with their raw text", "[connectors][file]") {
    const TempDirectory directory;
    const auto path = directory.write("trades.csv", kTwoBadRows);
    const std::uint64_t splitSize = GENERATE(0U, 1U, 10U);
    CAPTURE(splitSize);
    std::vector<MalformedRow> rows;
    const auto source = FileSource::csv<Trade>(path).splitSize(splitSize).onMalformedRow(
        [&](const MalformedRow& row) { rows.push_back(row); });
    CHECK(readAll(source).size() == 2);
    REQUIRE(rows.size() == 2);
    CHECK(rows[0].file == path);
    CHECK(rows[0].line == 3);
    CHECK(rows[0].column == 2);
    CHECK(rows[0].field == "price");
    CHECK(rows[0].raw == "B,abc,20");
    CHECK(rows[1].line == 6);
    CHECK(rows[1].raw == "D,3.5");
}

TEST_CASE("malformed rows can be part of the stream", "[connectors][file]") {
    const TempDirectory directory;
    const auto records = readAll(FileSource::csvOrError<Trade>(directory.write("trades.csv", kTwoBadRows)), 2);
    REQUIRE(records.size() == 4);
    CHECK(std::get<Trade>(records[0]) == Trade{"A", 1.5, 10});
    CHECK(std::get<MalformedRow>(records[1]).raw == "B,abc,20");
    CHECK(std::get<Trade>(records[2]) == Trade{"C", 2.5, 30});
    CHECK(std::get<MalformedRow>(records[3]).line == 6);
}

TEST_CASE("a call of fill ends although every row is malformed", "[connectors][file]") {
    const TempDirectory directory;
    std::string text = "symbol,price,quantity\n";
    for (int i = 0; i < 5000; ++i) text += "x\n";
    const auto source = FileSource::csv<Trade>(directory.write("bad.csv", text)).onMalformed(MalformedPolicy::Skip);
    FakeSourceContext fake;
    auto reader = source.createReader(fake.context());
    reader.open(*source.createEnumerator(1)->nextSplit(0));
    std::vector<Trade> block(16);
    std::vector<Timestamp> times(16);
    const FillResult result = reader.fill(block, times);
    CHECK(result.count == 0);
    CHECK(result.status == SourceStatus::MoreAvailable);
}

TEST_CASE("by default several subtasks share even one file of middling size", "[connectors][file]") {
    const TempDirectory directory;
    std::string text;
    while (text.size() < 1'000'000) text += "a line like any other\n";
    const auto path = directory.write("lines", text);
    FakeSourceContext fake;
    CHECK(FileSource::lines(path).createEnumerator(1)->snapshot().size() == 1);
    CHECK(FileSource::lines(path).createEnumerator(4)->snapshot().size() >= 8);
    std::size_t total = 0;
    for (const auto& records : readPerSubtask(FileSource::lines(path), 4, 100, fake)) total += records.size();
    CHECK(total == text.size() / 22);
}

struct SideOutputs {
    std::vector<MalformedRow> rows;
    template <class X, class U = X>
    void output(const OutputTag<X>& tag, U&& value) {
        CHECK(tag.id() == "malformed");
        rows.push_back(std::forward<U>(value));
    }
};

TEST_CASE("lines from anywhere are parsed in a process function with malformed ones as side output",
          "[connectors][file]") {
    auto parse = parseCsv<Trade>(OutputTag<MalformedRow>("malformed"));
    SideOutputs context;
    Collector<Trade> out;
    for (const char* line : {"A,1.5,10", "B,x,20", "", "C,2.5,30\r"}) parse.processElement(line, context, out);
    REQUIRE(out.size() == 2);
    CHECK(out.block(false).values[1] == Trade{"C", 2.5, 30});
    REQUIRE(context.rows.size() == 1);
    CHECK(context.rows[0].raw == "B,x,20");
    CHECK(context.rows[0].column == 2);
}

}  // namespace
