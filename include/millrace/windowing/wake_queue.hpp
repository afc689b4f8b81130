#ifndef MILLRACE_WINDOWING_WAKE_QUEUE_HPP
#define MILLRACE_WINDOWING_WAKE_QUEUE_HPP

#include <millrace/core/config.hpp>
#include <millrace/core/list.hpp>
#include <millrace/core/owner.hpp>
#include <millrace/time/timestamp.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <utility>

namespace millrace::detail {

/// When somebody wants to be looked at. `who` is the hash of a key while it waits, and its entry while it is due.
struct Wake {
    Timestamp time;
    std::uint64_t who;
};

/// Wakes one after the other. What it grows by is not set to anything.
class WakeList {
public:
    WakeList() = default;
    WakeList(const WakeList&) = delete;
    WakeList& operator=(const WakeList&) = delete;
    ~WakeList() { ::operator delete(wakes_); }

    Wake* data() noexcept { return wakes_; }
    Wake& operator[](std::size_t at) noexcept { return wakes_[at]; }
    std::size_t size() const noexcept { return size_; }
    std::size_t capacity() const noexcept { return capacity_; }
    bool empty() const noexcept { return size_ == 0; }
    void clear() noexcept { size_ = 0; }
    void resize(std::size_t size) {
        if (size > capacity_) [[unlikely]]
            grow(size);
        size_ = size;
    }
    /// The first `count` of so many wakes: copying all of them takes less time than to see how many.
    template <std::uint32_t kRoom>
    void append(const Wake (&wakes)[kRoom], std::uint32_t count) {
        const std::size_t at = size_;
        resize(at + kRoom);
        std::memcpy(static_cast<void*>(wakes_ + at), wakes, sizeof wakes);
        size_ = at + count;
    }
    void swap(WakeList& other) noexcept {
        std::swap(wakes_, other.wakes_);
        std::swap(size_, other.size_);
        std::swap(capacity_, other.capacity_);
    }

private:
    void grow(std::size_t size);

    Wake* wakes_ = nullptr;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
};

/// A queue of wakes by time: a hierarchical timing wheel of 1024 slots per level, those of the lowest one tick long. A wake
/// costs a few sequential writes and reads, however many wait. Nothing is ever looked up or taken back: who asks checks
/// whether a wake still means anything. Not part of snapshots: it is made anew from the state that it points to.
class WakeQueue {
public:
    WakeQueue() = default;
    WakeQueue(const WakeQueue&) = delete;
    WakeQueue& operator=(const WakeQueue&) = delete;

    void push(Timestamp time, std::uint64_t who) {
        if (size_ == 0 || time < next_) next_ = time;
        ++size_;
        put({time, who});
    }
    bool empty() const noexcept { return size_ == 0; }
    std::size_t size() const noexcept { return size_; }
    /// Nothing is due before it; may be early. kMaxTimestamp when empty.
    Timestamp nextTime() const noexcept { return size_ == 0 ? kMaxTimestamp : next_; }
    bool isDue(Timestamp now) const noexcept { return size_ > 0 && next_ <= now; }

    /// Moves the earliest wakes with time <= now to the end of `due`, in no particular order, about a thousand at most. All
    /// that are left are later than the returned time (or, where a great many are due at the same tick, at it). `due`
    /// stays as it is if nothing is due. `now` must not decrease from call to call.
    Timestamp takeDue(Timestamp now, WakeList& due);
    /// Forgets everything, also what `now` has been.
    void startOver() noexcept;

private:
    static constexpr unsigned kBits = 10;
    static constexpr unsigned kSlots = 1u << kBits;
    static constexpr unsigned kLevels = (64 + kBits - 1) / kBits;
    static constexpr std::size_t kBatch = 1024;
    static constexpr std::size_t kFew = 32;

    struct Chunk {
        static constexpr std::uint32_t kWakes = 15;
        Chunk* next;
        Wake wakes[kWakes];
    };
    /// All chunks but the first are full. How full that is stands here, so that adding a wake only writes to the chunk; a
    /// slot without chunks has no room either.
    struct Slot {
        Chunk* first = nullptr;
        std::uint32_t inFirst = Chunk::kWakes;
        std::uint32_t inOthers = 0;
        std::size_t count() const noexcept { return first == nullptr ? 0 : std::size_t{inFirst} + inOthers; }
    };
    struct Level {
        Slot slots[kSlots];
        std::uint64_t occupied[kSlots / 64] = {};  ///< a bit per slot
    };

    static std::uint64_t ordered(Timestamp time) noexcept {
        return static_cast<std::uint64_t>(time.time_since_epoch().count()) ^ (std::uint64_t{1} << 63);
    }
    static Timestamp timeOf(std::uint64_t ordered) noexcept {
        return Timestamp{Duration{static_cast<std::int64_t>(ordered ^ (std::uint64_t{1} << 63))}};
    }
    static int levelOf(std::uint64_t time, std::uint64_t current) noexcept {
        const std::uint64_t differs = time ^ current;
        return static_cast<int>(static_cast<unsigned>(63 - __builtin_clzll(differs | 1)) / kBits);
    }

    void put(Wake wake) {
        std::uint64_t time = ordered(wake.time);
        if (time < current_) time = current_;  // overdue: next in line
        const int level = levelOf(time, current_);
        const auto index = static_cast<unsigned>(time >> (level * kBits)) % kSlots;
        Level* const slots = levels_[level].get();
        if (slots == nullptr || slots->slots[index].inFirst == Chunk::kWakes) [[unlikely]]
            return putIntoNewChunk(level, index, wake);
        Slot& slot = slots->slots[index];
        slot.first->wakes[slot.inFirst++] = wake;
    }
    void putIntoNewChunk(int level, unsigned index, Wake wake);
    void addChunk(Slot& slot, Chunk* chunk, std::uint32_t wakes);
    void cascade(int level, unsigned index);
    void emptied(int level, unsigned index) noexcept;
    void release(Chunk* chunk) noexcept;
    void takePart(int level, unsigned index, Timestamp now, WakeList& due);
    static void takeFirst(Slot& slot) noexcept;
    /// The earliest slot with wakes and the time at which it begins; false if there is none.
    bool earliest(int& level, unsigned& index, std::uint64_t& start) const noexcept;

    Owner<Level> levels_[kLevels];
    unsigned occupied_ = 0;      ///< a bit per level that has wakes
    std::uint64_t current_ = 0;  ///< everything before has been taken; slots are relative to it
    std::uint64_t taken_ = 0;    ///< what was due until then has been taken
    std::size_t size_ = 0;
    Timestamp next_ = kMaxTimestamp;
    Chunk* free_ = nullptr;
    List<Owner<Chunk[]>> memory_;
    std::size_t chunks_ = 0;
};

/// By time, ascending. `room` is for use on the way, and may hold anything.
void sortWakes(WakeList& wakes, WakeList& room);
/// Puts a wake where it belongs into a sorted list, from position `from` on.
void insertWake(WakeList& wakes, std::size_t from, const Wake& wake);

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/windowing/wake_queue.ipp>
#endif

#endif  // MILLRACE_WINDOWING_WAKE_QUEUE_HPP
