#ifndef MILLRACE_TESTS_SUPPORT_OVERFLOW_IN_MEMORY_HPP
#define MILLRACE_TESTS_SUPPORT_OVERFLOW_IN_MEMORY_HPP

#include <millrace/state/state_memory.hpp>

#include <cstddef>
#include <cstring>
#include <limits>
#include <map>
#include <mutex>
#include <new>
#include <stdexcept>

namespace millrace::testsupport {

/// An overflow storage that is memory after all, and notices what is not given back as it was taken.
class OverflowInMemory final : public OverflowStorage {
public:
    explicit OverflowInMemory(std::size_t limit = std::numeric_limits<std::size_t>::max()) : limit_(limit) {}
    ~OverflowInMemory() override {
        for (const auto& [memory, bytes] : reserved_) ::operator delete(memory, kAlign);
    }

    void* reserve(std::size_t bytes) override {
        const std::lock_guard lock(mutex_);
        if (bytes > limit_ - bytes_) throw std::runtime_error("the overflow is full");
        void* const memory = ::operator new(bytes, kAlign);
        std::memset(memory, 0, bytes);
        reserved_[memory] = bytes;
        bytes_ += bytes;
        ++reservations_;
        return memory;
    }
    void release(void* memory, std::size_t bytes) noexcept override {
        const std::lock_guard lock(mutex_);
        const auto found = reserved_.find(memory);
        if (found == reserved_.end() || found->second != bytes) std::terminate();
        reserved_.erase(found);
        bytes_ -= bytes;
        ::operator delete(memory, kAlign);
    }
    std::size_t bytes() const {
        const std::lock_guard lock(mutex_);
        return bytes_;
    }
    std::size_t reservations() const {
        const std::lock_guard lock(mutex_);
        return reservations_;
    }

private:
    static constexpr std::align_val_t kAlign{64};
    mutable std::mutex mutex_;
    std::map<void*, std::size_t> reserved_;
    const std::size_t limit_;
    std::size_t bytes_ = 0;
    std::size_t reservations_ = 0;
};

}  // namespace millrace::testsupport

#endif  // MILLRACE_TESTS_SUPPORT_OVERFLOW_IN_MEMORY_HPP
