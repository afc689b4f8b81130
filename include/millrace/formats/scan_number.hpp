#ifndef MILLRACE_FORMATS_SCAN_NUMBER_HPP
#define MILLRACE_FORMATS_SCAN_NUMBER_HPP

#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <system_error>
#include <type_traits>

// A `scan` reads one value at the front of [at, end) and returns the end of it, or null if there is none. What follows,
// a delimiter or something that does not belong there, is the caller's business.

namespace millrace::detail {

constexpr bool isDigit(char c) noexcept {
    return static_cast<unsigned char>(c - '0') <= 9;
}

template <std::integral Integer>
inline const char* scanInteger(const char* at, const char* end, Integer& value) noexcept {
    constexpr int kDigitsThatFit = 19;  // 10^19 - 1 < 2^64
    const bool negative = at != end && *at == '-';
    if (at != end && (*at == '-' || *at == '+')) ++at;
    const char* const digits = at;
    std::uint64_t magnitude = 0;
    for (; at != end && isDigit(*at); ++at) magnitude = magnitude * 10 + static_cast<unsigned char>(*at - '0');
    if (at - digits > kDigitsThatFit) [[unlikely]] {
        if (std::from_chars(digits, at, magnitude).ec != std::errc{}) return nullptr;
    }
    if (at == digits) return nullptr;

    constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<Integer>::max());
    if (!negative) {
        if (magnitude > kMax) return nullptr;
        value = static_cast<Integer>(magnitude);
    } else if constexpr (std::is_signed_v<Integer>) {
        if (magnitude > kMax + 1) return nullptr;
        value = static_cast<Integer>(0 - magnitude);
    } else {
        if (magnitude != 0) return nullptr;
        value = 0;
    }
    return at;
}

inline constexpr double kExactPowersOfTen[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                               1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

template <std::floating_point Floating>
inline const char* scanFloating(const char* at, const char* end, Floating& value) noexcept {
    if (at != end && *at == '+') {
        if (++at != end && *at == '-') return nullptr;
    }
    const char* const begin = at;
    const bool negative = at != end && *at == '-';
    if (negative) ++at;
    // Few digits and a small power of ten, both exact as a double: then one division is rounded correctly (Clinger).
    const char* const digits = at;
    std::uint64_t mantissa = 0;
    for (; at != end && isDigit(*at); ++at) mantissa = mantissa * 10 + static_cast<unsigned char>(*at - '0');
    auto digitCount = at - digits;
    std::ptrdiff_t fractionDigits = 0;
    if (at != end && *at == '.') {
        const char* const fraction = ++at;
        for (; at != end && isDigit(*at); ++at) mantissa = mantissa * 10 + static_cast<unsigned char>(*at - '0');
        fractionDigits = at - fraction;
        digitCount += fractionDigits;
    }
    constexpr bool kIsDouble = sizeof(Floating) == sizeof(double);
    constexpr std::uint64_t kExactMantissa = std::uint64_t{1} << std::numeric_limits<Floating>::digits;
    constexpr std::ptrdiff_t kExactPower = kIsDouble ? 22 : 10;
    const bool exponentFollows = at != end && (*at | 0x20) == 'e';
    if (digitCount > 0 && digitCount <= 19 && mantissa <= kExactMantissa && fractionDigits <= kExactPower &&
        !exponentFollows) [[likely]] {
        const auto magnitude =
            static_cast<Floating>(mantissa) / static_cast<Floating>(kExactPowersOfTen[fractionDigits]);
        value = negative ? -magnitude : magnitude;
        return at;
    }
    const auto result = std::from_chars(begin, end, value);
    return result.ec == std::errc{} ? result.ptr : nullptr;
}

}  // namespace millrace::detail

#endif  // MILLRACE_FORMATS_SCAN_NUMBER_HPP
