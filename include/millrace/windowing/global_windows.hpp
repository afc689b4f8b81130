#ifndef MILLRACE_WINDOWING_GLOBAL_WINDOWS_HPP
#define MILLRACE_WINDOWING_GLOBAL_WINDOWS_HPP

#include <millrace/windowing/global_window.hpp>
#include <millrace/windowing/triggers/end_of_stream_trigger.hpp>
#include <millrace/windowing/triggers/never_trigger.hpp>
#include <millrace/windowing/window_assigner.hpp>

namespace millrace {

namespace detail {

template <class DefaultTrigger>
struct GlobalWindowsWith {
    using Window = GlobalWindow;
    static constexpr bool kEventTime = false;
    static constexpr bool kMerging = false;

    DefaultTrigger defaultTrigger() const noexcept { return {}; }

    template <class T>
    GlobalWindow assignWindow(const T&, Timestamp, const AssignerContext&) const noexcept {
        return {};
    }
};

/// Ends with the input, which has to end: that is checked before a job runs.
struct EndOfInputWindow : GlobalWindowsWith<EndOfStreamTrigger> {
    static constexpr bool kNeedsBoundedInput = true;
};

}  // namespace detail

/// One window per key for everything, which never ends: only of use with a trigger. @public
struct GlobalWindows : detail::GlobalWindowsWith<NeverTrigger> {
    static GlobalWindows create() noexcept { return {}; }
    /// Fires once, at the end of a bounded input.
    static detail::GlobalWindowsWith<EndOfStreamTrigger> createWithEndOfStreamTrigger() noexcept { return {}; }
};

}  // namespace millrace

#endif  // MILLRACE_WINDOWING_GLOBAL_WINDOWS_HPP
