#ifndef MILLRACE_FORMATS_TEXT_VALUE_HPP
#define MILLRACE_FORMATS_TEXT_VALUE_HPP

#include <millrace/core/algorithm.hpp>
#include <millrace/core/chrono.hpp>
#include <millrace/formats/scan_number.hpp>
#include <millrace/formats/time_text.hpp>
#include <millrace/types/type_kind.hpp>

#include <array>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>

namespace millrace {

/// Makes a type of yours a field of text formats: specialise it with
/// `static bool parse(std::string_view text, T& value)`, `static void write(const T& value, std::string& out)` and
/// `static constexpr const char* expected`, which completes the message "expected …, found …". @public
template <class T>
struct TextFormat;

namespace detail {

template <class T>
concept HasOwnTextFormat = requires(std::string_view text, T& target, const T& source, std::string& out) {
    { TextFormat<T>::parse(text, target) } -> std::convertible_to<bool>;
    TextFormat<T>::write(source, out);
    std::string(TextFormat<T>::expected);
};

template <class T>
inline constexpr bool kIsIntegerText = std::is_integral_v<T> && !std::is_same_v<T, bool> && !std::is_same_v<T, char>;

template <class T>
concept FixedText = (std::is_bounded_array_v<T> || FixedSizeArray<T>)&&std::is_same_v<ArrayElement<T>, char>;

template <class T>
constexpr bool isTextValue() {
    if constexpr (std::is_const_v<T>) {
        return false;
    } else if constexpr (HasOwnTextFormat<T> || FixedText<T>) {
        return true;
    } else if constexpr (kIsStdOptional<T>) {
        return isTextValue<typename T::value_type>() && !kIsStdOptional<typename T::value_type>;
    } else if constexpr (kIsChronoDuration<T>) {
        return std::is_integral_v<typename T::rep>;
    } else if constexpr (kIsChronoTimePoint<T>) {
        return std::is_same_v<typename T::clock, std::chrono::system_clock> &&
               std::is_integral_v<typename T::duration::rep>;
    } else {
        constexpr TypeKind kind = kTypeKind<T>;
        return kind == TypeKind::Boolean || kind == TypeKind::Integer || kind == TypeKind::Floating ||
               kind == TypeKind::Enumeration || kind == TypeKind::String;
    }
}

/// Read by a `scan`, which finds the end of the value by itself. The others take the whole text up to the delimiter.
template <class T>
inline constexpr bool kScannable =
    !HasOwnTextFormat<T> && (kIsIntegerText<T> || std::is_floating_point_v<T> || std::is_enum_v<T> ||
                             kIsChronoTimePoint<T> || kIsChronoDuration<T>);

template <class T>
inline const char* scanText(const char* at, const char* end, T& value) noexcept {
    if constexpr (std::is_enum_v<T>) {
        std::underlying_type_t<T> number{};
        if constexpr (std::is_same_v<decltype(number), bool> || std::is_same_v<decltype(number), char>) {
            unsigned char small = 0;
            at = scanInteger(at, end, small);
            number = static_cast<decltype(number)>(small);
        } else {
            at = scanInteger(at, end, number);
        }
        if (at != nullptr) value = static_cast<T>(number);
        return at;
    } else if constexpr (std::is_floating_point_v<T>) {
        return scanFloating(at, end, value);
    } else if constexpr (kIsChronoDuration<T>) {
        return scanDuration(at, end, value);
    } else if constexpr (kIsChronoTimePoint<T>) {
        Timestamp time;
        at = scanTimestamp(at, end, time);
        if (at != nullptr) value = std::chrono::floor<typename T::duration>(time);
        return at;
    } else {
        return scanInteger(at, end, value);
    }
}

inline bool parseBoolText(std::string_view text, bool& value) noexcept {
    constexpr auto equals = [](std::string_view a, std::string_view lower) {
        return std::equal(a.begin(), a.end(), lower.begin(), lower.end(),
                          [](char x, char y) { return (x >= 'A' && x <= 'Z' ? x + 32 : x) == y; });
    };
    value = text == "1" || equals(text, "true");
    return value || text == "0" || equals(text, "false");
}

inline std::string_view trimmed(std::string_view text) noexcept {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

}  // namespace detail

/// What one field of a text format can be: bool, characters, integers, float, double, enums (as their number), strings,
/// char arrays (short texts, filled up with zeros), times (ISO 8601), durations (`150ms`), optional of these (nothing
/// is nullopt), or a type with a `TextFormat`. @public
template <class T>
concept TextValue = detail::isTextValue<T>();

/// Reads a value that takes up the whole text; blanks around anything but a text are allowed. False if it is none, or
/// out of range: the value is then unspecified. Keeps the capacity of a string. @public
template <TextValue T>
bool parseText(std::string_view text, T& value) {
    if constexpr (detail::HasOwnTextFormat<T>) {
        return TextFormat<T>::parse(text, value);
    } else if constexpr (detail::kIsStdOptional<T>) {
        if (text.empty()) {
            value.reset();
            return true;
        }
        if (!value) value.emplace();
        return parseText(text, *value);
    } else if constexpr (std::is_same_v<T, std::string>) {
        value.assign(text);
        return true;
    } else if constexpr (detail::FixedText<T>) {
        if (text.size() > detail::arraySize<T>()) return false;
        std::fill(std::copy(text.begin(), text.end(), std::begin(value)), std::end(value), '\0');
        return true;
    } else if constexpr (std::is_same_v<T, char>) {
        if (text.size() != 1) return false;
        value = text.front();
        return true;
    } else if constexpr (std::is_same_v<T, bool>) {
        return detail::parseBoolText(detail::trimmed(text), value);
    } else {
        text = detail::trimmed(text);
        const char* const end = text.data() + text.size();
        return !text.empty() && detail::scanText(text.data(), end, value) == end;
    }
}

/// What `parseText` takes, for a message: "an integer from 0 to 255". @public
template <TextValue T>
std::string expectedText() {
    if constexpr (detail::HasOwnTextFormat<T>) {
        return TextFormat<T>::expected;
    } else if constexpr (detail::kIsStdOptional<T>) {
        return expectedText<typename T::value_type>() + " or nothing";
    } else if constexpr (std::is_enum_v<T>) {
        return expectedText<std::conditional_t<std::is_same_v<std::underlying_type_t<T>, bool> ||
                                                   std::is_same_v<std::underlying_type_t<T>, char>,
                                               unsigned char, std::underlying_type_t<T>>>();
    } else if constexpr (detail::FixedText<T>) {
        return "a text of at most " + std::to_string(detail::arraySize<T>()) + " bytes";
    } else if constexpr (detail::kIsIntegerText<T>) {
        return "an integer from " + std::to_string(std::numeric_limits<T>::min()) + " to " +
               std::to_string(std::numeric_limits<T>::max());
    } else if constexpr (std::is_floating_point_v<T>) {
        return "a number";
    } else if constexpr (std::is_same_v<T, bool>) {
        return "true or false";
    } else if constexpr (std::is_same_v<T, char>) {
        return "one character";
    } else if constexpr (detail::kIsChronoTimePoint<T>) {
        return "a time such as 2001-01-31T10:00:00Z, from 1677 to 2262";
    } else if constexpr (detail::kIsChronoDuration<T>) {
        return "a duration such as 150ms";
    } else {
        return "a text";
    }
}

/// Appends a value so that `parseText` reads the same value: shortest decimals, times in UTC. @public
template <TextValue T>
void writeText(const T& value, std::string& out) {
    if constexpr (detail::HasOwnTextFormat<T>) {
        TextFormat<T>::write(value, out);
    } else if constexpr (detail::kIsStdOptional<T>) {
        if (value) writeText(*value, out);
    } else if constexpr (std::is_same_v<T, std::string>) {
        out += value;
    } else if constexpr (detail::FixedText<T>) {
        out.append(std::begin(value), std::find(std::begin(value), std::end(value), '\0'));
    } else if constexpr (std::is_same_v<T, char>) {
        out += value;
    } else if constexpr (std::is_same_v<T, bool>) {
        out += value ? "true" : "false";
    } else if constexpr (std::is_enum_v<T>) {
        using Number = std::underlying_type_t<T>;
        constexpr bool kSmall = std::is_same_v<Number, bool> || std::is_same_v<Number, char>;
        writeText(static_cast<std::conditional_t<kSmall, unsigned char, Number>>(value), out);
    } else if constexpr (detail::kIsChronoDuration<T>) {
        writeText(value.count(), out);
        out += detail::durationUnit<typename T::period>();
    } else if constexpr (detail::kIsChronoTimePoint<T>) {
        detail::writeTimestamp(out, std::chrono::time_point_cast<Duration>(value));
    } else {
        char digits[64];
        const auto result = std::to_chars(digits, digits + sizeof digits, value);
        out.append(digits, result.ptr);
    }
}

}  // namespace millrace

#endif  // MILLRACE_FORMATS_TEXT_VALUE_HPP
