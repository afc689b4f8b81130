#include <millrace/formats/csv_format.hpp>

#include <millrace/formats/text_line_format.hpp>

#include "support/catch.hpp"
#include "support/rounds.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <type_traits>
#include <vector>

using namespace millrace;

namespace {

struct Trade {
    std::string symbol;
    std::string industry;
    double price = 0;
    int quantity = 0;
    Timestamp time;
    bool operator==(const Trade&) const = default;
};

struct Wide {
    std::string text;
    std::optional<int> number;
    std::optional<std::string> maybeText;
    char code[4] = {};
    bool flag = false;
    std::chrono::milliseconds length{};
    char letter = 'x';
    std::int64_t large = 0;
    bool operator==(const Wide&) const = default;
};

struct Quote {
    std::array<char, 8> symbol;
    double bid;
    double ask;
};

const std::string kHeader = "symbol,industry,price,quantity,time";

CsvFormat<Trade> tradeFormat(const std::string& header = kHeader) {
    CsvFormat<Trade> format;
    format.readHeader(header, "trades.csv");
    return format;
}

/// The error of a line, as a user sees it.
template <class T>
std::string problem(CsvFormat<T>& format, std::string_view line) {
    T record{};
    const ParseResult result = format.parse(line, record);
    return result.ok() ? "none" : describeParseError("trades.csv", 17, result.error());
}

template <class T>
T parsed(CsvFormat<T> format, std::string_view line) {
    T record{};
    const ParseResult result = format.parse(line, record);
    INFO(line);
    INFO((result.ok() ? std::string("ok") : result.error().message()));
    REQUIRE(result.ok());
    return record;
}

template <class T>
std::string encoded(const CsvFormat<T>& format, const T& record) {
    std::string out;
    format.encode(record, out);
    return out;
}

Timestamp at(std::int64_t seconds) {
    return Timestamp{std::chrono::seconds(seconds)};
}

}  // namespace

TEST_CASE("formats model LineFormat", "[formats]") {
    static_assert(LineFormat<CsvFormat<Trade>>);
    static_assert(LineFormat<TextLineFormat>);
    std::string line;
    CHECK(TextLineFormat{}.parse("a,b\r", line).ok());
    CHECK(line == "a,b");
}

TEST_CASE("columns are found by name in any order", "[formats]") {
    const Trade expected{"AAPL", "Information Technology", 12.5, 100, at(3600)};
    CHECK(parsed(tradeFormat(), "AAPL,Information Technology,12.5,100,1970-01-01T01:00:00Z") == expected);
    CHECK(parsed(tradeFormat("time,id,quantity,industry,\"other, too\",symbol,price,note"),
                 "1970-01-01 01:00,7,100,\"Information Technology\",\"x,\"\"y\"\",z\",AAPL,12.5,") == expected);
    CHECK(parsed(tradeFormat("\xef\xbb\xbfsymbol, industry ,price,quantity,time\r"),
                 "AAPL,Information Technology,12.5,100,1970-01-01T01:00:00Z\r") == expected);
}

TEST_CASE("a header that does not fit names the column", "[formats]") {
    CHECK_THROWS_WITH(tradeFormat("symbol,industry,Price,quantity,time"),
                      Catch::Matchers::ContainsSubstring("trades.csv:1: expected a column \"price\", found \"symbol\", "
                                                         "\"industry\", \"Price\", \"quantity\", \"time\""));
    CHECK_THROWS_WITH(tradeFormat("symbol,industry,price,quantity,time,price"),
                      "trades.csv:1: the header has two columns \"price\"");
    CHECK_THROWS_AS(tradeFormat(""), FormatException);
    CHECK_THROWS_AS(tradeFormat("\"symbol,industry"), FormatException);
    Trade trade;
    CHECK_THROWS_AS(CsvFormat<Trade>{}.parse("a,b,1,1,2001-01-01", trade), FormatException);
}

TEST_CASE("columns may have names of their own, or none", "[formats]") {
    auto renamed = CsvFormat<Trade>{}.column("Symbol", &Trade::symbol).column("Price (USD)", &Trade::price);
    CHECK(renamed.hasHeader());
    renamed.readHeader("Price (USD),quantity,time,industry,Symbol");
    CHECK(parsed(renamed, "1,2,1970-01-01,x,A") == Trade{"A", "x", 1, 2, at(0)});
    std::string header;
    renamed.encodeHeader(header);
    CHECK(header == "Symbol,industry,Price (USD),quantity,time");

    const auto positional = CsvFormat<Trade>{}.withoutHeader().withDelimiter(';');
    CHECK_FALSE(positional.hasHeader());
    CHECK(parsed(positional, "A;x,y;1;2;1970-01-01;more;columns") == Trade{"A", "x,y", 1, 2, at(0)});
    CHECK_THROWS_AS(CsvFormat<Trade>{}.withDelimiter('"'), ConfigurationException);
    CHECK_THROWS_AS(CsvFormat<Trade>{}.withDelimiter('e'), ConfigurationException);
}

