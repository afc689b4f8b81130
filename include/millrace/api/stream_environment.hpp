#ifndef MILLRACE_API_STREAM_ENVIRONMENT_HPP
#define MILLRACE_API_STREAM_ENVIRONMENT_HPP

#include <millrace/api/source_stream.hpp>
#include <millrace/connectors/channel.hpp>
#include <millrace/connectors/channel_source.hpp>
#include <millrace/connectors/collection_source.hpp>
#include <millrace/connectors/file_source.hpp>
#include <millrace/connectors/sequence_source.hpp>
#include <millrace/core/config.hpp>
#include <millrace/functions/source.hpp>
#include <millrace/graph/execution_plan.hpp>
#include <millrace/graph/graph_builder.hpp>
#include <millrace/runtime/job_client.hpp>
#include <millrace/time/watermark_strategy.hpp>

#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace millrace {

class StreamEnvironment;
struct CheckpointConfig;
class SocketTextSource;
class StdinSource;

namespace detail {

/// The recording of an environment; lets a stream find the way back to execute itself.
class EnvironmentGraph final : public GraphBuilder {
public:
    explicit EnvironmentGraph(StreamEnvironment& environment) : environment_(&environment) {}
    /// *Failure:* GraphException for a stream that has outlived its environment.
    StreamEnvironment& environment() const {
        if (environment_ == nullptr) {
            throw GraphException(
                "this stream has outlived its environment; keep the environment until the pipeline has run");
        }
        return *environment_;
    }
    void environmentEnds() noexcept { environment_ = nullptr; }

private:
    StreamEnvironment* environment_;
};

}  // namespace detail

/// Where pipelines begin: makes the first streams, holds the settings, and runs what has been recorded. Helpers that
/// build pipelines take a `StreamEnvironment&`; which runtime executes is the business of `StreamExecutionEnvironment`.
/// Nothing runs before `execute` or `executeAsync`, and each of them consumes what was recorded. @public
/// *Thread safety:* one thread builds; the JobClient may be used from anywhere.
class StreamEnvironment {
public:
    StreamEnvironment(const StreamEnvironment&) = delete;
    StreamEnvironment& operator=(const StreamEnvironment&) = delete;
    MILLRACE_INLINE virtual ~StreamEnvironment();

    // ---- settings ----

    /// Parallelism of operators behind an exchange that have none of their own; at first the runtime's default.
    /// *Failure:* ConfigurationException below 1.
    StreamEnvironment& setParallelism(int parallelism);
    int getParallelism() const noexcept { return graph_->defaultParallelism; }
    /// Number of key groups, 1 to 32768: the upper bound of every later parallelism of the same state.
    /// Unset: derived from the parallelism, at least 128. *Failure:* ConfigurationException out of range.
    StreamEnvironment& setMaxParallelism(int maxParallelism);
    /// Longest time a record waits in a batch that is not full while its producer is busy (100 ms). 0: sent after every
    /// block; negative: only when full or when the producer runs out of input.
    StreamEnvironment& setBufferTimeout(Duration timeout);
    /// Bytes that all channels of a job may hold together (64 MiB).
    StreamEnvironment& setChannelMemory(std::size_t bytes);
    /// Bytes that all states of a job may reserve together (no limit). More is a StateMemoryException, which says which
    /// state of which operator it was. `JobClient::metrics` says how much each operator has. What counts is the memory of
    /// tables, timers, list and map states, elements that windows keep, what joins buffer, and broadcast state, with the
    /// strings and containers in the elements of list, map and broadcast states. With an `overflow`, tables that find no
    /// room lie there; all else stays in memory and has the limit to itself then, so that both together may take twice
    /// the limit.
    ///
    /// Not counted: what other values own (long strings and containers in value states, accumulators, records that windows
    /// and joins keep, and keys), what containers in elements have in theirs, the lists of functions
    /// (`OperatorListState`), trigger timers and queues of windows, and the copy of state while a checkpoint is written.
    StreamEnvironment& setStateMemoryLimit(std::size_t bytes, std::shared_ptr<OverflowStorage> overflow = nullptr);
    /// How often, by the clock, the watermark strategies without a `withPeriodicEmit` of their own are asked for watermarks.
    /// 0, the default: after every block of records, which costs little here and gives results sooner; Flink's default is
    /// 200 ms (and there 0 switches periodic watermarks off). *Failure:* ConfigurationException for a negative interval.
    StreamEnvironment& setAutoWatermarkInterval(Duration interval);
    Duration getAutoWatermarkInterval() const noexcept { return settings_.autoWatermarkInterval; }
    /// Sources that meet in a stateful operator wait for each other when their event times drift apart; on by default.
    StreamEnvironment& setSourceAlignment(bool enabled);
    /// Whether the job streams (as it does unless told otherwise) or runs as a batch over bounded sources. In batch every
    /// keyed operator gets its records grouped by key and sorted by time, and rolling reductions give one value per key.
    /// Needs `#include <millrace/batch.hpp>`.
    StreamEnvironment& setRuntimeMode(RuntimeExecutionMode mode, BatchOptions options = {});
    /// Checkpoints of what is executed from here on, and restarts after failures. Needs
    /// `#include <millrace/checkpointing.hpp>`, which also says what to write in the braces.
    /// *Failure:* ConfigurationException naming the field that makes no sense. In batch execution it has no effect.
    StreamEnvironment& enableCheckpointing(const CheckpointConfig& config);
    /// Every edge between stages goes over a channel; none calls the next one directly. For debugging.
    StreamEnvironment& disableOperatorChaining();

