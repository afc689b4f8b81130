#ifndef MILLRACE_FORMATS_JSON_VALUE_HPP
#define MILLRACE_FORMATS_JSON_VALUE_HPP

#include <millrace/core/chrono.hpp>
#include <millrace/formats/parse_result.hpp>
#include <millrace/formats/text_value.hpp>
#include <millrace/types/type_kind.hpp>

#include <nlohmann/json.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace millrace::detail {

template <class T>
inline constexpr bool kIsJson = std::is_same_v<T, nlohmann::json>;

template <class T>
constexpr bool isJsonValue();

/// Families that JSON has a form for; sets, variants and maps without text keys have none.
template <class T>
constexpr bool isJsonValue() {
    constexpr TypeKind kind = kTypeKind<T>;
    if constexpr (std::is_const_v<T>) {
        return false;
    } else if constexpr (kIsJson<T> || isTextValue<T>()) {
        return true;
    } else if constexpr (kind == TypeKind::Optional || kind == TypeKind::Sequence) {
        return isJsonValue<typename T::value_type>();
    } else if constexpr (kind == TypeKind::Map) {
        return std::is_same_v<typename T::key_type, std::string> && isJsonValue<typename T::mapped_type>();
    } else if constexpr (kind == TypeKind::Array) {
        return isJsonValue<ArrayElement<T>>();
    } else if constexpr (kind == TypeKind::Tuple) {
        return []<template <class...> class Group, class... Part>(std::type_identity<Group<Part...>>) {
            return (isJsonValue<Part>() && ...);
        }(std::type_identity<T>{});
    } else if constexpr (kind == TypeKind::Aggregate) {
        return []<std::size_t... I>(std::index_sequence<I...>) {
            return (isJsonValue<FieldType<T, I>>() && ...);
        }(std::make_index_sequence<fieldCount<T>()>{});
    } else {
        return false;
    }
}

/// Reads JSON values; after `false`, `error` says what and where.
class JsonReader {
public:
    explicit JsonReader(ParseError& error) : error_(error) {}

    template <class T>
    bool read(const nlohmann::json& json, T& value) {
        constexpr TypeKind kind = kTypeKind<T>;
        if constexpr (kIsJson<T>) {
            value = json;
            return true;
        } else if constexpr (kIsStdOptional<T>) {
            if (json.is_null()) {
                value.reset();
                return true;
            }
            if (!value) value.emplace();
            return read(json, *value);
        } else if constexpr (std::is_same_v<T, bool>) {
            if (!json.is_boolean()) return fail(json, "true or false");
            value = json.get<bool>();
            return true;
        } else if constexpr (std::is_floating_point_v<T>) {
            if (!json.is_number()) return fail(json, "a number");
            value = json.get<T>();
            return true;
        } else if constexpr (kIsIntegerText<T>) {
            return readInteger(json, value) || fail(json, expectedText<T>());
        } else if constexpr (std::is_enum_v<T>) {
            std::int64_t number = 0;
            using Number = std::underlying_type_t<T>;
            const bool fits =
                readInteger(json, number) && static_cast<std::int64_t>(static_cast<Number>(number)) == number;
            if (!fits) return fail(json, expectedText<T>());
            value = static_cast<T>(number);
            return true;
        } else if constexpr (kIsChronoTimePoint<T>) {
            return readTime(json, value) || fail(json, expectedText<T>() + ", or milliseconds since 1970");
        } else if constexpr (kIsChronoDuration<T>) {
            typename T::rep ticks{};
            if (json.is_string() ? parseText(json.get_ref<const std::string&>(), value) : readInteger(json, ticks)) {
                if (!json.is_string()) value = T(ticks);
                return true;
            }
            return fail(json, expectedText<T>() + " or its number of ticks");
        } else if constexpr (isTextValue<T>()) {
            const bool good = json.is_string() && parseText(json.get_ref<const std::string&>(), value);
            return good || fail(json, expectedText<T>());
        } else if constexpr (kind == TypeKind::Sequence) {
            if (!json.is_array()) return fail(json, "an array");
            if constexpr (std::is_same_v<typename T::value_type, bool>) {  // vector<bool> has no bool to read into
                value.clear();
                for (std::size_t i = 0; i < json.size(); ++i) {
                    bool element = false;
                    if (!readElement(json, i, element)) return false;
                    value.push_back(element);
                }
                return true;
            } else {
                value.resize(json.size());
                std::size_t index = 0;
                for (auto& element : value) {
                    if (!readElement(json, index++, element)) return false;
                }
                return true;
            }
        } else if constexpr (kind == TypeKind::Array) {
            if (!json.is_array() || json.size() != arraySize<T>()) {
                return fail(json, "an array of " + std::to_string(arraySize<T>()));
            }
            std::size_t index = 0;
            for (auto& element : value) {
                if (!readElement(json, index++, element)) return false;
            }
            return true;
        } else if constexpr (kind == TypeKind::Tuple) {
            constexpr std::size_t kSize = std::tuple_size_v<T>;
            if (!json.is_array() || json.size() != kSize) return fail(json, "an array of " + std::to_string(kSize));
            std::size_t index = 0;
            return std::apply([&](auto&... part) { return (readElement(json, index++, part) && ...); }, value);
        } else if constexpr (kind == TypeKind::Map) {
            if (!json.is_object()) return fail(json, "an object");
            value.clear();
            for (auto entry = json.begin(); entry != json.end(); ++entry) {
                if (!read(entry.value(), value[entry.key()])) return inside(entry.key());
            }
            return true;
        } else {
            return readObject(json, value, fieldNames<T>());
        }
    }

