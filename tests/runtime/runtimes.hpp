#ifndef MILLRACE_TESTS_RUNTIME_RUNTIMES_HPP
#define MILLRACE_TESTS_RUNTIME_RUNTIMES_HPP

// Every runtime, for tests that must pass on all of them.

#include <millrace/runtime/caller_runtime.hpp>
#include <millrace/runtime/simulated_runtime.hpp>
#include <millrace/runtime/thread_pool_runtime.hpp>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace millrace::fake {

struct AnyRuntime {
    std::string name;
    std::function<std::shared_ptr<JobClient>(detail::JobGraph)> submit;
};

template <class Runtime>
AnyRuntime anyRuntime(std::string name, Runtime runtime) {
    return {std::move(name), [runtime](detail::JobGraph graph) mutable { return runtime.submit(std::move(graph)); }};
}

inline std::vector<AnyRuntime> allRuntimes() {
    std::vector<AnyRuntime> all;
    all.push_back(anyRuntime("caller", CallerRuntime()));
    for (int threads = 1; threads <= 3; ++threads) {
        all.push_back(anyRuntime("pool of " + std::to_string(threads), ThreadPoolRuntime(threads)));
    }
    all.push_back(anyRuntime("spinning pool of 2", ThreadPoolRuntime(2, IdleThreads::Spin)));
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        all.push_back(anyRuntime("simulation " + std::to_string(seed), SimulatedRuntime(seed)));
    }
    return all;
}

}  // namespace millrace::fake

#endif  // MILLRACE_TESTS_RUNTIME_RUNTIMES_HPP
