#ifndef MILLRACE_FUNCTIONS_RUNTIME_CONTEXT_HPP
#define MILLRACE_FUNCTIONS_RUNTIME_CONTEXT_HPP

#include <millrace/metrics/accumulators.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace millrace {

/// What a function learns in `open(RuntimeContext&)` about the subtask it runs in. @public
/// *Thread safety:* for the subtask's own thread; references to accumulators stay valid until the job's result is gone.
class RuntimeContext {
public:
    RuntimeContext(std::string jobName, std::string operatorName, std::string uid, int subtaskIndex, int parallelism,
                   int maxParallelism, Accumulators& accumulators, int attemptNumber = 0)
        : jobName_(std::move(jobName)), operatorName_(std::move(operatorName)), uid_(std::move(uid)),
          subtaskIndex_(subtaskIndex), parallelism_(parallelism), maxParallelism_(maxParallelism),
          attemptNumber_(attemptNumber), accumulators_(&accumulators) {}
    [[gnu::cold, gnu::noinline]] ~RuntimeContext() = default;
    RuntimeContext(const RuntimeContext&) = default;
    RuntimeContext(RuntimeContext&&) noexcept = default;
    RuntimeContext& operator=(const RuntimeContext&) = default;
    RuntimeContext& operator=(RuntimeContext&&) noexcept = default;

    const std::string& jobName() const noexcept { return jobName_; }
    const std::string& operatorName() const noexcept { return operatorName_; }
    const std::string& uid() const noexcept { return uid_; }
    /// 0 … parallelism-1.
    int subtaskIndex() const noexcept { return subtaskIndex_; }
    int parallelism() const noexcept { return parallelism_; }
    int maxParallelism() const noexcept { return maxParallelism_; }
    /// 0 when the subtask first runs; one more each time that it is made anew, after a failure or at another parallelism.
    int attemptNumber() const noexcept { return attemptNumber_; }

    /// This subtask's accumulator of that name, merged with the others' in `JobExecutionResult`.
    template <class A = LongCounter>
    A& accumulator(std::string_view name) {
        return accumulators_->create<A>(name);
    }
    template <class Counter = LongCounter>  // a template so that only those who call it compile it
    Counter& counter(std::string_view name) {
        return accumulator<Counter>(name);
    }

private:
    std::string jobName_;
    std::string operatorName_;
    std::string uid_;
    int subtaskIndex_;
    int parallelism_;
    int maxParallelism_;
    int attemptNumber_;
    Accumulators* accumulators_;
};

}  // namespace millrace

#endif  // MILLRACE_FUNCTIONS_RUNTIME_CONTEXT_HPP
