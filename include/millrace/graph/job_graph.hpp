#ifndef MILLRACE_GRAPH_JOB_GRAPH_HPP
#define MILLRACE_GRAPH_JOB_GRAPH_HPP

#include <millrace/core/config.hpp>
#include <millrace/core/list.hpp>
#include <millrace/core/owner.hpp>
#include <millrace/core/pointer_list.hpp>
#include <millrace/core/shared.hpp>
#include <millrace/operators/stage.hpp>
#include <millrace/time/watermark_alignment.hpp>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <memory>
#include <string>
#include <string_view>

namespace millrace {

/// Whether a job treats its input as a stream or as something that is there in full. @public
enum class RuntimeExecutionMode : std::uint8_t {
    Streaming,  ///< results as records come
    Batch,      ///< bounded input only: keyed records are sorted by key and time, and every key gives its results once
    Automatic   ///< batch if every source is bounded
};

/// How batch execution sorts. @public
struct BatchOptions {
    std::size_t sortMemory = std::size_t{128}
                             << 20;  ///< bytes for each subtask with a keyed input; beyond it sorts by files
    std::string
        directory{};  ///< of the temporary files; empty: $TMPDIR, or /tmp. They have no names and vanish by themselves
};

namespace detail {

struct OperatorParameter {
    std::string name;
    std::string value;
};

// What follows is copied once per operator, by code that is compiled once per operator: [[gnu::cold, gnu::noinline]] keeps
// the special member functions out of it.

/// One operator as the user wrote it; several of them are fused into one node.
struct OperatorInfo {
    OperatorInfo() = default;
    [[gnu::cold, gnu::noinline]] OperatorInfo(const OperatorInfo&) = default;
    [[gnu::cold, gnu::noinline]] OperatorInfo(OperatorInfo&&) noexcept = default;
    [[gnu::cold, gnu::noinline]] OperatorInfo& operator=(const OperatorInfo&) = default;
    [[gnu::cold, gnu::noinline]] OperatorInfo& operator=(OperatorInfo&&) noexcept = default;
    [[gnu::cold, gnu::noinline]] ~OperatorInfo() = default;

    std::string kind;  ///< "map", "filter", "tumbling window"…
    std::string name;  ///< the user's, else the kind
    std::string uid;   ///< the user's, else derived before execution
    bool uidGiven = false;
    OwnerList<OperatorParameter> parameters;  ///< window size, lateness…, by name
    List<std::string> states;                 ///< state descriptors, with codec names

    void setParameter(std::string_view parameter, std::string_view value);
    void setStates(std::initializer_list<const char*> given);
};

/// An edge into a node's logical input.
struct GraphEdge {
    GraphEdge() = default;
    [[gnu::cold, gnu::noinline]] GraphEdge(const GraphEdge&) = default;
    [[gnu::cold, gnu::noinline]] GraphEdge(GraphEdge&&) noexcept = default;
    [[gnu::cold, gnu::noinline]] GraphEdge& operator=(const GraphEdge&) = default;
    [[gnu::cold, gnu::noinline]] GraphEdge& operator=(GraphEdge&&) noexcept = default;
    [[gnu::cold, gnu::noinline]] ~GraphEdge() = default;

    int from = 0;     ///< producing node
    std::string tag;  ///< side output of the producer; empty for the main output
    int input = 0;    ///< logical input of the consumer
    ExchangeKind exchange = ExchangeKind::Forward;
    bool exchangeGiven = false;       ///< asked for by the user; else forward or rebalance by parallelism
    Shared<const PortFactory> ports;  ///< for `exchange`; where nothing was asked for, for forward and rebalance

    /// Whether the consumer keeps state by the key of what comes here.
    bool readsByKey() const { return ports != nullptr && ports->isKeyed(); }
};

/// One sealed stage of the job.
struct GraphNode {
    GraphNode() = default;
    [[gnu::cold, gnu::noinline]] GraphNode(const GraphNode&) = default;
    [[gnu::cold, gnu::noinline]] GraphNode(GraphNode&&) noexcept = default;
    [[gnu::cold, gnu::noinline]] GraphNode& operator=(const GraphNode&) = default;
    [[gnu::cold, gnu::noinline]] GraphNode& operator=(GraphNode&&) noexcept = default;
    [[gnu::cold, gnu::noinline]] ~GraphNode() = default;

