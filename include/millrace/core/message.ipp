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

MILLRACE_INLINE_COLD std::string message(std::initializer_list<MessagePart> parts) {
    std::string text;
    for (const MessagePart& part : parts) part.appendTo(text);
    return text;
}

}  // namespace millrace::detail
