#ifndef MILLRACE_CONNECTORS_ROW_FILE_SINK_HPP
#define MILLRACE_CONNECTORS_ROW_FILE_SINK_HPP

#include <millrace/connectors/bucket_assigner.hpp>
#include <millrace/connectors/file_committer.hpp>
#include <millrace/connectors/file_sink.hpp>
#include <millrace/connectors/part_files.hpp>
#include <millrace/connectors/rolling_policy.hpp>
#include <millrace/core/errors.hpp>
#include <millrace/formats/parse_result.hpp>
#include <millrace/functions/sink.hpp>
#include <millrace/operators/checkpointed_writer.hpp>

#include <string>
#include <utility>
#include <vector>

namespace millrace {

/// Writes records as lines of a format into part files, exactly once; made by `FileSink::forRowFormat(path, format)`. @public
/// ```
/// trades.sinkTo(FileSink::forRowFormat("trades", CsvFormat<Trade>{})
///                   .withRollingPolicy(DefaultRollingPolicy().withRolloverInterval(15min))
///                   .withOutputFileConfig({.partSuffix = ".csv"}));
/// ```
/// Each subtask writes parts of its own, in one directory per bucket. A part is *in progress* (`.<name>.inprogress`), then
/// *pending*, which looks the same, and *finished* under its name `<prefix>-<uid>-<counter><suffix>` once the checkpoint that
/// covers it is complete, or without checkpoints when the input ends. Finished files never change; FileSource does not see the
/// others. After a failure a part in progress is cut to what the restored checkpoint knows of, and written on; parts begun
/// later are left behind under their hidden names.
///
/// *Failure:* IoException with path and cause.
/// *State and checkpoints:* parts in progress with their lengths, and pending parts. Exactly once for readers that read
/// finished files, if the source can be read again.
template <LineFormat Format, class Assigner = DateTimeBucketAssigner>
class RowFormatFileSink {
    using Record = typename Format::Record;
    // a constant, so that the compiler does not list every constraint after our sentence
    template <class Other>
    static constexpr bool kAssigns = BucketAssignerFor<Other, Record>;

public:
    RowFormatFileSink(std::string path, Format format, Assigner assigner)
        : path_(std::move(path)), format_(std::move(format)), assigner_(std::move(assigner)) {
        if (path_.empty()) throw ConfigurationException("FileSink: the path is empty");
    }

    /// `DateTimeBucketAssigner` (the default), `BasePathBucketAssigner`, or a callable: see `BucketAssignerFor`.
    template <class Other>
    RowFormatFileSink<Format, Other> withBucketAssigner(Other assigner) const {
        static_assert(
            kAssigns<Other>,
            "millrace: withBucketAssigner(fn): fn must be callable with (const Record&) or (const Record&, const "
            "BucketContext&) and return a text, the directory of the record's bucket below the sink's path.");
        RowFormatFileSink<Format, Other> changed(path_, format_, std::move(assigner));
        changed.config_ = config_;
        changed.policy_ = policy_;
        changed.checkInterval_ = checkInterval_;
        return changed;
    }
    RowFormatFileSink withRollingPolicy(RollingPolicy policy) const {
        RowFormatFileSink changed = *this;
        changed.policy_ = policy;
        return changed;
    }
    /// *Failure:* ConfigurationException for a prefix or suffix with a '/', or a prefix that hides the files ('.', '_').
    RowFormatFileSink withOutputFileConfig(OutputFileConfig config) const {
        if ((config.partPrefix + config.partSuffix).find('/') != std::string::npos ||
            config.partPrefix.starts_with('.') || config.partPrefix.starts_with('_')) {
            throw ConfigurationException("FileSink: withOutputFileConfig: prefix '" + config.partPrefix +
                                         "' and suffix '" + config.partSuffix +
                                         "' must not contain '/', nor the prefix begin with '.' or '_'");
        }
        RowFormatFileSink changed = *this;
        changed.config_ = std::move(config);
        return changed;
    }
    /// How often the rules of time are looked at; 1 minute. *Failure:* ConfigurationException unless positive.
    RowFormatFileSink withBucketCheckInterval(Duration interval) const {
        if (interval <= Duration{0}) {
            throw ConfigurationException("FileSink: withBucketCheckInterval: the interval must be positive");
        }
        RowFormatFileSink changed = *this;
        changed.checkInterval_ = interval;
        return changed;
    }
    /// For those who know Flink: this is the sink already.
    RowFormatFileSink build() const { return *this; }

    class Writer {
    public:
        Writer(const RowFormatFileSink& sink, const WriterInitContext& context)
            : format_(sink.format_), assigner_(sink.assigner_), clock_(context.now),
              checkInterval_(sink.checkInterval_), files_(sink.path_, sink.config_, sink.policy_, context.now) {}

        void write(const Record& record, const SinkContext& context) {
            detail::PartFile& part =
                files_.partFor(detail::bucketOf(assigner_, record, BucketContext(context, clock_)));
            if (part.size() == 0 && format_.hasHeader()) {
                format_.encodeHeader(part.buffer());
                part.buffer() += '\n';
            }
            format_.encode(record, part.buffer());
            part.buffer() += '\n';
            part.appended();
        }
        void flush(bool endOfInput) {
            if (endOfInput) files_.finishAll();
        }
        std::vector<detail::PendingFile> prepareCommit() { return files_.prepareCommit(); }
        std::vector<detail::PartFileState> snapshotState(std::int64_t /*checkpointId*/) { return files_.snapshot(); }
        Timestamp onProcessingTime(Timestamp now) {
            files_.checkTime(now);
            return saturatingAdd(now, checkInterval_);
        }
        /// What is in progress stays as it is: a restored job goes on with it.
        void close() noexcept {}

    private:
        friend class RowFormatFileSink;

        Format format_;
        Assigner assigner_;
        std::function<Timestamp()> clock_;
        Duration checkInterval_;
        detail::PartFiles files_;
    };

    Writer createWriter(const WriterInitContext& context) const { return Writer(*this, context); }
    Writer restoreWriter(const WriterInitContext& context, const std::vector<detail::PartFileState>& states) const {
        Writer writer(*this, context);
        writer.files_.restore(states);
        return writer;
    }
    detail::FileCommitter createCommitter(const CommitterInitContext&) const { return {}; }

private:
    template <LineFormat, class>
    friend class RowFormatFileSink;

    std::string path_;
    Format format_;
    Assigner assigner_;
    OutputFileConfig config_;
    RollingPolicy policy_ = DefaultRollingPolicy();
    Duration checkInterval_ = std::chrono::minutes(1);
};

namespace detail {

template <LineFormat Format>
struct RowFormatFileSinkOf<Format> {
    static RowFormatFileSink<Format> make(std::string path, Format format) {
        return {std::move(path), std::move(format), DateTimeBucketAssigner()};
    }
};

}  // namespace detail
}  // namespace millrace

#endif  // MILLRACE_CONNECTORS_ROW_FILE_SINK_HPP