    int id = 0;
    OwnerList<OperatorInfo> operators;  ///< in order; the last one gives the output
    List<GraphEdge> inputs;
    List<std::string> sideOutputs;    ///< tags that someone reads
    int parallelism = 0;              ///< asked for by the user (0: not), or resolved before execution
    bool parallelismDerived = false;  ///< not asked for: resolved
    int fixedParallelism = 0;         ///< the operator cannot have another (1 for sources without splits…); 0: any
    bool isSource = false;
    bool isBounded = true;  ///< sources: ends by itself
    bool isSink = false;
    bool isStateful = false;         ///< keyed: the sources that reach it are aligned
    bool emitsWatermarks = false;    ///< some operator of this node generates watermarks
    bool assignsTimestamps = false;  ///< some operator of this node (or its source) gives records a timestamp
    bool needsWatermarks = false;    ///< event-time window or timer: checked before running
    bool needsBoundedInput = false;  ///< ends with its input: checked before running
    bool chainable = true;           ///< may be called directly by its neighbours (disableChaining: no)
    bool startsChain = false;        ///< startNewChain: not called directly by its producer
    bool isLocalPart = false;        ///< of the operator that reads it: the user has not written it
    WatermarkAlignment alignment;    ///< sources: the group that the user's strategy names
    Duration alignmentDrift{0};      ///< 32 slides of an event-time window; 0 = default
    std::string outputType;
    Shared<StageFactory> factory;
};

/// Makes of a stage what batch execution runs in its place; null: the job streams.
using BatchStageMaker = Owner<Stage> (*)(Owner<Stage> stage, const GraphNode& node, const BatchOptions& options);

class JobSupervision;

/// What is set for a whole job.
struct JobSettings {
    JobSettings() = default;
    [[gnu::cold, gnu::noinline]] JobSettings(const JobSettings&) = default;
    [[gnu::cold, gnu::noinline]] JobSettings(JobSettings&&) noexcept = default;
    [[gnu::cold, gnu::noinline]] JobSettings& operator=(const JobSettings&) = default;
    [[gnu::cold, gnu::noinline]] JobSettings& operator=(JobSettings&&) noexcept = default;
    [[gnu::cold, gnu::noinline]] ~JobSettings() = default;

    std::string jobName = "millrace job";
    int defaultParallelism = 1;
    int maxParallelism = 128;
    bool maxParallelismGiven = false;                         ///< by the user; else a restored checkpoint's counts
    Duration bufferTimeout = std::chrono::milliseconds(100);  ///< 0: after every block; negative: only when full
    std::size_t channelBytes = std::size_t{64} << 20;         ///< one budget for all channels
    std::size_t stateBytes = std::numeric_limits<std::size_t>::max();  ///< that all states may reserve
    std::shared_ptr<OverflowStorage> stateOverflow;                    ///< null: more is an error
    std::uint64_t seed = 0;
    bool alignSources = true;
    Duration autoWatermarkInterval{0};  ///< of strategies that have none of their own; 0: after every block of records
    RuntimeExecutionMode mode = RuntimeExecutionMode::Streaming;
    BatchOptions batch;
    BatchStageMaker batchStage = nullptr;  ///< set with the mode, so that only those who ask for batch compile it
    Shared<JobSupervision> supervision;    ///< checkpoints and restarts; null: neither
};

/// A whole job as data, and the factories that make it run. Made by the environment, consumed by a runtime.
struct JobGraph : JobSettings {
    JobGraph() = default;
    explicit JobGraph(const JobSettings& settings) : JobSettings(settings) {}

    OwnerList<GraphNode> nodes;  ///< index = id; producers before consumers
};

}  // namespace detail
}  // namespace millrace

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/graph/job_graph.ipp>
#endif

#endif  // MILLRACE_GRAPH_JOB_GRAPH_HPP
