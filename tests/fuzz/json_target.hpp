#ifndef MILLRACE_TESTS_FUZZ_JSON_TARGET_HPP
#define MILLRACE_TESTS_FUZZ_JSON_TARGET_HPP

#include <millrace/formats/json_lines_format.hpp>
#include <millrace/time/timestamp.hpp>

#include <fuzz/require.hpp>

#include <array>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fuzz {

struct JsonPoint {
    double x = 0;
    std::optional<int> y;
};

struct JsonEvent {
    std::string text;
    std::int64_t number = 0;
    std::uint8_t small = 0;
    bool flag = false;
    double value = 0;
    millrace::Timestamp time;
    std::chrono::milliseconds length{};
    std::vector<JsonPoint> points;
    std::map<std::string, int> map;
    std::array<int, 2> two{};
};

/// A line.
inline void json(std::span<const std::uint8_t> data) {
    millrace::JsonLinesFormat<JsonEvent> format;
    JsonEvent event;
    const std::string_view line(reinterpret_cast<const char*>(data.data()), data.size());
    if (const auto result = format.parse(line, event); !result) {
        require(!result.error().message().empty());
        return;
    }
    // what was accepted can be written, and is then read as the same
    std::string written;
    format.encode(event, written);
    JsonEvent again;
    std::string writtenAgain;
    require(format.parse(written, again).ok());
    format.encode(again, writtenAgain);
    require(writtenAgain == written);
}

}  // namespace fuzz

#endif  // MILLRACE_TESTS_FUZZ_JSON_TARGET_HPP
