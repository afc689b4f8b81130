#ifndef MILLRACE_TESTS_CONFORMANCE_ANY_TRIGGER_HPP
#define MILLRACE_TESTS_CONFORMANCE_ANY_TRIGGER_HPP

#include "vector.hpp"

#include <millrace/types/codec.hpp>
#include <millrace/windowing/triggers/trigger.hpp>

#include <cstddef>
#include <memory>
#include <stdexcept>
#include <utility>
#include <variant>
#include <vector>

namespace millrace::conformance {

/// The record itself; of a window join, whichever side it is of.
inline const Value& recordOf(const Value& value) {
    return value;
}
inline const Value& recordOf(const std::variant<Value, Value>& side) {
    return side.index() == 0 ? std::get<0>(side) : std::get<1>(side);
}

/// All that the library's triggers want to know of a window.
struct AnyWindow {
    Timestamp max{};
    Timestamp maxTimestamp() const noexcept { return max; }
};

/// A trigger chosen at run time: any of the library's, with its state as bytes.
class AnyTrigger {
public:
    struct State {
        std::vector<std::byte> bytes;
        bool operator==(const State&) const = default;
    };

    /// `requirePositive` and the like throw here. *Failure:* std::invalid_argument for an unknown trigger.
    static AnyTrigger of(const json& trigger);
    template <class Trigger>
    static AnyTrigger holding(Trigger trigger) {
        return AnyTrigger(std::make_shared<Model<Trigger>>(std::move(trigger)), kMergeable<Trigger>);
    }
    /// Whether it can be used with merging windows.
    bool merges() const noexcept { return merges_; }

    template <class T, class Window>
    TriggerResult onElement(const T& value, Timestamp time, const Window& window, State& state,
                            TriggerContext& context) const {
        return trigger_->onElement(recordOf(value), time, {window.maxTimestamp()}, state, context);
    }
    template <class Window>
    TriggerResult onEventTime(Timestamp time, const Window& window, State& state, TriggerContext& context) const {
        return trigger_->onEventTime(time, {window.maxTimestamp()}, state, context);
    }
    template <class Window>
    TriggerResult onProcessingTime(Timestamp time, const Window& window, State& state, TriggerContext& context) const {
        return trigger_->onProcessingTime(time, {window.maxTimestamp()}, state, context);
    }
    template <class Window>
    void clear(const Window& window, State& state, TriggerContext& context) const {
        trigger_->clear({window.maxTimestamp()}, state, context);
    }
    template <class Window>
    void onMerge(const Window& window, State& into, const State& from, TriggerContext& context) const {
        trigger_->onMerge({window.maxTimestamp()}, into, from, context);
    }

private:
    class Concept {
    public:
        virtual ~Concept() = default;
        virtual TriggerResult onElement(const Value& value, Timestamp time, const AnyWindow& window, State& state,
                                        TriggerContext& context) const = 0;
        virtual TriggerResult onEventTime(Timestamp time, const AnyWindow& window, State& state,
                                          TriggerContext& context) const = 0;
        virtual TriggerResult onProcessingTime(Timestamp time, const AnyWindow& window, State& state,
                                               TriggerContext& context) const = 0;
        virtual void clear(const AnyWindow& window, State& state, TriggerContext& context) const = 0;
        virtual void onMerge(const AnyWindow& window, State& into, const State& from,
                             TriggerContext& context) const = 0;
    };
    template <class Trigger>
    static constexpr bool kMergeable = MergingTrigger<Trigger, detail::TriggerStateOf<Trigger, Value>, AnyWindow>;

    template <class Trigger>
    class Model final : public Concept {
        using Inner = detail::TriggerStateOf<Trigger, Value>;

    public:
        explicit Model(Trigger trigger) : trigger_(std::move(trigger)) {}
        TriggerResult onElement(const Value& value, Timestamp time, const AnyWindow& window, State& state,
                                TriggerContext& context) const override {
            return with(state, [&](Inner& inner) { return trigger_.onElement(value, time, window, inner, context); });
        }
        TriggerResult onEventTime(Timestamp time, const AnyWindow& window, State& state,
                                  TriggerContext& context) const override {
            return with(state, [&](Inner& inner) { return trigger_.onEventTime(time, window, inner, context); });
        }
        TriggerResult onProcessingTime(Timestamp time, const AnyWindow& window, State& state,
                                       TriggerContext& context) const override {
            return with(state, [&](Inner& inner) { return trigger_.onProcessingTime(time, window, inner, context); });
        }
        void clear(const AnyWindow& window, State& state, TriggerContext& context) const override {
            with(state, [&](Inner& inner) {
                detail::clearTrigger(trigger_, window, inner, context);
                return TriggerResult::Continue;
            });
        }
        void onMerge(const AnyWindow& window, State& into, const State& from, TriggerContext& context) const override {
            if constexpr (kMergeable<Trigger>) {
                with(into, [&](Inner& inner) {
                    trigger_.onMerge(window, inner, read(from), context);
                    return TriggerResult::Continue;
                });
            } else {
                throw std::logic_error("this trigger cannot be merged");
            }
        }

    private:
        static Inner read(const State& state) {
            if (state.bytes.empty()) return Inner{};
            return decodeFromBytes<Inner>(state.bytes);
        }
        template <class Call>
        static TriggerResult with(State& state, Call call) {
            Inner inner = read(state);
            const TriggerResult result = call(inner);
            state.bytes = encodeToBytes(inner);
            return result;
        }
        Trigger trigger_;
    };

    AnyTrigger(std::shared_ptr<const Concept> trigger, bool merges) : trigger_(std::move(trigger)), merges_(merges) {}

    std::shared_ptr<const Concept> trigger_;
    bool merges_;
};

}  // namespace millrace::conformance

#endif  // MILLRACE_TESTS_CONFORMANCE_ANY_TRIGGER_HPP
