#include "harness_subject.hpp"
#include "keyed_surroundings.hpp"
#include "program.hpp"

#include <millrace/api/data_stream.hpp>

#include <millrace/api/broadcast_stream.hpp>

// process, co_process, broadcast_process

namespace millrace::conformance {

namespace {

template <class Record>
using KeyOfRecords = std::conditional_t<std::is_same_v<Record, Plain>, std::uint32_t, Value>;
template <class Record>
using Context = KeyedProcessContext<KeyOfRecords<Record>>;
template <class Record>
using TimerContext = OnTimerContext<KeyOfRecords<Record>>;

struct Programs {
    std::shared_ptr<const json> op;
    States states{};

    void open(KeyedRuntimeContext& context) { states.open(context, op->value("state", json::object())); }
    void run(const char* program, const Value& value, Surroundings& around) {
        if (op->contains(program)) runProgram(op->at(program), value, states, around);
    }
};

template <class Record>
struct ProgramFunction : Programs {
    void processElement(const Record& record, Context<Record>& context, Collector<Record>& out) {
        KeyedSurroundings<Context<Record>, Record> around(context, out);
        run("on_element", recordOf(record), around);
    }
    void onTimer(Timestamp, TimerContext<Record>& context, Collector<Record>& out) {
        KeyedSurroundings<TimerContext<Record>, Record> around(context, out, nameOf(context.timeDomain()));
        run(timerProgram(context.timeDomain()), {}, around);
    }
};

template <class Record>
struct CoProgramFunction : Programs {
    void processElement1(const Record& record, Context<Record>& context, Collector<Record>& out) {
        KeyedSurroundings<Context<Record>, Record> around(context, out);
        run("on_element1", recordOf(record), around);
    }
    void processElement2(const Record& record, Context<Record>& context, Collector<Record>& out) {
        KeyedSurroundings<Context<Record>, Record> around(context, out);
        run("on_element2", recordOf(record), around);
    }
    void onTimer(Timestamp, TimerContext<Record>& context, Collector<Record>& out) {
        KeyedSurroundings<TimerContext<Record>, Record> around(context, out, nameOf(context.timeDomain()));
        run(timerProgram(context.timeDomain()), {}, around);
    }
};

/// All broadcast maps of a vector in one: its keys are [name, key].
const MapStateDescriptor<Value, Value> kBroadcast("broadcast");

template <class State>
Value broadcastValue(const State& state, const std::string& name, const Value& key) {
    return state.getOr(Value::Array{name, key}, {});
}
template <class State>
Value entriesOf(const State& state, const std::string& name) {
    std::vector<std::pair<Value, Value>> entries;
    for (const auto& [key, value] : state.entries()) {
        if (key.at(0) == Value(name)) entries.emplace_back(key.at(1), value);
    }
    return sortedEntries(std::move(entries));
}

using ReadingContext = KeyedReadOnlyContext<Value>;
using WritingContext = KeyedBroadcastContext<Value>;

class ReadingSurroundings final : public KeyedSurroundings<ReadingContext> {
public:
    using KeyedSurroundings<ReadingContext>::KeyedSurroundings;
    Value broadcastGet(const std::string& name, const Value& key) const override {
        return broadcastValue(context_.getBroadcastState(kBroadcast), name, key);
    }
    Value broadcastEntries(const std::string& name) const override {
        return entriesOf(context_.getBroadcastState(kBroadcast), name);
    }
};

class WritingSurroundings final : public Surroundings {
public:
    WritingSurroundings(WritingContext& context, States& states, Collector<Value>& out)
        : context_(context), states_(states), out_(out) {}

