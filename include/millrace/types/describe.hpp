#ifndef MILLRACE_TYPES_DESCRIBE_HPP
#define MILLRACE_TYPES_DESCRIBE_HPP

#include <millrace/core/chrono.hpp>
#include <millrace/types/reflection.hpp>
#include <millrace/types/type_kind.hpp>

#include <concepts>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <iosfwd>
#include <limits>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>

namespace millrace {

/// A value as text for messages and for the print sinks: numbers, quoted-free strings, times as ISO 8601, aggregates as
/// `{symbol: AAPL, price: 12.5}`, pairs and tuples as `(a, b)`, ranges as `[a, b]`, anything else by its `operator<<`
/// or as its size. @public
template <class T>
std::string describeValue(const T& value);

namespace detail {

template <class T>
concept Streamable = requires(std::ostream& out, const T& value) { out << value; };

template <class T>
concept Iterable = requires(const T& value) {
    value.begin();
    value.end();
};

template <class T>
concept TupleLike = requires { std::tuple_size<T>::value; } && !Iterable<T>;

template <class T>
inline constexpr bool kIsTimePoint = false;
template <class Dur>
inline constexpr bool kIsTimePoint<std::chrono::time_point<std::chrono::system_clock, Dur>> = true;

[[gnu::cold]] inline std::string describeTime(std::chrono::sys_time<std::chrono::nanoseconds> time) {
    // by hand, since a floor to seconds cannot be subtracted again near the smallest time
    constexpr std::int64_t kSecond = 1'000'000'000;
    const std::int64_t ticks = time.time_since_epoch().count();
    if (ticks == std::numeric_limits<std::int64_t>::min()) return "none";  // no timestamp, no watermark yet
    if (ticks == std::numeric_limits<std::int64_t>::max()) return "end";   // the watermark behind everything
    const std::int64_t rest = ((ticks % kSecond) + kSecond) % kSecond;
    const auto whole = static_cast<std::time_t>(ticks / kSecond - (ticks % kSecond < 0 ? 1 : 0));
    std::tm parts{};
    gmtime_r(&whole, &parts);
    char text[64];
    std::string result(text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts));
    if (rest != 0) {
        std::snprintf(text, sizeof text, ".%09lld", static_cast<long long>(rest));
        std::string_view digits = text;
        while (digits.back() == '0') digits.remove_suffix(1);
        result += digits;
    }
    return result + 'Z';
}

/// In the largest unit that gives a whole number: 90s, 1500ms, 1h.
[[gnu::cold]] inline std::string describeDuration(std::chrono::nanoseconds duration) {
    struct Unit {
        long long length;
        const char* name;
    };
    constexpr Unit kUnits[] = {{3'600'000'000'000, "h"}, {60'000'000'000, "min"}, {1'000'000'000, "s"},
                               {1'000'000, "ms"},        {1'000, "us"},           {1, "ns"}};
    for (const Unit& unit : kUnits) {
        if (duration.count() % unit.length == 0 && (duration.count() != 0 || unit.length == 1'000'000'000)) {
            return std::to_string(duration.count() / unit.length) + unit.name;
        }
    }
    return {};
}

/// Appends what is written into a std::ostream to a string.
template <class Char>
class TextBuffer final : public std::basic_streambuf<Char> {
    using Traits = typename std::basic_streambuf<Char>::traits_type;

public:
    explicit TextBuffer(std::string& text) : text_(text) {}

protected:
    typename Traits::int_type overflow(typename Traits::int_type c) override {
        if (!Traits::eq_int_type(c, Traits::eof())) text_ += Traits::to_char_type(c);
        return Traits::not_eof(c);
    }
    std::streamsize xsputn(const Char* text, std::streamsize length) override {
        text_.append(text, static_cast<std::size_t>(length));
        return length;
    }

private:
    std::string& text_;
};

// All names depend on T: string streams, which few programs need, are then none of the others' compile time.
template <class T>
void streamInto(std::string& out, const T& value) {
    using Char = std::conditional_t<std::is_void_v<T>, void, char>;
    constexpr bool kHasStreams = requires { sizeof(std::basic_ostream<Char>); };
    static_assert(kHasStreams, "millrace: to print values by their operator<<, #include <ostream>");
    if constexpr (kHasStreams) {
        TextBuffer<Char> buffer(out);
        std::basic_ostream<Char> stream(&buffer);
        stream << value;
    }
}

template <class T>
[[gnu::cold]] void describeInto(std::string& out, const T& value) {
    if constexpr (std::same_as<T, bool>) {
        out += value ? "true" : "false";
    } else if constexpr (std::same_as<T, char>) {
        out += value;
    } else if constexpr (std::integral<T>) {
        out += std::to_string(value);
    } else if constexpr (std::floating_point<T>) {
        char text[64];
        std::snprintf(text, sizeof text, "%.*g", 10, static_cast<double>(value));
        out += text;
    } else if constexpr (std::is_enum_v<T>) {
        out += std::to_string(static_cast<std::underlying_type_t<T>>(value));
    } else if constexpr (std::convertible_to<const T&, std::string_view>) {
        out += std::string_view(value);
    } else if constexpr (kIsTimePoint<T>) {
        out += describeTime(value);
    } else if constexpr (kIsChronoDuration<T>) {
        out += describeDuration(std::chrono::duration_cast<std::chrono::nanoseconds>(value));
    } else if constexpr (kIsStdOptional<T>) {
        if (value.has_value()) {
            describeInto(out, *value);
        } else {
            out += "none";
        }
    } else if constexpr (Streamable<T>) {
        streamInto(out, value);
    } else if constexpr (TupleLike<T>) {
        out += '(';
        std::apply(
            [&](const auto&... parts) {
                std::size_t i = 0;
                ((out += i++ == 0 ? "" : ", ", describeInto(out, parts)), ...);
            },
            value);
        out += ')';
    } else if constexpr (Iterable<T>) {
        out += '[';
        std::size_t i = 0;
        for (const auto& part : value) {
            if (i++ != 0) out += ", ";
            describeInto(out, part);
        }
        out += ']';
    } else if constexpr (Reflectable<T>) {
        out += '{';
        std::size_t i = 0;
        forEachField(value, [&](std::string_view name, const auto& field) {
            if (i++ != 0) out += ", ";
            out += name;
            out += ": ";
            describeInto(out, field);
        });
        out += '}';
    } else {
        out += "(a record of " + std::to_string(sizeof(T)) + " bytes)";
    }
}

}  // namespace detail

template <class T>
std::string describeValue(const T& value) {
    std::string text;
    detail::describeInto(text, value);
    return text;
}

}  // namespace millrace

#endif  // MILLRACE_TYPES_DESCRIBE_HPP
