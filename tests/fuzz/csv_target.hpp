#ifndef MILLRACE_TESTS_FUZZ_CSV_TARGET_HPP
#define MILLRACE_TESTS_FUZZ_CSV_TARGET_HPP

#include <millrace/core/errors.hpp>
#include <millrace/formats/csv_format.hpp>
#include <millrace/time/timestamp.hpp>

#include <fuzz/require.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace fuzz {

struct CsvRow {
    std::string name;
    std::int64_t count = 0;
    double value = 0;
    std::optional<std::uint8_t> level;
    bool flag = false;
    millrace::Timestamp time;
};

/// The first byte says whether there is a header and which delimiter; then lines.
inline void csv(std::span<const std::uint8_t> data) {
    const std::size_t form = choose(data, 4);
    millrace::CsvFormat<CsvRow> format;
    if (form % 2 == 1) format = format.withoutHeader();
    if (form / 2 == 1) format = format.withDelimiter(';');
    std::string_view text(reinterpret_cast<const char*>(data.data()), data.size());
    const auto nextLine = [&] {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        return line;
    };
    if (format.hasHeader()) {
        try {
            format.readHeader(nextLine(), "input");
        } catch (const millrace::FormatException&) {
            return;
        }
    }
    const millrace::CsvFormat<CsvRow> positional = format.withoutHeader();
    CsvRow row;
    while (!text.empty()) {
        const std::string_view line = nextLine();
        if (const auto result = format.parse(line, row); !result) {
            require(!result.error().message().empty());
            continue;
        }
        // what was accepted can be written, and is then read as the same
        std::string written;
        positional.encode(row, written);
        if (written.find('\n') != std::string::npos) continue;  // in quotes, which end with the line
        millrace::CsvFormat<CsvRow> reader = positional;
        CsvRow again;
        std::string writtenAgain;
        require(reader.parse(written, again).ok());
        positional.encode(again, writtenAgain);
        require(writtenAgain == written);
    }
}

}  // namespace fuzz

#endif  // MILLRACE_TESTS_FUZZ_CSV_TARGET_HPP
