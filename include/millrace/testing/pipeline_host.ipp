#ifndef MILLRACE_TESTING_PIPELINE_HOST_IPP
#define MILLRACE_TESTING_PIPELINE_HOST_IPP

#include <millrace/testing/pipeline_host.hpp>

#include <map>
#include <utility>

namespace millrace::detail {

/// The factory of nodes that a harness stands in for.
class NoStageFactory final : public BindableStageFactory {
public:
    Owner<Stage> create(const Shared<SharedState>&) const override { return nullptr; }
};

MILLRACE_INLINE_COLD StreamInput FragmentEnvironment::addInput() {
    Owner<GraphNode> node(new GraphNode);
    OperatorInfo info;
    info.kind = info.name = "input of the harness";
    node->operators.add(new OperatorInfo(std::move(info)));
    node->isSource = true;
    node->emitsWatermarks = true;
    node->assignsTimestamps = true;
    node->fixedParallelism = 1;
    StreamInput input;
    input.graph = graph();
    input.generation = graph()->generation();
    input.upstreams.emplace_back().from = graph()->add(std::move(node), Shared<StageFactory>(new NoStageFactory));
    return input;
}

MILLRACE_INLINE_COLD int FragmentEnvironment::addOutput(const StreamInput& output) {
    Owner<GraphNode> node(new GraphNode);
    OperatorInfo info;
    info.kind = info.name = "output of the harness";
    node->operators.add(new OperatorInfo(std::move(info)));
    node->isSink = true;
    node->inputs = output.edges();
    return graph()->add(std::move(node), Shared<StageFactory>(new NoStageFactory));
}

MILLRACE_INLINE_COLD std::shared_ptr<JobClient> FragmentEnvironment::submit(JobGraph) {
    throw GraphException("a pipeline under a test harness cannot be executed; drive it through the harness");
}

class PipelineHost::Context final : public StageContext {
public:
    explicit Context(PipelineHost& host) : host_(host) {}
    Timestamp currentProcessingTime() const override { return host_.clock_.now(); }
    void registerProcessingTimer(Timestamp time) override { host_.timers_.insert(time); }
    std::function<void()> wakeUp() override {
        return [] {};
    }
    Accumulators& accumulators() override { return host_.accumulators_; }

private:
    PipelineHost& host_;
};

/// Several edges that end in one logical input are combined as the channels of a task are.
struct InputValve {
    explicit InputValve(std::size_t edges) : valve(edges), open(edges) {}
    WatermarkValve valve;
    std::size_t open;
};

/// An edge of the fragment.
class PipelineHost::Link final : public Port {
public:
    Link(Stage& stage, int input, std::shared_ptr<InputValve> valve, std::size_t channel)
        : stage_(stage), input_(input), valve_(std::move(valve)), channel_(channel) {}

    void onBlock(BlockRef block, bool) override { stage_.onBlock(input_, block); }
    Progress onWatermark(Timestamp watermark) override {
        if (valve_ == nullptr) return stage_.onWatermark(input_, watermark);
        if (watermark == kMaxTimestamp) pass(valve_->valve.active(channel_));
        return pass(valve_->valve.watermark(channel_, watermark));
    }
    void onIdle() override {
        if (valve_ == nullptr) {
            stage_.onIdle(input_);
        } else {
            pass(valve_->valve.idle(channel_));
        }
    }
    void onActive() override {
        if (valve_ == nullptr) {
            stage_.onActive(input_);
        } else {
            pass(valve_->valve.active(channel_));
        }
    }
    Progress endInput() override {
        if (valve_ != nullptr && --valve_->open > 0) return Progress::Done;
        return stage_.endInput(input_);
    }
    void flush() override {}
    bool wantsOwnership() const noexcept override { return true; }

private:
    Progress pass(const EventTimeChange& change) {
        if (change.hasWatermark()) stage_.onWatermark(input_, change.watermark);
        if (change.status == StatusChange::Idle) stage_.onIdle(input_);
        if (change.status == StatusChange::Active) stage_.onActive(input_);
        return Progress::Done;
    }

