#ifndef MILLRACE_FORMATS_CSV_RECORD_HPP
#define MILLRACE_FORMATS_CSV_RECORD_HPP

#include <millrace/formats/csv_cell.hpp>
#include <millrace/types/reflection.hpp>

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace millrace::detail {

template <class T>
inline constexpr bool kIsCsvRecord = false;
template <Reflectable T>
    requires(fieldCount<T>() > 0)
inline constexpr bool kIsCsvRecord<T> = []<std::size_t... I>(std::index_sequence<I...>) {
    return (TextValue<FieldType<T, I>> && ...);
}(std::make_index_sequence<fieldCount<T>()>{});

/// What an error names: the record, its field and the field's type.
template <class Record, auto Field, class T>
inline constexpr bool kCanBeReadFromText = TextValue<T>;

template <class Record, auto Field, class T>
struct RequireTextValue {
    static constexpr bool check() {
        static_assert(
            kCanBeReadFromText<Record, Field, T>,
            "millrace: CSV: a field of the record has a type that cannot be read from text; record, field and "
            "type are named below. Use a number, bool, char, enum, std::string, Timestamp, a duration or "
            "std::optional of these, or specialise millrace::TextFormat for the type.");
        return true;
    }
};

template <class T>
struct RequireCsvRecord {
    static constexpr bool check() {
        if constexpr (kIsCsvRecord<T>) {
            return true;
        } else if constexpr (!Reflectable<T> || std::is_empty_v<T>) {
            static_assert(kIsCsvRecord<T>,
                          "millrace: CSV: the fields of the record cannot be listed. It has to be an aggregate with 1 "
                          "to 64 fields: all members public, no constructors, no base class. Otherwise name the "
                          "fields beside the type: MILLRACE_FIELDS(Type, field, ...)");
            return true;
        } else {
            constexpr std::size_t first = []<std::size_t... I>(std::index_sequence<I...>) {
                std::size_t index = 0;
                static_cast<void>(((TextValue<FieldType<T, I>> && (++index, true)) && ...));
                return index;
            }(std::make_index_sequence<fieldCount<T>()>{});
            return RequireTextValue<T, kNameInErrors<T, first>, FieldType<T, first>>::check();
        }
    }
};

/// The parser of each field, for columns in order of the fields and in any other order.
template <class T, bool = kIsCsvRecord<T>>
struct CsvFieldTable {
    static constexpr std::size_t kCount = fieldCount<T>();

    static std::array<std::string, kCount> names() {
        std::array<std::string, kCount> result;
        for (std::size_t i = 0; i < kCount; ++i) result[i] = fieldName<T>(i);
        return result;
    }

    /// All cells of a line, the n-th for the n-th field. If one is wrong: its field, and where the cell begins (null:
    /// the line ended before it).
    static bool parseAll(CsvCursor& cursor, T& into, const char*& cell, std::size_t& failed) {
        return applyToFields(into, [&](auto&... field) {
            std::size_t index = 0;
            if ((parseNext(cursor, cell, index, field) && ...)) return true;
            failed = index - 1;
            return false;
        });
    }

    template <std::size_t I>
    static bool parseField(CsvCursor& cursor, T& into) {
        return parseCell(cursor, std::get<I>(fieldsAsTuple(into)));
    }

    template <std::size_t I>
    static void resetField(T& into) {
        std::get<I>(fieldsAsTuple(into)) = FieldType<T, I>{};
    }

    using Parse = bool (*)(CsvCursor&, T&);
    using Reset = void (*)(T&);

    static constexpr std::array<Parse, kCount> kParse = []<std::size_t... I>(std::index_sequence<I...>) {
        return std::array<Parse, kCount>{&parseField<I>...};
    }(std::make_index_sequence<kCount>{});

    /// Null for fields that are not optional.
    static constexpr std::array<Reset, kCount> kReset = []<std::size_t... I>(std::index_sequence<I...>) {
        constexpr auto resetter = []<std::size_t Index>(std::integral_constant<std::size_t, Index>) -> Reset {
            if constexpr (kIsStdOptional<FieldType<T, Index>>) {
                return &resetField<Index>;
            } else {
                return nullptr;
            }
        };
        return std::array<Reset, kCount>{resetter(std::integral_constant<std::size_t, I>{})...};
    }(std::make_index_sequence<kCount>{});

    static constexpr std::array<bool, kCount> kIsOptional = []<std::size_t... I>(std::index_sequence<I...>) {
        return std::array<bool, kCount>{kIsStdOptional<FieldType<T, I>>...};
    }(std::make_index_sequence<kCount>{});

    static std::string expected(std::size_t field) {
        return [&]<std::size_t... I>(std::index_sequence<I...>) {
            std::string text;
            static_cast<void>(((field == I && (text = expectedText<FieldType<T, I>>(), true)) || ...));
            return text;
        }(std::make_index_sequence<kCount>{});
    }

private:
    template <class Field>
    static bool parseNext(CsvCursor& cursor, const char*& cell, std::size_t& index, Field& field) {
        if (index++ != 0) {
            if (cursor.at == cursor.end) [[unlikely]] {
                cell = nullptr;
                return false;
            }
            ++cursor.at;
        }
        cell = cursor.at;
        return parseCell(cursor, field);
    }
};

/// So that a record that cannot be read gives one error and not one more for each function used.
template <class T>
struct CsvFieldTable<T, false> {
    static constexpr std::size_t kCount = 0;
    static constexpr std::array<bool, 0> kIsOptional{};
    static constexpr std::array<bool (*)(CsvCursor&, T&), 1> kParse{};
    static constexpr std::array<void (*)(T&), 1> kReset{};
    static std::array<std::string, 0> names() { return {}; }
    static bool parseAll(CsvCursor&, T&, const char*&, std::size_t&) { return true; }
    static std::string expected(std::size_t) { return {}; }
};

}  // namespace millrace::detail

#endif  // MILLRACE_FORMATS_CSV_RECORD_HPP
