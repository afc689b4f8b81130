#include <millrace/core/message.hpp>

#include <cstdio>

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
    const MessagePart* next = parts.begin();
    for (const char* at = format; *at != '\0'; ++at) {
        if (at[0] == '{' && at[1] == '}' && next != parts.end()) {
            next++->appendTo(text);
            ++at;
        } else {
            text += *at;
        }
    }
    return text;
}

}  // namespace millrace::detail
