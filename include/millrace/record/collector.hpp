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
    Collector() = default;
    Collector(const Collector&) = delete;
    Collector& operator=(const Collector&) = delete;
    Collector(Collector&&) = delete;
    Collector& operator=(Collector&&) = delete;
    ~Collector() {
        clear();
        release(begin_, times_, static_cast<std::size_t>(end_ - begin_));
    }

    /// Emits one element.
    template <class U = Out>
    void collect(U&& value) {
        if (cursor_ == end_) [[unlikely]] {
            grow();
        }
        ::new (static_cast<void*>(cursor_)) Out(std::forward<U>(value));
        ++cursor_;
    }

    // ---- for operators ----
    std::size_t size() const noexcept { return static_cast<std::size_t>(cursor_ - begin_); }
    bool full() const noexcept { return size() >= detail::kBlockRecords<Out>; }

    /// Gives every element from index `from` on the timestamp `time`.
    void stampFrom(std::size_t from, Timestamp time) noexcept { std::fill(times_ + from, times_ + size(), time); }

    detail::Block<Out> block(bool timed) noexcept { return {begin_, timed ? times_ : nullptr, nullptr, size()}; }

    /// Destroys the elements; keeps the room unless one call has asked for much more than a block.
    void clear() noexcept {
        std::destroy(begin_, cursor_);
        cursor_ = begin_;
        if (static_cast<std::size_t>(end_ - begin_) > 64 * detail::kBlockRecords<Out>) {
            release(begin_, times_, static_cast<std::size_t>(end_ - begin_));
            begin_ = cursor_ = end_ = nullptr;
            times_ = nullptr;
        }
    }

private:
    [[gnu::noinline]] void grow() {
        const std::size_t count = size();
        const std::size_t capacity = count == 0 ? detail::kBlockRecords<Out> + 16 : count * 2;
        std::allocator<Out> values;
        std::allocator<Timestamp> times;
        Out* const newBegin = values.allocate(capacity);
        Timestamp* newTimes = nullptr;
        try {
            newTimes = times.allocate(capacity);
            std::uninitialized_default_construct_n(newTimes, capacity);
            std::uninitialized_move(begin_, cursor_, newBegin);
        } catch (...) {
            if (newTimes != nullptr) times.deallocate(newTimes, capacity);
            values.deallocate(newBegin, capacity);
            throw;
        }
        std::copy(times_, times_ + count, newTimes);
        std::destroy(begin_, cursor_);
        release(begin_, times_, static_cast<std::size_t>(end_ - begin_));
        begin_ = newBegin;
        cursor_ = newBegin + count;
        end_ = newBegin + capacity;
        times_ = newTimes;
    }
    static void release(Out* values, Timestamp* times, std::size_t capacity) noexcept {
        if (values != nullptr) std::allocator<Out>().deallocate(values, capacity);
        if (times != nullptr) std::allocator<Timestamp>().deallocate(times, capacity);
    }

    Out* begin_ = nullptr;
    Out* cursor_ = nullptr;
    Out* end_ = nullptr;
    Timestamp* times_ = nullptr;
};

}  // namespace millrace

#endif  // MILLRACE_RECORD_COLLECTOR_HPP
