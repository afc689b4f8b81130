#ifndef MILLRACE_STATE_CHUNK_POOL_HPP
#define MILLRACE_STATE_CHUNK_POOL_HPP

#include <millrace/core/algorithm.hpp>
#include <millrace/core/list.hpp>
#include <millrace/state/table_memory.hpp>

#include <cstddef>
#include <utility>

namespace millrace::detail {

/// Memory in chunks of one size, which go round: taken from slabs that double, given back one by one, returned to the
/// system all together. *Thread safety:* none.
class ChunkPool {
public:
    static constexpr std::size_t kChunkBytes = 1024;

    ChunkPool() = default;
    ChunkPool(const ChunkPool&) = delete;
    ChunkPool& operator=(const ChunkPool&) = delete;

    /// Before the first chunk: memory is counted there.
    void chargeTo(StateMemory& account) noexcept { account_ = &account; }
    /// *Failure:* as TableMemory.
    void* take() {
        if (Free* const taken = free_; taken != nullptr) {
            free_ = taken->next;
            return taken;
        }
        if (at_ == end_) [[unlikely]]
            addSlab();
        return std::exchange(at_, at_ + kChunkBytes);
    }
    void give(void* chunk) noexcept {
        auto* const free = static_cast<Free*>(chunk);
        free->next = free_;
        free_ = free;
    }
    /// When every chunk has been given back: keeps a little.
    void shrink() noexcept {
        if (bytes_ <= kKept) return;
        slabs_.clear();
        free_ = nullptr;
        at_ = end_ = nullptr;
        bytes_ = 0;
    }
    std::size_t memoryBytes() const noexcept { return bytes_; }

private:
    struct Free {
        Free* next;
    };
    static constexpr std::size_t kLeast = std::size_t{16} << 10;
    static constexpr std::size_t kMost = std::size_t{4} << 20;
    static constexpr std::size_t kKept = std::size_t{1} << 20;

    [[gnu::noinline]] void addSlab() {
        TableMemory slab(std::clamp(bytes_, kLeast, kMost), account_);
        slabs_.push_back(std::move(slab));
        at_ = static_cast<std::byte*>(slabs_.back().data());
        end_ = at_ + slabs_.back().bytes();
        bytes_ += slabs_.back().bytes();
    }

    Free* free_ = nullptr;
    std::byte* at_ = nullptr;
    std::byte* end_ = nullptr;
    std::size_t bytes_ = 0;
    StateMemory* account_ = nullptr;
    List<TableMemory> slabs_;
};

}  // namespace millrace::detail

#endif  // MILLRACE_STATE_CHUNK_POOL_HPP
