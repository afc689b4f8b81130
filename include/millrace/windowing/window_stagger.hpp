#ifndef MILLRACE_WINDOWING_WINDOW_STAGGER_HPP
#define MILLRACE_WINDOWING_WINDOW_STAGGER_HPP

#include <millrace/core/config.hpp>
#include <millrace/time/timestamp.hpp>

#include <cstdint>

namespace millrace {

/// Where the windows of one subtask begin, so that not all subtasks fire in the same moment. Chosen once by each subtask,
/// with its first record; anew after a restart, while the windows that are in its state keep their bounds. @public
enum class WindowStagger : unsigned char {
    Aligned,  ///< all at multiples of the size (slide) from 1970
    Random,   ///< shifted by a part of the size (slide) that is drawn from the seed of the job for each subtask
    Natural   ///< the first window of a subtask begins with its first record
};

namespace detail {

/// How far the windows are shifted, in [0, step).
Duration staggerOf(WindowStagger stagger, Timestamp now, std::uint64_t seed, Duration step) noexcept;

}  // namespace detail
}  // namespace millrace

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/windowing/window_stagger.ipp>
#endif

#endif  // MILLRACE_WINDOWING_WINDOW_STAGGER_HPP
