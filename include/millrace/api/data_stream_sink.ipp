#include <millrace/api/data_stream_sink.hpp>
#include <millrace/api/recording.hpp>

#include <utility>

namespace millrace {

MILLRACE_INLINE_COLD DataStreamSink::DataStreamSink(detail::StreamInput input, int node)
    : input_(std::move(input)), node_(node) {}

MILLRACE_INLINE_COLD DataStreamSink& DataStreamSink::name(std::string name) {
    node().operators.back().name = std::move(name);
    return *this;
}

MILLRACE_INLINE_COLD DataStreamSink& DataStreamSink::uid(std::string uid) {
    detail::giveUid(node().operators.back(), std::move(uid));
    return *this;
}

MILLRACE_INLINE_COLD DataStreamSink& DataStreamSink::setParallelism(int parallelism) {
    detail::checkParallelism(parallelism, "'" + node().operators.back().name + "'");
    node().parallelism = parallelism;
    node().parallelismDerived = false;
    return *this;
}

MILLRACE_INLINE_COLD DataStreamSink& DataStreamSink::disableChaining() {
    node().chainable = false;
    return *this;
}

namespace detail {

MILLRACE_INLINE_COLD DataStreamSink endStream(const StreamInput& input, std::string_view kind,
                                              Shared<StageFactory> factory) {
    return DataStreamSink(input, recordSink(input, kind, std::move(factory)));
}

}  // namespace detail

}  // namespace millrace
