#include "plain_kinds.hpp"
#include "plain.hpp"
#include "times.hpp"
#include "window_pipelines.hpp"

#include <millrace/api/interval_join.hpp>
#include <millrace/api/joined_streams.hpp>
#include <millrace/windowing/tumbling_event_time_windows.hpp>

// keyed_reduce, interval_join, window_join, window_cogroup over plain records

namespace millrace::conformance {

namespace {

struct PlainPair {
    Plain operator()(const Plain& left, const Plain& right) const {
        return plainOf(Value::Array{recordOf(left), recordOf(right)});
    }
};
struct PlainGroups {
    void operator()(std::span<const Plain> lefts, std::span<const Plain> rights, Collector<Plain>& out) const {
        Value::Array groups[2];
        for (const Plain& each : lefts) groups[0].push_back(recordOf(each));
        for (const Plain& each : rights) groups[1].push_back(recordOf(each));
        out.collect(plainOf(Value::Array{std::move(groups[0]), std::move(groups[1])}));
    }
};

/// Element 1 added up, the rest as in the first record; or plain numbers added up.
struct PlainSum {
    bool scalar;
    Plain operator()(const Plain& sum, const Plain& record) const {
        Value value = recordOf(sum);
        if (scalar) {
            value = value + recordOf(record);
        } else {
            value.at(1) = value.at(1) + recordOf(record).at(1);
        }
        return plainOf(value);
    }
};

}  // namespace

std::optional<OneInputPipeline> plainReduce(const json& op) {
    const std::string function = op.at("function").get<std::string>();
    if (function != "sum" && function != "sum_scalar") return std::nullopt;
    const KeyOfRecord key(op.at("key"));
    const PlainSum sum{function == "sum_scalar"};
    return OneInputPipeline([=](const DataStream<Value>& in) -> DataStream<Value> {
        return valuesOf(plainRecords(in, key).keyBy(&Plain::key).reduce(sum), {});
    });
}

TwoInputPipeline plainIntervalJoin(const IntervalSettings& settings, const std::vector<std::string>& sides) {
    return [=](const DataStream<Value>& left, const DataStream<Value>& right) -> DataStream<Value> {
        auto join = plainRecords(left, settings.key)
                        .keyBy(&Plain::key)
                        .intervalJoin(plainRecords(right, settings.key).keyBy(&Plain::key))
                        .between(settings.lower, settings.upper);
        if (!settings.lowerInclusive) join = join.lowerBoundExclusive();
        if (!settings.upperInclusive) join = join.upperBoundExclusive();
        if (settings.lateLeft.has_value()) join = join.sideOutputLeftLateData(plainTag(*settings.lateLeft));
        if (settings.lateRight.has_value()) join = join.sideOutputRightLateData(plainTag(*settings.lateRight));
        return valuesOf(join.process(PlainPair{}), sides);
    };
}

TwoInputPipeline plainWindowPairs(const KeyOfRecord& key, const TumblingEventTimeWindows& windows, Duration lateness,
                                  bool join) {
    return [=](const DataStream<Value>& left, const DataStream<Value>& right) -> DataStream<Value> {
        const DataStream<Plain> lefts = plainRecords(left, key);
        const DataStream<Plain> rights = plainRecords(right, key);
        const auto of = [&](const auto& streams, const auto& fn) {
            return valuesOf(
                streams.where(&Plain::key).equalTo(&Plain::key).window(windows).allowedLateness(lateness).apply(fn),
                {});
        };
        return join ? of(lefts.join(rights), PlainPair{}) : of(lefts.coGroup(rights), PlainGroups{});
    };
}

}  // namespace millrace::conformance
