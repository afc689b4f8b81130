#ifndef MILLRACE_STATE_STATE_MEMORY_HPP
#define MILLRACE_STATE_STATE_MEMORY_HPP

#include <millrace/core/config.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>

namespace millrace {

/// Where tables of state lie that find no room in memory: in a mapped file, say. @evolving
/// *Thread safety:* any thread.
class OverflowStorage {
public:
    virtual ~OverflowStorage() = default;
    /// So many zeros, aligned to 64 bytes, which are read and written like memory until they are released.
    /// *Failure:* any exception; the job fails with it.
    virtual void* reserve(std::size_t bytes) = 0;
    virtual void release(void* memory, std::size_t bytes) noexcept = 0;
};

namespace detail {

/// The bytes that the states of one job may reserve together. *Thread safety:* any thread.
class StateMemoryBudget {
public:
    static constexpr std::size_t kUnlimited = std::numeric_limits<std::size_t>::max();

    explicit StateMemoryBudget(std::size_t limit = kUnlimited, std::shared_ptr<OverflowStorage> overflow = nullptr)
        : limit_(limit), overflow_(std::move(overflow)) {}

    /// False if they are not to be had.
    bool take(std::size_t bytes) noexcept {
        std::size_t used = used_.load(std::memory_order_relaxed);
        do {
            if (bytes > limit_ || used > limit_ - bytes) return false;
        } while (!used_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed));
        return true;
    }
    void give(std::size_t bytes) noexcept { used_.fetch_sub(bytes, std::memory_order_relaxed); }
    /// The same for what cannot lie in the overflow. Where there is one, tables give way: these bytes are then to be had as
    /// long as they are within the limit by themselves, and the tables that come next lie in the overflow.
    bool takeOwned(std::size_t bytes) noexcept {
        const std::size_t before = owned_.fetch_add(bytes, std::memory_order_relaxed);
        if (take(bytes)) return true;
        if (overflow_ != nullptr && bytes <= limit_ && before <= limit_ - bytes) {
            used_.fetch_add(bytes, std::memory_order_relaxed);
            return true;
        }
        owned_.fetch_sub(bytes, std::memory_order_relaxed);
        return false;
    }
    /// Whether they are within the limit or not.
    void addOwned(std::size_t bytes) noexcept {
        owned_.fetch_add(bytes, std::memory_order_relaxed);
        used_.fetch_add(bytes, std::memory_order_relaxed);
    }
    void giveOwned(std::size_t bytes) noexcept {
        owned_.fetch_sub(bytes, std::memory_order_relaxed);
        give(bytes);
    }
    std::size_t used() const noexcept { return used_.load(std::memory_order_relaxed); }
    std::size_t limit() const noexcept { return limit_; }
    /// Null: there is none.
    OverflowStorage* overflow() const noexcept { return overflow_.get(); }

private:
    const std::size_t limit_;
    const std::shared_ptr<OverflowStorage> overflow_;
    std::atomic<std::size_t> used_{0};   ///< in memory
    std::atomic<std::size_t> owned_{0};  ///< of these, what is not a table
};

/// Bytes and entries of all states of a stage: written by its thread, read by anyone.
struct StateSize {
    std::atomic<std::uint64_t> bytes{0};
    std::atomic<std::uint64_t> entries{0};
};

/// The account of one state of one subtask: whatever has memory for it takes it from here. Nothing is counted before `bind`.
/// *Thread safety:* none.
class StateMemory {
public:
    struct Owner {
        std::string name;
        std::string uid;
        std::string state;
        int subtask = 0;
        int parallelism = 1;
    };

    StateMemory() = default;
    StateMemory(const StateMemory&) = delete;
    StateMemory& operator=(const StateMemory&) = delete;

    /// Before the first byte. `budget` may be null; what is given has to live as long as what takes memory.
    void bind(StateMemoryBudget* budget, StateSize& total, Owner owner) {
        budget_ = budget;
        total_ = &total;
        owner_ = std::move(owner);
    }
    /// Counts bytes that are about to be reserved, and says where: in memory if the result is null.
    /// *Failure:* StateMemoryException naming operator and state when the job has no more of them.
    OverflowStorage* take(std::size_t bytes) {
        OverflowStorage* overflow = nullptr;
        if (budget_ != nullptr && !budget_->take(bytes)) {
            overflow = budget_->overflow();
            if (overflow == nullptr) failBeyondLimit(bytes, true);
        }
        add(bytes_, total_ != nullptr ? &total_->bytes : nullptr, bytes);
        return overflow;
    }
    void give(std::size_t bytes, const OverflowStorage* from) noexcept {
        if (budget_ != nullptr && from == nullptr) budget_->give(bytes);
        add(bytes_, total_ != nullptr ? &total_->bytes : nullptr, std::uint64_t{0} - bytes);
    }
    /// Counts bytes of what entries own: lists, maps, buffers. They are always in memory.
    /// *Failure:* as `take`.
    void takeOwned(std::size_t bytes) {
        if (budget_ != nullptr && !budget_->takeOwned(bytes)) failBeyondLimit(bytes, false);
        add(bytes_, total_ != nullptr ? &total_->bytes : nullptr, bytes);
    }
    /// The same for bytes that are reserved already: they count, also if this fails.
    void addOwned(std::size_t bytes) {
        add(bytes_, total_ != nullptr ? &total_->bytes : nullptr, bytes);
        if (budget_ == nullptr || budget_->takeOwned(bytes)) return;
        budget_->addOwned(bytes);
        failBeyondLimit(bytes, false);
    }
    void giveOwned(std::size_t bytes) noexcept {
        if (budget_ != nullptr) budget_->giveOwned(bytes);
        add(bytes_, total_ != nullptr ? &total_->bytes : nullptr, std::uint64_t{0} - bytes);
    }
    void countEntries(std::uint64_t now, std::uint64_t before) noexcept {
        add(entries_, total_ != nullptr ? &total_->entries : nullptr, now - before);
    }
    std::uint64_t bytes() const noexcept { return bytes_; }
    std::uint64_t entries() const noexcept { return entries_; }

private:
    static void add(std::uint64_t& own, std::atomic<std::uint64_t>* total, std::uint64_t more) noexcept {
        own += more;
        if (total != nullptr) total->store(total->load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
    }
    [[noreturn]] void failBeyondLimit(std::size_t bytes, bool isTable) const;

    StateMemoryBudget* budget_ = nullptr;
    StateSize* total_ = nullptr;
    std::uint64_t bytes_ = 0;
    std::uint64_t entries_ = 0;
    Owner owner_;
};

}  // namespace detail
}  // namespace millrace

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/state/state_memory.ipp>
#endif

#endif  // MILLRACE_STATE_STATE_MEMORY_HPP
