#include "plain.hpp"
#include "window_pipelines.hpp"

#include <millrace/api/windowed_stream.hpp>
#include <millrace/windowing/event_time_session_windows.hpp>
#include <millrace/windowing/sliding_event_time_windows.hpp>
#include <millrace/windowing/tumbling_event_time_windows.hpp>

// window, with the default trigger, over plain records

namespace millrace::conformance {

namespace {

/// Count, sum and maximum of element 1, in numbers.
struct PlainSummary {
    std::int64_t count = 0;
    std::uint32_t sum = 0;
    std::uint32_t max = 0;
};
struct PlainAggregate {
    static Summary open(const PlainSummary& summary) {
        return summary.count == 0 ? Summary{} : Summary{summary.count, valueOf(summary.sum), valueOf(summary.max)};
    }
    static PlainSummary close(const Summary& summary) {
        return {summary.count, numberOf(summary.sum), numberOf(summary.max)};
    }
    PlainSummary createAccumulator() const { return {}; }
    void add(const Plain& record, PlainSummary& acc) const {
        Summary summary = open(acc);
        summary.add(recordOf(record).at(1));
        acc = close(summary);
    }
    PlainSummary getResult(const PlainSummary& acc) const { return acc; }
    void merge(PlainSummary& into, const PlainSummary& other) const {
        Summary summary = open(into);
        summary.add(open(other));
        into = close(summary);
    }
};
/// The count alone, which can be subtracted.
struct PlainCount {
    std::int64_t createAccumulator() const { return 0; }
    void add(const Plain&, std::int64_t& acc) const { ++acc; }
    PlainSummary getResult(const std::int64_t& acc) const { return {acc, numberOf(Value(0)), numberOf(Value(0))}; }
    void merge(std::int64_t& into, const std::int64_t& other) const { into += other; }
    void subtract(std::int64_t& from, const std::int64_t& other) const { from -= other; }
};
struct PlainResult {
    FunctionName name;
    template <class Context>
    void operator()(const std::uint32_t& key, Context& context, const PlainSummary& summary,
                    Collector<Plain>& out) const {
        out.collect(plainOf(summaryRecord(name, valueOf(key), PlainAggregate::open(summary), context.window())));
    }
};
struct PlainFunction {
    FunctionName name;
    template <class Context>
    void operator()(const std::uint32_t& key, Context& context, std::span<const Plain> elements,
                    Collector<Plain>& out) const {
        std::vector<Value> values;
        for (const Plain& each : elements) values.push_back(recordOf(each));
        struct Sink {
            Collector<Plain>& out;
            void collect(const Value& value) { out.collect(plainOf(value)); }
        } sink{out};
        FormatWindowFunction{name}(valueOf(key), context, std::span<const Value>(values), sink);
    }
};

enum class PlainForm { List, Aggregate, Count };

template <PlainForm kForm, class Assigner>
OneInputPipeline plainPipeline(const WindowSettings& settings, const Assigner& assigner) {
    return [=](const DataStream<Value>& in) -> DataStream<Value> {
        auto windows =
            plainRecords(in, settings.key).keyBy(&Plain::key).window(assigner).allowedLateness(settings.lateness);
        std::vector<std::string> sides;
        if (settings.lateSideOutput) {
            windows = windows.sideOutputLateData(plainTag("late"));
            sides.push_back("late");
        }
        if constexpr (kForm == PlainForm::Aggregate) {
            return valuesOf(windows.template aggregate<Plain>(PlainAggregate{}, PlainResult{settings.function}), sides);
        } else if constexpr (kForm == PlainForm::Count) {
            return valuesOf(windows.template aggregate<Plain>(PlainCount{}, PlainResult{settings.function}), sides);
        } else {
            return valuesOf(windows.template process<Plain>(PlainFunction{settings.function}), sides);
        }
    };
}

template <class Assigner>
NamedPipelines plainPipelinesOf(const std::string& name, const WindowSettings& settings, const Assigner& assigner) {
    NamedPipelines pipelines;
    pipelines.emplace_back(name, plainPipeline<PlainForm::List>(settings, assigner));
    if (isAggregate(settings.function)) {
        pipelines.emplace_back(name + ", aggregate", plainPipeline<PlainForm::Aggregate>(settings, assigner));
    }
    if constexpr (detail::AlignedAssigner<Assigner>) {
        if (settings.function == FunctionName::CountWithWindow) {
            pipelines.emplace_back(name + ", count", plainPipeline<PlainForm::Count>(settings, assigner));
        }
    }
    return pipelines;
}

}  // namespace

NamedPipelines plainPipelines(const json& op, const AssignerRule& rule) {
    const WindowSettings settings(op, rule);
    if (!rule.eventTime || !settings.usualTrigger || settings.evictor.has_value()) return {};
    const json& assigner = op.at("assigner");
    const std::string type = assigner.at("type").get<std::string>();
    const Duration size = durationOf(assigner, "size_ms");
    const Duration slide = durationOf(assigner, "slide_ms");
    NamedPipelines pipelines;
    const auto add = [&](NamedPipelines more) {
        for (auto& each : more) pipelines.push_back(std::move(each));
    };
    if (type == "tumbling_event_time") {
        add(plainPipelinesOf("plain records, aligned operator", settings,
                             TumblingEventTimeWindows::of(size, reducedOffset(assigner, size))));
    } else if (type == "sliding_event_time") {
        add(plainPipelinesOf("plain records, aligned operator", settings,
                             SlidingEventTimeWindows::of(size, slide, reducedOffset(assigner, slide))));
    } else if (type == "session_event_time") {
        add(plainPipelinesOf("plain records, sessions", settings,
                             EventTimeSessionWindows::withGap(durationOf(assigner, "gap_ms"))));
    }
    if (!rule.merging) {
        add(plainPipelinesOf("plain records, general operator", settings, AnyAssigner<true, false>{rule.assign}));
    }
    return pipelines;
}

}  // namespace millrace::conformance
