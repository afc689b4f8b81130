#include "harness_subject.hpp"

#include <millrace/api/checkpointing.hpp>
#include <millrace/api/stream_environment.hpp>
#include <millrace/api/stream_execution_environment.hpp>
#include <millrace/checkpoint/memory_checkpoint_store.hpp>
#include <millrace/checkpointing.hpp>
#include <millrace/runtime/job_client.hpp>
#include <millrace/runtime/simulated_runtime.hpp>
#include <millrace/testing/scripted_source.hpp>

#include <memory>
#include <optional>

// A vector as a job: scripted sources, exchanges, the operator in several subtasks and a sink, in a simulation.

namespace millrace::conformance {

namespace {

using testing::Script;
using testing::ScriptedSource;

/// Virtual time between two input items: everything else happens while the clock stands still.
constexpr Duration kStep = std::chrono::seconds(1);

struct Recorded {
    SimulatedRuntime runtime;
    bool paced;
    int steps;
    std::vector<OutputItem> items{};

    void add(OutputItem item) {
        // item i comes at (i + 1) steps; without pauses all of them come at 0
        item.at = paced ? static_cast<int>(runtime.now().time_since_epoch() / kStep) - 1 : 0;
        items.push_back(std::move(item));
    }
};

/// Records elements, and watermarks if it reads the main output.
struct RecordingSink {
    std::shared_ptr<Recorded> recorded;
    std::string side;

    struct Writer {
        std::shared_ptr<Recorded> recorded;
        std::string side;

        void write(const Value& value, const SinkContext& context) {
            OutputItem item;
            item.name = side;
            item.value = value;
            if (context.timestamp != kMinTimestamp) item.time = ticksOf(context.timestamp);
            recorded->add(std::move(item));
        }
        void writeWatermark(Timestamp watermark) {
            if (!side.empty()) return;
            OutputItem item;
            item.kind = OutputItem::Kind::Watermark;
            item.time = ticksOf(watermark);
            recorded->add(std::move(item));
        }
        void flush(bool) {}
        void close() {}
    };
    Writer createWriter(const WriterInitContext&) const { return {recorded, side}; }
};

/// The items of one input (0: of the only one), each at its own time.
Script<Value> scriptOf(const Vector& vector, int input, bool paced) {
    Script<Value> script;
    int at = -1;
    const auto waitUntil = [&](int step) {
        // one by one: a source that is restored begins the pause at hand anew
        for (; at < step; ++at) script.pause(kStep);
    };
    for (std::size_t i = 0; i < vector.input.size(); ++i) {
        const json& item = vector.input[i];
        if (input != 0 && item.at("input").get<int>() != input) continue;
        if (paced) waitUntil(static_cast<int>(i));
        if (item.contains("elem")) {
            script.element(fromJson(item.at("elem")), timeOf(item.value("ts", json())));
        } else {
            script.watermark(timeOf(item.at("watermark")));
        }
    }
    waitUntil(static_cast<int>(vector.input.size()));
    return script;
}

/// What one job of a vector leaves to the next.
struct Savepoint {
    std::shared_ptr<const detail::StoredCheckpoint> stored{};
    Timestamp now{};
};

/// Runs the vector from the savepoint on: to its end, or until the input item `stop` has had its effect; then with a savepoint.
template <class Build>
Savepoint runPart(const std::vector<std::string>& sides, const Vector& vector, const EngineOptions& options,
                  int parallelism, const Savepoint& from, const EngineStop* stop,
                  const std::shared_ptr<Recorded>& recorded, Build build) {
    StreamExecutionEnvironment env{SimulatedRuntime(options.seed, from.now)};
    recorded->runtime = env.runtime();
    env.setParallelism(parallelism);
    env.setSourceAlignment(false);  // the vector says when an input goes on
    const auto source = [&](int input) {
        return env.fromSource(ScriptedSource<Value>(scriptOf(vector, input, options.paced)),
                              WatermarkStrategy::noWatermarks(), "input " + std::to_string(input));
    };
    const DataStream<Value> output = build(source);
    output.sinkTo(RecordingSink{recorded, {}}).setParallelism(1);
    for (const std::string& side : sides) {
        output.getSideOutput(sideTag(side)).sinkTo(RecordingSink{recorded, side}).setParallelism(1);
    }
    const auto store = std::make_shared<detail::MemoryCheckpointStore>();
    if (!options.stops.empty()) {
        CheckpointConfig config;
        if (from.stored != nullptr) config.restoreFrom = "the part before";
        detail::enableCheckpointing(
            env, config, [store](const CheckpointConfig&) { return store; },
            [stored = from.stored](const std::string&) { return stored; });
    }
    const auto job = env.executeAsync(vector.id);
    if (stop != nullptr) {
        const Timestamp until{kStep * (stop->after + 1)};
        env.runtime().advance(until - from.now);  // with all that happens at that time
        const CheckpointInfo info = job->stopWithSavepoint("in memory");
        job->result();
        return {store->load(info.id), until};
    }
    env.runtime().advance((options.paced ? Timestamp{kStep * recorded->steps} : Timestamp{kStep / 2}) - from.now);
    // the end of the input belongs to no vector (and with a continuous trigger on a global window it takes for ever)
    job->cancel();
    try {
        job->result();
    } catch (const JobCancelledException&) {
        // our own doing
    }
    return {};
}

template <class Build>
std::vector<OutputItem> run(const std::vector<std::string>& sides, const Vector& vector, const EngineOptions& options,
                            Build build) {
    const auto recorded = std::make_shared<Recorded>(
        Recorded{SimulatedRuntime(options.seed), options.paced, static_cast<int>(vector.input.size())});
    Savepoint at;
    int parallelism = options.parallelism;
    for (const EngineStop& stop : options.stops) {
        at = runPart(sides, vector, options, parallelism, at, &stop, recorded, build);
        parallelism = stop.parallelism;
    }
    runPart(sides, vector, options, parallelism, at, nullptr, recorded, build);
    return std::move(recorded->items);
}

}  // namespace

std::vector<OutputItem> runInEngine(const OneInputPipeline& pipeline, const std::vector<std::string>& sides,
                                    const Vector& vector, const EngineOptions& options) {
    return run(sides, vector, options, [&](const auto& source) { return pipeline(source(0)); });
}
std::vector<OutputItem> runInEngine(const TwoInputPipeline& pipeline, const std::vector<std::string>& sides,
                                    const Vector& vector, const EngineOptions& options) {
    return run(sides, vector, options, [&](const auto& source) {
        DataStream<Value> first = source(1);
        return pipeline(std::move(first), source(2));
    });
}

}  // namespace millrace::conformance
