#ifndef MILLRACE_WINDOWING_EVICTORS_DELTA_EVICTOR_HPP
#define MILLRACE_WINDOWING_EVICTORS_DELTA_EVICTOR_HPP

#include <millrace/core/functional.hpp>
#include <millrace/windowing/evictors/evictor.hpp>

#include <utility>

namespace millrace {

namespace detail {

template <class Threshold, class Delta>
class DeltaEvictorOf : public BeforeOrAfter<DeltaEvictorOf<Threshold, Delta>> {
public:
    DeltaEvictorOf(Threshold threshold, Delta delta, bool after)
        : BeforeOrAfter<DeltaEvictorOf>(after), threshold_(std::move(threshold)), delta_(std::move(delta)) {}

    template <class T>
        requires std::invocable<const Delta&, const T&, const T&>
    void evict(WindowElements<T>& elements) const {
        if (elements.empty()) return;
        const T last = elements.value(elements.size() - 1);  // a copy: elements move while they are removed
        elements.removeIf(
            [&](const T& value, Timestamp) { return !(detail::invoke(delta_, value, last) < threshold_); });
    }

private:
    Threshold threshold_;
    Delta delta_;
};

}  // namespace detail

/// Takes out the records that differ from the window's last record by the threshold or more. @public
/// `DeltaEvictor::of(0.5, [](const Tick& tick, const Tick& last) { return std::abs(last.price - tick.price); })`
struct DeltaEvictor {
    template <class Threshold, class Delta>
    static detail::DeltaEvictorOf<Threshold, Delta> of(Threshold threshold, Delta delta, bool doEvictAfter = false) {
        return {std::move(threshold), std::move(delta), doEvictAfter};
    }
};

}  // namespace millrace

#endif  // MILLRACE_WINDOWING_EVICTORS_DELTA_EVICTOR_HPP
