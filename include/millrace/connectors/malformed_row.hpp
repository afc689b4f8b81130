#ifndef MILLRACE_CONNECTORS_MALFORMED_ROW_HPP
#define MILLRACE_CONNECTORS_MALFORMED_ROW_HPP

#include <millrace/formats/parse_result.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace millrace {

/// What a source does with a row that is not a record. @public
enum class MalformedPolicy : unsigned char {
    Fail,  ///< the job fails with a FormatException that says where and why
    Skip,  ///< the row is left out and counted in the accumulator "malformedRows"
};

/// The accumulator that counts skipped rows. @public
inline constexpr const char* kMalformedRowsAccumulator = "malformedRows";

/// A row that is not a record, and why. A plain aggregate: it can be written to a CSV file as it is. @public
struct MalformedRow {
    std::string file;          ///< empty if it did not come from a file
    std::uint64_t line = 0;    ///< from 1; 0 if unknown
    std::uint64_t column = 0;  ///< from 1; 0 for formats without columns
    std::string field;
    std::string expected;
    std::string found;
    std::string raw;  ///< the whole line

    static MalformedRow of(std::string_view file, std::uint64_t line, const ParseError& error, std::string_view raw) {
        return {std::string(file), line, error.column, error.field, error.expected, error.found, std::string(raw)};
    }

    friend bool operator==(const MalformedRow&, const MalformedRow&) = default;
};

}  // namespace millrace

#endif  // MILLRACE_CONNECTORS_MALFORMED_ROW_HPP
