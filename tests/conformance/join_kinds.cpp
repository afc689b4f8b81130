#include "harness_subject.hpp"
#include "plain_kinds.hpp"

#include <millrace/api/interval_join.hpp>

#include <algorithm>

// interval_join

namespace millrace::conformance {

namespace {

struct Pair {
    Value operator()(const Value& left, const Value& right) const { return Value::Array{left, right}; }
};

TwoInputPipeline intervalJoinPipeline(const IntervalSettings& settings) {
    return [=](const DataStream<Value>& left, const DataStream<Value>& right) -> DataStream<Value> {
        auto join =
            left.keyBy(settings.key).intervalJoin(right.keyBy(settings.key)).between(settings.lower, settings.upper);
        if (!settings.lowerInclusive) join = join.lowerBoundExclusive();
        if (!settings.upperInclusive) join = join.upperBoundExclusive();
        if (settings.lateLeft.has_value()) join = join.sideOutputLeftLateData(sideTag(*settings.lateLeft));
        if (settings.lateRight.has_value()) join = join.sideOutputRightLateData(sideTag(*settings.lateRight));
        return join.process(Pair{});
    };
}

std::vector<std::string> lateTags(const IntervalSettings& settings) {
    std::vector<std::string> tags;
    for (const auto& tag : {settings.lateLeft, settings.lateRight}) {
        if (tag.has_value() && (tags.empty() || tags.front() != *tag)) tags.push_back(*tag);
    }
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

IntervalSettings::IntervalSettings(const json& op)
    : key(op.value("key", json())), lower(durationOf(op, "lower_ms")), upper(durationOf(op, "upper_ms")),
      lowerInclusive(op.value("lower_inclusive", true)), upperInclusive(op.value("upper_inclusive", true)) {
    const auto tagOf = [&](const char* field) -> std::optional<std::string> {
        if (!op.contains(field) || op.at(field).is_null()) return std::nullopt;
        return op.at(field).get<std::string>();
    };
    lateLeft = tagOf("late_left_tag");
    lateRight = tagOf("late_right_tag");
}

std::vector<Implementation> intervalJoin(const json& op) {
    const IntervalSettings settings(op);
    const std::vector<std::string> tags = lateTags(settings);
    Implementation plain =
        pipelineImplementation("KeyedStream::intervalJoin of plain records", plainIntervalJoin(settings, tags), tags);
    plain.answersQueries = false;
    return {
        pipelineImplementation("KeyedStream::intervalJoin", intervalJoinPipeline(settings), tags, timestampsBuffered),
        std::move(plain)};
}

}  // namespace millrace::conformance
