#ifndef MILLRACE_API_STREAM_ENVIRONMENT_IPP
#define MILLRACE_API_STREAM_ENVIRONMENT_IPP

#include <millrace/api/stream_environment.hpp>
#include <millrace/types/key_group.hpp>

namespace millrace {

MILLRACE_INLINE_COLD StreamEnvironment::StreamEnvironment(int defaultParallelism)
    : graph_(new detail::EnvironmentGraph(*this)) {
    graph_->defaultParallelism = defaultParallelism;
}

MILLRACE_INLINE_COLD StreamEnvironment& StreamEnvironment::setParallelism(int parallelism) {
    detail::checkParallelism(parallelism, "the environment");
    graph_->defaultParallelism = parallelism;
    return *this;
}

MILLRACE_INLINE_COLD StreamEnvironment& StreamEnvironment::setMaxParallelism(int maxParallelism) {
    if (maxParallelism < 1 || maxParallelism > 32768) {
        detail::raise<ConfigurationException>(
            "setMaxParallelism({}): the number of key groups must be between 1 and 32768", {maxParallelism});
    }
    maxParallelism_ = maxParallelism;
    return *this;
}

MILLRACE_INLINE_COLD StreamEnvironment& StreamEnvironment::setBufferTimeout(Duration timeout) {
    settings_.bufferTimeout = timeout;
    return *this;
}

MILLRACE_INLINE_COLD StreamEnvironment& StreamEnvironment::setChannelMemory(std::size_t bytes) {
    settings_.channelBytes = bytes;
    return *this;
}

MILLRACE_INLINE_COLD StreamEnvironment& StreamEnvironment::setStateMemoryLimit(
    std::size_t bytes, std::shared_ptr<OverflowStorage> overflow) {
    settings_.stateBytes = bytes;
    settings_.stateOverflow = std::move(overflow);
    return *this;
}

MILLRACE_INLINE_COLD StreamEnvironment& StreamEnvironment::setAutoWatermarkInterval(Duration interval) {
    if (interval < Duration::zero()) {
        throw ConfigurationException(
            "setAutoWatermarkInterval(interval): the interval is negative; give 0 for a watermark after every block of "
            "records");
    }
    settings_.autoWatermarkInterval = interval;
    return *this;
}

MILLRACE_INLINE_COLD StreamEnvironment& StreamEnvironment::setSourceAlignment(bool enabled) {
    settings_.alignSources = enabled;
    return *this;
}

MILLRACE_INLINE_COLD StreamEnvironment& StreamEnvironment::disableOperatorChaining() {
    graph_->directCalls = false;
    return *this;
}

MILLRACE_INLINE_COLD JobExecutionResult StreamEnvironment::execute(std::string jobName) {
    return executeAsync(std::move(jobName))->result();
}

MILLRACE_INLINE_COLD std::shared_ptr<JobClient> StreamEnvironment::executeAsync(std::string jobName) {
    return submit(graph_->take(settingsFor(std::move(jobName))));
}

MILLRACE_INLINE_COLD detail::JobSettings StreamEnvironment::settingsFor(std::string jobName) const {
    detail::JobSettings settings = settings_;
    settings.jobName = std::move(jobName);
    settings.defaultParallelism = graph_->defaultParallelism;
    settings.maxParallelismGiven = maxParallelism_ != 0;
    settings.maxParallelism =
        maxParallelism_ != 0 ? maxParallelism_ : defaultMaxParallelism(graph_->highestParallelism());
    return settings;
}

MILLRACE_INLINE StreamEnvironment::~StreamEnvironment() {
    static_cast<detail::EnvironmentGraph&>(*graph_).environmentEnds();
}

}  // namespace millrace

#endif  // MILLRACE_API_STREAM_ENVIRONMENT_IPP
