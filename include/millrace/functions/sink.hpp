#ifndef MILLRACE_FUNCTIONS_SINK_HPP
#define MILLRACE_FUNCTIONS_SINK_HPP

#include <millrace/core/functional.hpp>
#include <millrace/time/timestamp.hpp>

#include <concepts>

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
};

/// Writes the records of one subtask. `flush(endOfInput)` is called when the input ends (and before every checkpoint),
/// `close()` also after a failure. Optional: `writeWatermark(Timestamp)`, and `bool afterBlock()`, called after each run
/// of records: false means that the subtask shall pause, without blocking its thread, until `afterBlock` returns true;
/// it is asked again after `WriterInitContext::wakeUp`. @public
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

}  // namespace millrace

#endif  // MILLRACE_FUNCTIONS_SINK_HPP
