#ifndef MILLRACE_CORE_MESSAGE_HPP
#define MILLRACE_CORE_MESSAGE_HPP

#include <millrace/core/config.hpp>

#include <concepts>
#include <exception>
#include <initializer_list>
#include <string>
#include <string_view>

namespace millrace::detail {

/// What a message is about: text, or a whole number.
class MessagePart {
public:
    // NOLINTBEGIN(google-explicit-constructor): they are what messages are written in
    MessagePart(std::string_view text)
        : text_(text.empty() ? "" : text.data()), number_(static_cast<long long>(text.size())) {}
    MessagePart(const char* text) : MessagePart(std::string_view(text)) {}
    MessagePart(const std::string& text) : MessagePart(std::string_view(text)) {}
    template <std::integral Number>
    MessagePart(Number number) : number_(static_cast<long long>(number)) {}
    // NOLINTEND(google-explicit-constructor)

    void appendTo(std::string& text) const;

private:
    const char* text_ = nullptr;  ///< null: this is a number
    long long number_;            ///< or the length of the text
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
};

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/core/message.ipp>
#endif

#endif  // MILLRACE_CORE_MESSAGE_HPP
