#ifndef MILLRACE_FORMATS_CSV_FORMAT_HPP
#define MILLRACE_FORMATS_CSV_FORMAT_HPP

#include <millrace/core/errors.hpp>
#include <millrace/formats/csv_cell.hpp>
#include <millrace/formats/csv_columns.hpp>
#include <millrace/formats/csv_record.hpp>
#include <millrace/formats/parse_result.hpp>

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace millrace {

/// Lines of comma-separated values (RFC 4180) as plain records: each field of T is a column. @public
///
/// With a header line, columns are found by name, in any order; unknown ones are ignored, and a missing one is an error
/// unless its field is optional (then it is nullopt). Without one, the n-th column is the n-th field and further columns
/// are ignored. Cells may be quoted ("" is a quote), but a line break ends the record even there. Lines end in LF or
/// CRLF. What a field can be and how it is written: `TextValue`.
///
/// *Failure:* `readHeader` throws FormatException. `parse` returns an error; the record is then valid but unspecified.
/// *Example:* `CsvFormat<Security>{}.withDelimiter(';').column("GICS Sector", &Security::sector)`
template <class T>
class CsvFormat {
    static_assert(detail::RequireCsvRecord<T>::check());
    using Table = detail::CsvFieldTable<T>;

public:
    using Record = T;
    static constexpr bool kSkipsEmptyLines = true;

    /// Columns by position; the first line is a record.
    [[nodiscard]] CsvFormat withoutHeader() const {
        CsvFormat format = *this;
        format.hasHeader_ = false;
        format.columns_ = {};
        format.columns_.known = true;
        return format;
    }

    /// *Failure:* ConfigurationException for a quote, a line break, a letter or a digit.
    [[nodiscard]] CsvFormat withDelimiter(char delimiter) const {
        const bool letter = (delimiter >= 'a' && delimiter <= 'z') || (delimiter >= 'A' && delimiter <= 'Z');
        if (delimiter == '"' || delimiter == '\n' || delimiter == '\r' || letter || detail::isDigit(delimiter)) {
            throw ConfigurationException("CSV: the delimiter cannot be " + detail::quotedForMessage({&delimiter, 1}) +
                                         "; use a comma, semicolon, tab or another punctuation mark");
        }
        CsvFormat format = *this;
        format.delimiter_ = delimiter;
        return format;
    }

    /// The column of a field, where its name is not the field's.
    template <class Field, class Owner>
        requires std::is_base_of_v<Owner, T>
    [[nodiscard]] CsvFormat column(std::string name, Field Owner::*member) const {
        CsvFormat format = *this;
        const std::size_t index = detail::indexOfField<T>(member);
        if (index >= Table::kCount) {
            throw ConfigurationException("CSV: column(\"" + name + "\", member): the member is no field of the record");
        }
        format.names_[index] = std::move(name);
        return format;
    }

    bool hasHeader() const noexcept { return hasHeader_; }
    char delimiter() const noexcept { return delimiter_; }
    /// The column's name for each field, in the order of the fields.
    const auto& columnNames() const noexcept { return names_; }

    /// Finds the columns; to be called before a file is parsed. `source` is the file's name, for messages.
    void readHeader(std::string_view line, std::string_view source = {}) {
        columns_ = detail::matchCsvColumns(line, delimiter_, names_, Table::kIsOptional, source);
    }

    /// Reads one line into a record, whose strings keep their capacity.
    ParseResult parse(std::string_view line, T& into) {
        if (!columns_.known) [[unlikely]] {
            throw FormatException("CSV: parse before readHeader; for a file without header use withoutHeader()");
        }
        line = detail::withoutCarriageReturn(line);
        detail::CsvCursor cursor{line.data(), line.data() + line.size(), delimiter_, scratch_};
        return columns_.inOrder ? parseInOrder(cursor, into) : parseMapped(cursor, into);
    }

    /// Appends a record, without line break.
    void encode(const T& record, std::string& out) const {
        if constexpr (detail::kIsCsvRecord<T>) {
            applyToFields(record, [&](const auto&... field) {
                bool first = true;
                const auto write = [&](const auto& cell) {
                    if (!std::exchange(first, false)) out += delimiter_;
                    detail::writeCell(cell, delimiter_, out);
                };
                (write(field), ...);
            });
        }
    }

    void encodeHeader(std::string& out) const {
        for (std::size_t i = 0; i < names_.size(); ++i) {
            if (i != 0) out += delimiter_;
            detail::writeCell(names_[i], delimiter_, out);
        }
    }

private:
    ParseResult parseInOrder(detail::CsvCursor& cursor, T& into) {
        const char* const line = cursor.at;
        const char* cell = line;
        std::size_t failed = 0;
        const bool good = Table::parseAll(cursor, into, cell, failed);
        if (!good) [[unlikely]]
            return fail(cursor, line, cell, failed, failed);
        if (columns_.nothingMayFollow && cursor.at != cursor.end) [[unlikely]]
            return failBehind(cursor, line);
        return {};
    }

    ParseResult parseMapped(detail::CsvCursor& cursor, T& into) {
        const char* const line = cursor.at;
        for (std::size_t column = 0; column < columns_.fieldOfColumn.size(); ++column) {
            const std::size_t field = columns_.fieldOfColumn[column];
            if (column != 0) {
                if (cursor.at == cursor.end) [[unlikely]]
                    return failShort(cursor, line, column);
                ++cursor.at;
            }
            const char* const cell = cursor.at;
            if (field == detail::CsvColumns::kIgnored) {
                detail::takeCell(cursor);
            } else if (!Table::kParse[field](cursor, into)) [[unlikely]] {
                return fail(cursor, line, cell, column, field);
            }
        }
        if (columns_.nothingMayFollow && cursor.at != cursor.end) [[unlikely]]
            return failBehind(cursor, line);
        for (const std::size_t field : columns_.missingFields) Table::kReset[field](into);
        return {};
    }

    /// A null cell means that the line ended before it.
    [[gnu::cold, gnu::noinline]] ParseResult fail(detail::CsvCursor cursor, const char* line, const char* cell,
                                                  std::size_t column, std::size_t field) {
        if (cell == nullptr) return failShort(cursor, line, column);
        cursor.at = cell;
        const detail::CsvCellText text = detail::takeCell(cursor);
        error_.column = column + 1;
        error_.field = names_[field];
        error_.position = static_cast<std::size_t>(cell - line) + 1;
        if (text.wellFormed) {
            error_.expected = Table::expected(field);
            error_.found = text.text.empty() ? "nothing" : detail::quotedForMessage(text.text);
        } else {
            error_.expected = "a closing quote at the end of the cell";
            error_.found = detail::quotedForMessage({cell, static_cast<std::size_t>(cursor.end - cell)});
        }
        return ParseResult(error_);
    }

    [[gnu::cold, gnu::noinline]] ParseResult failShort(const detail::CsvCursor& cursor, const char* line,
                                                       std::size_t column) {
        std::size_t field = column;
        if (!columns_.inOrder) {  // the ignored columns on the way are no one's loss: name the first that is read
            while (columns_.fieldOfColumn[column] == detail::CsvColumns::kIgnored) ++column;
            field = columns_.fieldOfColumn[column];
        }
        error_.column = column + 1;
        error_.field = names_[field];
        error_.position = static_cast<std::size_t>(cursor.end - line) + 1;
        error_.expected = Table::expected(field);
        error_.found = "the end of the line";
        return ParseResult(error_);
    }

    [[gnu::cold, gnu::noinline]] ParseResult failBehind(const detail::CsvCursor& cursor, const char* line) {
        error_.column = (columns_.inOrder ? Table::kCount : columns_.fieldOfColumn.size()) + 1;
        error_.field.clear();
        error_.position = static_cast<std::size_t>(cursor.at - line) + 1;
        error_.expected = "the end of the line, as in the header";
        error_.found = detail::quotedForMessage({cursor.at, static_cast<std::size_t>(cursor.end - cursor.at)});
        return ParseResult(error_);
    }

    std::array<std::string, Table::kCount> names_ = Table::names();
    char delimiter_ = ',';
    bool hasHeader_ = true;
    detail::CsvColumns columns_;
    std::string scratch_;
    ParseError error_;
};

}  // namespace millrace

#endif  // MILLRACE_FORMATS_CSV_FORMAT_HPP
