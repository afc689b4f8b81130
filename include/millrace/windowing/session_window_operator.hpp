#ifndef MILLRACE_WINDOWING_SESSION_WINDOW_OPERATOR_HPP
#define MILLRACE_WINDOWING_SESSION_WINDOW_OPERATOR_HPP

#include <millrace/core/algorithm.hpp>
#include <millrace/windowing/event_time_windows_node.hpp>
#include <millrace/windowing/session_windows.hpp>

#include <cstddef>
#include <optional>
#include <utility>

namespace millrace::detail {

/// Merging event-time windows that begin at the time of their record: what an assigner says with `kSessions`.
template <class Assigner>
concept SessionAssigner = requires { requires Assigner::kSessions; };

/// Sessions of a keyed stream in event time, with the default trigger. Gives what the general operator gives, and can be
/// restored from its snapshots.
/// *State:* "keyed windows": sessions by key. A restored operator has no watermark.
template <class T, class KeySelector, class Assigner, class Aggregate, class WindowFn = NoWindowFunction,
          class Out = typename AggregateTraits<Aggregate, T>::Result>
struct SessionWindowOperator {
    using Input = T;
    using Output = Out;
    KeySelector keySelector;
    Assigner assigner;
    Aggregate aggregate;
    WindowFn windowFunction{};
    Duration allowedLateness{};
    std::string lateKey{};  ///< of the side output for late records; empty: they are dropped

    using Key = KeyOf<KeySelector, T>;
    using Windows = SessionWindows<T, Key, KeySelector, Assigner, Aggregate>;

    template <class Next>
    class Node;
};

template <class T, class KeySelector, class Assigner, class Aggregate, class WindowFn, class Out>
template <class Next>
class SessionWindowOperator<T, KeySelector, Assigner, Aggregate, WindowFn, Out>::Node
    : public EventTimeWindowsNode<Next, T, KeySelector, Aggregate, WindowFn, Out, Windows> {
    using Base = EventTimeWindowsNode<Next, T, KeySelector, Aggregate, WindowFn, Out, Windows>;
    using Base::watermark_;
    using Base::windows_;

public:
    template <class Refs>
    explicit Node(const Refs& refs) : Base(refs, refs.op.assigner) {}

    void pushBlock(Block<T> block) {
        if (block.size == 0) return;
        if (lacksTimestamps(block.timestamps, block.size)) this->failWithoutTimestamp();
        std::size_t at = 0;
        try {
            windows_.add(
                block, at, watermark_,
                [this](const TimeWindow& window, const Key& key, const auto& acc) { this->fireNow(window, key, acc); },
                [this, &block](std::size_t i) {
                    this->late_.missed(&block.values[i], block.timestamps[i], watermark_);
                });
        } catch (...) {
            this->fail(block.values[at], block.timestamps[at],
                       OneGap<Assigner> ? "the aggregate function or key selector"
                                        : "the gap, the aggregate function or the key selector");
        }
        this->sendLost(block);
        this->emitResults();
    }
    void push(T&& value, Timestamp timestamp) { pushBlock({&value, &timestamp, nullptr, 1}); }

    std::size_t liveKeys() const noexcept { return windows_.liveKeys(); }
    std::size_t keptKeys() const noexcept { return windows_.keptKeys(); }

private:
    static bool lacksTimestamps(const Timestamp* times, std::size_t count) noexcept {
        if (times == nullptr) return true;
        Timestamp first = kMaxTimestamp;  // one loop without exit, so that it is vectorised
        for (std::size_t i = 0; i < count; ++i) first = std::min(first, times[i]);
        return first == kMinTimestamp;
    }
};

}  // namespace millrace::detail

#endif  // MILLRACE_WINDOWING_SESSION_WINDOW_OPERATOR_HPP
