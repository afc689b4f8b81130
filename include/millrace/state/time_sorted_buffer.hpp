#ifndef MILLRACE_STATE_TIME_SORTED_BUFFER_HPP
#define MILLRACE_STATE_TIME_SORTED_BUFFER_HPP

#include <millrace/core/algorithm.hpp>
#include <millrace/state/state_memory.hpp>
#include <millrace/time/timestamp.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace millrace::detail {

/// Values sorted by time; those of equal time stay in the order in which they came. The first `kInline` live in the object
/// itself, so that a key with few of them costs neither an allocation nor another cache miss.
///
/// Values come roughly in order and leave at the front. Those in the object move up when others leave. Those on the heap
/// lie one behind the other, with free room in front of them that is taken back when the room behind them is used up.
/// *Failure:* if copying a value or allocating throws, the buffer is as it was.
template <class T, std::size_t kInline>
class TimeSortedBuffer {
public:
    struct Entry {
        Timestamp time;
        T value;
    };

    /// `account`, unless null, counts what is on the heap.
    explicit TimeSortedBuffer(StateMemory* account = nullptr) noexcept : account_(account) {}
    // through the other constructor, so that the destructor takes care of what is here when a move throws
    TimeSortedBuffer(TimeSortedBuffer&& other) noexcept(kMoves) : TimeSortedBuffer(other.account_) { takeOver(other); }
    TimeSortedBuffer(const TimeSortedBuffer&) = delete;
    TimeSortedBuffer& operator=(const TimeSortedBuffer&) = delete;
    TimeSortedBuffer& operator=(TimeSortedBuffer&&) = delete;
    ~TimeSortedBuffer() {
        std::destroy(begin(), end());
        freeBlock(heap_);
    }

    [[gnu::always_inline]] Entry* begin() noexcept {
        if constexpr (kMoves) {
            return onHeap() ? heap_->entries() + begin_ : inlined();
        } else {
            return entries() + begin_;
        }
    }
    [[gnu::always_inline]] Entry* end() noexcept { return entries() + end_; }
    const Entry* begin() const noexcept { return const_cast<TimeSortedBuffer*>(this)->begin(); }
    const Entry* end() const noexcept { return const_cast<TimeSortedBuffer*>(this)->end(); }
    bool empty() const noexcept { return begin_ == end_; }
    std::size_t size() const noexcept { return end_ - begin_; }

    /// Puts a value behind all those that are not later.
    template <class U>
    [[gnu::always_inline]] void add(Timestamp time, U&& value) {
        if (end_ != capacity()) [[likely]] {
            Entry* const at = end();
            if (begin_ == end_ || at[-1].time <= time) [[likely]] {
                ::new (static_cast<void*>(at)) Entry{time, std::forward<U>(value)};
                ++end_;
                return;
            }
        }
        addSlowly(time, std::forward<U>(value));
    }

    /// Removes what is not later than `last`.
    [[gnu::always_inline]] void dropUntil(Timestamp last) noexcept {
        if (!kMoves || onHeap()) [[unlikely]]
            return dropFromFront(last);
        Entry* const first = inlined();
        std::uint32_t gone = 0;
        while (gone < end_ && first[gone].time <= last) ++gone;
        if (gone == 0) return;
        std::destroy(first, first + gone);
        for (std::uint32_t i = gone; i < end_; ++i) relocateOne(first + i, first + (i - gone));
        end_ -= gone;
    }

    /// The first entry that `dropUntil(last)` would leave.
    const Entry* firstAfter(Timestamp last) const noexcept {
        const Entry* at = begin();
        while (at != end() && at->time <= last) ++at;
        return at;
    }
    /// The first entry that is not before `time`.
    [[gnu::always_inline]] Entry* firstNotBefore(Timestamp time) noexcept {
        Entry* at = begin();
        Entry* const to = end();
        if (to - at > 16) {
            return std::lower_bound(at, to, time, [](const Entry& entry, Timestamp t) { return entry.time < t; });
        }
        while (at != to && at->time < time) ++at;
        return at;
    }

private:
    static constexpr bool kPlain = std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>;
    static constexpr bool kMoves = std::is_nothrow_move_constructible_v<T>;

    /// Heap memory: its capacity, then the entries.
    struct alignas(alignof(Entry) > alignof(std::size_t) ? alignof(Entry) : alignof(std::size_t)) Block {
        std::size_t capacity;
        Entry* entries() noexcept { return reinterpret_cast<Entry*>(this + 1); }
    };
    static constexpr bool kOveraligned = alignof(Block) > __STDCPP_DEFAULT_NEW_ALIGNMENT__;

    static std::size_t bytesOf(std::size_t capacity) noexcept { return sizeof(Block) + capacity * sizeof(Entry); }
    Block* newBlock(std::size_t capacity) {
        const std::size_t bytes = bytesOf(capacity);
        if (account_ != nullptr) account_->takeOwned(bytes);
        try {
            void* memory = nullptr;
            if constexpr (kOveraligned) {
                memory = ::operator new(bytes, std::align_val_t{alignof(Block)});
            } else {
                memory = ::operator new(bytes);
            }
            return ::new (memory) Block{capacity};
        } catch (...) {
            if (account_ != nullptr) account_->giveOwned(bytes);
            throw;
        }
    }
    void freeBlock(Block* block) noexcept {
        if (account_ != nullptr && block != nullptr) account_->giveOwned(bytesOf(block->capacity));
        if constexpr (kOveraligned) {
            ::operator delete(static_cast<void*>(block), std::align_val_t{alignof(Block)});
        } else {
            ::operator delete(static_cast<void*>(block));
        }
    }

