#include <millrace/formats/json_lines_format.hpp>

#include "support/catch.hpp"
#include "support/rounds.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <tuple>
#include <vector>

using namespace millrace;

namespace {

enum class Side : std::uint8_t { Buy, Sell };

struct Point {
    double x = 0;
    std::optional<int> y;
    bool operator==(const Point&) const = default;
};

struct Event {
    std::string text;
    int number = 0;
    std::uint8_t small = 0;
    bool flag = false;
    double value = 0;
    Timestamp time;
    std::chrono::milliseconds length{};
    std::vector<Point> points;
    std::optional<std::string> maybe;
    std::map<std::string, int> map;
    std::array<int, 2> two{};
    std::tuple<int, std::string> tuple;
    Side side = Side::Buy;
    std::vector<bool> flags;
    Point point;
    nlohmann::json anything;
    bool operator==(const Event&) const = default;
};

const std::string kLine =
    R"({"text":"a\"b\né","number":-5,"small":255,"flag":true,"value":1.5,"time":1517966773840,"length":"2s",)"
    R"("points":[{"x":1},{"x":2,"y":3}],"map":{"k":1},"two":[1,2],"tuple":[1,"x"],"side":1,"flags":[true,false],)"
    R"("point":{"x":0.1,"y":null},"anything":{"z":[1]},"unknown":[{}]})";

Event expectedEvent() {
    Event event;
    event.text = "a\"b\né";
    event.number = -5;
    event.small = 255;
    event.flag = true;
    event.value = 1.5;
    event.time = Timestamp{std::chrono::milliseconds(1517966773840)};
    event.length = std::chrono::seconds(2);
    event.points = {{1, {}}, {2, 3}};
    event.map = {{"k", 1}};
    event.two = {1, 2};
    event.tuple = {1, "x"};
    event.side = Side::Sell;
    event.flags = {true, false};
    event.point.x = 0.1;
    event.anything = {{"z", {1}}};
    return event;
}

std::string problem(const std::string& line) {
    JsonLinesFormat<Event> format;
    Event event;
    const ParseResult result = format.parse(line, event);
    return result.ok() ? "none" : describeParseError("e.json", 3, result.error());
}

std::string replaced(const std::string& part, const std::string& with) {
    std::string line = kLine;
    REQUIRE(line.find(part) != std::string::npos);
    return line.replace(line.find(part), part.size(), with);
}

}  // namespace

TEST_CASE("a JSON object per line becomes a record", "[formats]") {
    static_assert(LineFormat<JsonLinesFormat<Event>>);
    JsonLinesFormat<Event> format;
    Event event;
    event.maybe = "old";
    event.points.resize(5);
    event.map["old"] = 1;
    REQUIRE(format.parse(kLine, event).ok());
    CHECK(event == expectedEvent());
    REQUIRE(format.parse(replaced("1517966773840", "\"2018-02-07T01:26:13.840Z\""), event).ok());
    CHECK(event == expectedEvent());

    std::string line;
    format.encode(event, line);
    CHECK(line ==
          R"({"text":"a\"b\né","number":-5,"small":255,"flag":true,"value":1.5,"time":"2018-02-07T01:26:13.840Z",)"
          R"("length":"2000ms","points":[{"x":1,"y":null},{"x":2,"y":3}],"maybe":null,"map":{"k":1},"two":[1,2],)"
          R"("tuple":[1,"x"],"side":1,"flags":[true,false],"point":{"x":0.1,"y":null},"anything":{"z":[1]}})");
    Event again;
    REQUIRE(format.parse(line, again).ok());
    CHECK(again == event);
}

