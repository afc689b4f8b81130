#include "harness_subject.hpp"
#include "program.hpp"

#include <millrace/api/data_stream.hpp>

// process

namespace millrace::conformance {

namespace {

using Context = KeyedProcessContext<Value>;

class KeyedSurroundings final : public Surroundings {
public:
    KeyedSurroundings(Context& context, Collector<Value>& out, Value domain = {})
        : context_(context), out_(out), domain_(std::move(domain)) {}

    Value key() const override { return context_.currentKey(); }
    Value timestamp() const override {
        const auto time = context_.timestamp();
        return time.has_value() ? Value(ticksOf(*time)) : Value{};
    }
    Timestamp watermark() const override { return context_.timerService().currentWatermark(); }
    Timestamp processingTime() const override { return context_.timerService().currentProcessingTime(); }
    Value domain() const override { return domain_; }
    void emit(Value value) override { out_.collect(std::move(value)); }
    void side(const std::string& tag, Value value) override { context_.output(sideTag(tag), std::move(value)); }
    void eventTimer(Timestamp time, bool add) override {
        add ? context_.timerService().registerEventTimeTimer(time) : context_.timerService().deleteEventTimeTimer(time);
    }
    void processingTimer(Timestamp time, bool add) override {
        add ? context_.timerService().registerProcessingTimeTimer(time)
            : context_.timerService().deleteProcessingTimeTimer(time);
    }

private:
    Context& context_;
    Collector<Value>& out_;
    Value domain_;
};

struct ProgramFunction {
    std::shared_ptr<const json> op;
    States states{};

    void open(KeyedRuntimeContext& context) { states.open(context, op->value("state", json::object())); }
    void processElement(const Value& value, Context& context, Collector<Value>& out) {
        KeyedSurroundings around(context, out);
        runProgram(op->at("on_element"), value, states, around);
    }
    void onTimer(Timestamp, OnTimerContext<Value>& context, Collector<Value>& out) {
        const bool event = context.timeDomain() == TimeDomain::EventTime;
        KeyedSurroundings around(context, out, event ? "event" : "processing");
        const char* const program = event ? "on_event_timer" : "on_processing_timer";
        if (op->contains(program)) runProgram(op->at(program), {}, states, around);
    }
};

}  // namespace

std::vector<Implementation> process(const json& op) {
    const auto shared = std::make_shared<const json>(op);
    const KeyOfRecord key(op.at("key"));
    return {pipelineImplementation("KeyedStream::process",
                                   OneInputPipeline([=](const DataStream<Value>& in) -> DataStream<Value> {
                                       return in.keyBy(key).process(ProgramFunction{shared});
                                   }),
                                   sideTagsIn(op))};
}

}  // namespace millrace::conformance
