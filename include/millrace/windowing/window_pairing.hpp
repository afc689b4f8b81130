#ifndef MILLRACE_WINDOWING_WINDOW_PAIRING_HPP
#define MILLRACE_WINDOWING_WINDOW_PAIRING_HPP

namespace millrace::detail {

/// What is done with the two sides of a window: pairs, also of what has no partner, or all at once.
enum class WindowPairing : unsigned char { Join, LeftOuter, RightOuter, FullOuter, CoGroup };

}  // namespace millrace::detail

#endif  // MILLRACE_WINDOWING_WINDOW_PAIRING_HPP
