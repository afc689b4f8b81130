#include "harness_subject.hpp"

#include <millrace/api/interval_join.hpp>

#include <algorithm>

// interval_join

namespace millrace::conformance {

namespace {

struct Pair {
    Value operator()(const Value& left, const Value& right) const { return Value::Array{left, right}; }
};

TwoInputPipeline intervalJoinPipeline(const json& op) {
    const KeyOfRecord key(op.value("key", json()));
    const auto tagOf = [&](const char* field) -> std::optional<OutputTag<Value>> {
        if (!op.contains(field) || op.at(field).is_null()) return std::nullopt;
        return sideTag(op.at(field).get<std::string>());
    };
    const Duration lower = durationOf(op, "lower_ms");
    const Duration upper = durationOf(op, "upper_ms");
    const bool lowerInclusive = op.value("lower_inclusive", true);
    const bool upperInclusive = op.value("upper_inclusive", true);
    const auto lateLeft = tagOf("late_left_tag");
    const auto lateRight = tagOf("late_right_tag");
    return [=](const DataStream<Value>& left, const DataStream<Value>& right) -> DataStream<Value> {
        auto join = left.keyBy(key).intervalJoin(right.keyBy(key)).between(lower, upper);
        if (!lowerInclusive) join = join.lowerBoundExclusive();
        if (!upperInclusive) join = join.upperBoundExclusive();
        if (lateLeft.has_value()) join = join.sideOutputLeftLateData(*lateLeft);
        if (lateRight.has_value()) join = join.sideOutputRightLateData(*lateRight);
        return join.process(Pair{});
    };
}

std::vector<std::string> lateTags(const json& op) {
    std::vector<std::string> tags;
    for (const char* field : {"late_left_tag", "late_right_tag"}) {
        if (op.contains(field) && op.at(field).is_string()) tags.push_back(op.at(field).get<std::string>());
    }
    if (tags.size() == 2 && tags[0] == tags[1]) tags.pop_back();
    return tags;
}

Value timestampsBuffered(detail::Stage& stage, const std::string& query) {
    using Operator = detail::IntervalJoinOperator<Value, Value, KeyOfRecord, KeyOfRecord, Value, Pair>;
    using Chain = detail::Link<detail::TwoInputs<Value, Value>, Operator>;
    auto& join = dynamic_cast<detail::ChainStage<Chain>&>(stage).head();
    Value::Array times;
    for (const Timestamp time : query == "left_buffer_timestamps" ? join.bufferedLeft() : join.bufferedRight()) {
        times.emplace_back(ticksOf(time));
    }
    return times;
}

}  // namespace

std::vector<Implementation> intervalJoin(const json& op) {
    return {pipelineImplementation("KeyedStream::intervalJoin", intervalJoinPipeline(op), lateTags(op),
                                   timestampsBuffered)};
}

}  // namespace millrace::conformance