TEST_CASE("an error in JSON names the path of the field", "[formats]") {
    CHECK(problem(kLine) == "none");
    CHECK(problem(replaced("\"x\":2", "\"x\":\"q\"")) ==
          "e.json:3: field \"points[1].x\": expected a number, found \"q\"");
    CHECK(problem(replaced("\"y\":null", "\"y\":[]")) ==
          "e.json:3: field \"point.y\": expected an integer from -2147483648 to 2147483647, found an array of 0");
    CHECK(problem(replaced("\"small\":255", "\"small\":256")) ==
          "e.json:3: field \"small\": expected an integer from 0 to 255, found 256");
    CHECK(problem(replaced("\"side\":1", "\"side\":-1")) ==
          "e.json:3: field \"side\": expected an integer from 0 to 255, found -1");
    CHECK(problem(replaced("\"number\":-5,", "")) ==
          "e.json:3: field \"number\": expected an integer from -2147483648 to 2147483647, found no such field");
    CHECK(problem(replaced("\"number\":-5", "\"number\":5000000000")) ==
          "e.json:3: field \"number\": expected an integer from -2147483648 to 2147483647, found 5000000000");
    CHECK(problem(replaced("\"number\":-5", "\"number\":1.5")) ==
          "e.json:3: field \"number\": expected an integer from -2147483648 to 2147483647, found 1.5");
    CHECK(problem(replaced("1517966773840", "9223372036854775")) ==
          "e.json:3: field \"time\": expected a time such as 2001-01-31T10:00:00Z, from 1677 to 2262, or milliseconds "
          "since 1970, found 9223372036854775");
    CHECK(problem(replaced("[1,\"x\"]", "[1]")) ==
          "e.json:3: field \"tuple\": expected an array of 2, found an array of 1");
    CHECK(problem(replaced("\"k\":1", "\"k\":true")) ==
          "e.json:3: field \"map.k\": expected an integer from -2147483648 to 2147483647, found true");
    CHECK(problem("[]") == "e.json:3: expected an object, found an array of 0");
    CHECK(problem("{\"text\":") == "e.json:3: at byte 9: expected valid JSON, found the end of the line");
    CHECK(problem("{\"text\" 5}") == "e.json:3: at byte 9: expected valid JSON, found \"5}\"");
    CHECK(problem("") == "e.json:3: at byte 1: expected valid JSON, found the end of the line");
}

TEST_CASE("members may have names that no field can have", "[formats]") {
    auto format = JsonLinesFormat<Point>{}.field("x-value", &Point::x);
    Point point;
    REQUIRE(format.parse(R"({"x-value":1.5,"y":2})", point).ok());
    CHECK(point == Point{1.5, 2});
    std::string line;
    format.encode(point, line);
    CHECK(line == R"({"x-value":1.5,"y":2})");
    CHECK_FALSE(format.parse(R"({"x":1.5})", point).ok());
}

TEST_CASE("what JSON cannot say is written as null", "[formats]") {
    std::string line;
    JsonLinesFormat<Point>{}.encode(Point{std::numeric_limits<double>::infinity(), {}}, line);
    CHECK(line == R"({"x":null,"y":null})");
}

TEST_CASE("any bytes are a JSON record or an error", "[formats]") {
    const auto seed = GENERATE(range(0, testsupport::roundsToTry(10)));
    CAPTURE(seed);
    std::mt19937_64 random(static_cast<std::uint64_t>(seed));
    JsonLinesFormat<Event> format;
    Event event;
    int accepted = 0;
    for (int i = 0; i < 300; ++i) {
        std::string line = kLine;
        for (auto n = random() % 3; n > 0; --n) {
            constexpr std::string_view kBytes = "{}[]\",:09-.e\\u\xff ";
            line[random() % line.size()] = kBytes[random() % kBytes.size()];
        }
        const ParseResult result = format.parse(line, event);
        accepted += result.ok() ? 1 : 0;
        if (!result.ok()) CHECK_FALSE(result.error().message().empty());
    }
    CHECK(accepted > 0);
    CHECK_FALSE(format.parse(std::string(100'000, '['), event).ok());  // depth costs no stack
}
