#ifndef MILLRACE_FORMATS_CSV_COLUMNS_HPP
#define MILLRACE_FORMATS_CSV_COLUMNS_HPP

#include <millrace/core/errors.hpp>
#include <millrace/core/list.hpp>
#include <millrace/formats/csv_cell.hpp>
#include <millrace/formats/parse_result.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace millrace::detail {

/// Which column of a file goes to which field of the record.
struct CsvColumns {
    static constexpr std::size_t kIgnored = static_cast<std::size_t>(-1);

    bool known = false;               ///< false until the header was read
    bool inOrder = true;              ///< the n-th column is the n-th field, for all fields
    bool nothingMayFollow = false;    ///< the last column that is read is the last of the header
    List<std::size_t> fieldOfColumn;  ///< unless in order: up to the last column that is read
    List<std::size_t> missingFields;  ///< optional fields without a column
};

inline List<std::string> readCsvHeader(std::string_view line, char delimiter, const std::string& where) {
    line = withoutCarriageReturn(line);
    if (line.starts_with("\xef\xbb\xbf")) line.remove_prefix(3);  // the byte order mark of some editors
    List<std::string> names;
    std::string scratch;
    CsvCursor cursor{line.data(), line.data() + line.size(), delimiter, scratch};
    while (true) {
        const CsvCellText cell = takeCell(cursor);
        if (!cell.wellFormed) {
            throw FormatException(where + "column " + std::to_string(names.size() + 1) +
                                  " of the header: expected a closing quote at the end of the cell");
        }
        names.push_back(std::string(trimmed(cell.text)));
        if (cursor.at == cursor.end) return names;
        ++cursor.at;
    }
}

/// *Failure:* FormatException for a field without column that is not optional, or with two.
inline CsvColumns matchCsvColumns(std::string_view line, char delimiter, std::span<const std::string> names,
                                  std::span<const bool> isOptional, std::string_view source) {
    const std::string where = source.empty() ? "CSV: " : std::string(source) + ":1: ";
    const List<std::string> header = readCsvHeader(line, delimiter, where);
    CsvColumns columns;
    columns.known = true;
    columns.fieldOfColumn.resize(header.size());
    for (std::size_t& field : columns.fieldOfColumn) field = CsvColumns::kIgnored;
    for (std::size_t field = 0; field < names.size(); ++field) {
        bool found = false;
        for (std::size_t column = 0; column < header.size(); ++column) {
            if (header[column] != names[field]) continue;
            if (found) throw FormatException(where + "the header has two columns " + quotedForMessage(names[field]));
            found = true;
            columns.fieldOfColumn[column] = field;
        }
        if (!found && !isOptional[field]) {
            std::string list;
            for (const auto& name : header) list += (list.empty() ? "" : ", ") + quotedForMessage(name);
            throw FormatException(where + "expected a column " + quotedForMessage(names[field]) + ", found " + list +
                                  ". For another name use column(\"name\", &Record::field), for a file without header "
                                  "withoutHeader(), for another delimiter than '" +
                                  delimiter + "' withDelimiter(...)");
        }
        if (!found) columns.missingFields.push_back(field);
    }
    auto& fields = columns.fieldOfColumn;
    while (!fields.empty() && fields.back() == CsvColumns::kIgnored) fields.pop_back();
    columns.nothingMayFollow = fields.size() == header.size();
    columns.inOrder = fields.size() == names.size();
    for (std::size_t i = 0; i < fields.size(); ++i) columns.inOrder = columns.inOrder && fields[i] == i;
    return columns;
}

}  // namespace millrace::detail

#endif  // MILLRACE_FORMATS_CSV_COLUMNS_HPP
