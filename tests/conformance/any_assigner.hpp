#ifndef MILLRACE_TESTS_CONFORMANCE_ANY_ASSIGNER_HPP
#define MILLRACE_TESTS_CONFORMANCE_ANY_ASSIGNER_HPP

#include "any_trigger.hpp"

#include <millrace/windowing/time_window.hpp>
#include <millrace/windowing/window_assigner.hpp>

#include <functional>
#include <string>

namespace millrace::conformance {

/// What a window assigner of the format does, by one of the library's assigners.
struct AssignerRule {
    enum class Type { Global, Time };
    using Assign = std::function<void(const Value&, Timestamp, const AssignerContext&, WindowList<TimeWindow>&)>;

    Type type = Type::Time;
    bool eventTime = false;
    bool merging = false;
    Assign assign{};  ///< not for global windows

    /// What the default trigger is called in the format.
    std::string defaultTrigger() const {
        return type == Type::Global ? "never" : eventTime ? "event_time" : "processing_time";
    }
};

/// The offset of an assigner, without whole slides.
Duration reducedOffset(const json& assigner, Duration slide);

/// *Failure:* as the library's assigners; std::invalid_argument for an unknown one.
AssignerRule assignerRule(const json& assigner);

/// The same as an assigner: any of the library's, chosen at run time.
template <bool kOfEventTime, bool kOfMerging>
struct AnyAssigner {
    using Window = TimeWindow;
    static constexpr bool kEventTime = kOfEventTime;
    static constexpr bool kMerging = kOfMerging;
    AssignerRule::Assign assign;

    AnyTrigger defaultTrigger() const {
        return AnyTrigger::of({{"type", kOfEventTime ? "event_time" : "processing_time"}});
    }
    template <class T>
    TimeWindow assignWindow(const T& value, Timestamp time, const AssignerContext& context) const
        requires(kOfMerging)
    {
        WindowList<TimeWindow> windows;
        assign(recordOf(value), time, context, windows);
        return *windows.begin();
    }
    template <class T>
    void assignWindows(const T& value, Timestamp time, const AssignerContext& context,
                       WindowList<TimeWindow>& windows) const {
        assign(recordOf(value), time, context, windows);
    }
};

}  // namespace millrace::conformance

#endif  // MILLRACE_TESTS_CONFORMANCE_ANY_ASSIGNER_HPP
