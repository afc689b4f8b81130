#ifndef MILLRACE_BENCHMARKS_PEERS_PEER_HPP
#define MILLRACE_BENCHMARKS_PEERS_PEER_HPP

#include "throughput/records.hpp"

#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

// What the small programs of peers share: their arguments and the line of JSON for each run.

namespace bench {

/// The largest resident set of this process so far. (What getrusage says begins with that of the process that started it.)
inline long peakMemoryMiB() {
    std::FILE* const file = std::fopen("/proc/self/status", "r");
    if (file == nullptr) return 0;
    long kib = 0;
    char line[256];
    while (std::fgets(line, sizeof line, file) != nullptr) {
        if (std::strncmp(line, "VmHWM:", 6) == 0) kib = std::strtol(line + 6, nullptr, 10);
    }
    std::fclose(file);
    return kib / 1024;
}

/// `PROGRAM RECORDS`: a run for each line of standard input, and a line of JSON for each run.
template <class Run>
int runOnRequest(const char* peer, const char* workload, std::uint64_t keys, int threads, int argc, char** argv,
                 Run run) {
    if (argc != 2 || std::strtoull(argv[1], nullptr, 10) == 0) {
        std::fprintf(stderr, "usage: %s RECORDS: a run of %s for each line of standard input\n", peer, workload);
        return 2;
    }
    const std::uint64_t records = std::strtoull(argv[1], nullptr, 10);
    const auto processorSeconds = [] {
        timespec time{};
        ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
        return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
    };
    char line[64];
    bool first = true;
    while (std::fgets(line, sizeof line, stdin) != nullptr) {
        const double cpu = processorSeconds();
        const auto begin = std::chrono::steady_clock::now();
        const Result result = run(records);
        const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
        const double cpuSeconds = processorSeconds() - cpu;
        std::printf("{\"peer\": \"%s\", \"workload\": \"%s\", \"keys\": %" PRIu64
                    ", \"parallelism\": %d, \"warm_up\": %s, \"records\": %" PRIu64
                    ", \"seconds\": %.6f, \"cpu_seconds\": %.6f, \"count\": %" PRIu64 ", \"checksum\": \"%016" PRIx64
                    "\", \"sum\": %.4f, \"peak_memory_mib\": %ld}\n",
                    peer, workload, keys, threads, first ? "true" : "false", records, seconds, cpuSeconds, result.count,
                    result.checksum, result.sum, peakMemoryMiB());
        std::fflush(stdout);
        first = false;
    }
    return 0;
}

}  // namespace bench

#endif  // MILLRACE_BENCHMARKS_PEERS_PEER_HPP
