#ifndef MILLRACE_BENCHMARKS_THROUGHPUT_COUNTED_MEMORY_HPP
#define MILLRACE_BENCHMARKS_THROUGHPUT_COUNTED_MEMORY_HPP

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <new>

#include <unistd.h>

// Replaces the global operator new by one that counts; for one translation unit per program.

namespace bench {

inline std::atomic<std::uint64_t> allocations{0};

inline void* countedAllocation(std::size_t bytes, std::size_t alignment) {
    allocations.fetch_add(1, std::memory_order_relaxed);
    const std::size_t rounded = (bytes + alignment - 1) / alignment * alignment;
    void* const memory =
        alignment <= alignof(std::max_align_t) ? std::malloc(bytes) : std::aligned_alloc(alignment, rounded);
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
}

/// Bytes of address space that the process has reserved for data: heap, mappings, stacks. 0 where that is unknown.
inline std::uint64_t reservedBytes() {
    std::FILE* const file = std::fopen("/proc/self/statm", "r");
    if (file == nullptr) return 0;
    unsigned long data = 0;
    const int read = std::fscanf(file, "%*u %*u %*u %*u %*u %lu", &data);
    std::fclose(file);
    return read == 1 ? data * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) : 0;
}

}  // namespace bench

[[gnu::noinline]] void* operator new(std::size_t bytes) {
    return bench::countedAllocation(bytes == 0 ? 1 : bytes, 1);
}
[[gnu::noinline]] void* operator new[](std::size_t bytes) {
    return bench::countedAllocation(bytes == 0 ? 1 : bytes, 1);
}
[[gnu::noinline]] void* operator new(std::size_t bytes, std::align_val_t alignment) {
    return bench::countedAllocation(bytes, static_cast<std::size_t>(alignment));
}
[[gnu::noinline]] void* operator new[](std::size_t bytes, std::align_val_t alignment) {
    return bench::countedAllocation(bytes, static_cast<std::size_t>(alignment));
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
    std::free(memory);
}
[[gnu::noinline]] void operator delete[](void* memory) noexcept {
    std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}
[[gnu::noinline]] void operator delete[](void* memory, std::size_t) noexcept {
    std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t) noexcept {
    std::free(memory);
}
[[gnu::noinline]] void operator delete[](void* memory, std::align_val_t) noexcept {
    std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
    std::free(memory);
}
[[gnu::noinline]] void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept {
    std::free(memory);
}

#endif  // MILLRACE_BENCHMARKS_THROUGHPUT_COUNTED_MEMORY_HPP