    Value key() const override { return key_; }
    Value timestamp() const override {
        const auto time = context_.timestamp();
        return time.has_value() ? Value(ticksOf(*time)) : Value{};
    }
    Timestamp watermark() const override { return context_.currentWatermark(); }
    Timestamp processingTime() const override { return context_.currentProcessingTime(); }
    void emit(Value value) override { out_.collect(std::move(value)); }
    void side(const std::string& tag, Value value) override { context_.output(sideTag(tag), std::move(value)); }
    Value broadcastGet(const std::string& name, const Value& key) const override {
        return broadcastValue(context_.getBroadcastState(kBroadcast), name, key);
    }
    Value broadcastEntries(const std::string& name) const override {
        return entriesOf(context_.getBroadcastState(kBroadcast), name);
    }
    void broadcastPut(const std::string& name, const Value& key, const Value& value) override {
        context_.getBroadcastState(kBroadcast).put(Value::Array{name, key}, value);
    }
    void broadcastRemove(const std::string& name, const Value& key) override {
        context_.getBroadcastState(kBroadcast).remove(Value::Array{name, key});
    }
    void forEachKey(const std::string& name, const std::function<void(Surroundings&)>& body) override {
        std::visit(
            [&](auto& state) {
                context_.applyToKeyedState(state, [&](const Value& key, auto&) {
                    key_ = key;
                    body(*this);
                });
            },
            states_.at(name));
        key_ = {};
    }

private:
    WritingContext& context_;
    States& states_;
    Collector<Value>& out_;
    Value key_;
};

struct BroadcastProgramFunction : Programs {
    void processElement(const Value& value, ReadingContext& context, Collector<Value>& out) {
        ReadingSurroundings around(context, out);
        run("on_element", value, around);
    }
    void processBroadcastElement(const Value& value, WritingContext& context, Collector<Value>& out) {
        WritingSurroundings around(context, states, out);
        run("on_broadcast", value, around);
    }
    void onTimer(Timestamp, ReadingContext& context, Collector<Value>& out) {
        ReadingSurroundings around(context, out, nameOf(context.timeDomain()));
        run(timerProgram(context.timeDomain()), {}, around);
    }
};

}  // namespace

std::vector<Implementation> process(const json& op) {
    const auto shared = std::make_shared<const json>(op);
    const KeyOfRecord key(op.at("key"));
    const std::vector<std::string> sides = sideTagsIn(op);
    return {pipelineImplementation("KeyedStream::process",
                                   OneInputPipeline([=](const DataStream<Value>& in) -> DataStream<Value> {
                                       return in.keyBy(key).process<Value>(ProgramFunction<Value>{{shared}});
                                   }),
                                   sides),
            pipelineImplementation(
                "KeyedStream::process of plain records",
                OneInputPipeline([=](const DataStream<Value>& in) -> DataStream<Value> {
                    return valuesOf(
                        plainRecords(in, key).keyBy(&Plain::key).process<Plain>(ProgramFunction<Plain>{{shared}}),
                        sides);
                }),
                sides)};
}

std::vector<Implementation> coProcess(const json& op) {
    const auto shared = std::make_shared<const json>(op);
    const KeyOfRecord key1(op.at("key1"));
    const KeyOfRecord key2(op.at("key2"));
    const std::vector<std::string> sides = sideTagsIn(op);
    return {
        pipelineImplementation(
            "KeyedStream::connect, process",
            TwoInputPipeline([=](const DataStream<Value>& first, const DataStream<Value>& second) -> DataStream<Value> {
                return first.keyBy(key1).connect(second.keyBy(key2)).process<Value>(CoProgramFunction<Value>{{shared}});
            }),
            sides),
        pipelineImplementation(
            "KeyedStream::connect, process of plain records",
            TwoInputPipeline([=](const DataStream<Value>& first, const DataStream<Value>& second) -> DataStream<Value> {
                return valuesOf(plainRecords(first, key1)
                                    .keyBy(&Plain::key)
                                    .connect(plainRecords(second, key2).keyBy(&Plain::key))
                                    .process<Plain>(CoProgramFunction<Plain>{{shared}}),
                                sides);
            }),
            sides)};
}

std::vector<Implementation> broadcastProcess(const json& op) {
    const auto shared = std::make_shared<const json>(op);
    const KeyOfRecord key(op.at("key1"));
    Implementation implementation = pipelineImplementation(
        "KeyedStream::connect with broadcast, process",
        TwoInputPipeline([=](const DataStream<Value>& first, const DataStream<Value>& second) -> DataStream<Value> {
            return first.keyBy(key)
                .connect(second.broadcast(kBroadcast))
                .process<Value>(BroadcastProgramFunction{{shared}});
        }),
        sideTagsIn(op));
    const std::string program = op.value("on_broadcast", json::array()).dump();
    implementation.oncePerSubtask =
        program.find("\"emit\"") != std::string::npos || program.find("\"side\"") != std::string::npos;
    return {implementation};
}

}  // namespace millrace::conformance
