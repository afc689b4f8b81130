#ifndef MILLRACE_CONNECTORS_PARSE_LINES_HPP
#define MILLRACE_CONNECTORS_PARSE_LINES_HPP

#include <millrace/connectors/malformed_row.hpp>
#include <millrace/formats/csv_format.hpp>
#include <millrace/formats/parse_result.hpp>
#include <millrace/record/collector.hpp>
#include <millrace/record/output_tag.hpp>

#include <string>
#include <utility>

namespace millrace {

/// A process function that turns lines into records and sends those that are none to a side output. @public
/// For lines from anywhere: a socket, a channel, a file. Rows carry no file or line number here, but the raw text.
/// *Example:*
///
///     const OutputTag<MalformedRow> malformed("malformed");
///     auto trades = env.socketTextStream("localhost", 9999).process(parseCsv<Trade>(malformed));
///     trades.getSideOutput(malformed).sinkTo(FileSink::csv<MalformedRow>("malformed.csv"));
template <LineFormat Format>
class ParseLines {
public:
    using Output = typename Format::Record;

    ParseLines(Format format, OutputTag<MalformedRow> malformed)
        : format_(std::move(format)), malformed_(std::move(malformed)) {}

    template <class Context>
    void processElement(const std::string& line, Context& context, Collector<Output>& out) {
        if (Format::kSkipsEmptyLines && detail::withoutCarriageReturn(line).empty()) return;
        Output record{};
        if (const ParseResult result = format_.parse(line, record)) {
            out.collect(std::move(record));
        } else {
            context.output(malformed_, MalformedRow::of({}, 0, result.error(), line));
        }
    }

private:
    Format format_;
    OutputTag<MalformedRow> malformed_;
};

/// Lines of any format. If the format needs a header, call its `readHeader` first: a stream of lines has none. @public
template <LineFormat Format>
ParseLines<Format> parseLines(Format format, OutputTag<MalformedRow> malformed) {
    return {std::move(format), std::move(malformed)};
}

/// Lines of CSV whose n-th column is the n-th field of T. @public
template <class T>
ParseLines<CsvFormat<T>> parseCsv(OutputTag<MalformedRow> malformed) {
    return {CsvFormat<T>{}.withoutHeader(), std::move(malformed)};
}

}  // namespace millrace

#endif  // MILLRACE_CONNECTORS_PARSE_LINES_HPP
