#ifndef MILLRACE_RECORD_COLLECTOR_HPP
#define MILLRACE_RECORD_COLLECTOR_HPP

#include <millrace/record/block.hpp>

#include <cstddef>
#include <memory>
#include <new>
#include <utility>

namespace millrace {

/// What flatMap, process and window functions emit into: a growing block. Nothing downstream runs inside `collect`;
/// the operator hands the block on after the user's function has returned. @public
/// *Thread safety:* none; valid only during the call it was passed to.
template <class Out>
class Collector {
public:
    Collector() { grow(); }
    Collector(const Collector&) = delete;
    Collector& operator=(const Collector&) = delete;
    Collector(Collector&&) = delete;
    Collector& operator=(Collector&&) = delete;
    ~Collector() {
        detail::destroyRecords(begin_, size());
        release(begin_);
    }

    /// Emits one element.
    template <class U = Out>
    void collect(U&& value) {
        // there is always room for one: a test before this would have the element wait in memory
        ::new (static_cast<void*>(cursor_)) Out(std::forward<U>(value));
        if (++cursor_ == limit_) [[unlikely]] {
            reachLimit();
        }
    }

    // ---- for operators ----
    std::size_t size() const noexcept { return static_cast<std::size_t>(cursor_ - begin_); }
    bool full() const noexcept { return cursor_ > lastOfBlock_; }
    /// Makes a number 0 when a block becomes full, and when more room is made: for who has to compare with it anyway. Who gives it
    /// another value again hands the block on.
    void zeroWhenFull(std::size_t& number) noexcept { zeroWhenFull_ = &number; }

    /// Gives every element from index `from` on the timestamp `time`.
    void stampFrom(std::size_t from, Timestamp time) noexcept {
        for (const std::size_t end = size(); from < end; ++from) times_[from] = time;
    }
    /// Gives every element since the last `stampNew` or `clear` the timestamp `time`.
    void stampNew(Timestamp time) noexcept {
        if (stamped_ == cursor_) return;
        *nextTime_++ = time;
        if (++stamped_ != cursor_) stampMore(time);
    }

    /// Destroys the elements from index `size` on.
    void truncate(std::size_t size) noexcept {
        detail::destroyRecords(begin_ + size, this->size() - size);
        cursor_ = begin_ + size;
        findLimit();
        if (stamped_ > cursor_) stampedUpTo(size);
    }

    detail::Block<Out> block(bool timed) noexcept { return {begin_, timed ? times_ : nullptr, nullptr, size()}; }

    /// Destroys the elements; keeps the room unless one call has asked for much more than a block.
    [[gnu::noinline]] void clear() {
        detail::destroyRecords(begin_, size());
        cursor_ = begin_;
        findLimit();
        stampedUpTo(0);
        if (static_cast<std::size_t>(end_ - begin_) > 64 * detail::kBlockRecords<Out>) {
            grow();  // to less: what it cannot do without is not given up before that is there
        }
    }

private:
    static constexpr std::align_val_t kAlignment{detail::kColumnAlignment<Out>};

    /// A block is full, or there is no more room.
    [[gnu::noinline, gnu::cold]] void reachLimit() {
        if (cursor_ != end_) {
            findLimit();
        } else {
            try {
                grow();
            } catch (...) {
                truncate(size() - 1);
                throw;
            }
        }
        if (zeroWhenFull_ != nullptr) *zeroWhenFull_ = 0;
    }
    void findLimit() noexcept { limit_ = full() ? end_ : lastOfBlock_ + 1; }
    [[gnu::noinline]] void stampMore(Timestamp time) noexcept {
        Timestamp* const to = nextTime_ + (cursor_ - stamped_);
        for (Timestamp* at = nextTime_; at != to; ++at) *at = time;
        nextTime_ = to;
        stamped_ = cursor_;
    }
    void stampedUpTo(std::size_t count) noexcept {
        stamped_ = begin_ + count;
        nextTime_ = times_ + count;
    }
    [[gnu::cold, gnu::noinline]] void grow() {
        const std::size_t count = size();
        const std::size_t capacity = count == 0 ? detail::kBlockRecords<Out> + 16 : count * 2;
        const std::size_t valueBytes = (capacity * sizeof(Out) + 63) / 64 * 64;
        auto* const memory =
            static_cast<std::byte*>(::operator new(valueBytes + capacity * sizeof(Timestamp), kAlignment));
        Out* const newBegin = reinterpret_cast<Out*>(memory);
        Timestamp* const newTimes = reinterpret_cast<Timestamp*>(memory + valueBytes);
        try {
            detail::constructRecords(begin_, count, newBegin);
        } catch (...) {
            release(newBegin);
            throw;
        }
        const auto stamped = static_cast<std::size_t>(stamped_ - begin_);
        for (std::size_t i = 0; i < count; ++i) newTimes[i] = times_[i];
        detail::destroyRecords(begin_, count);
        release(begin_);
        begin_ = newBegin;
        cursor_ = newBegin + count;
        end_ = newBegin + capacity;
        lastOfBlock_ = newBegin + detail::kBlockRecords<Out> - 1;
        findLimit();
        times_ = newTimes;
        stampedUpTo(stamped);
    }
    /// Values and times are in one piece of memory.
    static void release(Out* values) noexcept { ::operator delete(values, kAlignment); }

    Out* begin_ = nullptr;
    Out* cursor_ = nullptr;
    Out* limit_ = nullptr;  ///< where `cursor_` has to be looked at: behind a block, from there on `end_`
    Out* end_ = nullptr;
    Out* lastOfBlock_ = nullptr;
    std::size_t* zeroWhenFull_ = nullptr;
    Timestamp* times_ = nullptr;
    Out* stamped_ = nullptr;  ///< behind the last element that `stampNew` has seen
    Timestamp* nextTime_ = nullptr;
};

}  // namespace millrace

#endif  // MILLRACE_RECORD_COLLECTOR_HPP