    // ---- sources ----

    /// The elements, in order; not parallel. `fromData({1, 2, 3})` or `fromData(1, 2, 3)`.
    template <class T>
    [[gnu::cold]] DataStream<T> fromData(std::initializer_list<T> elements) {
        return fromCollection(std::vector<T>(elements));
    }
    template <class T, class... More>
        requires(std::convertible_to<More, T> && ...)
    DataStream<T> fromData(T first, More... more) {
        std::vector<T> elements;
        elements.reserve(1 + sizeof...(more));
        elements.push_back(std::move(first));
        (elements.push_back(static_cast<T>(std::move(more))), ...);
        return fromCollection(std::move(elements));
    }
    /// The elements of a container, in order; not parallel.
    template <class T>
    [[gnu::cold]] DataStream<T> fromCollection(std::vector<T> elements) {
        return fromSource(CollectionSource<T>(std::move(elements)), WatermarkStrategy::noWatermarks(), "collection");
    }
    template <class Range>
        requires requires(const Range& range) { std::vector(range.begin(), range.end()); }
    auto fromCollection(const Range& elements) {
        return fromCollection(std::vector(elements.begin(), elements.end()));
    }
    /// The integers from `from` to `to`, both included, in parallel. *Failure:* ConfigurationException if from > to.
    template <class Source = SequenceSource>  // a template so that only those who call it compile it
    DataStream<std::int64_t> fromSequence(std::int64_t from, std::int64_t to) {
        return fromSource(Source(from, to), WatermarkStrategy::noWatermarks(), "sequence");
    }
    /// What the host application pushes into `channel`, until it closes it.
    template <class T>
    DataStream<T> fromChannel(const Channel<T>& channel, std::string name = "channel") {
        return fromSource(ChannelSource<T>(channel), WatermarkStrategy::noWatermarks(), std::move(name));
    }
    /// Makes the channel as well: `auto [trades, input] = env.fromChannel<Trade>();`, then `input.push(trade)`.
    template <class T>
    std::pair<DataStream<T>, Channel<T>> fromChannel(std::size_t capacity = 1024, std::string name = "channel") {
        Channel<T> channel(capacity);
        DataStream<T> stream = fromChannel(channel, std::move(name));
        return {std::move(stream), std::move(channel)};
    }
    /// The lines of text files or directories. CSV and JSON lines: `fromSource(FileSource::csv<Trade>(path), …)`.
    template <class... Paths>
    DataStream<std::string> readTextFile(const Paths&... paths) {
        return fromSource(FileSource::lines(paths...), WatermarkStrategy::noWatermarks(), "text files");
    }
    /// The lines that a server on `host:port` sends, until it closes the connection; a negative `maxRetrySeconds` reconnects
    /// for ever. Needs `#include <millrace/connectors/socket_source.hpp>`.
    template <class Source = SocketTextSource>
    DataStream<std::string> socketTextStream(std::string host, int port, std::string delimiter = "\n",
                                             long maxRetrySeconds = 0) {
        static_assert(
            requires { sizeof(Source); },
            "millrace: socketTextStream needs #include <millrace/connectors/socket_source.hpp>");
        std::string name = "socket " + host + ":" + std::to_string(port);
        return fromSource(Source(std::move(host), port, std::move(delimiter), maxRetrySeconds),
                          WatermarkStrategy::noWatermarks(), std::move(name));
    }
    /// The lines of standard input. Needs `#include <millrace/connectors/stdin_source.hpp>`.
    template <class Source = StdinSource>
    DataStream<std::string> fromStdin() {
        static_assert(
            requires { sizeof(Source); }, "millrace: fromStdin needs #include <millrace/connectors/stdin_source.hpp>");
        return fromSource(Source(), WatermarkStrategy::noWatermarks(), "stdin");
    }
    /// Any source, with the timestamps and watermarks that the strategy gives to its records: a DataStream of its Output.
    template <class Source, class Strategy>
    auto fromSource(Source source, Strategy strategy, std::string name = "source") {
        return detail::recordSource(graph_, std::move(source), std::move(strategy), std::move(name));
    }

