#ifndef MILLRACE_TYPES_TYPE_INFO_IPP
#define MILLRACE_TYPES_TYPE_INFO_IPP

#include <millrace/core/message.hpp>
#include <millrace/types/type_info.hpp>

namespace millrace::detail {

[[gnu::noinline]] MILLRACE_INLINE_COLD void appendTypeParts(const char* before, const TypeInfo& info,
                                                            std::string& text) {
    text += before;
    for (std::uint32_t i = 0; i < info.count; ++i) {
        if (i > 0) text += ",";
        appendTypeText(*info.parts[i], text);
    }
    text += ">";
}
[[gnu::noinline]] MILLRACE_INLINE_COLD void appendTicks(const char* before, const TypeInfo& info, std::string& text) {
    text += before;
    appendTypeText(*info.parts[0], text);
    text += message(",{}/{}s>", {info.num, info.den});
}

[[gnu::noinline]] MILLRACE_INLINE_COLD void appendTypeText(const TypeInfo& info, std::string& text) {
    switch (info.kind) {
        case TypeKind::None:
            if (info.own == nullptr) return;
            text += info.own->name();
            if (info.own->version != 1) text += message("@{}", {info.own->version});
            return;
        case TypeKind::Boolean:
            text += "bool";
            return;
        case TypeKind::Integer:
        case TypeKind::Floating:
            text += info.letter == 'c' ? "char" : message("{}{}", {std::string_view(&info.letter, 1), info.bytes * 8});
            return;
        case TypeKind::Enumeration:
            return appendTypeParts("enum<", info, text);
        case TypeKind::Duration:
            return appendTicks("duration<", info, text);
        case TypeKind::TimePoint:
            return appendTicks(info.letter == 's' ? "time<" : "local_time<", info, text);
        case TypeKind::String:
            text += "string";
            return;
        case TypeKind::Optional:
            return appendTypeParts("optional<", info, text);
        case TypeKind::Variant:
            return appendTypeParts("variant<", info, text);
        case TypeKind::Tuple:
            return appendTypeParts("tuple<", info, text);
        case TypeKind::Array:
            text += "array<";
            appendTypeText(*info.parts[0], text);
            text += message(",{}>", {info.count});
            return;
        case TypeKind::Sequence:
            return appendTypeParts("list<", info, text);
        case TypeKind::Set:
            return appendTypeParts("set<", info, text);
        case TypeKind::Map:
            return appendTypeParts("map<", info, text);
        case TypeKind::Aggregate:
            text += "{";
            for (std::uint32_t i = 0; i < info.count; ++i) {
                if (i > 0) text += ",";
                text += info.names[i];
                text += ":";
                appendTypeText(*info.parts[i], text);
            }
            text += "}";
            return;
        case TypeKind::Flagged:
            return appendTypeParts("flagged<", info, text);
        case TypeKind::StampedList:
            return appendTypeParts("stamped_list<", info, text);
        case TypeKind::StampedMap:
            return appendTypeParts("stamped_map<", info, text);
    }
}

MILLRACE_INLINE_COLD std::string typeText(const TypeInfo& info) {
    std::string text;
    appendTypeText(info, text);
    return text;
}

}  // namespace millrace::detail

#endif  // MILLRACE_TYPES_TYPE_INFO_IPP
