#ifndef MILLRACE_STATE_STATE_LAYOUT_IPP
#define MILLRACE_STATE_STATE_LAYOUT_IPP

#include <millrace/state/state_layout.hpp>

namespace millrace::detail {

MILLRACE_INLINE_COLD std::string layoutText(const StateLayout& layout) {
    std::string text(layout.kind);
    text += "{";
    for (std::size_t i = 0; i < layout.fieldCount(); ++i) {
        if (i > 0) text += ",";
        text += layout.fields[i].name;
        text += ":";
        appendTypeText(*layout.fields[i].type, text);
    }
    text += "}";
    return text;
}

}  // namespace millrace::detail

#endif  // MILLRACE_STATE_STATE_LAYOUT_IPP