    // ---- running ----

    /// Runs the recorded pipeline to its end. *Failure:* GraphException or ConfigurationException before anything has
    /// run; JobExecutionException with the cause nested when the job fails.
    JobExecutionResult execute(std::string jobName = "millrace job");
    /// Starts the recorded pipeline and returns at once.
    std::shared_ptr<JobClient> executeAsync(std::string jobName = "millrace job");
    /// The recorded pipeline as data, with all checks of `execute` made. Does not consume it.
    ExecutionPlan getExecutionPlan() const {
        detail::JobGraph graph;
        static_cast<detail::JobSettings&>(graph) = settingsFor("millrace job");
        graph.nodes = graph_->resolve(graph);
        return ExecutionPlan(std::move(graph));
    }

    // ---- for the library ----
    const detail::Shared<detail::GraphBuilder>& graph() const noexcept { return graph_; }
    void superviseWith(detail::Shared<detail::JobSupervision> supervision) noexcept {
        settings_.supervision = std::move(supervision);
    }

protected:
    explicit StreamEnvironment(int defaultParallelism);
    virtual std::shared_ptr<JobClient> submit(detail::JobGraph graph) = 0;

private:
    detail::JobSettings settingsFor(std::string jobName) const;

    detail::Shared<detail::GraphBuilder> graph_;
    detail::JobSettings settings_;
    int maxParallelism_ = 0;  ///< 0: not given
};

template <class T, class Chain>
std::vector<T> DataStream<T, Chain>::executeAndCollect(std::string jobName) const {
    detail::StreamInput input = sealedInput();
    auto& graph = static_cast<detail::EnvironmentGraph&>(input.checked());
    auto collected = std::make_shared<detail::CollectedElements<T>>();
    DataStream<T>(std::move(input)).addSink(detail::CollectFunction<T>{collected}).name("collect");
    graph.environment().execute(std::move(jobName));
    return std::move(collected->elements);
}

template <class T, class Chain>
std::vector<T> DataStream<T, Chain>::executeAndCollect(std::string jobName, std::size_t limit) const {
    detail::StreamInput input = sealedInput();
    auto& graph = static_cast<detail::EnvironmentGraph&>(input.checked());
    auto collected = std::make_shared<detail::CollectedElements<T>>();
    DataStream<T>(std::move(input)).addSink(detail::CollectFunction<T>{collected, limit}).name("collect");
    const std::shared_ptr<JobClient> client = graph.environment().executeAsync(std::move(jobName));
    {
        const std::lock_guard lock(collected->mutex);
        collected->whenFull = [weak = std::weak_ptr<JobClient>(client)] {
            if (const auto running = weak.lock()) running->cancel();
        };
    }
    if (collected->full(limit)) client->cancel();
    try {
        client->result();
    } catch (const JobCancelledException&) {
        // our own doing: enough has been collected
    }
    std::vector<T> elements = std::move(collected->elements);
    if (elements.size() > limit) elements.erase(elements.begin() + static_cast<std::ptrdiff_t>(limit), elements.end());
    return elements;
}

}  // namespace millrace

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/api/stream_environment.ipp>
#endif

#endif  // MILLRACE_API_STREAM_ENVIRONMENT_HPP
