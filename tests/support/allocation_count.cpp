#include "support/allocation_count.hpp"
#include "support/rounds.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

// Under a sanitizer (MILLRACE_TESTS_SANITIZED) its own allocator stays in place: then nothing is counted.

namespace {

std::atomic<std::size_t> allocations{0};
thread_local bool failsNext = false;

#ifndef MILLRACE_TESTS_SANITIZED
void* allocate(std::size_t bytes, std::size_t alignment) {
    allocations.fetch_add(1, std::memory_order_relaxed);
    if (failsNext) {
        failsNext = false;
        throw std::bad_alloc();
    }
    void* const memory =
        alignment <= __STDCPP_DEFAULT_NEW_ALIGNMENT__
            ? std::malloc(bytes == 0 ? 1 : bytes)
            : std::aligned_alloc(alignment, bytes == 0 ? alignment : (bytes + alignment - 1) / alignment * alignment);
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
}
#endif

}  // namespace

namespace millrace::testsupport {

std::size_t allocationCount() noexcept {
    return allocations.load(std::memory_order_relaxed);
}

bool failNextAllocation() noexcept {
#ifndef MILLRACE_TESTS_SANITIZED
    failsNext = true;
#endif
    return failsNext;
}

}  // namespace millrace::testsupport

#ifndef MILLRACE_TESTS_SANITIZED
void* operator new(std::size_t bytes) {
    return allocate(bytes, 1);
}
void* operator new[](std::size_t bytes) {
    return allocate(bytes, 1);
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
    return allocate(bytes, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t bytes, std::align_val_t alignment) {
    return allocate(bytes, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete[](void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
    std::free(memory);
}
void operator delete[](void* memory, std::align_val_t) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
    std::free(memory);
}
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept {
    std::free(memory);
}
#endif
