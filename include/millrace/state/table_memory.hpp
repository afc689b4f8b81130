#ifndef MILLRACE_STATE_TABLE_MEMORY_HPP
#define MILLRACE_STATE_TABLE_MEMORY_HPP

#include <millrace/state/state_memory.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>

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
    /// `account`, unless null, counts it as long as it is there.
    /// *Failure:* std::bad_alloc; StateMemoryException; whatever an OverflowStorage throws.
    explicit TableMemory(std::size_t bytes, StateMemory* account = nullptr)
        : bytes_(bytes >= kLarge ? (bytes + kHugePage - 1) / kHugePage * kHugePage : bytes), account_(account) {
        if (account_ != nullptr) overflow_ = account_->take(bytes_);
        try {
            data_ = overflow_ != nullptr ? overflow_->reserve(bytes_) : allocate(bytes_);
        } catch (...) {
            if (account_ != nullptr) account_->give(bytes_, overflow_);
            throw;
        }
    }
    TableMemory(TableMemory&& other) noexcept { take(other); }
    TableMemory& operator=(TableMemory&& other) noexcept {
        if (&other == this) return *this;
        release();
        take(other);
        return *this;
    }
    ~TableMemory() { release(); }

    /// What is in it is not needed any more. The system may have it while it is not written to again: the whole pages.
    void offer() noexcept {
#if defined(__linux__)
        constexpr std::uintptr_t kPage = 64 * 1024;  // the largest there is
        const auto begin = (reinterpret_cast<std::uintptr_t>(data_) + kPage - 1) / kPage * kPage;
        const auto end = (reinterpret_cast<std::uintptr_t>(data_) + bytes_) / kPage * kPage;
        if (begin < end && overflow_ == nullptr) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_FREE);
#endif
    }

    /// Is counted nowhere from here on. Not for what is in an OverflowStorage.
    void uncharge() noexcept {
        if (account_ != nullptr) account_->give(bytes_, nullptr);
        account_ = nullptr;
    }
    bool isOverflow() const noexcept { return overflow_ != nullptr; }

    void* data() const noexcept { return data_; }
    std::size_t bytes() const noexcept { return bytes_; }

private:
    [[gnu::noinline]] void release() noexcept {
        if (data_ == nullptr) return;
        if (overflow_ != nullptr) {
            overflow_->release(data_, bytes_);
        } else {
            deallocate(data_, bytes_);
        }
        if (account_ != nullptr) account_->give(bytes_, overflow_);
    }
    void take(TableMemory& other) noexcept {
        data_ = other.data_;
        bytes_ = other.bytes_;
        account_ = other.account_;
        overflow_ = other.overflow_;
        other.data_ = nullptr;
        other.bytes_ = 0;
    }
    static void* allocate(std::size_t bytes) {
#if defined(__linux__)
        if (bytes >= kLarge) {
            const std::size_t mapped = bytes + kHugePage;
            void* const memory = ::mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            if (memory == MAP_FAILED) throw std::bad_alloc();
            auto* const begin = static_cast<std::byte*>(memory);
            const std::size_t skip = (kHugePage - reinterpret_cast<std::size_t>(begin) % kHugePage) % kHugePage;
            if (skip > 0) ::munmap(begin, skip);
            if (skip < kHugePage) ::munmap(begin + skip + bytes, kHugePage - skip);
            ::madvise(begin + skip, bytes, MADV_HUGEPAGE);  // a wish: works without
            return begin + skip;
        }
#endif
        void* const memory = ::operator new(bytes, kAlign);
        std::memset(memory, 0, bytes);
        return memory;
    }
    static void deallocate(void* data, std::size_t bytes) noexcept {
#if defined(__linux__)
        if (bytes >= kLarge) {
            ::munmap(data, bytes);
            return;
        }
#endif
        ::operator delete(data, kAlign);
    }

    void* data_ = nullptr;
    std::size_t bytes_ = 0;
    StateMemory* account_ = nullptr;
    OverflowStorage* overflow_ = nullptr;  ///< where it is; null: in memory
};

}  // namespace millrace::detail

#endif  // MILLRACE_STATE_TABLE_MEMORY_HPP
