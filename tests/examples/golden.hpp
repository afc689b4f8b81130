#ifndef MILLRACE_TESTS_EXAMPLES_GOLDEN_HPP
#define MILLRACE_TESTS_EXAMPLES_GOLDEN_HPP

#include <millrace/api/stream_execution_environment.hpp>
#include <millrace/runtime/simulated_runtime.hpp>

#include <support/catch.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

namespace millrace::testing {

inline std::string exampleFile(const std::string& path) {
    return std::string(MILLRACE_EXAMPLES_DIR) + "/" + path;
}

/// Lines of a file without its first one, sorted.
inline std::vector<std::string> sortedLines(const std::string& path) {
    std::ifstream file(path);
    REQUIRE(file.is_open());
    std::vector<std::string> lines;
    std::string line;
    std::getline(file, line);
    while (std::getline(file, line)) lines.push_back(line);
    std::sort(lines.begin(), lines.end());
    return lines;
}

/// What tests/examples/reference computed from the same data without millrace.
inline std::vector<std::string> golden(const std::string& name) {
    return sortedLines(exampleFile("../tests/examples/golden/" + name));
}

/// The results as lines, sorted.
template <class Record, class ToLine>
std::vector<std::string> lines(const std::vector<Record>& records, ToLine toLine) {
    std::vector<std::string> lines;
    for (const Record& record : records) lines.push_back(toLine(record));
    std::sort(lines.begin(), lines.end());
    return lines;
}

/// Empty if both are the same, else the first difference: thousands of lines side by side help nobody.
inline std::string difference(const std::vector<std::string>& actual, const std::vector<std::string>& expected) {
    const auto [a, e] = std::mismatch(actual.begin(), actual.end(), expected.begin(), expected.end());
    if (a == actual.end() && e == expected.end()) return {};
    return "line " + std::to_string(a - actual.begin()) + " of " + std::to_string(actual.size()) + " is \"" +
           (a == actual.end() ? "" : *a) + "\", expected (of " + std::to_string(expected.size()) + ") \"" +
           (e == expected.end() ? "" : *e) + '"';
}

/// `check(env)` on the thread pool and in simulations, at parallelism 1 and 4.
template <class Check>
void onEveryRuntime(Check check) {
    for (const int parallelism : {1, 4}) {
        CAPTURE(parallelism);
        {
            INFO("thread pool");
            StreamExecutionEnvironment env(ThreadPoolRuntime(4));
            env.setParallelism(parallelism);
            check(env);
        }
        for (const std::uint64_t seed : {1U, 2U, 3U}) {
            INFO("simulation with seed " << seed);
            StreamExecutionEnvironment env{SimulatedRuntime(seed)};
            env.setParallelism(parallelism);
            check(env);
        }
    }
}

}  // namespace millrace::testing

#endif  // MILLRACE_TESTS_EXAMPLES_GOLDEN_HPP
