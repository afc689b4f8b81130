#include <millrace/runtime/job.hpp>
#include <millrace/runtime/real_time_executor.hpp>

namespace millrace::detail {

MILLRACE_INLINE_COLD bool RealTimeExecutor::waitFor(Job& job, Duration timeout) {
    return job.waitUntilEnded(timeout);
}

}  // namespace millrace::detail
