#include "any_trigger.hpp"

#include "times.hpp"

#include <millrace/windowing/triggers/continuous_event_time_trigger.hpp>
#include <millrace/windowing/triggers/continuous_processing_time_trigger.hpp>
#include <millrace/windowing/triggers/count_trigger.hpp>
#include <millrace/windowing/triggers/delta_trigger.hpp>
#include <millrace/windowing/triggers/event_time_trigger.hpp>
#include <millrace/windowing/triggers/never_trigger.hpp>
#include <millrace/windowing/triggers/processing_time_trigger.hpp>
#include <millrace/windowing/triggers/processing_timeout_trigger.hpp>
#include <millrace/windowing/triggers/purging_trigger.hpp>

namespace millrace::conformance {

namespace {

/// A trigger as a user writes one: fires whenever it is asked.
struct EveryElement {
    struct State {
        bool operator==(const State&) const = default;
    };
    template <class Window>
    TriggerResult onElement(const Value&, Timestamp, const Window&, State&, TriggerContext&) const {
        return TriggerResult::Fire;
    }
    template <class Window>
    TriggerResult onEventTime(Timestamp, const Window&, State&, TriggerContext&) const {
        return TriggerResult::Fire;
    }
    template <class Window>
    TriggerResult onProcessingTime(Timestamp, const Window&, State&, TriggerContext&) const {
        return TriggerResult::Fire;
    }
    template <class Window>
    void onMerge(const Window&, State&, const State&, TriggerContext&) const {}
};

}  // namespace

AnyTrigger AnyTrigger::of(const json& trigger) {
    const std::string type = trigger.at("type").get<std::string>();
    if (type == "event_time") return holding(EventTimeTrigger::create());
    if (type == "processing_time") return holding(ProcessingTimeTrigger::create());
    if (type == "never") return holding(NeverTrigger::create());
    if (type == "every_element") return holding(EveryElement{});
    if (type == "count") return holding(CountTrigger::of(trigger.at("count").get<std::int64_t>()));
    if (type == "continuous_event_time") {
        return holding(ContinuousEventTimeTrigger::of(durationOf(trigger, "interval_ms")));
    }
    if (type == "continuous_processing_time") {
        return holding(ContinuousProcessingTimeTrigger::of(durationOf(trigger, "interval_ms")));
    }
    if (type == "delta") {
        return holding(DeltaTrigger::of(fromJson(trigger.at("threshold")),
                                        [](const Value& last, const Value& now) { return now.at(1) - last.at(1); }));
    }
    if (type == "purging" || type == "processing_timeout") {
        AnyTrigger inner = of(trigger.at("inner"));
        if (type == "purging") {
            const bool merges = inner.merges();
            AnyTrigger purging = holding(PurgingTrigger::of(std::move(inner)));
            purging.merges_ = merges;
            return purging;
        }
        return holding(ProcessingTimeoutTrigger::of(std::move(inner), durationOf(trigger, "timeout_ms"),
                                                    trigger.value("reset_timer_on_new_record", false),
                                                    trigger.value("clear_on_timeout", true)));
    }
    throw std::invalid_argument("unknown trigger '" + type + "'");
}

}  // namespace millrace::conformance
