#ifndef MILLRACE_FORMATS_PARSE_RESULT_HPP
#define MILLRACE_FORMATS_PARSE_RESULT_HPP

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace millrace {

/// Why a line is not a record: where, what was expected, what was found. @public
struct ParseError {
    std::size_t column = 0;    ///< number of the column, from 1; 0 for formats without columns
    std::string field;         ///< name of the column or path of the field; may be empty
    std::size_t position = 0;  ///< byte in the line, from 1; 0 if unknown
    std::string expected;
    std::string found;

    /// `column 4 ("price"): expected a number, found "abc"`
    std::string message() const {
        std::string text;
        if (column != 0) {
            text = "column " + std::to_string(column);
            if (!field.empty()) text += " (\"" + field + "\")";
            text += ": ";
        } else if (!field.empty()) {
            text = "field \"" + field + "\": ";
        } else if (position != 0) {
            text = "at byte " + std::to_string(position) + ": ";
        }
        return text + "expected " + expected + ", found " + found;
    }
};

/// What `parse` returns: one pointer. An error stays valid until the format parses again. @public
class [[nodiscard]] ParseResult {
public:
    constexpr ParseResult() noexcept = default;
    constexpr explicit ParseResult(const ParseError& error) noexcept : error_(&error) {}

    constexpr bool ok() const noexcept { return error_ == nullptr; }
    constexpr explicit operator bool() const noexcept { return ok(); }
    constexpr const ParseError& error() const noexcept { return *error_; }

private:
    const ParseError* error_ = nullptr;
};

/// `trades.csv:17: column 4 ("price"): expected a number, found "abc"`. @public
inline std::string describeParseError(std::string_view source, std::uint64_t line, const ParseError& error) {
    return std::string(source) + ":" + std::to_string(line) + ": " + error.message();
}

/// How lines become records and records lines. @public
///
/// A format is a value; each reader or writer has a copy of its own (parsing may use buffers inside).
/// If it `hasHeader`, `readHeader` gets the first line of each file before the first `parse`, and throws a
/// FormatException; `parse` never throws on bad input. `encode` and `encodeHeader` append without a line break.
template <class Format>
concept LineFormat = std::copyable<Format> && requires(Format format, const Format& writer, std::string_view line,
                                                       typename Format::Record& record,
                                                       const typename Format::Record& source, std::string& out) {
    { writer.hasHeader() } -> std::same_as<bool>;
    { Format::kSkipsEmptyLines } -> std::convertible_to<bool>;
    format.readHeader(line, line);
    { format.parse(line, record) } -> std::same_as<ParseResult>;
    writer.encode(source, out);
    writer.encodeHeader(out);
};

namespace detail {

/// A text between quotes for a message: shortened, control characters made visible.
inline std::string quotedForMessage(std::string_view text) {
    constexpr std::size_t kMost = 60;
    std::string quoted = "\"";
    for (const char c : text.substr(0, kMost)) {
        const auto code = static_cast<unsigned char>(c);
        if (code < 0x20 || code == 0x7f) {
            constexpr char kHex[] = "0123456789abcdef";
            quoted += {'\\', 'x', kHex[code >> 4], kHex[code & 15]};
        } else {
            quoted += c;
        }
    }
    quoted += text.size() > kMost ? "...\" (" + std::to_string(text.size()) + " bytes)" : "\"";
    return quoted;
}

inline std::string_view withoutCarriageReturn(std::string_view line) noexcept {
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    return line;
}

}  // namespace detail
}  // namespace millrace

#endif  // MILLRACE_FORMATS_PARSE_RESULT_HPP
