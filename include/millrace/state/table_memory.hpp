#ifndef MILLRACE_STATE_TABLE_MEMORY_HPP
#define MILLRACE_STATE_TABLE_MEMORY_HPP

#include <cstddef>
#include <cstring>
#include <new>
#include <utility>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace millrace::detail {

/// Zeroed memory of a state table. From 4 MiB on it asks for 2 MiB pages: with 4 KiB pages every access to a large table
/// misses the TLB first.
class TableMemory {
    static constexpr std::size_t kHugePage = std::size_t{2} << 20;
    static constexpr std::size_t kLarge = 2 * kHugePage;
    static constexpr std::align_val_t kAlign{64};

public:
    TableMemory() = default;
    /// *Failure:* std::bad_alloc.
    explicit TableMemory(std::size_t bytes) : bytes_(bytes) {
#if defined(__linux__)
        if (bytes >= kLarge) {
            bytes_ = (bytes + kHugePage - 1) / kHugePage * kHugePage;
            const std::size_t mapped = bytes_ + kHugePage;
            void* const memory = ::mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            if (memory == MAP_FAILED) throw std::bad_alloc();
            auto* const begin = static_cast<std::byte*>(memory);
            const std::size_t skip = (kHugePage - reinterpret_cast<std::size_t>(begin) % kHugePage) % kHugePage;
            if (skip > 0) ::munmap(begin, skip);
            if (skip < kHugePage) ::munmap(begin + skip + bytes_, kHugePage - skip);
            data_ = begin + skip;
            ::madvise(data_, bytes_, MADV_HUGEPAGE);  // a wish: works without
            return;
        }
#endif
        data_ = ::operator new(bytes_, kAlign);
        std::memset(data_, 0, bytes_);
    }
    TableMemory(TableMemory&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
    TableMemory& operator=(TableMemory&& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(bytes_, other.bytes_);
        return *this;
    }
    ~TableMemory() {
        if (data_ == nullptr) return;
#if defined(__linux__)
        if (bytes_ >= kLarge) {
            ::munmap(data_, bytes_);
            return;
        }
#endif
        ::operator delete(data_, kAlign);
    }

    /// What is in it is not needed any more. The system may have it while it is not written to again.
    void offer() noexcept {
#if defined(__linux__)
        if (bytes_ >= kLarge) ::madvise(data_, bytes_, MADV_FREE);
#endif
    }

    void* data() const noexcept { return data_; }
    std::size_t bytes() const noexcept { return bytes_; }

private:
    void* data_ = nullptr;
    std::size_t bytes_ = 0;
};

}  // namespace millrace::detail

#endif  // MILLRACE_STATE_TABLE_MEMORY_HPP
