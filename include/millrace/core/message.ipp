#include <millrace/core/message.hpp>

#include <cstddef>
#include <cstdio>
#include <cstring>

namespace millrace::detail {

MILLRACE_INLINE_COLD void MessagePart::appendTo(std::string& text) const {
    switch (kind_) {
        case Kind::Characters:
            text.append(static_cast<const char*>(text_));
            break;
        case Kind::String:
            text.append(*static_cast<const std::string*>(text_));
            break;
        case Kind::View:
            text.append(*static_cast<const std::string_view*>(text_));
            break;
        case Kind::Number: {
            char digits[24];
            text.append(digits, static_cast<std::size_t>(std::snprintf(digits, sizeof digits, "%lld", number_)));
        }
    }
}

MILLRACE_INLINE_COLD std::string message(const char* format, std::initializer_list<MessagePart> parts) {
    std::string text;
    for (const MessagePart& part : parts) {
        const char* const braces = std::strstr(format, "{}");
        if (braces == nullptr) break;
        text.append(format, static_cast<std::size_t>(braces - format));
        part.appendTo(text);
        format = braces + 2;
    }
    text.append(format, std::strlen(format));
    return text;
}

}  // namespace millrace::detail
