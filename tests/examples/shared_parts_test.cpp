#include <arguments.hpp>
#include <ordered_sink.hpp>

#include <support/catch.hpp>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using examples::ArgumentError;
using examples::Arguments;

namespace {

Arguments arguments(std::vector<const char*> words) {
    words.insert(words.begin(), "program");
    return Arguments(static_cast<int>(words.size()), words.data());
}

millrace::Timestamp at(int seconds) {
    return millrace::Timestamp{std::chrono::seconds(seconds)};
}

}  // namespace

TEST_CASE("arguments: both spellings of a value, flags, durations and defaults", "[examples]") {
    auto given = arguments({"--readers", "3", "--delay=250ms", "--verbose", "--file", "a=b.csv"});
    CHECK(given.take("--readers", 1, 1, 8) == 3);
    CHECK(given.take<std::chrono::milliseconds>("--delay", 1s, 0s, 1h) == 250ms);
    CHECK(given.takeFlag("--verbose"));
    CHECK_FALSE(given.takeFlag("--verbose"));
    CHECK(given.takeText("--file") == "a=b.csv");
    CHECK(given.take("--averagers", 5, 1, 8) == 5);
    CHECK_NOTHROW(given.expectNothingMore());
}

TEST_CASE("arguments: a mistake is named with what was expected", "[examples]") {
    CHECK_THROWS_WITH(arguments({"--readers", "0"}).take("--readers", 1, 1, 8),
                      ContainsSubstring("--readers: expected a value from 1 to 8, found \"0\""));
    CHECK_THROWS_AS(arguments({"--readers", "3x"}).take("--readers", 1, 1, 8), ArgumentError);
    CHECK_THROWS_WITH(arguments({"--file", "--help"}).takeText("--file"), ContainsSubstring("a value is missing"));
    CHECK_THROWS_WITH(arguments({"--file"}).takeText("--file"), ContainsSubstring("a value is missing"));
    CHECK_THROWS_WITH(arguments({"--fiel", "x"}).expectNothingMore(), ContainsSubstring("unknown argument \"--fiel\""));
}

TEST_CASE("ordered sink: records leave in the order of their time once the watermark has passed them", "[examples]") {
    std::vector<std::string> written;
    const auto sink = examples::inOrder<std::string>(
        examples::forEach<std::string>([&written](const std::string& text) { written.push_back(text); }));
    auto writer = sink.createWriter({});

    writer.write("late b", {at(5), at(0)});
    writer.write("early", {at(3), at(0)});
    writer.write("late a", {at(5), at(0)});
    writer.write("last", {at(9), at(0)});
    CHECK(written.empty());
    writer.writeWatermark(at(4));
    CHECK(written == std::vector<std::string>{"early"});
    writer.writeWatermark(at(5));
    CHECK(written == std::vector<std::string>{"early", "late a", "late b"});
    writer.flush(false);
    CHECK(written.size() == 3);
    writer.flush(true);
    CHECK(written.back() == "last");
}
