#ifndef MILLRACE_FORMATS_CSV_CELL_HPP
#define MILLRACE_FORMATS_CSV_CELL_HPP

#include <millrace/formats/text_value.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

// One cell of a CSV line: finding its end, taking off its quotes (RFC 4180, within one line), parsing it, writing it.

namespace millrace::detail {

/// First `wanted` in [at, end), or end. Cells are short: eight bytes at a time beat a call of memchr.
inline const char* findByte(const char* at, const char* end, char wanted) noexcept {
    constexpr std::uint64_t kOnes = 0x0101010101010101U;
    const std::uint64_t pattern = kOnes * static_cast<unsigned char>(wanted);
    for (; end - at >= 8; at += 8) {
        std::uint64_t bytes;
        std::memcpy(&bytes, at, 8);
        bytes ^= pattern;
        const std::uint64_t zeros = (bytes - kOnes) & ~bytes & (kOnes << 7);  // the lowest mark is exact
        if (zeros != 0) return at + std::countr_zero(zeros) / 8;
    }
    while (at != end && *at != wanted) ++at;
    return at;
}

/// Moves over a line, cell by cell; between two cells it stands on the delimiter, after the last one at the end.
struct CsvCursor {
    const char* at;
    const char* end;
    char delimiter;
    std::string& scratch;  ///< the text of a cell whose quotes had to be taken off

    bool atCellEnd(const char* position) const noexcept { return position == end || *position == delimiter; }
};

struct CsvCellText {
    std::string_view text;
    bool quoted = false;
    bool wellFormed = true;  ///< false: no closing quote, or something between it and the delimiter
};

inline CsvCellText takeQuotedCell(CsvCursor& cursor) {
    const char* at = cursor.at + 1;
    const char* close = findByte(at, cursor.end, '"');
    if (cursor.end - close >= 2 && close[1] == '"') {
        cursor.scratch.clear();
        while (cursor.end - close >= 2 && close[1] == '"') {
            cursor.scratch.append(at, close + 1);
            at = close + 2;
            close = findByte(at, cursor.end, '"');
        }
        cursor.scratch.append(at, close);
        at = nullptr;
    }
    const std::string_view text =
        at == nullptr ? std::string_view(cursor.scratch) : std::string_view(at, static_cast<std::size_t>(close - at));
    cursor.at = close == cursor.end ? close : close + 1;
    const bool wellFormed = close != cursor.end && cursor.atCellEnd(cursor.at);
    return {text, true, wellFormed};
}

/// The text of the cell at the cursor, which moves to its end.
inline CsvCellText takeCell(CsvCursor& cursor) {
    if (cursor.at != cursor.end && *cursor.at == '"') return takeQuotedCell(cursor);
    const char* const begin = cursor.at;
    cursor.at = findByte(begin, cursor.end, cursor.delimiter);
    return {{begin, static_cast<std::size_t>(cursor.at - begin)}};
}

template <class Field>
[[gnu::noinline]] bool parseTakenCell(CsvCursor& cursor, Field& value) {
    const CsvCellText cell = takeCell(cursor);
    if (!cell.wellFormed) return false;
    if constexpr (kIsStdOptional<Field>) {
        if (cell.quoted) {  // "" is an empty text, no quotes at all are nothing
            if (!value) value.emplace();
            return parseText(cell.text, *value);
        }
    }
    return parseText(cell.text, value);
}

/// Parses the cell at the cursor, which moves to its end. False: the cursor is somewhere inside.
template <class Field>
inline bool parseCell(CsvCursor& cursor, Field& value) {
    if constexpr (kScannable<Field>) {
        const char* const cellEnd = scanText(cursor.at, cursor.end, value);
        if (cellEnd != nullptr && cursor.atCellEnd(cellEnd)) [[likely]] {
            cursor.at = cellEnd;
            return true;
        }
        return parseTakenCell(cursor, value);  // quoted, with blanks around, or wrong
    } else if constexpr (kIsStdOptional<Field>) {
        if (cursor.atCellEnd(cursor.at)) {
            value.reset();
            return true;
        }
        if constexpr (kScannable<typename Field::value_type>) {
            if (!value) value.emplace();
            return parseCell(cursor, *value);
        } else {
            return parseTakenCell(cursor, value);
        }
    } else if constexpr (std::is_same_v<Field, std::string>) {
        if (cursor.at != cursor.end && *cursor.at == '"') return parseTakenCell(cursor, value);
        const char* const begin = cursor.at;
        cursor.at = findByte(begin, cursor.end, cursor.delimiter);
        value.assign(begin, cursor.at);
        return true;
    } else {
        return parseTakenCell(cursor, value);
    }
}

inline void quoteCell(std::string& out, std::size_t begin) {
    std::string quoted = "\"";
    for (std::size_t i = begin; i < out.size(); ++i) {
        if (out[i] == '"') quoted += '"';
        quoted += out[i];
    }
    quoted += '"';
    out.replace(begin, std::string::npos, quoted);
}

/// Whether a cell has to be quoted. Looks at all characters at once: `find_first_of` is a call for each of them.
inline bool hasSpecialCharacter(std::string_view cell, char delimiter) noexcept {
    bool found = false;
    for (const char c : cell) found |= c == delimiter || c == '"' || c == '\n' || c == '\r';
    return found;
}

template <class Field>
void writeCell(const Field& value, char delimiter, std::string& out) {
    const std::size_t begin = out.size();
    writeText(value, out);
    bool quotes = hasSpecialCharacter(std::string_view(out).substr(begin), delimiter);
    if constexpr (kIsStdOptional<Field>) quotes = quotes || (value.has_value() && out.size() == begin);
    if (quotes) quoteCell(out, begin);
}

}  // namespace millrace::detail

#endif  // MILLRACE_FORMATS_CSV_CELL_HPP