TEST_CASE("an error says where it is, what was expected and what was found", "[formats]") {
    auto format = tradeFormat();
    CHECK(problem(format, "A,x,abc,1,1970-01-01") ==
          "trades.csv:17: column 3 (\"price\"): expected a number, found \"abc\"");
    CHECK(problem(format, "A,x,,1,1970-01-01") ==
          "trades.csv:17: column 3 (\"price\"): expected a number, found nothing");
    CHECK(problem(format, "A,x") ==
          "trades.csv:17: column 3 (\"price\"): expected a number, found the end of the line");
    CHECK(problem(format, "A,x,1,99999999999,1970-01-01") ==
          "trades.csv:17: column 4 (\"quantity\"): expected an integer from -2147483648 to 2147483647, found "
          "\"99999999999\"");
    CHECK(problem(format, "A,x,1,2,9999-12-31") ==
          "trades.csv:17: column 5 (\"time\"): expected a time such as 2001-01-31T10:00:00Z, from 1677 to 2262, found "
          "\"9999-12-31\"");
    CHECK(problem(format, "A,x,1,2,1970-01-01,7") ==
          "trades.csv:17: column 6: expected the end of the line, as in the header, found \",7\"");
    CHECK(problem(format, "A,\"x,1,2,1970-01-01") ==
          "trades.csv:17: column 2 (\"industry\"): expected a closing quote at the end of the cell, found "
          "\"\"x,1,2,1970-01-01\"");
    CHECK(problem(format, "A,\"x\"y,1,2,1970-01-01") ==
          "trades.csv:17: column 2 (\"industry\"): expected a closing quote at the end of the cell, found "
          "\"\"x\"y,1,2,1970-01-01\"");
    CHECK(problem(format, "A,x,\"1\x01\",2,1970-01-01") ==
          "trades.csv:17: column 3 (\"price\"): expected a number, found \"1\\x01\"");

    auto mapped = tradeFormat("id,quantity,note,price,industry,time,symbol");
    CHECK(problem(mapped, "7,2,,12x,x,1970-01-01,A") ==
          "trades.csv:17: column 4 (\"price\"): expected a number, found \"12x\"");
    CHECK(problem(mapped, "7,2") ==
          "trades.csv:17: column 4 (\"price\"): expected a number, found the end of the line");
    Trade trade;
    const ParseResult result = mapped.parse("7,2,,12x", trade);
    CHECK(result.error().position == 6);
}

TEST_CASE("after a bad line the next good one is parsed as if nothing had been", "[formats]") {
    auto format = tradeFormat();
    Trade trade;
    CHECK_FALSE(format.parse("B,\"y\"\"", trade).ok());
    REQUIRE(format.parse("A,x,1,2,1970-01-01", trade).ok());
    CHECK(trade == Trade{"A", "x", 1, 2, at(0)});
}

TEST_CASE("quotes, blanks and empty cells", "[formats]") {
    auto format = CsvFormat<Wide>{}.withoutHeader();
    Wide expected{"a\"b,c", 5, "", {'a', 'b'}, true, std::chrono::milliseconds(5), ',', -7};
    CHECK(parsed(format, "\"a\"\"b,c\",\"5\",\"\",ab,\"TRUE\",5ms,\",\", -7 ") == expected);
    expected.number.reset();
    expected.maybeText.reset();
    expected.text.clear();
    CHECK(parsed(format, ",,,ab,1,5,\",\",-7") == expected);
    CHECK(parsed(format, "a \"quote\" inside,,,ab,1,5,\",\",-7").text == "a \"quote\" inside");
    CHECK(parsed(format, " padded ,,,ab,1,5,x,-7").text == " padded ");
    CHECK(problem(format, "a,,,abcde,1,5,x,-7") ==
          "trades.csv:17: column 4 (\"code\"): expected a text of at most 4 bytes, found \"abcde\"");
}

