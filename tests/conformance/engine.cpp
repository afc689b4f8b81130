#include "fed_source.hpp"
#include "harness_subject.hpp"

#include <millrace/api/checkpointing.hpp>
#include <millrace/api/stream_environment.hpp>
#include <millrace/api/stream_execution_environment.hpp>
#include <millrace/checkpoint/memory_checkpoint_store.hpp>
#include <millrace/checkpointing.hpp>
#include <millrace/runtime/job_client.hpp>
#include <millrace/runtime/simulated_runtime.hpp>

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <stdexcept>

// A vector as a job: sources that are fed from outside, exchanges, the operator in several subtasks and a sink, in a
// simulation. An input item is given to the job when it has nothing left to do.

namespace millrace::conformance {

namespace {

/// What has come to the sinks, and the input item that was at hand then.
struct Recorded {
    int at = -1;
    std::vector<OutputItem> items{};

    void add(OutputItem item) {
        item.at = at;
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

constexpr const char* kMainOutput = "main output";

std::string sourceUid(int input) {
    return "input " + std::to_string(input);
}

/// A savepoint without what the sources have written: they begin anew, and event time with them.
class WithoutSources final : public detail::StoredCheckpoint {
public:
    explicit WithoutSources(std::shared_ptr<const StoredCheckpoint> all) : all_(std::move(all)) {
        description_ = all_->description();
        place_ = all_->place();
    }
    void read(std::string_view uid, std::string_view state, const Visitor& visit) const override {
        if (!isSource(uid)) all_->read(uid, state, visit);
    }
    std::vector<std::string> statesOf(std::string_view uid) const override {
        return isSource(uid) ? std::vector<std::string>{} : all_->statesOf(uid);
    }
    std::string schemaOf(std::string_view uid, std::string_view state) const override {
        return all_->schemaOf(uid, state);
    }

private:
    static bool isSource(std::string_view uid) {
        return uid == sourceUid(0) || uid == sourceUid(1) || uid == sourceUid(2);
    }
    std::shared_ptr<const StoredCheckpoint> all_;
};

/// Makes the pipeline of sources, which it asks for by the number of their input (0: the only one).
using Build = std::function<DataStream<Value>(const std::function<DataStream<Value>(int input)>& source)>;

/// One vector as one job, or as several that go on with each other's savepoint.
class EngineRun {
public:
    EngineRun(const Vector& vector, const EngineOptions& options, const std::vector<std::string>& sides, Build build)
        : vector_(vector), options_(options), sides_(sides), build_(std::move(build)),
          isSaved_(!options.stops.empty() ||
                   std::any_of(vector.input.begin(), vector.input.end(),
                               [](const json& item) { return item.contains("snapshot_restore"); })) {
        for (auto& feed : feeds_) feed = std::make_shared<Feed<Value>>();
    }

    std::vector<OutputItem> run() {
        try {
            start(options_.parallelism, nullptr, false);
        } catch (const std::exception& error) {
            fail(error);  // the operator cannot be made
            return std::move(recorded_->items);
        }
        auto stop = options_.stops.begin();
        for (std::size_t i = 0; i < vector_.input.size(); ++i) {
            recorded_->at = options_.paced ? static_cast<int>(i) : 0;
            apply(vector_.input[i]);
            if (!options_.paced && i + 1 < vector_.input.size()) continue;  // they come in blocks
            settle();
            if (job_->isDone()) break;
            if (stop != options_.stops.end() && stop->after == recorded_->at) goOn((stop++)->parallelism, false);
        }
        end();
        return std::move(recorded_->items);
    }

private:
    /// A job of this parallelism that begins with the savepoint, if there is one, at the time at hand.
    void start(int parallelism, std::shared_ptr<const detail::StoredCheckpoint> from, bool sourcesBeginAnew) {
        const Timestamp now = env_ == nullptr ? Timestamp{} : env_->runtime().now();
        job_ = nullptr;
        parallelism_ = parallelism;
        env_ = std::make_unique<StreamExecutionEnvironment<SimulatedRuntime>>(SimulatedRuntime(options_.seed, now));
        env_->setParallelism(parallelism);
        env_->setSourceAlignment(false);  // the vector says when an input goes on
        const DataStream<Value> output = build_([&](int input) -> DataStream<Value> {
            const auto& feed = feeds_.at(static_cast<std::size_t>(input));
            return env_
                ->fromSource(FedSource<Value>(feed, sourcesBeginAnew ? feed->script.steps().size() : 0),
                             WatermarkStrategy::noWatermarks(), sourceUid(input))
                .uid(sourceUid(input));
        });
        output.sinkTo(RecordingSink{recorded_, {}}).setParallelism(1).uid(kMainOutput);
        for (const std::string& side : sides_) {
            output.getSideOutput(sideTag(side)).sinkTo(RecordingSink{recorded_, side}).setParallelism(1);
        }
        store_ = std::make_shared<detail::MemoryCheckpointStore>();
        if (isSaved_) {
            CheckpointConfig config;
            config.restart = RestartStrategy::noRestart();  // an error is an output, too
            if (from != nullptr) config.restoreFrom = "the job before";
            detail::enableCheckpointing(
                *env_, config, [store = store_](const CheckpointConfig&) { return store; },
                [from](const std::string&) { return from; });
        }
        job_ = env_->executeAsync(vector_.id);
        env_->runtime().advance(Duration{0});
    }

    void apply(const json& item) {
        Feed<Value>& feed = *feeds_.at(item.value("input", std::size_t{0}));
        if (item.contains("elem")) {
            feed.script.element(fromJson(item.at("elem")), timeOf(item.value("ts", json())));
            feed.wakeUp();
        } else if (item.contains("watermark")) {
            feed.script.watermark(timeOf(item.at("watermark")));
            feed.wakeUp();
        } else if (item.contains("status")) {
            feed.script.idle();
            feed.wakeUp();
        } else if (item.contains("proctime")) {
            setClock(timeOf(item.at("proctime")));
        } else if (item.contains("snapshot_restore")) {
            goOn(parallelism_, true);
        } else if (item.contains("end_input")) {
            job_->stop(false);
        } else {
            throw std::invalid_argument("a job has no input item " + item.dump());
        }
    }

    /// The clock jumps, and only then do its timers fire: a source with nothing to do takes so long for a step.
    void setClock(Timestamp time) {
        SimulatedRuntime& runtime = env_->runtime();
        if (time <= runtime.now()) return;
        runtime.setStepDuration(time - runtime.now());
        for (const auto& feed : feeds_) {
            if (!feed->wakeUp) continue;
            feed->wakeUp();
            break;
        }
        runtime.step();
        runtime.setStepDuration(Duration{0});
        if (runtime.now() != time) throw std::logic_error("the clock of the simulation is not where it was put");
    }

    /// Lets the item at hand have all of its effect.
    void settle() {
        env_->runtime().advance(Duration{0});
        if (job_->isDone()) return;
        // idleness that comes to a sink shows in its metrics only
        const auto rows = job_->metrics();
        const auto main =
            std::find_if(rows.begin(), rows.end(), [](const OperatorMetrics& row) { return row.uid == kMainOutput; });
        if (main == rows.end() || std::exchange(idle_, main->idle) == main->idle) return;
        OutputItem item;
        item.kind = OutputItem::Kind::Status;
        item.name = idle_ ? "idle" : "active";
        recorded_->add(std::move(item));
    }

    /// Ends the job with a savepoint, and begins another one with it.
    void goOn(int parallelism, bool sourcesBeginAnew) {
        const CheckpointInfo info = job_->stopWithSavepoint("in memory");
        job_->result();
        std::shared_ptr<const detail::StoredCheckpoint> savepoint = store_->load(info.id);
        if (sourcesBeginAnew) savepoint = std::make_shared<WithoutSources>(std::move(savepoint));
        start(parallelism, std::move(savepoint), sourcesBeginAnew);
    }

    void end() {
        // the end of the input belongs to no vector (and with a continuous trigger on a global window it takes for ever)
        job_->cancel();
        try {
            job_->result();
        } catch (const JobCancelledException&) {
            // our own doing
        } catch (const std::exception& error) {
            fail(error);
        }
    }
    void fail(const std::exception& error) {
        OutputItem item;
        item.kind = OutputItem::Kind::Error;
        item.errorText = describeException(error);
        recorded_->add(std::move(item));
    }

    const Vector& vector_;
    const EngineOptions& options_;
    const std::vector<std::string>& sides_;
    const Build build_;
    const bool isSaved_;
    std::array<std::shared_ptr<Feed<Value>>, 3> feeds_;  // by the number of the input
    std::shared_ptr<Recorded> recorded_ = std::make_shared<Recorded>();
    std::unique_ptr<StreamExecutionEnvironment<SimulatedRuntime>> env_;
    std::shared_ptr<detail::MemoryCheckpointStore> store_;
    std::shared_ptr<JobClient> job_;
    int parallelism_ = 1;
    bool idle_ = false;
};

}  // namespace

std::vector<OutputItem> runInEngine(const OneInputPipeline& pipeline, const std::vector<std::string>& sides,
                                    const Vector& vector, const EngineOptions& options) {
    return EngineRun(vector, options, sides, [&](const auto& source) { return pipeline(source(0)); }).run();
}
std::vector<OutputItem> runInEngine(const TwoInputPipeline& pipeline, const std::vector<std::string>& sides,
                                    const Vector& vector, const EngineOptions& options) {
    return EngineRun(vector, options, sides,
                     [&](const auto& source) {
                         DataStream<Value> first = source(1);
                         return pipeline(std::move(first), source(2));
                     })
        .run();
}

}  // namespace millrace::conformance
