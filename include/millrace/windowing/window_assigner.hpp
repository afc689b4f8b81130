#ifndef MILLRACE_WINDOWING_WINDOW_ASSIGNER_HPP
#define MILLRACE_WINDOWING_WINDOW_ASSIGNER_HPP

#include <millrace/time/timestamp.hpp>

#include <concepts>
#include <cstddef>
#include <type_traits>
#include <vector>

// What a window assigner is. The library's own: TumblingEventTimeWindows, SlidingEventTimeWindows,
// CumulatingEventTimeWindows, EventTimeSessionWindows, their processing-time counterparts, and GlobalWindows.

namespace millrace {

/// What an assigner may ask besides the record. @public
class AssignerContext {
public:
    explicit AssignerContext(Timestamp processingTime) noexcept : processingTime_(processingTime) {}
    Timestamp currentProcessingTime() const noexcept { return processingTime_; }

private:
    Timestamp processingTime_;
};

/// The windows of one record, as an assigner puts them out. @public
template <class Window>
class WindowList {
public:
    void add(const Window& window) { windows_.push_back(window); }
    void clear() noexcept { windows_.clear(); }
    auto begin() const noexcept { return windows_.begin(); }
    auto end() const noexcept { return windows_.end(); }
    std::size_t size() const noexcept { return windows_.size(); }

private:
    std::vector<Window> windows_;
};

/// What an assigner cuts a stream into: a value with a last timestamp, which its results are stamped with and behind
/// which it is cleaned up (`kMaxTimestamp`: never). It is kept in state, so it needs a codec. Windows of a merging assigner
/// also have `intersects(other)` and `cover(other)`, as TimeWindow does. @public
template <class W>
concept WindowType =
    std::default_initializable<W> && std::copyable<W> && std::equality_comparable<W> && requires(const W& window) {
        { window.maxTimestamp() } -> std::same_as<Timestamp>;
    };

namespace detail {

template <class A, class T>
concept AssignsOneWindow = requires(const A& assigner, const T& value, Timestamp time, const AssignerContext& context) {
    { assigner.assignWindow(value, time, context) } -> std::convertible_to<typename A::Window>;
};
template <class A, class T>
concept AssignsWindows =
    requires(const A& assigner, const T& value, Timestamp time, const AssignerContext& context,
             WindowList<typename A::Window>& windows) { assigner.assignWindows(value, time, context, windows); };

}  // namespace detail

/// Puts records into windows. Copyable, with @public
/// ```
/// struct BySize {
///     using Window = TimeWindow;                 // any WindowType
///     static constexpr bool kEventTime = true;   // late records, lateness and clean-up go by the watermark; else by the clock
///     static constexpr bool kMerging = false;    // true: windows of a key that intersect become one
///     EventTimeTrigger defaultTrigger() const { return {}; }
///     // the one window of a record…
///     Window assignWindow(const Record& record, Timestamp timestamp, const AssignerContext& context) const;
///     // … or any number of them: windows.add(window)
///     void assignWindows(const Record& record, Timestamp timestamp, const AssignerContext& context,
///                        WindowList<Window>& windows) const;
/// };
/// ```
/// Both must give the same windows for the same record; only one of them is needed.
template <class A, class T>
concept WindowAssignerFor =
    std::copy_constructible<A> && WindowType<typename A::Window> && requires(const A& assigner) {
        { A::kEventTime } -> std::convertible_to<bool>;
        { A::kMerging } -> std::convertible_to<bool>;
        assigner.defaultTrigger();
    } && (detail::AssignsOneWindow<A, T> || detail::AssignsWindows<A, T>);

}  // namespace millrace

#endif  // MILLRACE_WINDOWING_WINDOW_ASSIGNER_HPP
