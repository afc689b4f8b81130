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

/// Turns fired (window, key, accumulator) into output: through the window function if there is one. Results are
/// stamped with the last timestamp of their window. Nothing downstream runs before the user's function has returned.
template <class T, class Key, class Aggregate, class WindowFn, class Out, class Window = TimeWindow>
class WindowEmitter {
    using Traits = AggregateTraits<Aggregate, T>;
    using Accumulator = typename Traits::Accumulator;
    static constexpr bool kDirect = std::is_same_v<WindowFn, NoWindowFunction>;

public:
    WindowEmitter(const WindowFn& windowFunction, UserFunction<Aggregate>& aggregate)
        : windowFunction_(windowFunction), aggregate_(aggregate) {}

    void open(OpenContext& context, const OperatorId& id) {
        stage_ = &context.stage;
        outputs_ = &context.outputs;
        if constexpr (!kDirect) windowFunction_.open(context, id);
    }
    void close() {
        if constexpr (!kDirect) windowFunction_.close();
    }
    void setWatermark(Timestamp watermark) noexcept { watermark_ = watermark; }

    /// Tells the window function that a window of a key is gone, if it has a `clear(context)`.
    void clear(const Key& key, const Window& window) {
        if constexpr (HearsOfTheEnd<WindowFn, Window>) {
            WindowContextOf<Window> context(window, watermark_, *stage_, *outputs_);
            window_ = window;
            try {
                windowFunction_.get().clear(context);
            } catch (...) {
                fail(key);
            }
        } else {
            (void)key;
            (void)window;
        }
    }

    /// How many keys may be emitted before the results have to be taken away.
    std::size_t room() const noexcept {
        const std::size_t full = kBlockRecords<Out>;
        const std::size_t left = out_.size() < full ? full - out_.size() : 0;
        // a window function may emit any number of elements for a key
        return kDirect ? left : std::min<std::size_t>(left, 64);
    }

    void begin(const Window& window) noexcept {
        window_ = window;
        from_ = out_.size();
    }
    [[gnu::always_inline]] void emit(const Key& key, const Accumulator& acc) {
        try {
            if constexpr (kDirect) {
                out_.collect(aggregate_.get().getResult(acc));
            } else {
                callWindowFunction(key, acc);
            }
        } catch (...) {
            fail(key);
        }
    }
    void end() noexcept { out_.stampFrom(from_, window_.maxTimestamp()); }

    Collector<Out>& out() noexcept { return out_; }

private:
    void callWindowFunction(const Key& key, const Accumulator& acc) {
        WindowContextOf<Window> context(window_, watermark_, *stage_, *outputs_);
        if constexpr (kKeepsElements<Aggregate>) {
            WindowCall<WindowFn, Key, T, Out, Window>::withElements(windowFunction_.get(), key, context, acc, out_);
        } else {
            const auto& result = aggregate_.get().getResult(acc);
            WindowCall<WindowFn, Key, typename Traits::Result, Out, Window>::withResult(windowFunction_.get(), key,
                                                                                        context, result, out_);
        }
    }
    [[noreturn, gnu::cold, gnu::noinline]] void fail(const Key& key) const {
        throwUserFunctionError(aggregate_.id(), aggregate_.subtask(), window_.maxTimestamp(),
                               "of key " + describeValue(key), "the function of the window");
    }

    UserFunction<WindowFn> windowFunction_;
    UserFunction<Aggregate>& aggregate_;
    StageContext* stage_ = nullptr;
    StageOutputs* outputs_ = nullptr;
    Collector<Out> out_;
    Window window_{};
    std::size_t from_ = 0;
    Timestamp watermark_ = kMinTimestamp;
};

}  // namespace millrace::detail

#endif  // MILLRACE_WINDOWING_WINDOW_EMITTER_HPP
