#ifndef MILLRACE_WINDOWING_EVICTORS_EVICTOR_HPP
#define MILLRACE_WINDOWING_EVICTORS_EVICTOR_HPP

#include <millrace/core/algorithm.hpp>
#include <millrace/core/depending.hpp>
#include <millrace/state/counted_memory.hpp>
#include <millrace/time/timestamp.hpp>

#include <concepts>
#include <cstddef>
#include <iterator>
#include <span>
#include <type_traits>
#include <utility>

// What an evictor is. The library's own are beside this header.

namespace millrace {

/// The records of a window with their timestamps (`kMinTimestamp`: none), in the order of their arrival; what an evictor
/// takes records out of. @public
template <class T>
class WindowElements {
    static_assert(!std::is_same_v<T, bool>, "millrace: evictors on windows of bool: wrap the bool in a struct");

public:
    std::size_t size() const noexcept { return values_.size(); }
    bool empty() const noexcept { return values_.empty(); }
    const T& value(std::size_t index) const noexcept { return values_[index]; }
    Timestamp timestamp(std::size_t index) const noexcept { return times_[index]; }
    std::span<const T> values() const noexcept { return values_; }
    std::span<const Timestamp> timestamps() const noexcept { return times_; }

    /// Takes out the first `count` records.
    void removeFirst(std::size_t count) {
        const auto n = static_cast<std::ptrdiff_t>(std::min(count, size()));
        values_.erase(values_.begin(), values_.begin() + n);
        times_.erase(times_.begin(), times_.begin() + n);
    }
    /// Takes out those for which `predicate(const T& value, Timestamp timestamp)` is true. It must not throw half-way.
    template <class Predicate>
    void removeIf(Predicate predicate) {
        std::size_t kept = 0;
        for (std::size_t i = 0; i < values_.size(); ++i) {
            if (predicate(std::as_const(values_[i]), times_[i])) continue;
            if (kept != i) {
                values_[kept] = std::move(values_[i]);
                times_[kept] = times_[i];
            }
            ++kept;
        }
        values_.erase(values_.begin() + static_cast<std::ptrdiff_t>(kept), values_.end());
        times_.erase(times_.begin() + static_cast<std::ptrdiff_t>(kept), times_.end());
    }

    // ---- for operators ----
    /// While it is empty: memory is counted there.
    void chargeTo(detail::StateMemory* account) {
        if (values_.get_allocator().account() == account) return;
        values_ = detail::CountedVector<T>(detail::CountedAllocator<T>(account));
        times_ = Times(detail::CountedAllocator<Timestamp>(account));
    }
    void add(const T& value, Timestamp timestamp) {
        values_.push_back(value);
        times_.push_back(timestamp);
    }
    void takeAll(WindowElements& other) {
        values_.insert(values_.end(), std::make_move_iterator(other.values_.begin()),
                       std::make_move_iterator(other.values_.end()));
        times_.insert(times_.end(), other.times_.begin(), other.times_.end());
        other.clear();
    }
    void clear() noexcept {
        values_.clear();
        times_.clear();
    }
    const detail::CountedVector<T>& list() const noexcept { return values_; }

private:
    using Times = detail::CountedVector<typename detail::Depending<Timestamp, T>::Type>;

    detail::CountedVector<T> values_;
    Times times_;
};

/// What an evictor may ask. @public
class EvictorContext {
public:
    EvictorContext(Timestamp watermark, Timestamp processingTime) noexcept
        : watermark_(watermark), processingTime_(processingTime) {}
    Timestamp currentWatermark() const noexcept { return watermark_; }
    Timestamp currentProcessingTime() const noexcept { return processingTime_; }

private:
    Timestamp watermark_;
    Timestamp processingTime_;
};

namespace detail {

template <class E, class T, class Window>
concept EvictsBefore = requires(const E& evictor, WindowElements<T>& elements, const Window& window,
                                const EvictorContext& context) { evictor.evictBefore(elements, window, context); };
template <class E, class T, class Window>
concept EvictsAfter = requires(const E& evictor, WindowElements<T>& elements, const Window& window,
                               const EvictorContext& context) { evictor.evictAfter(elements, window, context); };

/// Stands for an evictor where there is none.
struct NoEvictor {};

}  // namespace detail

/// Takes records out of a window when it fires. Copyable, with one or both of @public
/// ```
/// void evictBefore(WindowElements<Record>& elements, const Window& window, const EvictorContext& context) const;
/// void evictAfter(WindowElements<Record>& elements, const Window& window, const EvictorContext& context) const;
/// ```
/// called before and after the window's function; what they take out is gone for good. A window with an evictor keeps every
/// record, also for `reduce` and `aggregate`, which then run over the records when it fires.
template <class E, class T, class Window>
concept EvictorFor =
    std::copy_constructible<E> && (detail::EvictsBefore<E, T, Window> || detail::EvictsAfter<E, T, Window>);

namespace detail {

/// An evictor that can be asked to work after the function instead of before it. `Derived` has `evict(elements)`.
template <class Derived>
class BeforeOrAfter {
public:
    // E is Derived: clang 14 would look into Derived before it is complete
    template <class T, class Window, class E = Derived>
        requires requires(const E& evictor, WindowElements<T>& elements) { evictor.evict(elements); }
    void evictBefore(WindowElements<T>& elements, const Window&, const EvictorContext&) const {
        if (!after_) derived().evict(elements);
    }
    template <class T, class Window, class E = Derived>
        requires requires(const E& evictor, WindowElements<T>& elements) { evictor.evict(elements); }
    void evictAfter(WindowElements<T>& elements, const Window&, const EvictorContext&) const {
        if (after_) derived().evict(elements);
    }

protected:
    explicit BeforeOrAfter(bool after) noexcept : after_(after) {}

private:
    const Derived& derived() const noexcept { return static_cast<const Derived&>(*this); }
    bool after_;
};

}  // namespace detail
}  // namespace millrace

#endif  // MILLRACE_WINDOWING_EVICTORS_EVICTOR_HPP