    Stage& stage_;
    int input_;
    std::shared_ptr<InputValve> valve_;
    std::size_t channel_;
};

MILLRACE_INLINE_COLD PipelineHost::PipelineHost(std::shared_ptr<const PipelineFragment> fragment, Owner<Stage> recorder)
    : fragment_(std::move(fragment)), recorder_(std::move(recorder)) {}

MILLRACE_INLINE_COLD PipelineHost::~PipelineHost() {
    try {
        close();
    } catch (...) {
        // close() by hand shows it
    }
}

MILLRACE_INLINE_COLD void PipelineHost::readSide(std::string_view key, Port& port) {
    if (open_) {
        throw ConfigurationException(
            "a side output has to be asked for before the harness gets its first event: operators that know that "
            "nobody reads it do not emit to it");
    }
    sides_.push_back({std::string(key), &port});
}

MILLRACE_INLINE_COLD void PipelineHost::open(const SnapshotSource* source) {
    close();
    const OwnerList<GraphNode>& nodes = fragment_->graph.nodes;
    stages_.clear();
    links_.clear();
    timers_.clear();
    inputs_ = std::vector<StageOutputs>(fragment_->inputs.size());
    for (const GraphNode& node : nodes) stages_.push_back(node.factory->create(node.factory->createShared(1, nullptr)));
    const auto stageOf = [&](int node) -> Stage& {
        return node == fragment_->output ? *recorder_ : *stages_[static_cast<std::size_t>(node)];
    };
    for (const GraphNode& node : nodes) {
        std::map<int, std::pair<std::size_t, std::shared_ptr<InputValve>>> edges;
        for (const GraphEdge& edge : node.inputs) ++edges[edge.input].first;
        for (auto& [input, count] : edges) {
            if (count.first > 1) count.second = std::make_shared<InputValve>(count.first);
            count.first = 0;
        }
        for (const GraphEdge& edge : node.inputs) {
            auto& [channel, valve] = edges[edge.input];
            links_.push_back(Owner<Port>(new Link(stageOf(node.id), edge.input, valve, channel++)));
            Port& link = *links_.back();
            bool fromHarness = false;
            for (std::size_t i = 0; i < fragment_->inputs.size(); ++i) {
                if (fragment_->inputs[i] != edge.from) continue;
                inputs_[i].add({}, link);
                fromHarness = true;
            }
            if (!fromHarness) stageOf(edge.from).addOutput(edge.tag, link);
        }
    }
    const GraphNode& output = nodes[static_cast<std::size_t>(fragment_->output)];
    for (const Side& side : sides_) stageOf(output.inputs.front().from).addOutput(side.key, *side.port);
    context_ = std::make_unique<Context>(*this);
    context_->jobName = "harness";
    context_->maxParallelism = fragment_->graph.maxParallelism;
    context_->isCheckpointed = isCheckpointed;
    open_ = true;
    // from the tail: whoever emits in open() finds its successors ready
    for (auto stage = stages_.rbegin(); stage != stages_.rend(); ++stage) {
        if (*stage == nullptr) continue;
        if (source != nullptr) (*stage)->restore(*source);
        (*stage)->open(*context_);
    }
}

MILLRACE_INLINE_COLD void PipelineHost::close() {
    if (!std::exchange(open_, false)) return;
    std::exception_ptr first;
    for (const auto& stage : stages_) {
        try {
            if (stage != nullptr) stage->close();
        } catch (...) {
            if (first == nullptr) first = std::current_exception();
        }
    }
    if (first != nullptr) std::rethrow_exception(first);
}

MILLRACE_INLINE_COLD void PipelineHost::snapshot(SnapshotSink& sink, std::int64_t checkpointId) {
    for (const auto& stage : stages_) {
        if (stage != nullptr) stage->prepareBarrier(checkpointId);
    }
    for (const auto& stage : stages_) {
        if (stage != nullptr) stage->snapshot(sink);
    }
}

MILLRACE_INLINE_COLD void PipelineHost::notifyCheckpointComplete(std::int64_t checkpointId) {
    for (const auto& stage : stages_) {
        if (stage != nullptr) stage->notifyCheckpointComplete(checkpointId);
    }
}

MILLRACE_INLINE_COLD void PipelineHost::notifyCheckpointAborted(std::int64_t checkpointId) {
    for (const auto& stage : stages_) {
        if (stage != nullptr) stage->notifyCheckpointAborted(checkpointId);
    }
}

MILLRACE_INLINE_COLD bool PipelineHost::awaitsFinalCheckpoint() const {
    for (const auto& stage : stages_) {
        if (stage != nullptr && stage->awaitsFinalCheckpoint()) return true;
    }
    return false;
}

MILLRACE_INLINE_COLD void PipelineHost::setProcessingTime(Timestamp now) {
    clock_.set(now);
    while (!timers_.empty() && *timers_.begin() <= now) {
        while (!timers_.empty() && *timers_.begin() <= now) timers_.erase(timers_.begin());
        // nobody knows which stage has asked, so all of them hear of it
        for (const auto& stage : stages_) {
            if (stage != nullptr) stage->onProcessingTime(now);
        }
    }
}

MILLRACE_INLINE_COLD Stage& PipelineHost::lastStage() {
    const GraphNode& output = fragment_->graph.nodes[static_cast<std::size_t>(fragment_->output)];
    return *stages_[static_cast<std::size_t>(output.inputs.front().from)];
}

MILLRACE_INLINE_COLD std::uint64_t PipelineHost::sumOf(std::atomic<std::uint64_t> StageMetrics::*counter) const {
    std::uint64_t sum = 0;
    for (const auto& stage : stages_) {
        if (stage != nullptr) sum += (stage->metrics.*counter).load(std::memory_order_relaxed);
    }
    return sum;
}

MILLRACE_INLINE_COLD Timestamp PipelineHost::currentWatermark() const {
    for (auto stage = stages_.rbegin(); stage != stages_.rend(); ++stage) {
        if (*stage != nullptr) return Timestamp{Duration{(*stage)->metrics.watermark.load(std::memory_order_relaxed)}};
    }
    return kMinTimestamp;
}

}  // namespace millrace::detail

#endif  // MILLRACE_TESTING_PIPELINE_HOST_IPP
