#include <millrace/formats/text_value.hpp>

#include "support/catch.hpp"

#include <array>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <vector>

using namespace millrace;
using namespace std::chrono_literals;

namespace text_value_test {

enum class Side : std::uint8_t { Buy = 1, Sell = 2 };

struct Hex {
    int value = 0;
    bool operator==(const Hex&) const = default;
};

}  // namespace text_value_test

template <>
struct millrace::TextFormat<text_value_test::Hex> {
    static bool parse(std::string_view text, text_value_test::Hex& into) {
        const auto result = std::from_chars(text.data(), text.data() + text.size(), into.value, 16);
        return result.ec == std::errc{} && result.ptr == text.data() + text.size();
    }
    static void write(const text_value_test::Hex& from, std::string& out) {
        std::array<char, 16> digits{};
        out.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), from.value, 16).ptr);
    }
    static constexpr const char* expected = "a hexadecimal number";
};

using namespace text_value_test;

namespace {

template <class T>
std::optional<T> parsed(std::string_view text) {
    T value{};
    return parseText(text, value) ? std::optional<T>(value) : std::nullopt;
}

template <class T>
std::string written(const T& value) {
    std::string out;
    writeText(value, out);
    return out;
}

std::optional<std::int64_t> ticksOf(std::string_view text) {
    const auto time = parsed<Timestamp>(text);
    return time ? std::optional(time->time_since_epoch().count()) : std::nullopt;
}

}  // namespace

TEST_CASE("an integer that does not fit its type is no value", "[formats]") {
    CHECK(parsed<int>("2147483647") == 2147483647);
    CHECK(parsed<int>("-2147483648") == std::numeric_limits<int>::min());
    CHECK(parsed<int>("+5") == 5);
    CHECK(parsed<int>(" 5\t") == 5);
    CHECK(parsed<int>("007") == 7);
    CHECK(parsed<std::uint64_t>("18446744073709551615") == std::numeric_limits<std::uint64_t>::max());
    CHECK(parsed<std::int64_t>("-9223372036854775808") == std::numeric_limits<std::int64_t>::min());
    CHECK(parsed<std::int8_t>("-128") == std::int8_t{-128});
    CHECK(parsed<std::uint32_t>("00000000000000000000000000004294967295") == 4294967295U);
    for (const char* text : {"2147483648", "-2147483649", "", "-", "+", "5x", "1.0", "1e3", "0x5", "--5", "+-5", " ",
                             "99999999999999999999", "18446744073709551616"}) {
        CAPTURE(text);
        CHECK_FALSE(parsed<int>(text));
    }
    CHECK_FALSE(parsed<std::uint64_t>("18446744073709551616"));
    CHECK_FALSE(parsed<std::uint64_t>("99999999999999999999999999"));
    CHECK_FALSE(parsed<std::int64_t>("9223372036854775808"));
    CHECK_FALSE(parsed<unsigned>("-1"));
    CHECK_FALSE(parsed<std::uint8_t>("256"));
    CHECK(expectedText<std::uint8_t>() == "an integer from 0 to 255");
}

TEST_CASE("a double is read to the nearest value, as strtod does it", "[formats]") {
    const auto seed = GENERATE(range(0, 20));
    CAPTURE(seed);
    std::mt19937_64 random(static_cast<std::uint64_t>(seed));
    const auto check = [](const std::string& text) {
        CAPTURE(text);
        const auto value = parsed<double>(text);
        const double expected = std::strtod(text.c_str(), nullptr);
        REQUIRE(value);
        if (std::bit_cast<std::uint64_t>(*value) != std::bit_cast<std::uint64_t>(expected)) CHECK(*value == expected);
        const auto single = parsed<float>(text);
        if (const float expectedSingle = std::strtof(text.c_str(), nullptr); std::isnormal(expectedSingle)) {
            REQUIRE(single);
            if (*single != expectedSingle) CHECK(*single == expectedSingle);
        }
    };
    for (int i = 0; i < 2000; ++i) {
        std::string text = random() % 2 == 0 ? "-" : "";
        const auto digits = [&](std::uint64_t count) {
            for (; count > 0; --count) text += static_cast<char>('0' + random() % 10);
        };
        digits(random() % 19 + 1);
        if (random() % 3 != 0) {
            text += '.';
            digits(random() % 12);
        }
        if (random() % 4 == 0) text += "e" + std::to_string(static_cast<int>(random() % 200) - 100);
        check(text);
        double bits = std::bit_cast<double>(random());
        if (!std::isfinite(bits)) bits = 1;
        if (!std::isnormal(bits)) continue;
        check(written(bits));
        CHECK(parsed<double>(written(bits)) == bits);  // the shortest text gives the same value again
    }
}

