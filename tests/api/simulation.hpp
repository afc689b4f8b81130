#ifndef MILLRACE_TESTS_API_SIMULATION_HPP
#define MILLRACE_TESTS_API_SIMULATION_HPP

#include <millrace/api/stream_execution_environment.hpp>
#include <millrace/runtime/simulated_runtime.hpp>

#include <chrono>
#include <cstdint>

namespace millrace::testsupport {

/// A simulation in which every step takes time, so that checkpoints in intervals come about while a job has work to do.
struct Simulation {
    explicit Simulation(std::uint64_t seed, Duration step = std::chrono::microseconds(100))
        : runtime(seed), env(runtime) {
        runtime.setStepDuration(step);
    }
    SimulatedRuntime runtime;
    StreamExecutionEnvironment<SimulatedRuntime> env;
};

}  // namespace millrace::testsupport

#endif  // MILLRACE_TESTS_API_SIMULATION_HPP
