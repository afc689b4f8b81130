#ifndef MILLRACE_WINDOWING_EVICTORS_COUNT_EVICTOR_HPP
#define MILLRACE_WINDOWING_EVICTORS_COUNT_EVICTOR_HPP

#include <millrace/windowing/evictors/evictor.hpp>
#include <millrace/windowing/window_arguments.hpp>

#include <cstddef>
#include <cstdint>

namespace millrace {

/// Keeps the last n records of the window. @public
class CountEvictor : public detail::BeforeOrAfter<CountEvictor> {
public:
    /// *Failure:* ConfigurationException unless n > 0.
    static CountEvictor of(std::int64_t n, bool doEvictAfter = false) {
        detail::requirePositive("CountEvictor::of", "count", n);
        return {static_cast<std::size_t>(n), doEvictAfter};
    }
    template <class T>
    void evict(WindowElements<T>& elements) const {
        if (elements.size() > n_) elements.removeFirst(elements.size() - n_);
    }

private:
    CountEvictor(std::size_t n, bool after) noexcept : BeforeOrAfter(after), n_(n) {}
    std::size_t n_;
};

}  // namespace millrace

#endif  // MILLRACE_WINDOWING_EVICTORS_COUNT_EVICTOR_HPP