TEST_CASE("what is no number is refused", "[formats]") {
    for (const char* text :
         {"", "-", "+", ".", "-.", "e5", "1e", "1.2.3", "abc", "1,5", "+-1", "0x10", "1 2", "1e999"}) {
        CAPTURE(text);
        CHECK_FALSE(parsed<double>(text));
    }
    CHECK(parsed<double>(".5") == 0.5);
    CHECK(parsed<double>("5.") == 5.0);
    CHECK(parsed<double>("+1.5") == 1.5);
    CHECK(std::signbit(parsed<double>("-0").value()));
    CHECK(std::isinf(parsed<double>("-inf").value()));
    CHECK(std::isnan(parsed<double>("nan").value()));
}

TEST_CASE("a time is read in the forms of ISO 8601", "[formats]") {
    const std::int64_t tenOClock = 980935200'000000000;  // date -u -d '2001-01-31 10:00' +%s
    CHECK(ticksOf("2001-01-31T10:00:00.123456789Z") == tenOClock + 123456789);
    CHECK(ticksOf("2001-01-31T10:00:00.5z") == tenOClock + 500000000);
    CHECK(ticksOf("2001-01-31T10:00:00,25") == tenOClock + 250000000);
    CHECK(ticksOf("2001-01-31T10:00:00.1234567899Z") == tenOClock + 123456789);
    CHECK(ticksOf("2001-01-31 10:00:00") == tenOClock);
    CHECK(ticksOf("2001/01/31 10:00") == tenOClock);
    CHECK(ticksOf("2001-01-31T11:30:00+01:30") == tenOClock);
    CHECK(ticksOf("2001-01-31T11:30+0130") == tenOClock);
    CHECK(ticksOf("2001-01-31T04:00:00-06") == tenOClock);
    CHECK(ticksOf("2001-01-31") == tenOClock - 36000'000000000);
    CHECK(ticksOf("2000-02-29") == 951782400'000000000);
    CHECK(ticksOf("1969-12-31T23:59:59.999999999Z") == -1);
    for (const char* text : {"",
                             "2001",
                             "2001-1-31",
                             "2001-01-31T",
                             "2001-01-31T10",
                             "2001-01-31T10:0",
                             "2001-01-31T24:00:00",
                             "2001-01-31T10:60:00",
                             "2001-01-31T10:00:60",
                             "2001-13-01",
                             "2001-00-10",
                             "2001-02-29",
                             "1900-02-29",
                             "2001-04-31",
                             "2001-01-00",
                             "2001-01/31",
                             "2001-01-31T10:00:00.",
                             "2001-01-31T10:00:00+",
                             "31-01-2001",
                             "2001-01-31T10:00:00Zx",
                             "2001-01-31T10:00:00+25:00",
                             "2001-01-31  10:00",
                             "20a1-01-31",
                             "-001-01-31"}) {
        CAPTURE(text);
        CHECK_FALSE(ticksOf(text));
    }
}

TEST_CASE("a time outside 1677 to 2262 is refused, up to the last tick", "[formats]") {
    CHECK(parsed<Timestamp>("1677-09-21T00:12:43.145224192Z") == kMinTimestamp);
    CHECK(parsed<Timestamp>("2262-04-11T23:47:16.854775807Z") == kMaxTimestamp);
    CHECK_FALSE(ticksOf("1677-09-21T00:12:43.145224191Z"));
    CHECK_FALSE(ticksOf("2262-04-11T23:47:16.854775808Z"));
    CHECK_FALSE(ticksOf("9999-12-31"));
    CHECK_FALSE(ticksOf("0001-01-01T00:00:00Z"));
    CHECK(written(kMinTimestamp) == "1677-09-21T00:12:43.145224192Z");
    CHECK(written(kMaxTimestamp) == "2262-04-11T23:47:16.854775807Z");
}

TEST_CASE("a time is written so that it is read as the same time", "[formats]") {
    CHECK(written(Timestamp{}) == "1970-01-01T00:00:00Z");
    CHECK(written(Timestamp{1500ms}) == "1970-01-01T00:00:01.500Z");
    CHECK(written(Timestamp{1us}) == "1970-01-01T00:00:00.000001Z");
    CHECK(written(Timestamp{-1ns}) == "1969-12-31T23:59:59.999999999Z");
    const auto seed = GENERATE(range(0, 5));
    CAPTURE(seed);
    std::mt19937_64 random(static_cast<std::uint64_t>(seed));
    for (int i = 0; i < 2000; ++i) {
        const Timestamp time{Duration{static_cast<std::int64_t>(random())}};
        const auto text = written(time);
        CAPTURE(text);
        CHECK(parsed<Timestamp>(text) == time);
        const auto whole = std::chrono::floor<std::chrono::seconds>(time + 1s);
        CHECK(parsed<std::chrono::sys_seconds>(written(whole)) == whole);
        // the calendar of the C library as the other opinion
        const std::time_t seconds = std::chrono::system_clock::to_time_t(whole);
        std::tm parts{};
        gmtime_r(&seconds, &parts);
        std::array<char, 32> expected{};
        std::strftime(expected.data(), expected.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
        CHECK(written(whole) == expected.data());
    }
}

TEST_CASE("a duration has a unit, or counts its own ticks", "[formats]") {
    using std::chrono::milliseconds;
    CHECK(parsed<milliseconds>("150ms") == 150ms);
    CHECK(parsed<milliseconds>("150") == 150ms);
    CHECK(parsed<milliseconds>("-2s") == -2s);
    CHECK(parsed<milliseconds>("3000us") == 3ms);
    CHECK(parsed<std::chrono::hours>("2d") == 48h);
    CHECK(written(90min) == "90min");
    CHECK(written(std::chrono::days(3)) == "3d");
    for (const char* text : {"", "ms", "1.5s", "1500us", "1 s", "5weeks", "9223372036854775807s"}) {
        CAPTURE(text);
        CHECK_FALSE(parsed<milliseconds>(text));
    }
}

TEST_CASE("the other types of fields", "[formats]") {
    for (const char* text : {"true", "TRUE", "True", "1", " true "}) CHECK(parsed<bool>(text) == true);
    for (const char* text : {"false", "False", "0"}) CHECK(parsed<bool>(text) == false);
    for (const char* text : {"", "yes", "2", "truee"}) CHECK_FALSE(parsed<bool>(text));

    CHECK(parsed<Side>("2") == Side::Sell);
    CHECK_FALSE(parsed<Side>("256"));
    CHECK(written(Side::Sell) == "2");

    CHECK(parsed<char>("x") == 'x');
    CHECK_FALSE(parsed<char>("xy"));
    CHECK(parsed<std::string>(" a b ") == " a b ");

    std::array<char, 4> text{'o', 'l', 'd', '!'};
    CHECK(parseText("ab", text));
    CHECK(text == std::array<char, 4>{'a', 'b', '\0', '\0'});
    CHECK(written(text) == "ab");
    CHECK_FALSE(parseText("abcde", text));

    std::optional<int> maybe = 7;
    CHECK(parseText("", maybe));
    CHECK_FALSE(maybe);
    CHECK(parseText("5", maybe));
    CHECK(maybe == 5);
    CHECK_FALSE(parsed<std::optional<int>>("x"));
    CHECK(expectedText<std::optional<double>>() == "a number or nothing");

    CHECK(parsed<Hex>("ff") == Hex{255});
    CHECK(written(Hex{255}) == "ff");
    CHECK(expectedText<Hex>() == "a hexadecimal number");

    static_assert(!TextValue<std::vector<int>> && !TextValue<int*> && !TextValue<std::string_view>);
}
