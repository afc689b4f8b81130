#ifndef MILLRACE_API_RECORDING_HPP
#define MILLRACE_API_RECORDING_HPP

#include <millrace/api/exchanges.hpp>
#include <millrace/api/rejected_stream.hpp>
#include <millrace/core/config.hpp>
#include <millrace/core/list.hpp>
#include <millrace/core/shared.hpp>
#include <millrace/graph/graph_builder.hpp>
#include <millrace/operators/chain_stage.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace millrace::detail {

/// An operator of a chain that has not been recorded yet.
struct PendingOperator {
    OperatorInfo info;
    StageTraits traits;
};

OperatorInfo operatorInfo(std::string kind);

/// Checks that a chain may grow, and adds an operator to it.
/// *Failure:* GraphException for a stream that was moved from, that is recorded already (`isRecorded`), or whose pipeline
/// has been executed.
void appendOperator(const StreamInput& input, List<PendingOperator>& pending, bool isRecorded, std::string_view kind,
                    const StageTraits& traits);

/// Throws GraphException: `call`, as in "onError", is for an operator that is not recorded yet.
[[noreturn]] void failAlreadyRecorded(const char* call);

/// Records the operators as one stage behind the input; returns its id.
int recordNode(GraphBuilder& graph, const StreamInput& input, const List<PendingOperator>& pending,
               Shared<StageFactory> factory);

/// Seals a chain into a stage of the graph.
template <class Ops>
[[gnu::cold]] int recordStage(GraphBuilder& graph, const StreamInput& input, Ops ops,
                              const List<PendingOperator>& pending) {
    return recordNode(graph, input, pending, Shared<StageFactory>(new ChainStageFactory<Ops>(std::move(ops))));
}

/// Records a stage of one operator that ends the stream; returns its id.
int recordSink(const StreamInput& input, std::string_view kind, Shared<StageFactory> factory);

/// The main output of a recorded stage, as the next one's input.
StreamInput outputOf(const StreamInput& from, int node, Ports ports);
template <class T>
StreamInput outputOf(const StreamInput& from, int node) {
    return outputOf(from, node, plainPorts<T>());
}

/// Records the part of an operator that is in front of its exchange, behind one of the outputs that the operator reads, and
/// adds what it gives to `parts`.
void appendLocalPart(StreamInput& parts, const StreamInput& from, const GraphEdge& upstream, Ports ports,
                     std::string_view kind, Shared<StageFactory> factory);

/// Makes an exchange of a stream that has none: every record stays in its subtask, where its key belongs.
/// *Failure:* GraphException for a stream that ends in an exchange.
void keepInPlace(StreamInput& input);

/// Adds the outputs of `other` to a union.
void appendUnion(StreamInput& joined, const StreamInput& other);

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/api/recording.ipp>
#endif

#endif  // MILLRACE_API_RECORDING_HPP