TEST_CASE("a cell is quoted when a special character is anywhere in it, and only then", "[formats]") {
    struct Cell {
        std::string text;
    };
    const auto format = CsvFormat<Cell>{}.withoutHeader();
    for (const std::size_t length : {1, 15, 16, 31, 64, 100}) {
        const std::string plain(length, ';');
        CHECK(encoded(format, Cell{plain}) == plain);
        CHECK(encoded(format.withDelimiter(';'), Cell{plain}) == '"' + plain + '"');
        for (std::size_t at = 0; at < length; ++at) {
            for (const char special : {',', '"', '\n', '\r'}) {
                Cell cell{plain};
                cell.text[at] = special;
                const std::string doubled = special == '"' ? "\"" : "";
                CAPTURE(length, at, static_cast<int>(special));
                CHECK(encoded(format, cell) ==
                      '"' + plain.substr(0, at) + special + doubled + plain.substr(at + 1) + '"');
            }
        }
    }
}

TEST_CASE("an optional field without a column is nullopt, also in a record that was used before", "[formats]") {
    CsvFormat<Wide> format;
    format.readHeader("length,code,flag,letter,large,text");
    Wide record;
    record.number = 5;
    record.maybeText = "old";
    REQUIRE(format.parse("1s,ab,0,x,1,t", record).ok());
    CHECK_FALSE(record.number);
    CHECK_FALSE(record.maybeText);
}

TEST_CASE("what is encoded is parsed as the same record", "[formats]") {
    const auto seed = GENERATE(range(0, testsupport::roundsToTry(50)));
    const char delimiter = GENERATE(',', ';', '\t', '-', '.');
    CAPTURE(seed, delimiter);
    std::mt19937_64 random(static_cast<std::uint64_t>(seed));
    const auto text = [&] {
        constexpr std::string_view kLetters = "ab\",;\t -.'\xc3\xa9";
        std::string result(random() % 20, ' ');
        for (char& c : result) c = kLetters[random() % kLetters.size()];
        return result;
    };
    Wide record;
    record.text = text();
    if (random() % 2 == 0) record.number = static_cast<int>(random());
    if (random() % 2 == 0) record.maybeText = random() % 3 == 0 ? "" : text();
    record.code[0] = text().append("x").front();
    record.flag = random() % 2 == 0;
    record.length = std::chrono::milliseconds(static_cast<int>(random()));
    record.letter = "a\",;.- "[random() % 7];
    record.large = static_cast<std::int64_t>(random());

    auto format = CsvFormat<Wide>{}.withDelimiter(delimiter);
    std::string header;
    format.encodeHeader(header);
    format.readHeader(header);
    const std::string line = encoded(format, record);
    CAPTURE(line);
    CHECK(parsed(format, line) == record);
}

TEST_CASE("any bytes are a record or an error", "[formats]") {
    const auto seed = GENERATE(range(0, testsupport::roundsToTry(20)));
    CAPTURE(seed);
    std::mt19937_64 random(static_cast<std::uint64_t>(seed));
    auto inOrder = tradeFormat();
    auto mapped = tradeFormat("time,note,quantity,price,industry,symbol");
    Trade trade;
    int accepted = 0;
    for (int i = 0; i < 5000; ++i) {
        std::string line = random() % 2 == 0 ? "AAPL,\"a\"\"b\",12.5,100,2001-01-31T10:00:00.5+01:00"
                                             : "2001-01-31T10:00:00Z,\"n,\",5,-1.5e3,\"\",A";
        for (auto n = random() % 5; n > 0; --n) {
            constexpr std::string_view kBytes = ",,\"\"\r09-.:eTZ\xff ";
            const auto where = random() % (line.size() + 1);
            if (random() % 2 == 0) {
                line.insert(where, 1, kBytes[random() % kBytes.size()]);
            } else {
                line.erase(where, random() % 4);
            }
        }
        for (auto* format : {&inOrder, &mapped}) {
            // a copy without room behind it, so that a sanitizer sees every read beyond the end
            const std::vector<char> exact(line.begin(), line.end());
            const ParseResult result = format->parse({exact.data(), exact.size()}, trade);
            accepted += result.ok() ? 1 : 0;
            if (!result.ok()) {
                CHECK_FALSE(result.error().message().empty());
                CHECK(result.error().position <= line.size() + 1);
            }
        }
    }
    CHECK(accepted > 0);
}

TEST_CASE("records without strings are plain memory", "[formats]") {
    static_assert(std::is_trivially_copyable_v<Quote>);
    auto format = CsvFormat<Quote>{}.withoutHeader();
    const Quote quote = parsed(format, "AAPL,12.25,12.5");
    CHECK(std::string_view(quote.symbol.data()) == "AAPL");
    CHECK(quote.bid == 12.25);
    CHECK(encoded(format, quote) == "AAPL,12.25,12.5");
}
