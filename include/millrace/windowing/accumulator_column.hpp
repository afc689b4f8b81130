#ifndef MILLRACE_WINDOWING_ACCUMULATOR_COLUMN_HPP
#define MILLRACE_WINDOWING_ACCUMULATOR_COLUMN_HPP

#include <millrace/core/algorithm.hpp>
#include <millrace/state/table_memory.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

namespace millrace::detail {

/// One accumulator per dense id, where there is one.
template <class Accumulator>
class AccumulatorColumn {
public:
    AccumulatorColumn() = default;
    AccumulatorColumn(AccumulatorColumn&& other) noexcept
        : memory_(std::move(other.memory_)), account_(other.account_), cells_(std::exchange(other.cells_, nullptr)),
          present_(std::move(other.present_)) {
        other.present_.clear();
    }
    AccumulatorColumn& operator=(AccumulatorColumn&& other) noexcept {
        std::swap(memory_, other.memory_);
        std::swap(account_, other.account_);
        std::swap(cells_, other.cells_);
        std::swap(present_, other.present_);
        return *this;
    }
    ~AccumulatorColumn() { clear(); }

    /// Before the first accumulator: memory is counted there, unless it is null.
    void chargeTo(StateMemory* account) noexcept { account_ = account; }

    /// Makes room for the ids below `count`.
    void ensure(std::size_t count) {
        if (count > present_.size()) [[unlikely]]
            grow(count);
    }
    std::size_t size() const noexcept { return present_.size(); }
    bool has(std::size_t id) const noexcept { return id < present_.size() && present_[id] != 0; }
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
    /// Ends all accumulators and keeps the memory.
    void clear() noexcept {
        if constexpr (!std::is_trivially_destructible_v<Accumulator>) {
            for (std::size_t id = 0; id < present_.size(); ++id) {
                if (present_[id] != 0) std::destroy_at(cells_ + id);
            }
        }
        std::fill(present_.begin(), present_.end(), std::uint8_t{0});
    }

    /// The column under new ids; `newIds[old]` is the new id, or kGone.
    static constexpr std::uint32_t kGone = 0xffffffffu;
    void remap(const std::vector<std::uint32_t>& newIds, std::size_t count) {
        AccumulatorColumn renamed;
        renamed.account_ = account_;
        renamed.ensure(count);
        for (std::size_t id = 0; id < std::min(present_.size(), newIds.size()); ++id) {
            if (present_[id] == 0 || newIds[id] == kGone) continue;
            renamed.start(newIds[id], [&] { return std::move(cells_[id]); });
        }
        *this = std::move(renamed);
    }
    std::size_t memoryBytes() const noexcept { return present_.size() * (sizeof(Accumulator) + 1); }

private:
    [[gnu::noinline]] void grow(std::size_t count) {
        const std::size_t capacity = std::max({std::size_t{64}, 2 * present_.size(), count});
        AccumulatorColumn larger;
        larger.account_ = account_;
        constexpr std::size_t kAlign = alignof(Accumulator);
        larger.memory_ = TableMemory(capacity * sizeof(Accumulator) + (kAlign > 64 ? kAlign : 0), account_);
        auto* const begin = static_cast<std::byte*>(larger.memory_.data());
        const std::size_t skip = (kAlign - reinterpret_cast<std::size_t>(begin) % kAlign) % kAlign;
        larger.cells_ = reinterpret_cast<Accumulator*>(begin + skip);
        larger.present_.resize(capacity);
        for (std::size_t id = 0; id < present_.size(); ++id) {
            if (present_[id] != 0) larger.start(id, [&] { return std::move_if_noexcept(cells_[id]); });
        }
        *this = std::move(larger);
    }

    TableMemory memory_;
    StateMemory* account_ = nullptr;
    Accumulator* cells_ = nullptr;       ///< in memory_
    std::vector<std::uint8_t> present_;  ///< as many as there are cells
};

}  // namespace millrace::detail

#endif  // MILLRACE_WINDOWING_ACCUMULATOR_COLUMN_HPP
