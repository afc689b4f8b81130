#ifndef MILLRACE_TESTS_RUNTIME_FAKE_JOB_HPP
#define MILLRACE_TESTS_RUNTIME_FAKE_JOB_HPP

// Small stages, ports and graphs, so that the runtime is tested without operators.

#include <millrace/graph/job_graph.hpp>
#include <millrace/operators/stage.hpp>
#include <millrace/record/batch.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace::fake {

using detail::Batch;
using detail::Block;
using detail::BlockRef;
using detail::ChannelWriter;
using detail::ControlKind;
using detail::ExchangeKind;
using detail::GraphEdge;
using detail::GraphNode;
using detail::JobGraph;
using detail::Owner;
using detail::PollStatus;
using detail::Port;
using detail::Progress;
using detail::Stage;
using detail::StageContext;
using detail::StageMetrics;

inline Timestamp at(std::int64_t ticks) {
    return Timestamp{Duration{ticks}};
}

/// A record that counts how many of its kind are alive.
struct Tracked {
    explicit Tracked(std::int64_t v = 0) : value(v) { ++alive(); }
    Tracked(const Tracked& other) : value(other.value) { ++alive(); }
    Tracked& operator=(const Tracked&) = default;
    ~Tracked() { --alive(); }
    static std::atomic<int>& alive() {
        static std::atomic<int> count{0};
        return count;
    }
    std::int64_t value;
};

/// Thread-safe list of what happened.
class Trace {
public:
    void add(std::string event) {
        const std::lock_guard lock(mutex_);
        events_.push_back(std::move(event));
    }
    std::vector<std::string> events() const {
        const std::lock_guard lock(mutex_);
        return events_;
    }
    std::vector<std::string> sorted() const {
        auto all = events();
        std::sort(all.begin(), all.end());
        return all;
    }
    std::size_t count(const std::string& event) const {
        const auto all = events();
        return static_cast<std::size_t>(std::count(all.begin(), all.end(), event));
    }

private:
    mutable std::mutex mutex_;
    std::vector<std::string> events_;
};

/// Sends record i to channel i mod n (or to all), with batches of at most `batchRecords`.
class FakePort final : public Port {
public:
    FakePort(const detail::PointerList<ChannelWriter>& channels, bool toAll, std::size_t batchRecords)
        : toAll_(toAll), batchRecords_(batchRecords) {
        for (ChannelWriter& channel : channels) outs_.push_back({&channel, nullptr});
    }
    ~FakePort() override {
        for (Out& out : outs_) {
            if (out.open != nullptr) out.open->destroy();
        }
    }
    void onBlock(BlockRef ref, bool) override {
        const auto block = ref.as<Tracked>();
        for (std::size_t i = 0; i < block.size; ++i) {
            if (toAll_) {
                for (Out& out : outs_) append(out, block.values[i], block.timestampOf(i));
            } else {
                append(outs_[static_cast<std::size_t>(block.values[i].value) % outs_.size()], block.values[i],
                       block.timestampOf(i));
            }
        }
    }
    Progress onWatermark(Timestamp watermark) override {
        for (Out& out : outs_) {
            auto& batch = openBatch(out);
            batch.marks[batch.markCount++] = {batch.size, watermark};
            if (batch.markCount == batch.kMaxMarks || watermark == kMaxTimestamp) send(out);
        }
        return Progress::Done;
    }
    void onIdle() override { control(ControlKind::Idle); }
    void onActive() override { control(ControlKind::Active); }
    Progress endInput() override {
        control(ControlKind::EndOfInput);
        return Progress::Done;
    }
    void flush() override {
        for (Out& out : outs_) {
            if (out.open != nullptr) send(out);
        }
    }
    bool wantsOwnership() const noexcept override { return false; }

private:
    struct Out {
        ChannelWriter* channel;
        Batch* open;
    };
    static Batch& openBatch(Out& out) {
        if (out.open == nullptr) {
            out.open = Batch::create<Tracked>(out.channel->pool());
            out.open->hasTimestamps = true;
        }
        return *out.open;
    }
    void append(Out& out, const Tracked& value, Timestamp time) {
        auto& batch = openBatch(out);
        ::new (static_cast<void*>(batch.values<Tracked>() + batch.size)) Tracked(value);
        batch.timestamps()[batch.size++] = time;
        if (batch.size == batchRecords_) send(out);
    }
    static void send(Out& out) { out.channel->send(std::exchange(out.open, nullptr)); }
    void control(ControlKind kind) {
        for (Out& out : outs_) {
            openBatch(out).control = kind;
            send(out);
        }
    }
    bool toAll_;
    std::size_t batchRecords_;
    std::vector<Out> outs_;
};

