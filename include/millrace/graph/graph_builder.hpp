#ifndef MILLRACE_GRAPH_GRAPH_BUILDER_HPP
#define MILLRACE_GRAPH_GRAPH_BUILDER_HPP

#include <millrace/core/config.hpp>
#include <millrace/core/errors.hpp>
#include <millrace/core/list.hpp>
#include <millrace/core/owner.hpp>
#include <millrace/core/pointer_list.hpp>
#include <millrace/core/shared.hpp>
#include <millrace/graph/job_graph.hpp>

#include <string>

namespace millrace::detail {

/// Records the stages that streams are sealed into, until an `execute` consumes them.
/// *Thread safety:* none, like the environment that owns it.
class GraphBuilder : public SharedObject {
public:
    /// Adds a stage whose edges point to stages added before; returns its id.
    int add(Owner<GraphNode> node, Shared<StageFactory> factory);
    GraphNode& node(int id) { return nodes_[static_cast<std::size_t>(id)]; }

    /// Grows with every `execute`: streams of an earlier generation can no longer be used.
    int generation() const noexcept { return generation_; }

    /// Resolves parallelism and uids and runs every check that needs no data. May be repeated: what is resolved is not
    /// taken for what was asked for, so that building the plan and executing give the same.
    /// *Failure:* GraphException or ConfigurationException, each naming the operator and what to write instead.
    const OwnerList<GraphNode>& resolve(const JobSettings& settings);

    /// `resolve`, then forgets the recording: an execute consumes the graph.
    JobGraph take(const JobSettings& settings);

    /// The greatest parallelism that anything recorded asks for.
    int highestParallelism() const;

    int defaultParallelism = 1;
    bool directCalls = true;  ///< false: every edge goes over a channel (disableOperatorChaining)

private:
    OwnerList<GraphNode> nodes_;
    int generation_ = 0;
};

/// Gives every node a parallelism, and every edge for which nothing was asked for its exchange.
/// *Failure:* ConfigurationException or GraphException for what an operator or `forward()` cannot have.
void resolveParallelism(OwnerList<GraphNode>& nodes, const JobSettings& settings);

/// *Failure:* ConfigurationException below 1.
void checkParallelism(int parallelism, const std::string& whose);

/// *Failure:* ConfigurationException for an empty uid.
void giveUid(OperatorInfo& op, std::string uid);

struct SecondInput;

/// What an operator to come will read: one or several outputs and how they are to be spread.
struct StreamInput {
    StreamInput() = default;
    [[gnu::cold, gnu::noinline]] StreamInput(const StreamInput&) = default;
    [[gnu::cold, gnu::noinline]] StreamInput(StreamInput&&) noexcept = default;
    [[gnu::cold, gnu::noinline]] StreamInput& operator=(const StreamInput&) = default;
    [[gnu::cold, gnu::noinline]] StreamInput& operator=(StreamInput&&) noexcept = default;
    [[gnu::cold, gnu::noinline]] ~StreamInput() = default;

    Shared<GraphBuilder> graph;
    int generation = 0;
    List<GraphEdge> upstreams;  ///< from where, and which output
    ExchangeKind exchange = ExchangeKind::Forward;
    bool exchangeGiven = false;
    Shared<const PortFactory> ports;
    Shared<const SecondInput> second;  ///< what the second input reads, of an operator with two

    /// *Failure:* GraphException for a stream that was moved from or whose pipeline has been executed.
    GraphBuilder& checked() const;
    List<GraphEdge> edges() const;
};

struct SecondInput : SharedObject {
    explicit SecondInput(StreamInput&& given) : input(std::move(given)) {}
    const StreamInput input;
};

/// What an operator with two inputs will read. *Failure:* GraphException for streams of different environments.
StreamInput twoInputs(StreamInput first, StreamInput second);

/// *Failure:* ConfigurationException if a group is named: only sources can pause.
void refuseAlignment(const WatermarkAlignment& alignment);

/// What the operators of a chain say about the stage that they become.
struct StageTraits {
    bool isSink = false;
    bool isStateful = false;
    bool emitsWatermarks = false;
    bool assignsTimestamps = false;
    bool needsWatermarks = false;
    bool needsBoundedInput = false;
    Duration alignmentDrift{0};
    int fixedParallelism = 0;  ///< 0: any

    void add(const StageTraits& other);
    void applyTo(GraphNode& node) const;
};

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/graph/graph_builder.ipp>
#endif

#endif  // MILLRACE_GRAPH_GRAPH_BUILDER_HPP
