#ifndef MILLRACE_WINDOWING_WINDOW_STATE_HPP
#define MILLRACE_WINDOWING_WINDOW_STATE_HPP

#include <millrace/functions/keyed_runtime_context.hpp>
#include <millrace/operators/user_function.hpp>
#include <millrace/types/key_hash.hpp>

#include <utility>

// The states that a window function keeps besides the contents of the windows.

namespace millrace {

/// What a window function learns in `open(WindowRuntimeContext&)`, and where it gets its states: of a window of a key, which
/// go with the window, and of a key over all of its windows, which stay. @public
/// ```
/// void open(WindowRuntimeContext& context) {
///     firings = context.windowState().getState(ValueStateDescriptor<int>{"firings"});
///     windows = context.globalState().getState(ValueStateDescriptor<int>{"windows"});
/// }
/// ```
/// Without either, `context.getState(…)` is a state of the key. *Failure:* ConfigurationException for `windowState()` of
/// windows that merge (sessions): two of them may become one, and with them their states would have to.
class WindowRuntimeContext : public KeyedRuntimeContext {
public:
    /// `windowCells` is null for windows that merge.
    WindowRuntimeContext(RuntimeContext context, detail::StateCells& globalCells, detail::StateCells* windowCells)
        : KeyedRuntimeContext(std::move(context), globalCells), windowCells_(windowCells) {}

    KeyedStates windowState() const;
    const KeyedStates& globalState() const noexcept { return *this; }

private:
    detail::StateCells* windowCells_;
};

namespace detail {

[[noreturn, gnu::cold, gnu::noinline]] inline void failWithoutWindowState() {
    throw ConfigurationException(
        "a window function asks for windowState() or globalState() where there is none: declare the state in its "
        "open(WindowRuntimeContext& context), for example count = "
        "context.windowState().getState(ValueStateDescriptor<int>{\"count\"}). Windows that merge (sessions) have no "
        "windowState(); use globalState(), the state of the key");
}

/// A function that opens with a WindowRuntimeContext (or a KeyedRuntimeContext) and does not make do with a RuntimeContext.
template <class Fn>
concept KeepsWindowState = !HasOpen<Fn> && requires(Fn& fn, WindowRuntimeContext& context) { fn.open(context); };

/// Both kinds of state of one window function.
/// *State:* "state/<name>" by key, "window state/<name>" by key and window.
template <class Key, class Window>
class WindowStates {
    using Place = NamespacedKey<Key, Window>;
    static_assert(KeyType<Place>,
                  "millrace: a window function with state: the assigner's Window has no key hash. Make it a plain "
                  "aggregate of integers and times with a defaulted operator==.");

public:
    template <class Fn>
    void open(OpenContext& context, const OperatorId& id, UserFunction<Fn>& fn, bool merging) {
        WindowRuntimeContext runtime(context.runtimeContext(id), ofKey_.cells(),
                                     merging ? nullptr : &ofWindow_.cells());
        fn.open(context, id, runtime);
        ofKey_.cells().seal(readClock, &context.stage);
        ofWindow_.cells().seal(readClock, &context.stage);
        context.account(keyMemory_, id, ofKey_.describe());
        ofKey_.chargeTo(keyMemory_);
        context.account(windowMemory_, id, ofWindow_.describe(kWindowPrefix));
        ofWindow_.chargeTo(windowMemory_);
    }
    void enter(const Key& key, const Window& window) {
        ofKey_.setCurrentKey(key);
        if (!ofWindow_.cells().stateless()) ofWindow_.setCurrentKey(Place{key, window});
    }
    void leave() {
        ofKey_.leaveKey();
        ofKey_.report();
        if (ofWindow_.cells().stateless()) return;
        ofWindow_.leaveKey();
        ofWindow_.report();
    }
    /// The window that has been entered is gone.
    void dropWindow() noexcept { ofWindow_.clearCurrentKey(); }
    bool has(const Key& key, const Window& window) {
        return !ofWindow_.cells().stateless() && ofWindow_.contains(Place{key, window});
    }
    /// Null if there is none of this kind.
    StateCells* windowCells() noexcept { return ofWindow_.cells().stateless() ? nullptr : &ofWindow_.cells(); }
    StateCells* globalCells() noexcept { return &ofKey_.cells(); }

    void clear() {
        ofKey_.clear();
        ofWindow_.clear();
    }
    void snapshot(SnapshotSink& sink, std::string_view uid, int maxParallelism) {
        ofKey_.snapshot(sink, uid, maxParallelism);
        ofWindow_.snapshot(sink, uid, maxParallelism, kWindowPrefix);
    }
    void restore(const SnapshotSource& source, std::string_view uid) {
        ofKey_.restore(source, uid);
        ofWindow_.restore(source, uid, kWindowPrefix);
    }

private:
    static constexpr const char* kWindowPrefix = "window state/";
    static Timestamp readClock(const void* stage) {
        return static_cast<const StageContext*>(stage)->currentProcessingTime();
    }

    StateMemory keyMemory_;
    StateMemory windowMemory_;
    KeyedStateStore<Key> ofKey_;
    KeyedStateStore<Place> ofWindow_;
};

/// Stands for the states of functions that have none.
struct NoWindowStates {};

}  // namespace detail

inline KeyedStates WindowRuntimeContext::windowState() const {
    if (windowCells_ == nullptr) detail::failWithoutWindowState();
    return KeyedStates(*windowCells_);
}

}  // namespace millrace

#endif  // MILLRACE_WINDOWING_WINDOW_STATE_HPP
