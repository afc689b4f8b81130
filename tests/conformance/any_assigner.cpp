#include "any_assigner.hpp"

#include "times.hpp"

#include <millrace/windowing/event_time_session_windows.hpp>
#include <millrace/windowing/processing_time_session_windows.hpp>
#include <millrace/windowing/sliding_event_time_windows.hpp>
#include <millrace/windowing/sliding_processing_time_windows.hpp>
#include <millrace/windowing/tumbling_event_time_windows.hpp>
#include <millrace/windowing/tumbling_processing_time_windows.hpp>

namespace millrace::conformance {

namespace {

template <class Assigner>
AssignerRule ruleOf(Assigner assigner) {
    AssignerRule rule;
    rule.eventTime = Assigner::kEventTime;
    rule.merging = Assigner::kMerging;
    rule.assign = [assigner](const Value& value, Timestamp time, const AssignerContext& context,
                             WindowList<TimeWindow>& windows) {
        if constexpr (detail::AssignsOneWindow<Assigner, Value>) {
            windows.add(assigner.assignWindow(value, time, context));
        } else {
            assigner.assignWindows(value, time, context, windows);
        }
    };
    return rule;
}

/// The gap of the first rule that fits.
struct GapByRules {
    struct Rule {
        std::optional<Value> key;
        std::optional<Value> value;
        Duration gap;
    };
    std::vector<Rule> rules;
    Duration otherwise;

    explicit GapByRules(const json& gap) : otherwise(durationOf(gap, "default_ms")) {
        for (const json& rule : gap.value("rules", json::array())) {
            Rule parsed{{}, {}, durationOf(rule, "gap_ms")};
            if (rule.contains("key")) parsed.key = fromJson(rule.at("key"));
            if (rule.contains("value")) parsed.value = fromJson(rule.at("value"));
            rules.push_back(std::move(parsed));
        }
    }
    Duration operator()(const Value& record) const {
        for (const Rule& rule : rules) {
            if (rule.key.has_value() && !(*rule.key == record.at(0))) continue;
            if (rule.value.has_value() && !(*rule.value == record.at(1))) continue;
            return rule.gap;
        }
        return otherwise;
    }
};

/// An assigner as a user writes one: a session, but a point in time for one value.
template <bool kByEventTime>
struct PointSessions {
    using Window = TimeWindow;
    static constexpr bool kEventTime = kByEventTime;
    static constexpr bool kMerging = true;
    Duration gap;
    Value point;

    TimeWindow assignWindow(const Value& value, Timestamp time, const AssignerContext& context) const {
        const Timestamp start = kByEventTime ? time : context.currentProcessingTime();
        return {start, value.at(1) == point ? start : saturatingAdd(start, gap)};
    }
};

}  // namespace

/// Flink and the library refuse an offset that is not smaller than what it shifts; the format's formula takes any. An
/// offset that is a whole number of slides smaller gives the same windows.
Duration reducedOffset(const json& assigner, Duration slide) {
    const Duration offset = durationOf(assigner, "offset_ms");
    return slide > Duration::zero() ? offset % slide : offset;
}

AssignerRule assignerRule(const json& assigner) {
    const std::string type = assigner.at("type").get<std::string>();
    const Duration size = durationOf(assigner, "size_ms");
    const Duration slide = durationOf(assigner, "slide_ms");
    const Duration gap = assigner.contains("gap_ms") ? durationOf(assigner, "gap_ms") : Duration{};
    if (type == "global") {
        AssignerRule rule;
        rule.type = AssignerRule::Type::Global;
        return rule;
    }
    if (type == "tumbling_event_time") return ruleOf(TumblingEventTimeWindows::of(size, reducedOffset(assigner, size)));
    if (type == "tumbling_processing_time")
        return ruleOf(TumblingProcessingTimeWindows::of(size, reducedOffset(assigner, size)));
    if (type == "sliding_event_time")
        return ruleOf(SlidingEventTimeWindows::of(size, slide, reducedOffset(assigner, slide)));
    if (type == "sliding_processing_time")
        return ruleOf(SlidingProcessingTimeWindows::of(size, slide, reducedOffset(assigner, slide)));
    if (type == "session_event_time") return ruleOf(EventTimeSessionWindows::withGap(gap));
    if (type == "session_processing_time") return ruleOf(ProcessingTimeSessionWindows::withGap(gap));
    if (type == "dynamic_session_event_time") {
        return ruleOf(EventTimeSessionWindows::withDynamicGap(GapByRules(assigner.at("gap"))));
    }
    if (type == "dynamic_session_processing_time") {
        return ruleOf(ProcessingTimeSessionWindows::withDynamicGap(GapByRules(assigner.at("gap"))));
    }
    if (type == "point_session_event_time")
        return ruleOf(PointSessions<true>{gap, fromJson(assigner.at("point_value"))});
    if (type == "point_session_processing_time") {
        return ruleOf(PointSessions<false>{gap, fromJson(assigner.at("point_value"))});
    }
    throw std::invalid_argument("unknown window assigner '" + type + "'");
}

}  // namespace millrace::conformance
