#ifndef MILLRACE_WINDOWING_EVICTORS_TIME_EVICTOR_HPP
#define MILLRACE_WINDOWING_EVICTORS_TIME_EVICTOR_HPP

#include <millrace/windowing/evictors/evictor.hpp>
#include <millrace/windowing/window_arguments.hpp>

namespace millrace {

/// Keeps the records of the last `size` of time: those later than the latest timestamp in the window minus `size`. Records
/// without timestamps all stay. @public
class TimeEvictor : public detail::BeforeOrAfter<TimeEvictor> {
public:
    /// *Failure:* ConfigurationException unless size > 0.
    static TimeEvictor of(Duration size, bool doEvictAfter = false) {
        detail::requirePositive("TimeEvictor::of", "size", size);
        return {size, doEvictAfter};
    }
    template <class T>
    void evict(WindowElements<T>& elements) const {
        if (elements.empty() || elements.timestamp(0) == kMinTimestamp) return;
        const auto times = elements.timestamps();
        const Timestamp until = saturatingSubtract(*std::max_element(times.begin(), times.end()), size_);
        elements.removeIf([until](const T&, Timestamp time) { return time <= until; });
    }

private:
    TimeEvictor(Duration size, bool after) noexcept : BeforeOrAfter(after), size_(size) {}
    Duration size_;
};

}  // namespace millrace

#endif  // MILLRACE_WINDOWING_EVICTORS_TIME_EVICTOR_HPP
