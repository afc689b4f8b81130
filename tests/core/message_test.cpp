#include <millrace/core/message.hpp>

#include "support/catch.hpp"

#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>

using namespace millrace::detail;

TEST_CASE("a message has its parts where its format has braces", "[core]") {
    const std::string text = "a text";
    CHECK(message("nothing to fill in") == "nothing to fill in");
    CHECK(message("").empty());
    CHECK(message("{}", {text}) == "a text");
    CHECK(message("'{}' and {}{}", {text, 3, std::string_view("rd")}) == "'a text' and 3rd");
    CHECK(message("{} to {}", {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()}) ==
          "-9223372036854775808 to 9223372036854775807");
    CHECK(message("[{}]", {std::string_view()}) == "[]");
}

TEST_CASE("braces in a part or without one are text, and parts without braces are left out", "[core]") {
    CHECK(message("{}, {}", {"{}", "{} {}"}) == "{}, {} {}");
    CHECK(message("{\"id\": {}}", {7}) == "{\"id\": 7}");
    CHECK(message("{ } {", {7}) == "{ } {");
    CHECK(message("{} and {}", {1}) == "1 and {}");
    CHECK(message("{}", {1, 2}) == "1");
}

TEST_CASE("raise throws what is asked for, with the message", "[core]") {
    try {
        raise<std::range_error>("{} of {}", {1, "two"});
        FAIL("nothing was thrown");
    } catch (const std::range_error& error) {
        CHECK(std::string(error.what()) == "1 of two");
    }
}