class FakePorts final : public detail::PortFactory {
public:
    FakePorts(bool toAll, std::size_t batchRecords) : toAll_(toAll), batchRecords_(batchRecords) {}
    Owner<Port> create(const detail::PointerList<ChannelWriter>& channels, const detail::PortContext&) const override {
        return Owner<Port>(new FakePort(channels, toAll_, batchRecords_));
    }

private:
    bool toAll_;
    std::size_t batchRecords_;
};

/// A stage that forwards everything; tests override what they care about.
class FakeStage : public Stage {
public:
    void addOutput(std::string_view tag, Port& port) override { ports.push_back({std::string(tag), &port}); }
    void open(StageContext& c) override { context = &c; }
    void close() override {}
    void onBlock(int, BlockRef block) override {
        StageMetrics::add(metrics.recordsIn, block.size);
        emit(block);
    }
    Progress onWatermark(int, Timestamp watermark) override {
        metrics.watermark.store(watermark.time_since_epoch().count(), std::memory_order_relaxed);
        return forward([&](Port& port) { return port.onWatermark(watermark); });
    }
    void onIdle(int) override {
        metrics.idle.store(true);
        for (auto& each : ports) each.second->onIdle();
    }
    void onActive(int) override {
        metrics.idle.store(false);
        for (auto& each : ports) each.second->onActive();
    }
    Progress onProcessingTime(Timestamp) override { return Progress::Done; }
    Progress resume() override { return Progress::Done; }
    Progress endInput(int) override {
        if (++ended_ < inputs) return Progress::Done;
        return forward([&](Port& port) { return port.endInput(); });
    }
    void snapshot(SnapshotSink&) override {}
    void restore(const SnapshotSource&) override {}

    void emit(BlockRef block, std::string_view tag = "") {
        StageMetrics::add(metrics.recordsOut, block.size);
        for (auto& each : ports) {
            if (each.first == tag) each.second->onBlock(block, false);
        }
    }
    template <class Fn>
    Progress forward(Fn fn) {
        Progress progress = Progress::Done;
        for (auto& each : ports) {
            if (fn(*each.second) == Progress::Suspended) progress = Progress::Suspended;
        }
        return progress;
    }

    StageContext* context = nullptr;
    std::vector<std::pair<std::string, Port*>> ports;
    int inputs = 1;

private:
    int ended_ = 0;
};

/// Emits subtask, subtask + parallelism, … below `end`, with the value as timestamp and a watermark behind each block.
class CountingSource : public FakeStage {
public:
    explicit CountingSource(std::int64_t end, std::int64_t block = 10) : end_(end), block_(block) {}
    void open(StageContext& c) override {
        FakeStage::open(c);
        next_ = c.subtaskIndex;
    }
    PollStatus poll() override {
        if (next_ >= end_) return PollStatus::EndOfInput;
        std::vector<Tracked> values;
        std::vector<Timestamp> times;
        for (std::int64_t i = 0; i < block_ && next_ < end_; ++i, next_ += context->parallelism) {
            values.emplace_back(next_);
            times.push_back(at(next_));
        }
        emit({values.data(), times.data(), nullptr, values.size()});
        return onWatermark(0, times.back()) == Progress::Done ? PollStatus::MoreAvailable : PollStatus::Suspended;
    }
    Progress finishSource(bool drain) override {
        ending_ = true;
        if (drain && onWatermark(0, kMaxTimestamp) == Progress::Suspended) return Progress::Suspended;
        return resume();
    }
    Progress resume() override { return std::exchange(ending_, false) ? endInput(0) : Progress::Done; }

protected:
    std::int64_t next_ = 0;
    std::int64_t end_;
    std::int64_t block_;
    bool ending_ = false;
};

/// Has nothing to give until it is stopped.
class SilentSource : public CountingSource {
public:
    SilentSource() : CountingSource(0) {}
    PollStatus poll() override { return PollStatus::NothingAvailable; }
};

