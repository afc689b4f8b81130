#ifndef MILLRACE_API_DATA_STREAM_SINK_HPP
#define MILLRACE_API_DATA_STREAM_SINK_HPP

#include <millrace/api/data_stream.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace millrace {

/// The end of a stream, already recorded: `print()`, `addSink(fn)` and `sinkTo(sink)` return it so that it can be named
/// and given a parallelism. @public
template <class Ops>
class DataStreamSink {
    using Previous = typename detail::LastOperator<Ops>::Previous;
    using Last = typename detail::LastOperator<Ops>::Type;

public:
    DataStreamSink& name(std::string name) {
        node().operators.back().name = std::move(name);
        return *this;
    }
    /// The identity of the sink's state, unique in the job.
    DataStreamSink& uid(std::string uid) {
        detail::OperatorInfo& op = node().operators.back();
        if (uid.empty()) throw ConfigurationException("uid(\"\") of '" + op.name + "': a uid must not be empty");
        op.uid = std::move(uid);
        op.uidGiven = true;
        return *this;
    }
    /// Number of subtasks of the sink alone. *Failure:* ConfigurationException below 1.
    DataStreamSink& setParallelism(int parallelism) {
        detail::checkParallelism(parallelism, "'" + node().operators.back().name + "'");
        isolate();
        node().parallelism = parallelism;
        return *this;
    }
    /// A task of its own for the sink.
    DataStreamSink& disableChaining() {
        isolate();
        node().chainable = false;
        return *this;
    }

private:
    template <class, class>
    friend class DataStream;

    explicit DataStreamSink(DataStream<detail::NoOutput, Ops> expression)
        : input_(std::move(expression.input_)), pending_(std::move(expression.pending_)) {
        detail::GraphBuilder& graph = input_.checked();
        factory_ = std::make_shared<detail::ChainStageFactory<Ops>>(std::move(expression.ops_));
        node_ = graph.add(detail::nodeFor(input_, pending_), factory_);
    }

    detail::GraphNode& node() { return input_.checked().node(node_); }

    /// Parts the sink from the operators in front of it, which take over its place in the recording.
    void isolate() {
        if (pending_.size() == 1) return;
        detail::GraphBuilder& graph = input_.checked();
        const Ops& ops = factory_->chain();
        detail::PendingOperator last{node().operators.back(), pending_.back().traits};
        pending_.pop_back();
        graph.replace(node_, detail::nodeFor(input_, pending_),
                      std::make_shared<detail::ChainStageFactory<Previous>>(ops.prev));
        const detail::StreamInput before = detail::outputOf<typename Previous::Output>(input_, node_);
        using Alone = detail::Link<detail::Input<typename Last::Input>, Last>;
        pending_ = {std::move(last)};
        node_ = detail::recordStage(graph, before, Alone{{}, ops.op}, pending_);
    }

    detail::StreamInput input_;
    std::vector<detail::PendingOperator> pending_;
    std::shared_ptr<detail::ChainStageFactory<Ops>> factory_;
    int node_ = 0;
};

template <class Ops>
DataStreamSink(DataStream<detail::NoOutput, Ops>) -> DataStreamSink<Ops>;

}  // namespace millrace

#endif  // MILLRACE_API_DATA_STREAM_SINK_HPP
