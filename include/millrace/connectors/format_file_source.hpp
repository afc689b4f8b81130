#ifndef MILLRACE_CONNECTORS_FORMAT_FILE_SOURCE_HPP
#define MILLRACE_CONNECTORS_FORMAT_FILE_SOURCE_HPP

#include <millrace/connectors/file_line_reader.hpp>
#include <millrace/connectors/file_split.hpp>
#include <millrace/connectors/malformed_row.hpp>
#include <millrace/core/errors.hpp>
#include <millrace/core/functional.hpp>
#include <millrace/formats/parse_result.hpp>
#include <millrace/functions/source.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace millrace {

/// Reads files whose lines are records of a format; made by `FileSource`. @public
/// Bounded. Files and directories (all files at any depth, sorted by path; in directories names that begin with '.' or
/// '_' are skipped) are listed when the job starts, and cut into splits of whole lines that subtasks take in order:
/// subtasks stay near each other in the file, so event time that follows the file stays together too. With parallelism
/// 1 the records come in the order of the files.
///
/// *Failure:* IoException with path and cause when the job starts (missing file, unreadable directory) or a read fails;
/// FormatException with file, line, column, what was expected and what was found for a row that is not a record, unless
/// `onMalformed` says otherwise.
/// *State and checkpoints:* a split's position is a byte offset; nothing is read twice.
template <LineFormat Format, bool kKeepsMalformed = false>
class FormatFileSource {
    using Record = typename Format::Record;

public:
    using Output = std::conditional_t<kKeepsMalformed, std::variant<Record, MalformedRow>, Record>;
    using Split = FileSplit;
    using MalformedHandler = std::function<void(const MalformedRow&)>;

    FormatFileSource(Format format, std::vector<std::string> paths)
        : format_(std::move(format)), paths_(std::move(paths)) {
        if (paths_.empty()) throw ConfigurationException("FileSource: give at least one file or directory");
    }

    /// What to do with rows that are not records. (Default: the job fails.)
    [[nodiscard]] FormatFileSource onMalformed(MalformedPolicy policy) const {
        FormatFileSource source = *this;
        source.policy_ = policy;
        return source;
    }
    /// Skips and counts rows that are not records, and hands each to `handler`. Every subtask calls it on its own
    /// thread: guard what it shares.
    [[nodiscard]] FormatFileSource onMalformedRow(MalformedHandler handler) const {
        FormatFileSource source = onMalformed(MalformedPolicy::Skip);
        source.handler_ = std::move(handler);
        return source;
    }
    /// Emits rows that are not records as well: a stream of `std::variant<Record, MalformedRow>`.
    [[nodiscard]] FormatFileSource<Format, true> withMalformedRows() const {
        return FormatFileSource<Format, true>(format_, paths_).splitSize(splitSize_);
    }
    /// Bytes per split; 0 (the default) goes by the amount of input and the parallelism.
    [[nodiscard]] FormatFileSource splitSize(std::uint64_t bytes) const {
        FormatFileSource source = *this;
        source.splitSize_ = bytes;
        return source;
    }

    Boundedness boundedness() const noexcept { return Boundedness::Bounded; }

    // a template, so that only programs with such a source compile what keeps the splits
    template <class OwnSplit = Split>
    std::unique_ptr<SplitEnumerator<OwnSplit>> createEnumerator(int parallelism) const {
        const detail::List<OwnSplit> splits =
            detail::splitFiles(detail::listInputFiles(paths_), splitSize_, parallelism);
        return std::unique_ptr<SplitEnumerator<OwnSplit>>(
            new SplitListEnumerator<OwnSplit>(std::vector<OwnSplit>(splits.begin(), splits.end())));
    }

    class Reader;
    Reader createReader(const SourceReaderContext& context) const { return Reader(*this, context); }

private:
    Format format_;
    std::vector<std::string> paths_;
    MalformedPolicy policy_ = MalformedPolicy::Fail;
    MalformedHandler handler_;
    std::uint64_t splitSize_ = 0;
};

template <LineFormat Format, bool kKeepsMalformed>
class FormatFileSource<Format, kKeepsMalformed>::Reader {
public:
    Reader(const FormatFileSource& source, const SourceReaderContext& context)
        : format_(source.format_), policy_(source.policy_), handler_(source.handler_) {
        if (policy_ == MalformedPolicy::Skip && context.accumulators != nullptr) {
            skipped_ = &context.accumulators->create<LongCounter>(kMalformedRowsAccumulator);
        }
    }

    void open(FileSplit split) {
        split_ = std::move(split);
        lines_.open(split_.path, split_.start, split_.end, split_.next);
        if (!format_.hasHeader()) return;
        std::string_view line;
        if (split_.next == 0) {
            (void)lines_.next(line);
            format_.readHeader(line, split_.path);
        } else if (headerOf_ != split_.path) {
            detail::FileLineReader header;  // the file's first line, for a split further down
            header.open(split_.path, 0, 1, 0);
            (void)header.next(line);
            format_.readHeader(line, split_.path);
        }
        headerOf_ = split_.path;
    }

    FillResult fill(std::span<Output> values, std::span<Timestamp> /*timestamps*/) {
        FillResult result;
        std::string_view line;
        // rows may be skipped, so a call is bounded by lines and not only by records
        for (std::size_t linesLeft = values.size() + kMostSkipped; result.count < values.size() && linesLeft > 0;
             --linesLeft) {
            if (!lines_.next(line)) {
                result.status = SourceStatus::EndOfSplit;
                break;
            }
            if (Format::kSkipsEmptyLines && line.empty()) continue;
            if constexpr (kKeepsMalformed) {
                Output& value = values[result.count++];
                auto* const held = std::get_if<0>(&value);
                Record& record = held != nullptr ? *held : value.template emplace<0>();
                if (const ParseResult parsed = format_.parse(line, record); !parsed) {
                    value = MalformedRow::of(lines_.path(), lines_.lineNumber(), parsed.error(), line);
                }
            } else {
                if (const ParseResult parsed = format_.parse(line, values[result.count])) {
                    ++result.count;
                } else {
                    reject(line, parsed.error());
                }
            }
        }
        return result;
    }

    FileSplit position() const {
        FileSplit split = split_;
        split.next = lines_.position();
        return split;
    }
    void close() noexcept { lines_.close(); }

private:
    static constexpr std::size_t kMostSkipped = 1024;

    [[gnu::cold, gnu::noinline]] void reject(std::string_view line, const ParseError& error) {
        if (policy_ == MalformedPolicy::Fail) {
            throw FormatException(describeParseError(lines_.path(), lines_.lineNumber(), error) +
                                  " (to leave such rows out: onMalformed(MalformedPolicy::Skip))");
        }
        if (skipped_ != nullptr) skipped_->add();
        if (handler_) handler_(MalformedRow::of(lines_.path(), lines_.lineNumber(), error, line));
    }

    Format format_;
    MalformedPolicy policy_;
    MalformedHandler handler_;
    LongCounter* skipped_ = nullptr;
    FileSplit split_;
    detail::FileLineReader lines_;
    std::string headerOf_;  ///< the file whose header the format has read last
};

}  // namespace millrace

#endif  // MILLRACE_CONNECTORS_FORMAT_FILE_SOURCE_HPP
