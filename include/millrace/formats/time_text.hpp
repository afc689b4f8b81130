#ifndef MILLRACE_FORMATS_TIME_TEXT_HPP
#define MILLRACE_FORMATS_TIME_TEXT_HPP

#include <millrace/core/chrono.hpp>
#include <millrace/formats/scan_number.hpp>
#include <millrace/time/timestamp.hpp>

#include <cstdint>
#include <limits>
#include <ratio>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace millrace::detail {

/// Seconds and nanoseconds since 1970 as one tick count; false outside 1677-09-21 to 2262-04-11.
constexpr bool toTicks(std::int64_t seconds, std::int64_t nanoseconds, std::int64_t& ticks) noexcept {
    constexpr std::int64_t kPerSecond = 1'000'000'000;
    if (seconds < 0 && nanoseconds > 0) {  // towards zero first: the earliest second does not fit as a whole
        ++seconds;
        nanoseconds -= kPerSecond;
    }
    return !__builtin_mul_overflow(seconds, kPerSecond, &ticks) && !__builtin_add_overflow(ticks, nanoseconds, &ticks);
}

/// Two digits; 100 or more if they are not digits.
inline unsigned twoDigits(const char* at) noexcept {
    const unsigned tens = static_cast<unsigned char>(at[0] - '0');
    const unsigned ones = static_cast<unsigned char>(at[1] - '0');
    return tens > 9 || ones > 9 ? 100 : 10 * tens + ones;
}

/// Days from 1970-01-01 in the proleptic Gregorian calendar (Howard Hinnant, "chrono-Compatible Low-Level Date
/// Algorithms", public domain); years 0 to 9999 here.
constexpr std::int64_t daysFromCivil(int year, unsigned month, unsigned day) noexcept {
    year -= month <= 2 ? 1 : 0;
    const int era = (year >= 0 ? year : year - 399) / 400;
    const auto yearOfEra = static_cast<unsigned>(year - era * 400);
    const unsigned dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    const unsigned dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear;
    return std::int64_t{era} * 146097 + dayOfEra - 719468;
}

struct CivilDate {
    int year;
    unsigned month;
    unsigned day;
};

/// The reverse, by the same source; for days from the year 0 on.
constexpr CivilDate civilFromDays(std::int64_t days) noexcept {
    days += 719468;
    const std::int64_t era = days / 146097;
    const auto dayOfEra = static_cast<unsigned>(days - era * 146097);
    const unsigned yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146096) / 365;
    const unsigned dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100);
    const unsigned month = (5 * dayOfYear + 2) / 153;  // from March on
    return {static_cast<int>(yearOfEra + era * 400) + (month < 10 ? 0 : 1), month < 10 ? month + 3 : month - 9,
            dayOfYear - (153 * month + 2) / 5 + 1};
}

constexpr bool isCivilDate(int year, unsigned month, unsigned day) noexcept {
    if (month < 1 || month > 12 || day < 1 || day > 31) return false;
    if (day <= 28) return true;
    const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (month == 2) return day == 29 && leap;
    return day <= (month == 4 || month == 6 || month == 9 || month == 11 ? 30U : 31U);
}

/// `2001-01-31T10:00:00.123456789Z`. Date and time are separated by T, t or one blank, the parts of the date by - or
/// /; seconds, fraction (digits after the ninth are dropped), time and offset (Z, +01:00, +0100, +01) may be missing.
/// Without an offset it is UTC. Null also for a time that does not exist or lies outside 1677 to 2262.
inline const char* scanTimestamp(const char* at, const char* end, Timestamp& value) noexcept {
    if (end - at < 10 || at[4] != at[7] || (at[4] != '-' && at[4] != '/')) return nullptr;
    const unsigned century = twoDigits(at);
    const unsigned yearOfCentury = twoDigits(at + 2);
    const unsigned month = twoDigits(at + 5);
    const unsigned day = twoDigits(at + 8);
    const auto year = static_cast<int>(100 * century + yearOfCentury);
    if (century > 99 || yearOfCentury > 99 || !isCivilDate(year, month, day)) return nullptr;
    at += 10;

    std::int64_t seconds = daysFromCivil(year, month, day) * 86400;
    std::int64_t nanoseconds = 0;
    if (end - at >= 6 && ((*at | 0x20) == 't' || *at == ' ') && isDigit(at[1])) {
        const unsigned hour = twoDigits(at + 1);
        const unsigned minute = twoDigits(at + 4);
        if (at[3] != ':' || hour > 23 || minute > 59) return nullptr;
        seconds += 3600 * hour + 60 * minute;
        at += 6;
        if (end - at >= 3 && *at == ':') {
            const unsigned second = twoDigits(at + 1);
            if (second > 59) return nullptr;
            seconds += second;
            at += 3;
            if (end - at >= 2 && (*at == '.' || *at == ',') && isDigit(at[1])) {
                int digits = 0;
                for (++at; at != end && isDigit(*at); ++at) {
                    if (digits == 9) continue;
                    nanoseconds = 10 * nanoseconds + (*at - '0');
                    ++digits;
                }
                for (; digits < 9; ++digits) nanoseconds *= 10;
            }
        }
        if (at != end && (*at | 0x20) == 'z') {
            ++at;
        } else if (at != end && (*at == '+' || *at == '-')) {
            if (end - at < 3) return nullptr;
            const int sign = *at == '-' ? 1 : -1;
            const unsigned offsetHour = twoDigits(at + 1);
            unsigned offsetMinute = 0;
            at += 3;
            if (end - at >= 3 && *at == ':' && isDigit(at[1])) {
                offsetMinute = twoDigits(at + 1);
                at += 3;
            } else if (end - at >= 2 && isDigit(at[0])) {
                offsetMinute = twoDigits(at);
                at += 2;
            }
            if (offsetHour > 23 || offsetMinute > 59) return nullptr;
            seconds += sign * static_cast<std::int64_t>(3600 * offsetHour + 60 * offsetMinute);
        }
    }
    std::int64_t ticks = 0;
    if (!toTicks(seconds, nanoseconds, ticks)) return nullptr;
    value = Timestamp{Duration{ticks}};
    return at;
}

