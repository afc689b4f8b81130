#ifndef MILLRACE_BENCHMARKS_THROUGHPUT_COUNTED_MEMORY_HPP
#define MILLRACE_BENCHMARKS_THROUGHPUT_COUNTED_MEMORY_HPP

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>

#if defined(__GLIBC__)
#include <malloc.h>
#endif
#include <unistd.h>

// What a run allocates (counted_memory.cpp replaces the global operator new by one that counts) and how much memory it takes.

namespace bench {

inline std::atomic<std::uint64_t> allocations{0};

/// Bytes of address space that the process has reserved for data: heap, mappings, stacks. 0 where that is unknown.
inline std::uint64_t reservedBytes() {
    std::FILE* const file = std::fopen("/proc/self/statm", "r");
    if (file == nullptr) return 0;
    unsigned long data = 0;
    const int read = std::fscanf(file, "%*u %*u %*u %*u %*u %lu", &data);
    std::fclose(file);
    return read == 1 ? data * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) : 0;
}

/// How far the resident memory of the process grows while this lives, over what it was before.
/// Where the peak cannot be set back (Linux only), unknown.
class PeakMemory {
public:
    PeakMemory() {
#if defined(__GLIBC__)
        ::malloc_trim(0);  // what earlier runs have given back must not be there to be used again
#endif
        if (std::FILE* const file = std::fopen("/proc/self/clear_refs", "w")) {
            known_ = std::fputs("5", file) >= 0;
            known_ = std::fclose(file) == 0 && known_;
        }
        before_ = statusKib("VmRSS:");
    }
    std::optional<double> bytes() const {
        if (!known_) return std::nullopt;
        return 1024.0 * static_cast<double>(statusKib("VmHWM:") - before_);
    }

private:
    static long statusKib(const char* name) {
        std::FILE* const file = std::fopen("/proc/self/status", "r");
        if (file == nullptr) return 0;
        char line[256];
        long kib = 0;
        while (std::fgets(line, sizeof line, file) != nullptr) {
            if (std::strncmp(line, name, std::strlen(name)) == 0) kib = std::atol(line + std::strlen(name));
        }
        std::fclose(file);
        return kib;
    }

    bool known_ = false;
    long before_ = 0;
};

}  // namespace bench

#endif  // MILLRACE_BENCHMARKS_THROUGHPUT_COUNTED_MEMORY_HPP
