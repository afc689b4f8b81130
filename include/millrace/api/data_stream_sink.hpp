#ifndef MILLRACE_API_DATA_STREAM_SINK_HPP
#define MILLRACE_API_DATA_STREAM_SINK_HPP

#include <millrace/api/stream_types.hpp>
#include <millrace/core/config.hpp>
#include <millrace/graph/graph_builder.hpp>
#include <millrace/record/output_tag.hpp>

#include <string>
#include <string_view>

namespace millrace {

/// The end of a stream, already recorded: what `print()`, `addSink(fn)` and `sinkTo(sink)` return, so that the sink can be
/// named and given a parallelism. @public
class DataStreamSink {
public:
    /// For messages, plans and metrics.
    DataStreamSink& name(std::string name);
    /// The identity of the sink's state, unique in the job. *Failure:* ConfigurationException for an empty one.
    DataStreamSink& uid(std::string uid);
    /// Number of subtasks of the sink. *Failure:* ConfigurationException below 1.
    DataStreamSink& setParallelism(int parallelism);
    /// The dead letters of a sink with a policy: see ErrorPolicy.
    template <class X>
    DataStream<X> getSideOutput(const OutputTag<X>& tag) const;
    /// A task of its own for the sink.
    DataStreamSink& disableChaining();

    // ---- for streams ----
    DataStreamSink(detail::StreamInput input, int node);

private:
    detail::GraphNode& node() { return input_.checked().node(node_); }

    detail::StreamInput input_;
    int node_;
};

namespace detail {

/// Records a sink that ends a stream.
DataStreamSink endStream(const StreamInput& input, std::string_view kind, Shared<StageFactory> factory);

}  // namespace detail

}  // namespace millrace

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/api/data_stream_sink.ipp>
#endif

#endif  // MILLRACE_API_DATA_STREAM_SINK_HPP