inline void writeDigits(std::string& out, unsigned value, int width) {
    char digits[10];
    for (int i = width - 1; i >= 0; --i, value /= 10) digits[i] = static_cast<char>('0' + value % 10);
    out.append(digits, static_cast<std::size_t>(width));
}

/// `2001-01-31T10:00:00Z`, with 3, 6 or 9 digits of fraction where there is one.
inline void writeTimestamp(std::string& out, Timestamp value) {
    // by hand and not with chrono::floor, which overflows near the earliest timestamp
    constexpr std::int64_t kPerSecond = 1'000'000'000;
    constexpr std::int64_t kSecondsPerDay = 86400;
    std::int64_t sinceEpoch = value.time_since_epoch().count() / kPerSecond;
    std::int64_t fraction = value.time_since_epoch().count() % kPerSecond;
    if (fraction < 0) {
        fraction += kPerSecond;
        --sinceEpoch;
    }
    const std::int64_t day = (sinceEpoch >= 0 ? sinceEpoch : sinceEpoch - (kSecondsPerDay - 1)) / kSecondsPerDay;
    const CivilDate date = civilFromDays(day);
    const auto second = static_cast<unsigned>(sinceEpoch - day * kSecondsPerDay);
    const auto nanosecond = static_cast<unsigned>(fraction);
    writeDigits(out, static_cast<unsigned>(date.year), 4);
    out += '-';
    writeDigits(out, date.month, 2);
    out += '-';
    writeDigits(out, date.day, 2);
    out += 'T';
    writeDigits(out, second / 3600, 2);
    out += ':';
    writeDigits(out, second / 60 % 60, 2);
    out += ':';
    writeDigits(out, second % 60, 2);
    if (nanosecond != 0) {
        out += '.';
        if (nanosecond % 1'000'000 == 0) {
            writeDigits(out, nanosecond / 1'000'000, 3);
        } else if (nanosecond % 1'000 == 0) {
            writeDigits(out, nanosecond / 1'000, 6);
        } else {
            writeDigits(out, nanosecond, 9);
        }
    }
    out += 'Z';
}

/// "ms" for milliseconds; empty for a period without a common unit.
template <class Period>
constexpr std::string_view durationUnit() {
    if constexpr (std::ratio_equal_v<Period, std::nano>) return "ns";
    if constexpr (std::ratio_equal_v<Period, std::micro>) return "us";
    if constexpr (std::ratio_equal_v<Period, std::milli>) return "ms";
    if constexpr (std::ratio_equal_v<Period, std::ratio<1>>) return "s";
    if constexpr (std::ratio_equal_v<Period, std::ratio<60>>) return "min";
    if constexpr (std::ratio_equal_v<Period, std::ratio<3600>>) return "h";
    if constexpr (std::ratio_equal_v<Period, std::ratio<86400>>) return "d";
    return {};
}

/// Nanoseconds in one of the units that `durationUnit` writes; 0 for anything else.
constexpr std::int64_t nanosecondsOf(std::string_view unit) {
    if (unit == "ns") return 1;
    if (unit == "us") return 1'000;
    if (unit == "ms") return 1'000'000;
    if (unit == "s") return 1'000'000'000;
    if (unit == "min") return 60'000'000'000;
    if (unit == "h") return 3'600'000'000'000;
    if (unit == "d") return 86'400'000'000'000;
    return 0;
}

/// `150ms`: an integer and a unit (ns us ms s min h d); without unit it counts the duration's own ticks.
/// Null also for what is not a whole number of these ticks.
template <class Rep, class Period>
const char* scanDuration(const char* at, const char* end, std::chrono::duration<Rep, Period>& value) noexcept {
    using Target = std::chrono::duration<Rep, Period>;
    std::int64_t count = 0;
    at = scanInteger(at, end, count);
    if (at == nullptr) return nullptr;
    const char* unitEnd = at;
    while (unitEnd != end && *unitEnd >= 'a' && *unitEnd <= 'z') ++unitEnd;
    const std::string_view unit(at, static_cast<std::size_t>(unitEnd - at));
    if (!unit.empty() && unit != durationUnit<Period>()) {
        static_assert(Period::num <= 86400 * 366 && Period::den <= 1'000'000'000, "millrace: unusual unit of time");
        std::int64_t nanoseconds = nanosecondsOf(unit);
        if (nanoseconds == 0 || __builtin_mul_overflow(count, nanoseconds, &nanoseconds)) return nullptr;
        constexpr std::int64_t kTick = Period::num * (1'000'000'000 / Period::den);
        if (nanoseconds % kTick != 0) return nullptr;
        count = nanoseconds / kTick;
    }
    if constexpr (std::is_integral_v<Rep>) {
        if (!std::in_range<Rep>(count)) return nullptr;
    }
    value = Target(static_cast<Rep>(count));
    return unitEnd;
}

}  // namespace millrace::detail

#endif  // MILLRACE_FORMATS_TIME_TEXT_HPP
