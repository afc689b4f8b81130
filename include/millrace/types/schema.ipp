#ifndef MILLRACE_TYPES_SCHEMA_IPP
#define MILLRACE_TYPES_SCHEMA_IPP

#include <millrace/core/algorithm.hpp>
#include <millrace/core/message.hpp>
#include <millrace/types/describe.hpp>
#include <millrace/types/schema.hpp>

#include <charconv>
#include <limits>
#include <utility>

namespace millrace::detail {

MILLRACE_INLINE_COLD std::string_view Schema::codecName() const noexcept {
    std::string_view name = text;
    if (version != 1) name = name.substr(0, name.rfind('@'));
    return name;
}

MILLRACE_INLINE_COLD Schema schemaOf(const TypeInfo& info) {
    Schema schema;
    schema.kind = info.kind;
    schema.letter = info.letter;
    schema.bytes = info.bytes;
    if (info.kind == TypeKind::Array) schema.count = info.count;
    schema.num = info.num;
    schema.den = info.den;
    schema.info = &info;
    if (info.own != nullptr) schema.version = info.own->version;
    const std::uint32_t parts = info.kind == TypeKind::Array || info.num != 0 ? 1 : info.count;
    for (std::uint32_t i = 0; info.parts != nullptr && i < parts; ++i) {
        schema.parts.push_back(schemaOf(*info.parts[i]));
        if (info.names != nullptr) schema.names.emplace_back(info.names[i]);
    }
    schema.text = typeText(info);
    return schema;
}

/// Reads the text of a schema.
class SchemaParser {
public:
    explicit SchemaParser(std::string_view text) : text_(text) {}

    [[gnu::cold]] Schema parse() {
        Schema schema = type(0);
        if (at_ != text_.size()) fail("the end");
        return schema;
    }

private:
    static constexpr int kDeepest = 100;

    [[noreturn, gnu::cold]] void fail(std::string_view expected) const {
        raise<CodecException>("the schema '{}' is damaged at character {}: expected {}", {text_, at_, expected});
    }
    bool take(char c) {
        if (at_ == text_.size() || text_[at_] != c) return false;
        ++at_;
        return true;
    }
    void expect(char c) {
        if (!take(c)) fail(std::string_view(&c, 1));
    }
    std::int64_t number() {
        std::int64_t value = 0;
        const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
        if (error != std::errc() || value < 0) fail("a number");
        at_ = static_cast<std::size_t>(end - text_.data());
        return value;
    }
    /// Up to the end of a name: brackets in it are balanced.
    std::string_view name() {
        const std::size_t begin = at_;
        int open = 0;
        for (; at_ < text_.size(); ++at_) {
            const char c = text_[at_];
            if (c == '<' || c == '{' || c == '(' || c == '[') ++open;
            if (c == '>' || c == '}' || c == ')' || c == ']') {
                if (open == 0) break;
                --open;
            }
            if (c == ',' && open == 0) break;
        }
        if (open != 0 || at_ == begin) fail("a type");
        return text_.substr(begin, at_ - begin);
    }

