#ifndef MILLRACE_CONNECTORS_FILE_SOURCE_HPP
#define MILLRACE_CONNECTORS_FILE_SOURCE_HPP

#include <millrace/connectors/format_file_source.hpp>
#include <millrace/formats/csv_format.hpp>
#include <millrace/formats/text_line_format.hpp>

#include <concepts>
#include <string>
#include <utility>
#include <vector>

namespace millrace {

/// Sources that read files: of text lines, CSV, or any other format of lines. @public
/// Paths are files or directories; give one, several, or a vector of them. The rest is said at `FormatFileSource`.
/// *Example:*
///
///     env.fromSource(FileSource::csv<Trade>("trades.csv"), strategy, "trades");
///     env.fromSource(FileSource::of(CsvFormat<Trade>{}.withDelimiter(';'), "january", "february"), strategy, "trades");
///     env.fromSource(FileSource::of(JsonLinesFormat<Trade>{}, "trades.jsonl")
///                        .onMalformed(MalformedPolicy::Skip), strategy, "trades");
struct FileSource {
    /// Every line as a `std::string`.
    template <std::convertible_to<std::string>... Paths>
    static FormatFileSource<TextLineFormat> lines(const Paths&... paths) {
        return of(TextLineFormat{}, paths...);
    }
    /// CSV with a header line; the columns are the fields of T.
    template <class T, std::convertible_to<std::string>... Paths>
    static FormatFileSource<CsvFormat<T>> csv(const Paths&... paths) {
        return of(CsvFormat<T>{}, paths...);
    }
    /// As `csv`, but rows that are not records are emitted too, as the MalformedRow of a variant.
    template <class T, std::convertible_to<std::string>... Paths>
    static FormatFileSource<CsvFormat<T>, true> csvOrError(const Paths&... paths) {
        return csv<T>(paths...).withMalformedRows();
    }
    /// Any format of lines.
    template <LineFormat Format, std::convertible_to<std::string>... Paths>
    static FormatFileSource<Format> of(Format format, const Paths&... paths) {
        return {std::move(format), std::vector<std::string>{std::string(paths)...}};
    }
    template <LineFormat Format>
    static FormatFileSource<Format> of(Format format, std::vector<std::string> paths) {
        return {std::move(format), std::move(paths)};
    }
};

}  // namespace millrace

#endif  // MILLRACE_CONNECTORS_FILE_SOURCE_HPP
