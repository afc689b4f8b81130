#ifndef MILLRACE_TESTS_API_FIXTURES_HPP
#define MILLRACE_TESTS_API_FIXTURES_HPP

#include <millrace/millrace.hpp>
#include <millrace/runtime/caller_runtime.hpp>
#include <millrace/runtime/simulated_runtime.hpp>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace millrace::testsupport {

/// Runs the same body on every runtime: threads, simulations with several seeds, the caller's thread.
inline void onEveryRuntime(const std::function<void(StreamEnvironment&, const std::string& runtime)>& body) {
    {
        StreamExecutionEnvironment env(ThreadPoolRuntime(2));
        body(env, "threads");
    }
    for (const std::uint64_t seed : {1, 2, 3}) {
        StreamExecutionEnvironment env{SimulatedRuntime(seed)};
        body(env, "simulation, seed " + std::to_string(seed));
    }
    {
        StreamExecutionEnvironment env{CallerRuntime()};
        body(env, "caller");
    }
}

template <class T>
std::vector<T> sorted(std::vector<T> values) {
    std::sort(values.begin(), values.end());
    return values;
}

/// The message of the exception that `call` throws, causes included; empty if it throws none.
template <class Call>
std::string messageOf(Call call) {
    try {
        call();
    } catch (const std::exception& error) {
        return describeException(error);
    }
    return {};
}

}  // namespace millrace::testsupport

#endif  // MILLRACE_TESTS_API_FIXTURES_HPP
