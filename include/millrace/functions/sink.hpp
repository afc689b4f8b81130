#ifndef MILLRACE_FUNCTIONS_SINK_HPP
#define MILLRACE_FUNCTIONS_SINK_HPP

#include <millrace/core/functional.hpp>
#include <millrace/time/timestamp.hpp>

#include <concepts>
#include <cstdint>
#include <utility>

namespace millrace {

/// What a writer learns about the record at hand. @public
struct SinkContext {
    Timestamp timestamp = kMinTimestamp;  ///< of the record; kMinTimestamp if it has none
    Timestamp currentWatermark = kMinTimestamp;
};

/// What a sink learns about the subtask that it makes a writer for. @public
struct WriterInitContext {
    int subtaskIndex = 0;
    int parallelism = 1;
    /// Schedules the subtask again; for writers whose `afterBlock()` has returned false. May be called from any thread,
    /// also after the job has ended.
    std::function<void()> wakeUp{};
    /// Processing time, for the subtask's thread; none where a writer is made by hand.
    std::function<Timestamp()> now{};
    bool isCheckpointed = false;  ///< the job takes checkpoints: what is prepared is committed with the next one
};

struct CommitterInitContext;

/// Writes the records of one subtask. `flush(endOfInput)` is called when the input ends (and before every checkpoint),
/// `close()` also after a failure. Optional: `writeWatermark(Timestamp)`, and `bool afterBlock()`, called after each run
/// of records: false means that the subtask shall pause, without blocking its thread, until `afterBlock` returns true;
/// it is asked again after `WriterInitContext::wakeUp`; `Timestamp onProcessingTime(Timestamp now)`, called at the start and
/// then when the time has come that it returned last (`kMaxTimestamp`: never again); and what exactly-once takes, see
/// millrace/committing_sink.hpp. @public
template <class W, class T>
concept SinkWriterFor = requires(W writer, const T& value, const SinkContext& context) {
    writer.write(value, context);
    writer.flush(true);
    writer.close();
};

/// What `sinkTo` takes: a copyable description that makes writers. @public
template <class S, class T>
concept SinkFor = std::copy_constructible<S> && requires(const S sink, const WriterInitContext& context) {
    { sink.createWriter(context) } -> SinkWriterFor<T>;
};

namespace detail {

template <class Sink>
using WriterOf = decltype(std::declval<const Sink&>().createWriter(std::declval<const WriterInitContext&>()));

/// Has state that is saved with each checkpoint: `snapshotState(checkpointId)`.
template <class Writer>
concept StatefulWriter = requires(Writer writer) { writer.snapshotState(std::int64_t{}); };
/// Has something to commit for each checkpoint: `prepareCommit()`.
template <class Writer>
concept CommittingWriter = requires(Writer writer) { writer.prepareCommit(); };

/// A sink whose writer commits has a committer.
template <class Sink>
inline constexpr bool kHasCommitterIfNeeded =
    !CommittingWriter<WriterOf<Sink>> ||
    requires(const Sink sink, const CommitterInitContext& context) { sink.createCommitter(context); };

template <class Sink, class T>
inline constexpr bool kIsWholeSink = false;
template <class Sink, class T>
    requires SinkFor<Sink, T>
inline constexpr bool kIsWholeSink<Sink, T> = kHasCommitterIfNeeded<Sink>;

template <class Writer>
concept CheckpointedWriter = StatefulWriter<Writer> || CommittingWriter<Writer>;

}  // namespace detail
}  // namespace millrace

#endif  // MILLRACE_FUNCTIONS_SINK_HPP
