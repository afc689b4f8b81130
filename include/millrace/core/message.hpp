#ifndef MILLRACE_CORE_MESSAGE_HPP
#define MILLRACE_CORE_MESSAGE_HPP

#include <millrace/core/config.hpp>

#include <concepts>
#include <exception>
#include <initializer_list>
#include <string>
#include <string_view>

namespace millrace::detail {

/// What a message is about: text, or a whole number. Refers to what it is made from, so that a call with a few of them is little
/// code: for the expression in which it is made.
class MessagePart {
public:
    // NOLINTBEGIN(google-explicit-constructor): they are what messages are written in
    MessagePart(const char* text) noexcept : text_(text), kind_(Kind::Characters) {}
    MessagePart(const std::string& text) noexcept : text_(&text), kind_(Kind::String) {}
    MessagePart(const std::string_view& text) noexcept : text_(&text), kind_(Kind::View) {}
    template <std::integral Number>
    MessagePart(Number number) noexcept : number_(static_cast<long long>(number)), kind_(Kind::Number) {}
    // NOLINTEND(google-explicit-constructor)

    void appendTo(std::string& text) const;

private:
    enum class Kind : unsigned char { Characters, String, View, Number };

    union {
        const void* text_;
        long long number_;
    };
    Kind kind_;
};

/// The format with each `{}` replaced by the next part. A `{}` without a part stays as it is, parts without a `{}` are left out;
/// what stands in braces within a part is just text. Instead of `"a " + std::to_string(n) + " b"`, which costs every file
/// that includes it several times as long to compile.
std::string message(const char* format, std::initializer_list<MessagePart> parts = {});

/// Throws an Exception with such a message.
template <class Exception>
[[noreturn, gnu::cold, gnu::noinline]] void raise(const char* format, std::initializer_list<MessagePart> parts = {}) {
    throw Exception(message(format, parts));
}

/// What `std::throw_with_nested` makes of an Exception, made in place: `raise<Caused<IoException>>(…)` while another is handled,
/// which is the cause.
template <class Exception>
class Caused final : public Exception, public std::nested_exception {
public:
    using Exception::Exception;
    Caused(const Caused&) = default;
    [[gnu::cold, gnu::noinline]] ~Caused() override {}  // or four functions have what it does
};

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/core/message.ipp>
#endif

#endif  // MILLRACE_CORE_MESSAGE_HPP
