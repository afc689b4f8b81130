#include <millrace/core/errors.hpp>
#include <millrace/core/list.hpp>
#include <millrace/runtime/actor.hpp>
#include <millrace/runtime/external_executor.hpp>
#include <millrace/runtime/real_time_executor.hpp>

#include <mutex>
#include <utility>

namespace millrace {

namespace detail {

/// On threads of the caller.
class CallersExecutor final : public RealTimeExecutor {
public:
    explicit CallersExecutor(ExternalExecutor threads) : threads_(std::move(threads)) {}
    ~CallersExecutor() override { timers_.stop(); }
    void post(Actor& actor) override {
        threads_.post([target = &actor] { target->run(); });  // small enough for std::function not to allocate
    }
    void jobStarted() override {
        if (!threads_.holdWork) return;
        std::shared_ptr<void> token = threads_.holdWork();
        const std::lock_guard lock(mutex_);
        tokens_.push_back(std::move(token));
    }
    void jobEnded() noexcept override {
        std::shared_ptr<void> token;  // given back outside of the lock
        const std::lock_guard lock(mutex_);
        if (tokens_.empty()) return;
        token = std::move(tokens_.back());
        tokens_.pop_back();
    }

private:
    const ExternalExecutor threads_;
    std::mutex mutex_;
    List<std::shared_ptr<void>> tokens_;  ///< one for each job that runs
};

}  // namespace detail

MILLRACE_INLINE_COLD ThreadPoolRuntime::ThreadPoolRuntime(ExternalExecutor threads)
    : defaultParallelism_(detail::hardwareThreads()) {
    if (!threads.post)
        throw ConfigurationException("ExternalExecutor::post is empty; give it a function that runs others");
    executor_ = detail::Shared<detail::TaskExecutor>(new detail::CallersExecutor(std::move(threads)));
}

}  // namespace millrace