    [[gnu::cold]] Schema type(int depth) {
        if (depth > kDeepest) fail("fewer types in one another");
        const std::size_t begin = at_;
        Schema schema;
        if (take('{')) {
            schema.kind = TypeKind::Aggregate;
            while (!take('}')) {
                if (!schema.parts.empty()) expect(',');
                const std::size_t colon = text_.find(':', at_);
                if (colon == std::string_view::npos) fail("a field and its type");
                schema.names.emplace_back(text_.substr(at_, colon - at_));
                at_ = colon + 1;
                schema.parts.push_back(type(depth + 1));
            }
        } else if (!number(schema) && !composed(schema, depth)) {
            own(schema, name());
        }
        schema.text = text_.substr(begin, at_ - begin);
        return schema;
    }
    /// A type without parts.
    bool number(Schema& schema) {
        static constexpr struct {
            std::string_view name;
            TypeKind kind;
            char letter;
            std::uint8_t bytes;
        } kNames[] = {{"bool", TypeKind::Boolean, 0, 0},   {"char", TypeKind::Integer, 'c', 1},
                      {"i8", TypeKind::Integer, 'i', 1},   {"i16", TypeKind::Integer, 'i', 2},
                      {"i32", TypeKind::Integer, 'i', 4},  {"i64", TypeKind::Integer, 'i', 8},
                      {"u8", TypeKind::Integer, 'u', 1},   {"u16", TypeKind::Integer, 'u', 2},
                      {"u32", TypeKind::Integer, 'u', 4},  {"u64", TypeKind::Integer, 'u', 8},
                      {"f32", TypeKind::Floating, 'f', 4}, {"f64", TypeKind::Floating, 'f', 8},
                      {"string", TypeKind::String, 0, 0}};
        const std::size_t end = std::min(text_.find_first_of(",>}", at_), text_.size());
        const std::string_view word = text_.substr(at_, end - at_);
        for (const auto& each : kNames) {
            if (each.name != word) continue;
            schema.kind = each.kind;
            schema.letter = each.letter;
            schema.bytes = each.bytes;
            at_ = end;
            return true;
        }
        return false;
    }
    bool composed(Schema& schema, int depth) {
        static constexpr struct {
            std::string_view name;
            TypeKind kind;
            char letter;
            int parts;  ///< -1: any number
        } kNames[] = {{"enum<", TypeKind::Enumeration, 0, 1},
                      {"duration<", TypeKind::Duration, 0, 1},
                      {"time<", TypeKind::TimePoint, 's', 1},
                      {"local_time<", TypeKind::TimePoint, 'l', 1},
                      {"optional<", TypeKind::Optional, 0, 1},
                      {"variant<", TypeKind::Variant, 0, -1},
                      {"tuple<", TypeKind::Tuple, 0, -1},
                      {"array<", TypeKind::Array, 0, 1},
                      {"list<", TypeKind::Sequence, 0, 1},
                      {"set<", TypeKind::Set, 0, 1},
                      {"map<", TypeKind::Map, 0, 2},
                      {"flagged<", TypeKind::Flagged, 0, 1},
                      {"stamped_list<", TypeKind::StampedList, 0, 1},
                      {"stamped_map<", TypeKind::StampedMap, 0, 2}};
        for (const auto& each : kNames) {
            if (!text_.substr(at_).starts_with(each.name)) continue;
            at_ += each.name.size();
            schema.kind = each.kind;
            schema.letter = each.letter;
            for (int i = 0; each.parts < 0 ? !take('>') : i < each.parts; ++i) {
                if (i > 0) expect(',');
                schema.parts.push_back(type(depth + 1));
            }
            if (each.kind == TypeKind::Array) {
                expect(',');
                const std::int64_t count = number();
                if (count > std::numeric_limits<std::uint32_t>::max()) fail("fewer elements of an array");
                schema.count = static_cast<std::uint32_t>(count);
            } else if (each.kind == TypeKind::Duration || each.kind == TypeKind::TimePoint) {
                expect(',');
                schema.num = number();
                expect('/');
                schema.den = number();
                expect('s');
                if (schema.num == 0 || schema.den == 0 || !schema.parts[0].isNumber()) fail("a length of ticks");
            } else if (each.kind == TypeKind::Enumeration && !schema.parts[0].isNumber() &&
                       schema.parts[0].kind != TypeKind::Boolean) {
                fail("the numbers of an enum");
            }
            if (each.parts >= 0) expect('>');
            return true;
        }
        return false;
    }
    static void own(Schema& schema, std::string_view name) {
        const std::size_t at = name.rfind('@');
        if (at == std::string_view::npos) return;
        std::uint32_t version = 0;
        const auto [end, error] = std::from_chars(name.data() + at + 1, name.data() + name.size(), version);
        if (error == std::errc() && end == name.data() + name.size() && version > 1) schema.version = version;
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

MILLRACE_INLINE_COLD Schema parseSchema(std::string_view text) {
    return SchemaParser(text).parse();
}

MILLRACE_INLINE_COLD std::size_t fixedBytes(const Schema& schema) noexcept {
    switch (schema.kind) {
        case TypeKind::Boolean:
            return 1;
        case TypeKind::Integer:
        case TypeKind::Floating:
            return schema.bytes;
        case TypeKind::Enumeration:
        case TypeKind::Duration:
        case TypeKind::TimePoint:
            return fixedBytes(schema.parts[0]);
        case TypeKind::Array: {
            std::size_t bytes = 0;
            return __builtin_mul_overflow(std::size_t{schema.count}, fixedBytes(schema.parts[0]), &bytes) ? 0 : bytes;
        }
        case TypeKind::Tuple:
        case TypeKind::Aggregate: {
            std::size_t sum = schema.parts.empty() ? 1 : 0;  // an empty one is a byte
            for (const Schema& part : schema.parts) {
                const std::size_t bytes = fixedBytes(part);
                if (bytes == 0) return 0;
                sum += bytes;
            }
            return sum;
        }
        default:
            return 0;
    }
}

/// Values without a byte, of which there could be any number: arrays without elements, and what consists of them.
[[gnu::cold]] inline bool takesNothing(const Schema& schema) noexcept {
    if (schema.kind == TypeKind::Array && schema.count == 0) return true;
    const bool isWhole =
        schema.kind == TypeKind::Array || schema.kind == TypeKind::Tuple || schema.kind == TypeKind::Aggregate;
    return isWhole && !schema.parts.empty() && std::all_of(schema.parts.begin(), schema.parts.end(), takesNothing);
}

/// `each(part)` for every value that a value consists of, which it reads; the reader is at the first one then.
template <class Each>
void forEachPart(const Schema& schema, ByteReader& reader, Each each) {
    const auto repeat = [&](std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            for (const Schema& part : schema.parts) each(part);
        }
    };
    switch (schema.kind) {
        case TypeKind::Optional:
        case TypeKind::Flagged: {
            const auto flags = reader.read<std::uint8_t>("a flag");
            if (schema.kind == TypeKind::Optional && flags > 1) reader.fail("a flag (0 or 1) expected");
            return repeat((flags & 1) != 0 ? 1 : 0);
        }
        case TypeKind::Variant: {
            const std::size_t index = reader.read<std::uint8_t>("the alternative of a variant");
            if (index >= schema.parts.size()) reader.fail("an alternative of a variant that there is not");
            return each(schema.parts[index]);
        }
        case TypeKind::Array:
            if (takesNothing(schema)) return;
            if (schema.count > reader.remaining()) reader.fail("expected more elements of an array than bytes follow");
            return repeat(schema.count);
        case TypeKind::Sequence:
        case TypeKind::Set:
        case TypeKind::Map:
            return repeat(reader.readLength());
        case TypeKind::StampedList:
        case TypeKind::StampedMap: {
            const bool stamped = reader.read<std::uint8_t>("a flag") != 0;
            const std::size_t count = reader.readLength(stamped ? 1 + sizeof(std::int64_t) : 1);
            if (stamped) (void)reader.readBytes(count * sizeof(std::int64_t));
            return repeat(count);
        }
        default:
            if (schema.parts.empty()) (void)reader.read<std::uint8_t>("an empty value");
            return repeat(1);
    }
}

[[noreturn, gnu::cold]] inline void failUnknownCodec(const Schema& schema) {
    raise<CodecException>("a value of the codec {} cannot be read over: this program has no such codec", {schema.text});
}

MILLRACE_INLINE_COLD void skipValue(const Schema& schema, ByteReader& reader) {
    if (const std::size_t bytes = fixedBytes(schema); bytes != 0) {
        (void)reader.readBytes(bytes);
    } else if (schema.kind == TypeKind::String) {
        (void)reader.readString();
    } else if (schema.kind == TypeKind::None) {
        const OwnCodecInfo* const own = schema.info != nullptr ? schema.info->own : nullptr;
        if (own != nullptr && own->version == schema.version && own->skip != nullptr) {
            own->skip(reader);
        } else if (own != nullptr && schema.version < own->version && own->upgrade != nullptr) {
            ByteWriter dropped;
            own->upgrade(reader, schema.version, dropped);
        } else {
            failUnknownCodec(schema);
        }
    } else {
        forEachPart(schema, reader, [&](const Schema& part) { skipValue(part, reader); });
    }
}

[[gnu::cold]] inline std::int64_t readInteger(const Schema& schema, ByteReader& reader) {
    switch (schema.letter == 'u' ? schema.bytes + 10 : schema.bytes) {
        case 1:
            return reader.read<std::int8_t>();
        case 2:
            return reader.read<std::int16_t>();
        case 4:
            return reader.read<std::int32_t>();
        case 11:
            return reader.read<std::uint8_t>();
        case 12:
            return reader.read<std::uint16_t>();
        case 14:
            return reader.read<std::uint32_t>();
        default:
            return reader.read<std::int64_t>();  // a u64 as its bits
    }
}

MILLRACE_INLINE_COLD void describeEncoded(const Schema& schema, ByteReader& reader, std::string& text) {
    const auto describeParts = [&](const char* before, const char* after) {
        std::size_t i = 0;
        text += before;
        forEachPart(schema, reader, [&](const Schema& part) {
            if (i > 0) text += ", ";
            if (!schema.names.empty()) text += schema.names[i] + ": ";
            ++i;
            describeEncoded(part, reader, text);
        });
        text += after;
    };
    switch (schema.kind) {
        case TypeKind::None:
            failUnknownCodec(schema);
        case TypeKind::Boolean:
            text += reader.read<std::uint8_t>() != 0 ? "true" : "false";
            return;
        case TypeKind::Integer:
            if (schema.letter == 'c') {
                text += reader.read<char>();
            } else if (schema.letter == 'u' && schema.bytes == 8) {
                text += std::to_string(reader.read<std::uint64_t>());
            } else {
                text += std::to_string(readInteger(schema, reader));
            }
            return;
        case TypeKind::Floating:
            describeInto(text, schema.bytes == 4 ? static_cast<double>(reader.read<float>()) : reader.read<double>());
            return;
        case TypeKind::Enumeration:
            return describeEncoded(schema.parts[0], reader, text);
        case TypeKind::Duration:
        case TypeKind::TimePoint: {
            if (schema.parts[0].kind != TypeKind::Integer) return describeEncoded(schema.parts[0], reader, text);
            const std::int64_t ticks = readInteger(schema.parts[0], reader);
            std::int64_t nanoseconds = 0;
            if (__builtin_mul_overflow(ticks, 1'000'000'000 / std::max<std::int64_t>(schema.den, 1), &nanoseconds) ||
                __builtin_mul_overflow(nanoseconds, schema.num, &nanoseconds) || 1'000'000'000 % schema.den != 0) {
                text +=
                    std::to_string(ticks) + " * " + std::to_string(schema.num) + "/" + std::to_string(schema.den) + "s";
            } else if (schema.kind == TypeKind::Duration) {
                text += describeDuration(std::chrono::nanoseconds(nanoseconds));
            } else {
                text += describeTime(
                    std::chrono::sys_time<std::chrono::nanoseconds>(std::chrono::nanoseconds(nanoseconds)));
            }
            return;
        }
        case TypeKind::String:
            text += reader.readString();
            return;
        case TypeKind::Optional:
        case TypeKind::Flagged: {
            const std::size_t size = text.size();
            describeParts("", "");
            if (text.size() == size) text += "none";
            return;
        }
        case TypeKind::Variant:
            return describeParts("", "");
        case TypeKind::Tuple:
            return describeParts("(", ")");
        case TypeKind::Aggregate:
            return describeParts("{", "}");
        case TypeKind::Array:
        case TypeKind::Sequence:
        case TypeKind::Set:
        case TypeKind::StampedList:
            return describeParts("[", "]");
        case TypeKind::Map:
        case TypeKind::StampedMap: {
            std::size_t i = 0;
            text += '[';
            forEachPart(schema, reader, [&](const Schema& part) {
                text += i == 0 ? "(" : i % 2 == 0 ? ", (" : ", ";
                describeEncoded(part, reader, text);
                if (i++ % 2 == 1) text += ')';
            });
            text += ']';
            return;
        }
    }
}

}  // namespace millrace::detail

#endif  // MILLRACE_TYPES_SCHEMA_IPP
