#ifndef MILLRACE_WINDOWING_WINDOW_EMITTER_HPP
#define MILLRACE_WINDOWING_WINDOW_EMITTER_HPP

#include <millrace/core/algorithm.hpp>
#include <millrace/operators/user_function.hpp>
#include <millrace/windowing/window_contents.hpp>
#include <millrace/windowing/window_function.hpp>

#include <cstddef>

namespace millrace::detail {

/// A window function that is told when a window is gone.
template <class WindowFn, class Window>
concept HearsOfTheEnd = requires(WindowFn& fn, WindowContextOf<Window>& context) { fn.clear(context); };

/// One that needs windows that are kept by key, each with an end that is known.
template <class WindowFn, class Window>
inline constexpr bool kNeedsWindowsByKey = HearsOfTheEnd<WindowFn, Window> || KeepsWindowState<WindowFn>;

/// What is to be done when a window function throws: nothing, unless it is a `GuardedWindow`.
template <class WindowFn>
struct WindowErrors {
    using Function = WindowFn;
    static constexpr bool kGuarded = false;

    explicit WindowErrors(const WindowFn&) {}
    static const WindowFn& functionOf(const WindowFn& given) { return given; }
    void open(const OpenContext&, const OperatorId&) {}
};

/// Turns fired (window, key, accumulator) into output: through the window function if there is one. Results are
/// stamped with the last timestamp of their window. Nothing downstream runs before the user's function has returned.
template <class T, class Key, class Aggregate, class GivenFn, class Out, class Window = TimeWindow>
class WindowEmitter {
    using Errors = WindowErrors<GivenFn>;
    using WindowFn = typename Errors::Function;
    using Traits = AggregateTraits<Aggregate, T>;
    using Accumulator = typename Traits::Accumulator;
    static constexpr bool kDirect = std::is_same_v<WindowFn, NoWindowFunction>;
    static constexpr bool kStateful = KeepsWindowState<WindowFn>;
    using States = std::conditional_t<kStateful, WindowStates<Key, Window>, NoWindowStates>;

public:
    WindowEmitter(const GivenFn& windowFunction, UserFunction<Aggregate>& aggregate)
        : windowFunction_(Errors::functionOf(windowFunction)), aggregate_(aggregate), errors_(windowFunction) {}

    /// `merging`: windows of a key may become one.
    void open(OpenContext& context, const OperatorId& id, bool merging = false) {
        stage_ = &context.stage;
        outputs_ = &context.outputs;
        errors_.open(context, id);
        if constexpr (kStateful) {
            states_.open(context, id, windowFunction_, merging);
        } else if constexpr (!kDirect) {
            windowFunction_.open(context, id);
        }
    }
    void close() {
        if constexpr (!kDirect) windowFunction_.close();
    }
    void setWatermark(Timestamp watermark) noexcept { watermark_ = watermark; }

    /// A window of a key is gone: the function hears of it, if it has a `clear(context)`, and the window's states go.
    void clear(const Key& key, const Window& window) {
        if constexpr (kNeedsWindowsByKey<WindowFn, Window>) {
            window_ = window;
            try {
                enter(key);
                if constexpr (HearsOfTheEnd<WindowFn, Window>) {
                    WindowContextOf<Window> context = contextOf();
                    windowFunction_.get().clear(context);
                }
            } catch (...) {
                fail(key, "clear() of the window's function");
            }
            if constexpr (kStateful) {
                states_.dropWindow();
                states_.leave();
            }
        } else {
            (void)key;
            (void)window;
        }
    }
    /// Whether the window function keeps something about a window of a key.
    bool keeps(const Key& key, const Window& window) {
        if constexpr (kStateful) {
            return states_.has(key, window);
        } else {
            (void)key;
            (void)window;
            return false;
        }
    }

    // The states of the window function, where it has any.
    void forgetKeys() {
        if constexpr (kStateful) states_.clear();
    }
    void snapshot(SnapshotSink& sink) {
        if constexpr (kStateful) states_.snapshot(sink, aggregate_.id().uid, stage_->maxParallelism);
        (void)sink;
    }
    void restore(const SnapshotSource& source) {
        if constexpr (kStateful) states_.restore(source, aggregate_.id().uid);
        (void)source;
    }

    /// How many keys may be emitted before the results have to be taken away.
    std::size_t room() const noexcept {
        const std::size_t full = kBlockRecords<Out>;
        const std::size_t left = out_.size() < full ? full - out_.size() : 0;
        // a window function may emit any number of elements for a key
        return kDirect ? left : std::min<std::size_t>(left, 64);
    }

    bool hasRoom() const noexcept { return !out_.full(); }

    void begin(const Window& window) noexcept { window_ = window; }
    [[gnu::always_inline]] void emit(const Key& key, const Accumulator& acc) {
        try {
            if constexpr (Errors::kGuarded) {
                errors_.run(key, window_, *outputs_, out_, [&] { emitOnce(key, acc); });
                if constexpr (kStateful) states_.leave();
            } else {
                emitOnce(key, acc);
            }
        } catch (...) {
            fail(key, "the function of the window");
        }
    }
    void end() noexcept { out_.stampNew(window_.maxTimestamp()); }

    Collector<Out>& out() noexcept { return out_; }

private:
    [[gnu::always_inline]] void emitOnce(const Key& key, const Accumulator& acc) {
        if constexpr (kDirect) {
            out_.collect(aggregate_.get().getResult(acc));
        } else {
            callWindowFunction(key, acc);
        }
    }
    void enter(const Key& key) {
        if constexpr (kStateful) states_.enter(key, window_);
        (void)key;
    }
    WindowContextOf<Window> contextOf() {
        if constexpr (kStateful) {
            return {window_, watermark_, *stage_, *outputs_, states_.windowCells(), states_.globalCells()};
        } else {
            return {window_, watermark_, *stage_, *outputs_};
        }
    }
    void callWindowFunction(const Key& key, const Accumulator& acc) {
        enter(key);
        WindowContextOf<Window> context = contextOf();
        if constexpr (kKeepsElements<Aggregate>) {
            WindowCall<WindowFn, Key, T, Out, Window>::withElements(windowFunction_.get(), key, context, acc, out_);
        } else {
            const auto& result = aggregate_.get().getResult(acc);
            WindowCall<WindowFn, Key, typename Traits::Result, Out, Window>::withResult(windowFunction_.get(), key,
                                                                                        context, result, out_);
        }
        if constexpr (kStateful && !Errors::kGuarded) states_.leave();  // else after the last try
    }
    [[noreturn, gnu::cold, gnu::noinline]] void fail(const Key& key, const char* what) const {
        throwFunctionErrorFor(aggregate_.id(), aggregate_.subtask(), window_.maxTimestamp(),
                              message("a window of key {}", {describeValue(key)}), what);
    }

    UserFunction<WindowFn> windowFunction_;
    UserFunction<Aggregate>& aggregate_;
    [[no_unique_address]] Errors errors_;
    StageContext* stage_ = nullptr;
    StageOutputs* outputs_ = nullptr;
    Collector<Out> out_;
    Window window_{};
    Timestamp watermark_ = kMinTimestamp;
    [[no_unique_address]] States states_;
};

}  // namespace millrace::detail

#endif  // MILLRACE_WINDOWING_WINDOW_EMITTER_HPP