    /// On the heap, `end_` is always beyond what the object has room for.
    bool onHeap() const noexcept { return end_ > kInline; }
    Entry* inlined() noexcept { return reinterpret_cast<Entry*>(inline_); }
    Entry* entries() noexcept { return onHeap() ? heap_->entries() : inlined(); }
    std::size_t capacity() const noexcept { return onHeap() ? heap_->capacity : kInline; }
    /// What comes next starts in the object again; the heap memory is kept for the next time that it is needed.
    void clear() noexcept {
        begin_ = 0;
        end_ = 0;
    }

    [[gnu::noinline]] void dropFromFront(Timestamp last) noexcept {
        Entry* at = begin();
        Entry* const to = end();
        while (at != to && at->time <= last) std::destroy_at(at++);
        const auto left = static_cast<std::size_t>(to - at);
        if (left == 0 || (kMoves && left <= kInline)) {  // else the heap would be another cache miss each time
            relocate(at, to, inlined());
            begin_ = 0;
            end_ = static_cast<std::uint32_t>(left);
        } else {
            begin_ = static_cast<std::uint32_t>(at - entries());
        }
    }

    static void relocate(Entry* from, Entry* end, Entry* to) noexcept(kMoves) {
        if constexpr (kPlain) {
            std::memmove(static_cast<void*>(to), from, static_cast<std::size_t>(end - from) * sizeof(Entry));
        } else if (to < from) {
            for (; from != end; ++from, ++to) relocateOne(from, to);
        } else {
            for (to += end - from; from != end;) relocateOne(--end, --to);
        }
    }
    [[gnu::always_inline]] static void relocateOne(Entry* from, Entry* to) noexcept(kMoves) {
        ::new (static_cast<void*>(to)) Entry{from->time, std::move(from->value)};
        std::destroy_at(from);
    }

    void takeOver(TimeSortedBuffer& other) noexcept(kMoves) {
        heap_ = std::exchange(other.heap_, nullptr);
        if (other.onHeap()) {
            begin_ = other.begin_;
            end_ = other.end_;
            other.clear();
            return;
        }
        for (Entry& entry : other) {  // counted one by one: a value whose move throws leaves both buffers whole
            ::new (static_cast<void*>(inlined() + end_)) Entry{entry.time, std::move(entry.value)};
            ++end_;
        }
        std::destroy(other.begin(), other.end());
        other.clear();
    }

    template <class U>
    [[gnu::noinline]] void addSlowly(Timestamp time, U&& value) {
        if constexpr (kMoves) {
            const bool hasRoom = end_ < capacity();
            // what is free in front is taken back when that moves at most one value per value added
            if (hasRoom || (onHeap() && begin_ >= capacity() / 2)) {
                Entry added{time, std::forward<U>(value)};
                if (!hasRoom) moveToFront();
                Entry* const at = placeOf(time);
                relocate(at, end(), at + 1);
                ::new (static_cast<void*>(at)) Entry{time, std::move(added.value)};
                ++end_;
                return;
            }
        }
        rebuild(static_cast<std::size_t>(placeOf(time) - begin()), time, std::forward<U>(value));
    }
    /// Behind the last entry that is not later.
    Entry* placeOf(Timestamp time) noexcept {
        Entry* const first = begin();
        Entry* at = end();
        while (at != first && at[-1].time > time) --at;
        return at;
    }
    /// Makes room behind the entries on the heap. They are more than the object has room for: fewer are not left there.
    void moveToFront() noexcept {
        relocate(begin(), end(), heap_->entries());
        end_ -= begin_;
        begin_ = 0;
    }
    /// Makes new room on the heap with the value in its place; twice as much if this one is full.
    template <class U>
    void rebuild(std::size_t before, Timestamp time, U&& value) {
        const std::size_t count = size();
        const bool spare = !onHeap() && heap_ != nullptr && heap_->capacity > std::max(count, kInline);
        Block* const block = spare ? heap_ : newBlock(std::max<std::size_t>({8, count * 2, kInline + 1}));
        // `end_` is to be beyond what the object has room for
        const auto front = static_cast<std::uint32_t>(count < kInline ? kInline - count : 0);
        Entry* const to = block->entries() + front;
        std::size_t made = 0;
        bool isMade = false;
        try {
            ::new (static_cast<void*>(to + before)) Entry{time, std::forward<U>(value)};
            isMade = true;
            for (; made < count; ++made) {
                Entry& from = begin()[made];
                ::new (static_cast<void*>(to + made + (made >= before ? 1 : 0)))
                    Entry{from.time, std::move_if_noexcept(from.value)};
            }
        } catch (...) {
            for (std::size_t i = 0; i < made; ++i) std::destroy_at(to + i + (i >= before ? 1 : 0));
            if (isMade) std::destroy_at(to + before);
            if (!spare) freeBlock(block);
            throw;
        }
        std::destroy(begin(), end());
        if (!spare) freeBlock(heap_);
        heap_ = block;
        begin_ = front;
        end_ = static_cast<std::uint32_t>(front + count + 1);
    }

    StateMemory* account_;
    Block* heap_ = nullptr;
    std::uint32_t begin_ = 0;
    std::uint32_t end_ = 0;
    alignas(Entry) std::byte inline_[kInline > 0 ? kInline * sizeof(Entry) : 1];
};

}  // namespace millrace::detail

#endif  // MILLRACE_STATE_TIME_SORTED_BUFFER_HPP
