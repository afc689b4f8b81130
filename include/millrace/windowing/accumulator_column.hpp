#ifndef MILLRACE_WINDOWING_ACCUMULATOR_COLUMN_HPP
#define MILLRACE_WINDOWING_ACCUMULATOR_COLUMN_HPP

#include <millrace/core/algorithm.hpp>
#include <millrace/core/depending.hpp>
#include <millrace/state/table_memory.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

namespace millrace::detail {

/// One accumulator per dense id, where there is one. Plain accumulators can be shared as they are with who writes them into a
/// snapshot: the column copies them before it changes one.
/// *Thread safety:* none; `Shared` may be read and released on any thread, also after the column has gone.
template <class Accumulator>
class AccumulatorColumn {
    struct Storage {
        Storage(std::size_t count, StateMemory* account)
            : memory(count * sizeof(Accumulator) + (kAlign > 64 ? kAlign : 0), account), present(count) {
            auto* const begin = static_cast<std::byte*>(memory.data());
            const std::size_t skip = (kAlign - reinterpret_cast<std::size_t>(begin) % kAlign) % kAlign;
            cells = reinterpret_cast<Accumulator*>(begin + skip);
        }
        void release() noexcept {
            if (users.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
        }

        static constexpr std::size_t kAlign = alignof(Accumulator);
        TableMemory memory;
        Accumulator* cells;
        std::vector<typename Depending<std::uint8_t, Accumulator>::Type> present;  // as many as there are cells
        std::atomic<int> users{1};
    };

public:
    static constexpr bool kCanShare = std::is_trivially_copyable_v<Accumulator>;

    /// The accumulators as they were.
    class Shared {
    public:
        explicit Shared(Storage* storage) noexcept : storage_(storage) {}
        Shared(Shared&& other) noexcept : storage_(std::exchange(other.storage_, nullptr)) {}
        Shared& operator=(Shared&&) = delete;
        ~Shared() {
            if (storage_ != nullptr) storage_->release();
        }
        /// Calls `fn(id, const Accumulator&)` for each.
        template <class Fn>
        void forEach(Fn&& fn) const {
            for (std::size_t id = 0; storage_ != nullptr && id < storage_->present.size(); ++id) {
                if (storage_->present[id] != 0) fn(id, std::as_const(storage_->cells[id]));
            }
        }

    private:
        Storage* storage_;
    };

    AccumulatorColumn() = default;
    AccumulatorColumn(AccumulatorColumn&& other) noexcept { *this = std::move(other); }
    AccumulatorColumn& operator=(AccumulatorColumn&& other) noexcept {
        std::swap(account_, other.account_);
        std::swap(storage_, other.storage_);
        std::swap(cells_, other.cells_);
        std::swap(present_, other.present_);
        std::swap(size_, other.size_);
        std::swap(isShared_, other.isShared_);
        return *this;
    }
    ~AccumulatorColumn() {
        clear();
        drop();
    }

    /// Before the first accumulator: memory is counted there, unless it is null.
    void chargeTo(StateMemory* account) noexcept { account_ = account; }

    /// Makes room for the ids below `count`.
    void ensure(std::size_t count) {
        if (count > size_) [[unlikely]]
            grow(count);
    }
    std::size_t size() const noexcept { return size_; }
    bool has(std::size_t id) const noexcept { return id < size_ && present_[id] != 0; }
    /// As `has`, for ids there is room for.
    bool hasUnchecked(std::size_t id) const noexcept { return present_[id] != 0; }
    Accumulator& operator[](std::size_t id) noexcept { return cells_[id]; }
    const Accumulator& operator[](std::size_t id) const noexcept { return cells_[id]; }

    template <class Make>
    void start(std::size_t id, Make&& make) {
        ::new (static_cast<void*>(cells_ + id)) Accumulator(make());
        present_[id] = 1;
    }
    void end(std::size_t id) noexcept {
        std::destroy_at(cells_ + id);
        present_[id] = 0;
    }
    /// Ends all accumulators and keeps the memory, if it is not shared.
    void clear() noexcept {
        if (isShared_) return drop();
        if constexpr (!std::is_trivially_destructible_v<Accumulator>) {
            for (std::size_t id = 0; id < size_; ++id) {
                if (present_[id] != 0) std::destroy_at(cells_ + id);
            }
        }
        std::fill_n(present_, size_, std::uint8_t{0});
    }

    /// Whether the memory is the program's own, and may be read without the column.
    bool canShare() const noexcept { return kCanShare && (storage_ == nullptr || !storage_->memory.isOverflow()); }
    /// Nothing may be changed from here on but what `clear`, `remap` and the assignment change, until `unshare`.
    Shared share() noexcept {
        if (storage_ == nullptr) return Shared(nullptr);
        storage_->users.fetch_add(1, std::memory_order_relaxed);
        isShared_ = true;
        return Shared(storage_);
    }
    /// Before changes. *Failure:* as for memory that grows.
    void unshare() {
        if (isShared_) [[unlikely]] {
            storage_->memory.uncharge();  // or a budget would have to have room for both
            grow(size_);
        }
    }

    /// The column under new ids; `newIds[old]` is the new id, or kGone.
    static constexpr std::uint32_t kGone = 0xffffffffu;
    void remap(const std::vector<typename Depending<std::uint32_t, Accumulator>::Type>& newIds, std::size_t count) {
        AccumulatorColumn renamed;
        renamed.account_ = account_;
        renamed.ensure(count);
        for (std::size_t id = 0; id < std::min(size_, newIds.size()); ++id) {
            if (present_[id] == 0 || newIds[id] == kGone) continue;
            renamed.start(newIds[id], [&] { return std::move(cells_[id]); });
        }
        *this = std::move(renamed);
    }
    std::size_t memoryBytes() const noexcept { return size_ * (sizeof(Accumulator) + 1); }

private:
    /// Moves to memory of its own for at least `count` cells.
    [[gnu::noinline]] void grow(std::size_t count) {
        const std::size_t capacity = count > size_ ? std::max({std::size_t{64}, 2 * size_, count}) : count;
        AccumulatorColumn larger;
        larger.account_ = account_;
        larger.storage_ = new Storage(capacity, account_);
        larger.cells_ = larger.storage_->cells;
        larger.present_ = larger.storage_->present.data();
        larger.size_ = capacity;
        for (std::size_t id = 0; id < size_; ++id) {
            if (present_[id] != 0) larger.start(id, [&] { return std::move_if_noexcept(cells_[id]); });
        }
        *this = std::move(larger);
    }
    /// Without accumulators of its own.
    void drop() noexcept {
        if (storage_ == nullptr) return;
        if (isShared_) storage_->memory.uncharge();  // the account may be gone before who reads it
        storage_->release();
        storage_ = nullptr;
        cells_ = nullptr;
        present_ = nullptr;
        size_ = 0;
        isShared_ = false;
    }

    StateMemory* account_ = nullptr;
    Storage* storage_ = nullptr;
    Accumulator* cells_ = nullptr;     ///< in storage_
    std::uint8_t* present_ = nullptr;  ///< in storage_
    std::size_t size_ = 0;
    bool isShared_ = false;
};

}  // namespace millrace::detail

#endif  // MILLRACE_WINDOWING_ACCUMULATOR_COLUMN_HPP
