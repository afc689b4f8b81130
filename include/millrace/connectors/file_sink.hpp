#ifndef MILLRACE_CONNECTORS_FILE_SINK_HPP
#define MILLRACE_CONNECTORS_FILE_SINK_HPP

#include <millrace/connectors/output_file.hpp>
#include <millrace/core/depending.hpp>
#include <millrace/core/errors.hpp>
#include <millrace/formats/csv_format.hpp>
#include <millrace/formats/parse_result.hpp>
#include <millrace/formats/text_line_format.hpp>
#include <millrace/functions/sink.hpp>
#include <millrace/operators/checkpointed_writer.hpp>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace millrace {

/// Writes records as lines of a format; made by `FileSink`. @public
/// With parallelism 1 it writes the file `path`, else parts in the directory `path`: `trades.csv/trades-0.csv` …; a
/// FileSource reads either by the same path. A file has its name when the input has ended; until then, and after a
/// failure or cancellation, it is `.<name>.inprogress` beside it. An existing file is replaced. For files that appear while
/// the job goes on see `FileSink::forRowFormat`.
///
/// *Failure:* IoException with path and cause: when the job starts (no such directory, no permission), or when writing
/// fails (disk full).
/// *State and checkpoints:* the length of the file: a restored job cuts it to that and goes on, so each record is in it once.
/// It is restored at the same parallelism only. With checkpoints the file has its name after the last one.
template <LineFormat Format>
class FormatFileSink {
    using State = typename detail::Depending<detail::OutputFileState, Format>::Type;
    using Pending = typename detail::Depending<detail::PendingFile, Format>::Type;

public:
    FormatFileSink(Format format, std::string path) : format_(std::move(format)), path_(std::move(path)) {
        if (path_.empty()) throw ConfigurationException("FileSink: the path is empty");
    }

    class Writer {
    public:
        Writer(Format format, const std::string& path, const WriterInitContext& context)
            : format_(std::move(format)), file_(path, context.subtaskIndex, context.parallelism),
              isCheckpointed_(context.isCheckpointed) {
            writeHeader();
        }
        Writer(Format format, const std::string& path, const WriterInitContext& context,
               const std::vector<State>& states)
            : format_(std::move(format)),
              file_(path, context.subtaskIndex, context.parallelism, states.data(), states.size()),
              isCheckpointed_(context.isCheckpointed) {
            if (states.empty()) writeHeader();
        }
        void write(const typename Format::Record& record, const SinkContext& /*context*/) {
            format_.encode(record, file_.buffer());
            file_.buffer() += '\n';
            file_.appended();
        }
        void flush(bool endOfInput) {
            if (endOfInput && isCheckpointed_) {
                file_.finish();
            } else if (endOfInput) {
                file_.complete();
            } else {
                file_.writeOut();
            }
        }
        std::vector<Pending> prepareCommit() {
            Pending file;
            if (!file_.takePending(file)) return {};
            return {std::move(file)};
        }
        std::vector<State> snapshotState(std::int64_t /*checkpointId*/) { return {file_.snapshot()}; }
        void close() noexcept { file_.abandon(); }

    private:
        void writeHeader() {
            if (!format_.hasHeader()) return;
            format_.encodeHeader(file_.buffer());
            file_.buffer() += '\n';
        }

        Format format_;
        detail::OutputFile file_;
        bool isCheckpointed_;
    };

    Writer createWriter(const WriterInitContext& context) const { return Writer(format_, path_, context); }
    Writer restoreWriter(const WriterInitContext& context, const std::vector<State>& states) const {
        return Writer(format_, path_, context, states);
    }
    detail::OutputFileCommitter createCommitter(const CommitterInitContext&) const { return {}; }

private:
    Format format_;
    std::string path_;
};

namespace detail {

/// In connectors/row_file_sink.hpp, which those who do not use it need not compile.
template <class Format>
struct RowFormatFileSinkOf {
    static int make(std::string, Format) {
        static_assert(
            sizeof(Format) == 0,
            "millrace: FileSink::forRowFormat(path, format): #include <millrace/connectors/row_file_sink.hpp>; "
            "format is one of lines, such as CsvFormat<T>{}, TextLineFormat{} or JsonLinesFormat<T>{}.");
        return 0;
    }
};

}  // namespace detail

/// Sinks that write files: text lines, CSV, or any other format of lines. @public
/// *Example:* `averages.sinkTo(FileSink::csv<Average>("averages.csv"))`
struct FileSink {
    /// Each `std::string` as a line.
    static FormatFileSink<TextLineFormat> lines(std::string path) { return {TextLineFormat{}, std::move(path)}; }
    /// CSV with a header line; the columns are the fields of T.
    template <class T>
    static FormatFileSink<CsvFormat<T>> csv(std::string path) {
        return {CsvFormat<T>{}, std::move(path)};
    }
    /// Any format of lines, such as `JsonLinesFormat<T>{}`.
    template <LineFormat Format>
    static FormatFileSink<Format> of(Format format, std::string path) {
        return {std::move(format), std::move(path)};
    }
    /// Part files that are finished with checkpoints, exactly once: see `RowFormatFileSink` in
    /// millrace/connectors/row_file_sink.hpp. `path` is a directory, `format` as for `of`.
    template <class Format>
    static auto forRowFormat(std::string path, Format format) {
        return detail::RowFormatFileSinkOf<Format>::make(std::move(path), std::move(format));
    }
};

}  // namespace millrace

#endif  // MILLRACE_CONNECTORS_FILE_SINK_HPP