    /// A record whose fields may have other names in the file.
    template <class T, class Names>
    bool readObject(const nlohmann::json& json, T& value, const Names& names) {
        if (!json.is_object()) return fail(json, "an object");
        return applyToFields(value, [&](auto&... field) {
            std::size_t index = 0;
            return (readField(json, std::string_view(names[index++]), field) && ...);
        });
    }

private:
    template <class Field>
    bool readField(const nlohmann::json& json, std::string_view name, Field& field) {
        const auto found = json.find(name);
        if (found != json.end()) return read(*found, field) || inside(name);
        if constexpr (kIsStdOptional<Field>) {
            field.reset();
            return true;
        } else {
            read(nlohmann::json(nlohmann::json::value_t::discarded), field);  // for what is expected
            error_.field.clear();
            error_.found = "no such field";
            return inside(name);
        }
    }

    template <class Element>
    bool readElement(const nlohmann::json& array, std::size_t index, Element& element) {
        return read(array[index], element) || inside("[" + std::to_string(index) + "]");
    }

    template <class Integer>
    static bool readInteger(const nlohmann::json& json, Integer& value) {
        if (json.is_number_unsigned()) {
            const auto number = json.get<std::uint64_t>();
            value = static_cast<Integer>(number);
            return number <= static_cast<std::uint64_t>(std::numeric_limits<Integer>::max());
        }
        if (!json.is_number_integer()) return false;
        const auto number = json.get<std::int64_t>();
        value = static_cast<Integer>(number);
        return number >= 0 ? static_cast<std::uint64_t>(number) <=
                                 static_cast<std::uint64_t>(std::numeric_limits<Integer>::max())
                           : std::is_signed_v<Integer> &&
                                 number >= static_cast<std::int64_t>(std::numeric_limits<Integer>::min());
    }

    template <class Time>
    static bool readTime(const nlohmann::json& json, Time& value) {
        if (json.is_string()) return parseText(json.get_ref<const std::string&>(), value);
        std::int64_t milliseconds = 0;
        std::int64_t ticks = 0;
        if (!readInteger(json, milliseconds) || __builtin_mul_overflow(milliseconds, 1'000'000, &ticks)) return false;
        value = std::chrono::floor<typename Time::duration>(Timestamp{Duration{ticks}});
        return true;
    }

    bool fail(const nlohmann::json& json, std::string expected) {
        error_.column = 0;
        error_.position = 0;
        error_.field.clear();
        error_.expected = std::move(expected);
        if (json.is_discarded()) return false;
        if (json.is_string()) {
            error_.found = quotedForMessage(json.get_ref<const std::string&>());
        } else if (json.is_structured()) {
            error_.found =
                std::string(json.is_array() ? "an array of " : "an object of ") + std::to_string(json.size());
        } else {
            error_.found = json.dump();
        }
        return false;
    }

    /// Puts the name of the surrounding field before the path.
    bool inside(std::string_view name) {
        const bool dot = !error_.field.empty() && error_.field.front() != '[';
        error_.field.insert(0, std::string(name) + (dot ? "." : ""));
        return false;
    }

    ParseError& error_;
};

inline void writeJsonString(std::string_view text, std::string& out) {
    constexpr char kHex[] = "0123456789abcdef";
    out += '"';
    for (const char c : text) {
        const auto code = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += {'\\', c};
        } else if (c == '\n') {
            out += "\\n";
        } else if (c == '\t') {
            out += "\\t";
        } else if (c == '\r') {
            out += "\\r";
        } else if (code < 0x20) {
            out += "\\u00";
            out += {kHex[code >> 4], kHex[code & 15]};
        } else {
            out += c;
        }
    }
    out += '"';
}

template <class T>
void writeJson(const T& value, std::string& out);

template <class T, class Names>
void writeJsonObject(const T& value, const Names& names, std::string& out) {
    out += '{';
    applyToFields(value, [&](const auto&... field) {
        std::size_t index = 0;
        const auto write = [&](const auto& part) {
            if (index != 0) out += ',';
            writeJsonString(names[index++], out);
            out += ':';
            writeJson(part, out);
        };
        (write(field), ...);
    });
    out += '}';
}

template <class T>
void writeJson(const T& value, std::string& out) {
    constexpr TypeKind kind = kTypeKind<T>;
    if constexpr (kIsJson<T>) {
        out += value.dump();
    } else if constexpr (kIsStdOptional<T>) {
        if (value) {
            writeJson(*value, out);
        } else {
            out += "null";
        }
    } else if constexpr (std::is_floating_point_v<T>) {
        if (std::isfinite(value)) {
            writeText(value, out);
        } else {
            out += "null";  // JSON has no infinity and no NaN
        }
    } else if constexpr (kIsIntegerText<T> || std::is_same_v<T, bool> || std::is_enum_v<T>) {
        writeText(value, out);
    } else if constexpr (isTextValue<T>()) {
        std::string text;
        writeText(value, text);
        writeJsonString(text, out);
    } else if constexpr (kind == TypeKind::Map) {
        out += '{';
        bool first = true;
        for (const auto& [key, mapped] : value) {
            if (!std::exchange(first, false)) out += ',';
            writeJsonString(key, out);
            out += ':';
            writeJson(mapped, out);
        }
        out += '}';
    } else if constexpr (kind == TypeKind::Aggregate) {
        writeJsonObject(value, fieldNames<T>(), out);
    } else {
        out += '[';
        bool first = true;
        const auto write = [&](const auto& part) {
            if (!std::exchange(first, false)) out += ',';
            writeJson(part, out);
        };
        if constexpr (kind == TypeKind::Tuple) {
            std::apply([&](const auto&... part) { (write(part), ...); }, value);
        } else {
            for (const auto& element : value) write(element);
        }
        out += ']';
    }
}

}  // namespace millrace::detail

#endif  // MILLRACE_FORMATS_JSON_VALUE_HPP
