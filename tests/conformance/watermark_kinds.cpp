#include "harness_subject.hpp"

#include <millrace/api/data_stream.hpp>
#include <millrace/time/combined_watermarks.hpp>
#include <millrace/time/watermark_output_multiplexer.hpp>
#include <millrace/time/watermark_strategy.hpp>
#include <millrace/time/watermark_valve.hpp>

#include <stdexcept>

// watermark_valve, watermark_combine, watermark_multiplexer, timestamps_watermarks

namespace millrace::conformance {

namespace {

class Collected : public Subject {
public:
    std::vector<OutputItem> take() override { return std::exchange(items_, {}); }

protected:
    void watermark(Timestamp time) {
        OutputItem item;
        item.kind = OutputItem::Kind::Watermark;
        item.time = ticksOf(time);
        items_.push_back(std::move(item));
    }
    void status(std::string status) {
        OutputItem item;
        item.kind = OutputItem::Kind::Status;
        item.name = std::move(status);
        items_.push_back(std::move(item));
    }
    void pass(const detail::EventTimeChange& change) {
        if (change.hasWatermark()) watermark(change.watermark);
        if (change.status == detail::StatusChange::Idle) status("idle");
        if (change.status == detail::StatusChange::Active) status("active");
    }

private:
    std::vector<OutputItem> items_;
};

/// Valve and combination differ in their rule and in how an item names its input.
template <class Combiner>
class CombinerSubject final : public Collected {
public:
    CombinerSubject(std::size_t inputs, const char* field, int first)
        : combiner_(inputs), inputs_(inputs), field_(field), first_(first) {}
    void apply(const json& item) override {
        const int input = item.at(field_).get<int>() - first_;
        if (input < 0 || static_cast<std::size_t>(input) >= inputs_) {
            throw std::invalid_argument("no such input: " + item.dump());
        }
        const auto index = static_cast<std::size_t>(input);
        if (item.contains("watermark")) {
            pass(combiner_.watermark(index, timeOf(item.at("watermark"))));
        } else if (item.at("status") == "idle") {
            pass(combiner_.idle(index));
        } else {
            pass(combiner_.active(index));
        }
    }

private:
    Combiner combiner_;
    std::size_t inputs_;
    const char* field_;
    int first_;
};

class MultiplexerSubject final : public Collected {
public:
    void apply(const json& item) override {
        if (item.contains("register")) {
            multiplexer_.registerOutput(item.at("register").get<std::string>());
        } else if (item.contains("unregister")) {
            multiplexer_.unregisterOutput(item.at("unregister").get<std::string>());
        } else if (item.contains("periodic_emit")) {
            pass(multiplexer_.onPeriodicEmit());
        } else {
            const std::string id = item.at("output").get<std::string>();
            const bool immediate = item.at("mode") == "immediate";
            if (item.contains("watermark")) {
                const Timestamp time = timeOf(item.at("watermark"));
                if (immediate) {
                    pass(multiplexer_.emitImmediate(id, time));
                } else {
                    multiplexer_.emitDeferred(id, time);
                }
            } else if (immediate) {
                pass(multiplexer_.markIdleImmediate(id));
            } else {
                multiplexer_.markIdleDeferred(id);
            }
        }
    }

private:
    void pass(const WatermarkOutputMultiplexer::Result& result) {
        if (result.watermark) watermark(*result.watermark);
        if (result.becameIdle) status("idle");
    }
    WatermarkOutputMultiplexer multiplexer_;
};

/// On a record [flag, time] with a true flag, a watermark of that time at once.
struct PunctuatedFlag {
    void onEvent(const Value& event, Timestamp, WatermarkOutput& output) const {
        if (event.at(0) == Value(true)) output.emitWatermark(timeOf(event.at(1).integer()));
    }
    void onPeriodicEmit(WatermarkOutput&) const {}
};

struct PeriodicLastMinusOne {
    Timestamp last = kMinTimestamp;
    void onEvent(const Value&, Timestamp timestamp, WatermarkOutput&) { last = timestamp; }
    void onPeriodicEmit(WatermarkOutput& output) const { output.emitWatermark(saturatingSubtract(last, Duration(1))); }
};

struct TimestampOfRecord {
    std::optional<std::size_t> field;
    Timestamp operator()(const Value& record) const {
        return timeOf(field.has_value() ? record.at(*field).integer() : record.integer());
    }
};

template <class Strategy>
OneInputPipeline assigning(const Strategy& strategy, const json& op) {
    TimestampOfRecord assigner;
    if (const json& from = op.at("timestamp"); from.is_object() && from.at("field") != "self") {
        assigner.field = from.at("field").get<std::size_t>();
    }
    auto configured =
        strategy.withTimestampAssigner(assigner).withPeriodicEmit(durationOf(op, "emit_interval_ms", 200));
    const json& parameters = op.at("strategy");
    if (parameters.contains("idleness_ms") && !parameters.at("idleness_ms").is_null()) {
        configured = configured.withIdleness(durationOf(parameters, "idleness_ms"));
    }
    if (!op.value("emit_progressive", true)) {
        const auto none = WatermarkStrategy::noWatermarks().withTimestampAssigner(assigner);
        return [none](DataStream<Value> in) -> DataStream<Value> { return in.assignTimestampsAndWatermarks(none); };
    }
    return [configured](DataStream<Value> in) -> DataStream<Value> {
        return in.assignTimestampsAndWatermarks(configured);
    };
}

OneInputPipeline timestampsPipeline(const json& op) {
    const json& strategy = op.at("strategy");
    const std::string type = strategy.at("type").get<std::string>();
    if (type == "bounded_out_of_orderness") {
        return assigning(WatermarkStrategy::forBoundedOutOfOrderness(durationOf(strategy, "delay_ms")), op);
    }
    if (type == "monotonous") return assigning(WatermarkStrategy::forMonotonousTimestamps(), op);
    if (type == "none") return assigning(WatermarkStrategy::noWatermarks(), op);
    if (type == "punctuated_flag") {
        return assigning(WatermarkStrategy::forGenerator([] { return PunctuatedFlag{}; }), op);
    }
    if (type == "periodic_last_minus_one") {
        return assigning(WatermarkStrategy::forGenerator([] { return PeriodicLastMinusOne{}; }), op);
    }
    throw std::invalid_argument("unknown watermark strategy '" + type + "'");
}

}  // namespace

std::vector<Implementation> watermarkValve(const json& op) {
    const auto channels = op.at("channels").get<std::size_t>();
    return {{"WatermarkValve",
             [=] { return std::make_unique<CombinerSubject<detail::WatermarkValve>>(channels, "channel", 0); }}};
}

std::vector<Implementation> watermarkCombine(const json& op) {
    const auto inputs = op.at("inputs").get<std::size_t>();
    return {{"CombinedWatermarks",
             [=] { return std::make_unique<CombinerSubject<detail::CombinedWatermarks>>(inputs, "input", 1); }}};
}

std::vector<Implementation> watermarkMultiplexer(const json&) {
    return {{"WatermarkOutputMultiplexer", [] { return std::make_unique<MultiplexerSubject>(); }}};
}

std::vector<Implementation> timestampsWatermarks(const json& op) {
    Implementation implementation = pipelineImplementation(
        "assignTimestampsAndWatermarks",
        OneInputPipeline([op](const DataStream<Value>& in) -> DataStream<Value> { return timestampsPipeline(op)(in); }),
        {});
    implementation.savesAll = false;  // but the watermark, nothing of the generator
    implementation.oncePerSubtask = true;
    return {std::move(implementation)};
}

}  // namespace millrace::conformance
