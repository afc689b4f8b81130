#ifndef MILLRACE_WINDOWING_GLOBAL_WINDOW_HPP
#define MILLRACE_WINDOWING_GLOBAL_WINDOW_HPP

#include <millrace/time/timestamp.hpp>

namespace millrace {

/// The one window that holds everything and never ends; see GlobalWindows. @public
struct GlobalWindow {
    constexpr Timestamp maxTimestamp() const noexcept { return kMaxTimestamp; }
    bool operator==(const GlobalWindow&) const = default;
};

}  // namespace millrace

#endif  // MILLRACE_WINDOWING_GLOBAL_WINDOW_HPP
