#ifndef MILLRACE_GRAPH_JOB_GRAPH_HPP
#define MILLRACE_GRAPH_JOB_GRAPH_HPP

#include <millrace/operators/stage.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace millrace::detail {

/// How records are spread over the consumers of an edge.
enum class ExchangeKind : std::uint8_t {
    Forward,    ///< subtask i to subtask i
    Hash,       ///< by key group
    Rebalance,  ///< round robin over all
    Rescale,    ///< round robin over the local subset
    Shuffle,    ///< seeded random
    Broadcast,  ///< everything to everyone
    Global,     ///< everything to subtask 0
    Custom      ///< the user's partitioner
};

/// One operator as the user wrote it; several of them are fused into one node.
struct OperatorInfo {
    std::string kind;  ///< "map", "filter", "tumbling window"…
    std::string name;  ///< the user's, else the kind
    std::string uid;   ///< the user's, else derived before execution
    bool uidGiven = false;
    std::map<std::string, std::string> parameters;  ///< window size, lateness…
    std::vector<std::string> states;                ///< state descriptors, with codec names
};

/// An edge into a node's logical input.
struct GraphEdge {
    int from = 0;     ///< producing node
    std::string tag;  ///< side output of the producer; empty for the main output
    int input = 0;    ///< logical input of the consumer
    ExchangeKind exchange = ExchangeKind::Forward;
    bool exchangeGiven = false;                ///< asked for by the user; else forward or rebalance by parallelism
    std::shared_ptr<const PortFactory> ports;  ///< for `exchange` (and for forward over a channel)
    std::shared_ptr<const PortFactory> rebalancePorts;  ///< used when nothing was asked for and parallelism differs
};

/// One sealed stage of the job.
struct GraphNode {
    int id = 0;
    std::vector<OperatorInfo> operators;  ///< in order; the last one gives the output
    std::vector<GraphEdge> inputs;
    std::vector<std::string> sideOutputs;  ///< tags that someone reads
    std::optional<int> parallelism;        ///< asked for by the user; resolved before execution
    std::optional<int> fixedParallelism;   ///< the operator cannot have another (1 for sources without splits…)
    bool isSource = false;
    bool isBounded = true;  ///< sources: ends by itself
    bool isSink = false;
    bool isStateful = false;         ///< keyed: the sources that reach it are aligned
    bool emitsWatermarks = false;    ///< some operator of this node generates watermarks
    bool assignsTimestamps = false;  ///< some operator of this node (or its source) gives records a timestamp
    bool needsWatermarks = false;    ///< event-time window or timer: checked before running
    bool chainable = true;           ///< may be called directly by its neighbours (disableChaining: no)
    bool startsChain = false;        ///< startNewChain: not called directly by its producer
    Duration alignmentDrift{0};      ///< 32 slides of an event-time window; 0 = default
    std::string outputType;
    std::shared_ptr<const StageFactory> factory;
};

/// A whole job as data, and the factories that make it run. Made by the environment, consumed by a runtime.
struct JobGraph {
    std::string jobName = "millrace job";
    std::vector<GraphNode> nodes;  ///< index = id; producers before consumers
    int defaultParallelism = 1;
    int maxParallelism = 128;
    Duration bufferTimeout = std::chrono::milliseconds(100);  ///< 0: after every block; negative: only when full
    std::size_t channelBytes = std::size_t{64} << 20;         ///< one budget for all channels
    std::uint64_t seed = 0;
    bool alignSources = true;
};

}  // namespace millrace::detail

#endif  // MILLRACE_GRAPH_JOB_GRAPH_HPP
