#ifndef MILLRACE_FORMATS_JSON_LINES_FORMAT_HPP
#define MILLRACE_FORMATS_JSON_LINES_FORMAT_HPP

#include <millrace/core/algorithm.hpp>
#include <millrace/core/errors.hpp>
#include <millrace/formats/json_value.hpp>
#include <millrace/formats/parse_result.hpp>
#include <millrace/types/reflection.hpp>

#include <nlohmann/json.hpp>

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace millrace {

namespace detail {

template <class T>
inline constexpr bool kIsJsonRecord = Reflectable<T> && isJsonValue<T>();

/// What an error names: the record, its field and the field's type.
template <class Record, auto Field, class T>
inline constexpr bool kHasJsonForm = isJsonValue<T>();

template <class Record, auto Field, class T>
struct RequireJsonValue {
    static constexpr bool check() {
        static_assert(
            kHasJsonForm<Record, Field, T>,
            "millrace: JSON lines: a field of the record has a type that has no form in JSON; record, field "
            "and type are named below. Use numbers, bool, enums, std::string, Timestamp, durations, optional, "
            "vectors, arrays, tuples, maps with std::string keys, plain aggregates of these, or "
            "nlohmann::json itself; or specialise millrace::TextFormat for the type.");
        return true;
    }
};

template <class T>
struct RequireJsonRecord {
    static constexpr bool check() {
        if constexpr (kIsJsonRecord<T>) {
            return true;
        } else if constexpr (!Reflectable<T>) {
            static_assert(kIsJsonRecord<T>,
                          "millrace: JSON lines: the fields of the record cannot be listed. It has to be an aggregate "
                          "with at most 64 fields: all members public, no constructors, no base class. Otherwise name "
                          "the fields beside the type: MILLRACE_FIELDS(Type, field, ...)");
            return true;
        } else {
            constexpr std::size_t first = []<std::size_t... I>(std::index_sequence<I...>) {
                std::size_t index = 0;
                static_cast<void>(((isJsonValue<FieldType<T, I>>() && (++index, true)) && ...));
                return index;
            }(std::make_index_sequence<fieldCount<T>()>{});
            if constexpr (kTypeKind<FieldType<T, first>> == TypeKind::Aggregate) {
                return RequireJsonRecord<FieldType<T, first>>::check();
            } else {
                return RequireJsonValue<T, kNameInErrors<T, first>, FieldType<T, first>>::check();
            }
        }
    }
};

}  // namespace detail

/// One JSON object per line as plain records: each field of T is a member, found by name. @public
///
/// Unknown members are ignored; a missing one is an error unless its field is optional. Nested records are objects;
/// vectors, arrays and tuples are arrays; maps have string keys. A time is a text (ISO 8601) or a number, milliseconds
/// since 1970; it is written as text. A double that is not finite is written as null.
///
/// *Failure:* `parse` returns an error with the path of the field; the record is then valid but unspecified.
/// *Example:* `JsonLinesFormat<Event>{}.field("event-type", &Event::type)`
template <class T>
class JsonLinesFormat {
    static_assert(detail::RequireJsonRecord<T>::check());

public:
    using Record = T;
    static constexpr bool kSkipsEmptyLines = true;

    JsonLinesFormat() {
        if constexpr (detail::kIsJsonRecord<T>) {
            for (std::size_t i = 0; i < kCount; ++i) names_[i] = fieldName<T>(i);
        }
    }

    /// The name of a member, where it is not the field's.
    template <class Field, class Owner>
        requires std::is_base_of_v<Owner, T>
    [[nodiscard]] JsonLinesFormat field(std::string name, Field Owner::*member) const {
        JsonLinesFormat format = *this;
        const std::size_t index = detail::indexOfField<T>(member);
        if (index >= kCount) {
            throw ConfigurationException("JSON: field(\"" + name + "\", member): the member is no field of the record");
        }
        format.names_[index] = std::move(name);
        return format;
    }

    bool hasHeader() const noexcept { return false; }
    void readHeader(std::string_view, std::string_view = {}) noexcept {}

    ParseResult parse(std::string_view line, T& into) {
        if constexpr (detail::kIsJsonRecord<T>) {
            const auto json = nlohmann::json::parse(line.begin(), line.end(), nullptr, false);
            if (json.is_discarded()) return failSyntax(line);
            if (!detail::JsonReader(error_).readObject(json, into, names_)) return ParseResult(error_);
        }
        return {};
    }

    /// Appends a record, without line break.
    void encode(const T& record, std::string& out) const {
        if constexpr (detail::kIsJsonRecord<T>) detail::writeJsonObject(record, names_, out);
    }
    void encodeHeader(std::string&) const noexcept {}

private:
    static constexpr std::size_t kCount = [] {
        if constexpr (detail::kIsJsonRecord<T>) {
            return fieldCount<T>();
        } else {
            return std::size_t{0};
        }
    }();

    [[gnu::cold, gnu::noinline]] ParseResult failSyntax(std::string_view line) {
        error_ = {};
        error_.expected = "valid JSON";
        try {
            [[maybe_unused]] const auto again = nlohmann::json::parse(line.begin(), line.end());  // for the place
        } catch (const nlohmann::json::parse_error& problem) {
            error_.position = problem.byte == 0 ? 1 : problem.byte;
        } catch (const nlohmann::json::exception&) {  // a number beyond the range of double: no place is given
            error_.expected = "valid JSON with numbers in the range of a double";
        }
        const std::string_view rest =
            line.substr(std::min(line.size(), error_.position == 0 ? 0 : error_.position - 1));
        error_.found = rest.empty() ? "the end of the line" : detail::quotedForMessage(rest);
        return ParseResult(error_);
    }

    std::array<std::string, kCount> names_{};
    ParseError error_;
};

}  // namespace millrace

#endif  // MILLRACE_FORMATS_JSON_LINES_FORMAT_HPP
