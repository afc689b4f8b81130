#ifndef MILLRACE_BENCHMARKS_NEXMARK_CALENDAR_HPP
#define MILLRACE_BENCHMARKS_NEXMARK_CALENDAR_HPP

#include "events.hpp"

#include <chrono>
#include <cstdint>
#include <string>

// Days, hours and minutes of event time, in UTC.

namespace nexmark {

inline std::int64_t dayNumberOf(Timestamp time) noexcept {
    return std::chrono::floor<std::chrono::days>(time).time_since_epoch().count();
}
inline std::int64_t secondOfDay(Timestamp time) noexcept {
    return std::chrono::floor<std::chrono::seconds>(time - std::chrono::floor<std::chrono::days>(time)).count();
}
inline std::int64_t hourOf(Timestamp time) noexcept {
    return secondOfDay(time) / 3600;
}

inline void putTwoDigits(std::string& text, std::size_t at, unsigned value) noexcept {
    text[at] = static_cast<char>('0' + value / 10);
    text[at + 1] = static_cast<char>('0' + value % 10);
}
/// yyyy-MM-dd
inline std::string dayOf(Timestamp time) {
    const std::chrono::year_month_day date(std::chrono::floor<std::chrono::days>(time));
    const auto year = static_cast<unsigned>(static_cast<int>(date.year()));
    std::string text = "0000-00-00";
    putTwoDigits(text, 0, year / 100);
    putTwoDigits(text, 2, year % 100);
    putTwoDigits(text, 5, static_cast<unsigned>(date.month()));
    putTwoDigits(text, 8, static_cast<unsigned>(date.day()));
    return text;
}
/// HH:mm
inline std::string minuteOf(Timestamp time) {
    const auto minute = static_cast<unsigned>(secondOfDay(time) / 60);
    std::string text = "00:00";
    putTwoDigits(text, 0, minute / 60);
    putTwoDigits(text, 3, minute % 60);
    return text;
}

}  // namespace nexmark

#endif  // MILLRACE_BENCHMARKS_NEXMARK_CALENDAR_HPP
