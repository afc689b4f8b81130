#ifndef MILLRACE_TYPES_DESCRIBE_HPP
#define MILLRACE_TYPES_DESCRIBE_HPP

#include <millrace/core/chrono.hpp>
#include <millrace/core/config.hpp>
#include <millrace/types/reflection.hpp>
#include <millrace/types/type_kind.hpp>

#include <concepts>
#include <iosfwd>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

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

/// ISO 8601; "none" and "end" for the sentinels.
std::string describeTime(std::chrono::sys_time<std::chrono::nanoseconds> time);
/// In the largest unit that gives a whole number: 90s, 1500ms, 1h.
std::string describeDuration(std::chrono::nanoseconds duration);

// What describing each type of value comes down to.
void appendText(std::string& out, std::string_view text);
void appendInteger(std::string& out, long long value);
void appendInteger(std::string& out, unsigned long long value);
void appendReal(std::string& out, double value);

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

template <class Number>
void describeInteger(std::string& out, Number value) {
    appendInteger(out, static_cast<std::conditional_t<std::is_signed_v<Number>, long long, unsigned long long>>(value));
}

template <class T>
[[gnu::cold]] void describeInto(std::string& out, const T& value) {
    if constexpr (std::same_as<T, bool>) {
        appendText(out, value ? "true" : "false");
    } else if constexpr (std::same_as<T, char>) {
        appendText(out, {&value, 1});
    } else if constexpr (std::integral<T>) {
        describeInteger(out, value);
    } else if constexpr (std::floating_point<T>) {
        appendReal(out, static_cast<double>(value));
    } else if constexpr (std::is_enum_v<T>) {
        describeInteger(out, static_cast<std::underlying_type_t<T>>(value));
    } else if constexpr (std::convertible_to<const T&, std::string_view>) {
        appendText(out, value);
    } else if constexpr (kIsTimePoint<T>) {
        appendText(out, describeTime(value));
    } else if constexpr (kIsChronoDuration<T>) {
        appendText(out, describeDuration(std::chrono::duration_cast<std::chrono::nanoseconds>(value)));
    } else if constexpr (kIsStdOptional<T>) {
        if (value.has_value()) {
            describeInto(out, *value);
        } else {
            appendText(out, "none");
        }
    } else if constexpr (Streamable<T>) {
        streamInto(out, value);
    } else if constexpr (TupleLike<T>) {
        const char* before = "(";
        std::apply(
            [&](const auto&... parts) {
                ((appendText(out, std::exchange(before, ", ")), describeInto(out, parts)), ...);
            },
            value);
        appendText(out, std::tuple_size_v<T> == 0 ? "()" : ")");
    } else if constexpr (Iterable<T>) {
        appendText(out, "[");
        std::size_t i = 0;
        for (const auto& part : value) {
            if (i++ != 0) appendText(out, ", ");
            describeInto(out, part);
        }
        appendText(out, "]");
    } else if constexpr (Reflectable<T>) {
        std::size_t i = 0;
        forEachField(value, [&](std::string_view name, const auto& field) {
            appendText(out, i++ == 0 ? "{" : ", ");
            appendText(out, name);
            appendText(out, ": ");
            describeInto(out, field);
        });
        appendText(out, i == 0 ? "{}" : "}");
    } else {
        appendText(out, "(a record of ");
        appendInteger(out, static_cast<unsigned long long>(sizeof(T)));
        appendText(out, " bytes)");
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

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/types/describe.ipp>
#endif

#endif  // MILLRACE_TYPES_DESCRIBE_HPP
