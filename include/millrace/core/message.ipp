#include <millrace/core/message.hpp>

#include <cstddef>
#include <cstdio>
#include <cstring>

namespace millrace::detail {

MILLRACE_INLINE_COLD void MessagePart::appendTo(std::string& text) const {
    if (text_ != nullptr) {
        text.append(text_, static_cast<std::size_t>(number_));
    } else {
        char digits[24];
        text.append(digits, static_cast<std::size_t>(std::snprintf(digits, sizeof digits, "%lld", number_)));
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
