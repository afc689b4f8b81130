#include "plain_kinds.hpp"
#include "window_pipelines.hpp"

#include <millrace/api/data_stream.hpp>

#include <millrace/api/joined_streams.hpp>
#include <millrace/windowing/global_windows.hpp>
#include <millrace/windowing/tumbling_event_time_windows.hpp>

// window_join, window_cogroup

namespace millrace::conformance {

namespace {

struct Pair {
    Value operator()(const Value& left, const Value& right) const { return Value::Array{left, right}; }
};
struct Groups {
    void operator()(std::span<const Value> lefts, std::span<const Value> rights, Collector<Value>& out) const {
        out.collect(Value::Array{Value::Array(lefts.begin(), lefts.end()), Value::Array(rights.begin(), rights.end())});
    }
};

template <class Paired, class Assigner, class Fn>
DataStream<Value> paired(const Paired& streams, const WindowSettings& settings, const Assigner& assigner,
                         const Fn& fn) {
    return streams.where(settings.key)
        .equalTo(settings.key)
        .window(assigner)
        .trigger(settings.trigger)
        .evictor(settings.evictor.value_or(AnyEvictor::none()))
        .allowedLateness(settings.lateness)
        .apply(fn);
}

template <class Assigner>
TwoInputPipeline pairedPipeline(const WindowSettings& settings, const Assigner& assigner, bool join) {
    return [=](const DataStream<Value>& left, const DataStream<Value>& right) -> DataStream<Value> {
        if (join) return paired(left.join(right), settings, assigner, Pair{});
        return paired(left.coGroup(right), settings, assigner, Groups{});
    };
}

/// With a trigger and an evictor that do what the defaults do.
TwoInputPipeline generalPipeline(const WindowSettings& settings, const AssignerRule& rule, bool join) {
    if (rule.type == AssignerRule::Type::Global) return pairedPipeline(settings, GlobalWindows::create(), join);
    if (rule.eventTime) {
        if (rule.merging) return pairedPipeline(settings, AnyAssigner<true, true>{rule.assign}, join);
        return pairedPipeline(settings, AnyAssigner<true, false>{rule.assign}, join);
    }
    if (rule.merging) return pairedPipeline(settings, AnyAssigner<false, true>{rule.assign}, join);
    return pairedPipeline(settings, AnyAssigner<false, false>{rule.assign}, join);
}

std::vector<Implementation> pairs(json op, bool join) {
    op["function"] = "none";  // not a matter of these kinds
    const AssignerRule rule = assignerRule(op.at("assigner"));
    const WindowSettings settings(op, rule);
    const std::string name = join ? "DataStream::join" : "DataStream::coGroup";
    std::vector<Implementation> implementations{
        pipelineImplementation(name, generalPipeline(settings, rule, join), {})};
    if (op.at("assigner").at("type") == "tumbling_event_time" && settings.usualTrigger && !settings.evictor) {
        const Duration size = durationOf(op.at("assigner"), "size_ms");
        const auto windows = TumblingEventTimeWindows::of(size, reducedOffset(op.at("assigner"), size));
        implementations.push_back(pipelineImplementation(
            name + ", default trigger",
            TwoInputPipeline([=](const DataStream<Value>& left, const DataStream<Value>& right) -> DataStream<Value> {
                const auto of = [&](const auto& streams, const auto& fn) -> DataStream<Value> {
                    return streams.where(settings.key)
                        .equalTo(settings.key)
                        .window(windows)
                        .allowedLateness(settings.lateness)
                        .apply(fn);
                };
                return join ? of(left.join(right), Pair{}) : of(left.coGroup(right), Groups{});
            }),
            {}));
        implementations.push_back(pipelineImplementation(
            name + " of plain records", plainWindowPairs(settings.key, windows, settings.lateness, join), {}));
    }
    return implementations;
}

}  // namespace

std::vector<Implementation> windowJoin(const json& op) {
    return pairs(op, true);
}
std::vector<Implementation> windowCoGroup(const json& op) {
    return pairs(op, false);
}

}  // namespace millrace::conformance
