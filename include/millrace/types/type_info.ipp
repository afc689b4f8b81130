#ifndef MILLRACE_TYPES_TYPE_INFO_IPP
#define MILLRACE_TYPES_TYPE_INFO_IPP

#include <millrace/core/message.hpp>
#include <millrace/types/type_info.hpp>

namespace millrace::detail {

MILLRACE_INLINE_COLD void appendTypeText(const TypeInfo& info, std::string& text) {
    const auto appendParts = [&](const char* before) {
        text += before;
        for (std::uint32_t i = 0; i < info.count; ++i) {
            if (i > 0) text += ',';
            appendTypeText(*info.parts[i], text);
        }
        text += '>';
    };
    const auto appendTicks = [&](const char* before) {
        text += before;
        appendTypeText(*info.parts[0], text);
        text += message({",", info.num, "/", info.den, "s>"});
    };
    switch (info.kind) {
        case TypeKind::None:
            if (info.own == nullptr) return;
            text += info.own->name();
            if (info.own->version != 1) text += message({"@", info.own->version});
            return;
        case TypeKind::Boolean:
            text += "bool";
            return;
        case TypeKind::Integer:
        case TypeKind::Floating:
            if (info.letter == 'c') {
                text += "char";
            } else {
                text += info.letter;
                text += message({info.bytes * 8});
            }
            return;
        case TypeKind::Enumeration:
            return appendParts("enum<");
        case TypeKind::Duration:
            return appendTicks("duration<");
        case TypeKind::TimePoint:
            return appendTicks(info.letter == 's' ? "time<" : "local_time<");
        case TypeKind::String:
            text += "string";
            return;
        case TypeKind::Optional:
            return appendParts("optional<");
        case TypeKind::Variant:
            return appendParts("variant<");
        case TypeKind::Tuple:
            return appendParts("tuple<");
        case TypeKind::Array:
            text += "array<";
            appendTypeText(*info.parts[0], text);
            text += message({",", info.count, ">"});
            return;
        case TypeKind::Sequence:
            return appendParts("list<");
        case TypeKind::Set:
            return appendParts("set<");
        case TypeKind::Map:
            return appendParts("map<");
        case TypeKind::Aggregate:
            text += '{';
            for (std::uint32_t i = 0; i < info.count; ++i) {
                if (i > 0) text += ',';
                text += info.names[i];
                text += ':';
                appendTypeText(*info.parts[i], text);
            }
            text += '}';
            return;
        case TypeKind::Flagged:
            return appendParts("flagged<");
        case TypeKind::StampedList:
            return appendParts("stamped_list<");
        case TypeKind::StampedMap:
            return appendParts("stamped_map<");
    }
}

MILLRACE_INLINE_COLD std::string typeText(const TypeInfo& info) {
    std::string text;
    appendTypeText(info, text);
    return text;
}

}  // namespace millrace::detail

#endif  // MILLRACE_TYPES_TYPE_INFO_IPP
