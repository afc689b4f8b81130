#ifndef MILLRACE_TESTS_WINDOWING_GENERAL_WINDOW_FIXTURES_HPP
#define MILLRACE_TESTS_WINDOWING_GENERAL_WINDOW_FIXTURES_HPP

#include <millrace/windowing/window_operator.hpp>

#include <millrace/windowing/cumulating_event_time_windows.hpp>
#include <millrace/windowing/event_time_session_windows.hpp>
#include <millrace/windowing/evictors/count_evictor.hpp>
#include <millrace/windowing/evictors/delta_evictor.hpp>
#include <millrace/windowing/evictors/time_evictor.hpp>
#include <millrace/windowing/global_windows.hpp>
#include <millrace/windowing/processing_time_session_windows.hpp>
#include <millrace/windowing/sliding_processing_time_windows.hpp>
#include <millrace/windowing/triggers/continuous_event_time_trigger.hpp>
#include <millrace/windowing/triggers/continuous_processing_time_trigger.hpp>
#include <millrace/windowing/triggers/count_trigger.hpp>
#include <millrace/windowing/triggers/delta_trigger.hpp>
#include <millrace/windowing/triggers/emission_triggers.hpp>
#include <millrace/windowing/triggers/processing_timeout_trigger.hpp>
#include <millrace/windowing/triggers/purging_trigger.hpp>
#include <millrace/windowing/tumbling_processing_time_windows.hpp>

#include "windowing/window_fixtures.hpp"

#include <optional>
#include <span>
#include <string>
#include <utility>

namespace millrace::testsupport {

/// "key[start,end):value value …", in the order of arrival.
struct ListValues {
    std::string operator()(const std::int32_t& key, const TimeWindow& w, std::span<const Item> items) const {
        std::string text =
            std::to_string(key) + "[" + std::to_string(ticks(w.start)) + "," + std::to_string(ticks(w.end)) + "):";
        for (const Item& item : items) text += std::to_string(item.value) + " ";
        text.pop_back();
        return text;
    }
};
struct ListGlobalValues {
    std::string operator()(const std::int32_t& key, const GlobalWindow&, std::span<const Item> items) const {
        std::string text = std::to_string(key) + ":";
        for (const Item& item : items) text += " " + std::to_string(item.value);
        return text;
    }
};

template <class Aggregate, class Assigner, class Trigger = EventTimeTrigger, class Evictor = detail::NoEvictor>
auto generalWindowsOf(Assigner assigner, Trigger trigger = {}, Evictor evictor = {}, Duration lateness = {},
                      const std::optional<OutputTag<Item>>& late = {}) {
    using Op = detail::WindowOperator<Item, std::int32_t Item::*, Assigner, Trigger, Evictor, Aggregate>;
    return Op{&Item::key, assigner, trigger, evictor, Aggregate{}, {}, lateness, late ? late->key() : ""};
}
template <class WindowFn = ListValues, class Assigner, class Trigger, class Evictor = detail::NoEvictor>
auto listsOf(Assigner assigner, Trigger trigger, Evictor evictor = {}, Duration lateness = {}) {
    using Op = detail::WindowOperator<Item, std::int32_t Item::*, Assigner, Trigger, Evictor,
                                      detail::ListAggregate<Item>, WindowFn, std::string>;
    return Op{&Item::key, assigner, trigger, evictor, {}, {}, lateness, {}};
}

/// Sets the clock, then lets the operator see it.
template <class Harness>
void clockTo(Harness& harness, std::int64_t time) {
    harness.context.now = at(time);
    harness.stage().onProcessingTime(at(time));
}

using Texts = std::vector<Emitted<std::string>>;
inline constexpr std::int64_t kEndOfTime = INT64_MAX;

}  // namespace millrace::testsupport

#endif  // MILLRACE_TESTS_WINDOWING_GENERAL_WINDOW_FIXTURES_HPP