/// What a sink got, over all its subtasks.
struct Received {
    void add(const Block<Tracked>& block) {
        const std::lock_guard lock(mutex);
        for (std::size_t i = 0; i < block.size; ++i) values.push_back(block.values[i].value);
    }
    std::vector<std::int64_t> sorted() const {
        const std::lock_guard lock(mutex);
        auto all = values;
        std::sort(all.begin(), all.end());
        return all;
    }
    std::size_t size() const {
        const std::lock_guard lock(mutex);
        return values.size();
    }
    mutable std::mutex mutex;
    std::vector<std::int64_t> values;
    Trace trace;  ///< "watermark 5", "idle", "end", "close"…
};

class CollectingSink : public FakeStage {
public:
    explicit CollectingSink(Received& received) : received_(received) {}
    void onBlock(int, BlockRef block) override {
        StageMetrics::add(metrics.recordsIn, block.size);
        received_.add(block.as<Tracked>());
    }
    Progress onWatermark(int input, Timestamp watermark) override {
        if (watermark == kMaxTimestamp) received_.trace.add("watermark max");
        return FakeStage::onWatermark(input, watermark);
    }
    void onIdle(int) override { received_.trace.add("idle"); }
    void onActive(int) override { received_.trace.add("active"); }
    Progress endInput(int) override {
        received_.trace.add("end");
        return Progress::Done;
    }
    void close() override { received_.trace.add("close"); }

private:
    Received& received_;
};

inline std::vector<std::int64_t> upTo(std::int64_t end) {
    std::vector<std::int64_t> values;
    for (std::int64_t i = 0; i < end; ++i) values.push_back(i);
    return values;
}

using MakeStage = std::function<std::unique_ptr<Stage>()>;

class FakeFactory final : public detail::StageFactory {
public:
    explicit FakeFactory(MakeStage make) : make_(std::move(make)) {}
    Owner<Stage> create(const detail::Shared<detail::SharedState>&) const override {
        return Owner<Stage>(make_().release());
    }

private:
    MakeStage make_;
};

/// `graph.source("numbers", 2, …)`, `graph.node("sink", 1, {graph.edge(0)}, …)`.
struct FakeGraph : JobGraph {
    FakeGraph() { jobName = "test job"; }

    GraphNode& node(std::string name, int parallelism, std::vector<GraphEdge> inputs, MakeStage make) {
        GraphNode& added = nodes.add(new GraphNode);
        added.id = static_cast<int>(nodes.size()) - 1;
        detail::OperatorInfo& op = added.operators.add(new detail::OperatorInfo);
        op.kind = "fake";
        op.name = name;
        op.uid = "uid-" + name;
        op.uidGiven = true;
        for (GraphEdge& edge : inputs) added.inputs.push_back(std::move(edge));
        added.parallelism = parallelism;
        added.isSource = added.inputs.empty();
        added.factory = detail::Shared<FakeFactory>(new FakeFactory(std::move(make)));
        return added;
    }
    GraphNode& source(std::string name, int parallelism, MakeStage make) {
        return node(std::move(name), parallelism, {}, std::move(make));
    }
    GraphNode& numbers(int parallelism, std::int64_t end, std::int64_t block = 10) {
        return source("numbers", parallelism, [=] { return std::make_unique<CountingSource>(end, block); });
    }
    GraphNode& sink(int parallelism, std::vector<GraphEdge> inputs, Received& received) {
        GraphNode& added = node("sink", parallelism, std::move(inputs),
                                [&received] { return std::make_unique<CollectingSink>(received); });
        added.isSink = true;
        return added;
    }
    /// An edge from the node `from`; unless forward is possible, over channels.
    GraphEdge edge(int from, ExchangeKind kind = ExchangeKind::Forward, std::size_t batchRecords = 16) const {
        GraphEdge result;
        result.from = from;
        result.exchange = kind;
        result.exchangeGiven = kind != ExchangeKind::Forward;
        result.ports = detail::Shared<FakePorts>(new FakePorts(kind == ExchangeKind::Broadcast, batchRecords));
        return result;
    }
    GraphEdge tagged(int from, std::string tag) const {
        GraphEdge result = edge(from);
        result.tag = std::move(tag);
        return result;
    }
    GraphEdge toInput(int input, GraphEdge result) const {
        result.input = input;
        return result;
    }
};

}  // namespace millrace::fake

#endif  // MILLRACE_TESTS_RUNTIME_FAKE_JOB_HPP
