#ifndef MILLRACE_TESTING_OPERATOR_HARNESS_HPP
#define MILLRACE_TESTING_OPERATOR_HARNESS_HPP

#include <millrace/api/data_stream.hpp>
#include <millrace/core/owner.hpp>
#include <millrace/core/shared.hpp>
#include <millrace/record/output_tag.hpp>
#include <millrace/state/memory_snapshot.hpp>
#include <millrace/state/snapshot.hpp>
#include <millrace/testing/pipeline_host.hpp>
#include <millrace/testing/trace.hpp>

#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

namespace millrace {
namespace detail {

/// Writes down what arrives at the end of a fragment.
template <class Out>
class TraceRecorder final : public RecorderStage {
public:
    explicit TraceRecorder(testing::Trace<Out>& trace) : trace_(trace) {}

    void onBlock(int, BlockRef erased) override {
        const Block<Out> block = erased.as<Out>();
        for (std::size_t i = 0; i < block.size; ++i) {
            trace_.push_back({testing::TraceKind::Element, std::move(block.values[i]), block.timestampOf(i)});
        }
    }
    Progress onWatermark(int, Timestamp watermark) override {
        trace_.push_back({testing::TraceKind::Watermark, std::nullopt, watermark});
        return Progress::Done;
    }
    void onIdle(int) override { trace_.push_back({testing::TraceKind::Idle}); }
    void onActive(int) override { trace_.push_back({testing::TraceKind::Active}); }
    Progress endInput(int) override {
        trace_.push_back({testing::TraceKind::EndOfInput});
        return Progress::Done;
    }

private:
    testing::Trace<Out>& trace_;
};

/// Writes down the elements of a side output, into the same trace.
template <class X, class Out>
class SideRecorder final : public Port {
public:
    SideRecorder(std::string id, testing::Trace<Out>& trace, std::vector<X>& elements)
        : id_(std::move(id)), trace_(trace), elements_(elements) {}

    void onBlock(BlockRef erased, bool) override {
        const Block<X> block = erased.as<X>();
        for (std::size_t i = 0; i < block.size; ++i) {
            testing::TraceItem<Out> item{testing::TraceKind::SideElement, std::nullopt, block.timestampOf(i), id_};
            if constexpr (std::is_same_v<X, Out>) {
                item.value = block.values[i];
            } else {
                item.text = describeValue(block.values[i]);
            }
            trace_.push_back(std::move(item));
            elements_.push_back(std::move(block.values[i]));
        }
    }
    Progress onWatermark(Timestamp) override { return Progress::Done; }
    void onIdle() override {}
    void onActive() override {}
    Progress endInput() override { return Progress::Done; }
    void flush() override {}
    bool wantsOwnership() const noexcept override { return true; }

private:
    std::string id_;
    testing::Trace<Out>& trace_;
    std::vector<X>& elements_;
};

}  // namespace detail

namespace testing {

/// What the harnesses share: the clock, the output, snapshots. See `OneInputHarness` and `TwoInputHarness`. @public
template <class Out>
class OperatorHarness {
public:
    OperatorHarness(const OperatorHarness&) = delete;
    OperatorHarness& operator=(const OperatorHarness&) = delete;

    // ---- processing time ----

    /// Moves the clock, then fires what is due, in order.
    void setProcessingTime(Timestamp now) { opened().setProcessingTime(now); }
    void advanceProcessingTime(Duration duration) { setProcessingTime(saturatingAdd(now(), duration)); }
    Timestamp now() const noexcept { return host_->clock().now(); }

    // ---- what came out ----

    /// Everything so far.
    const Trace<Out>& output() const noexcept { return *trace_; }
    /// Everything since the last call; `output()` begins anew.
    Trace<Out> takeOutput() { return std::exchange(*trace_, {}); }
    /// Puts the elements of a side output of the last operator into the trace; the vector that is returned lives as long
    /// as the harness and gets them as well. (Outputs are buffered apart, so the side elements that one event causes
    /// follow its main elements.) *Failure:* ConfigurationException after the first event.
    template <class X>
    const std::vector<X>& sideOutput(const OutputTag<X>& tag) {
        auto elements = std::make_shared<std::vector<X>>();
        auto port = std::make_shared<detail::SideRecorder<X, Out>>(tag.id(), *trace_, *elements);
        host_->readSide(tag.key(), *port);
        kept_.push_back(elements);
        kept_.push_back(port);
        return *elements;
    }
    /// Records that came too late and went to no side output.
    std::uint64_t lateRecordsDropped() const { return host_->sumOf(&detail::StageMetrics::lateRecordsDropped); }
    /// By `onError`.
    std::uint64_t recordsSkipped() const { return host_->sumOf(&detail::StageMetrics::recordsSkipped); }
    std::uint64_t deadLetters() const { return host_->sumOf(&detail::StageMetrics::deadLetters); }
    Accumulators& accumulators() { return host_->accumulators(); }

    // ---- state ----

    /// As a checkpoint takes it: sinks are flushed first.
    MemorySnapshot snapshot(std::int64_t checkpointId = 1) {
        MemorySnapshot taken;
        opened().snapshot(taken, checkpointId);
        return taken;
    }
    /// The checkpoint is complete everywhere: sinks commit what belongs to it and to those before.
    void notifyOfCompletedCheckpoint(std::int64_t checkpointId) { opened().notifyCheckpointComplete(checkpointId); }
    void notifyOfAbortedCheckpoint(std::int64_t checkpointId) { opened().notifyCheckpointAborted(checkpointId); }
    /// As in a job with checkpoints: what commits waits for them, also when the input has ended. Without it, it commits when
    /// the input ends. *Failure:* ConfigurationException after the first event.
    void enableCheckpointing() {
        if (host_->isOpen()) throw ConfigurationException("enableCheckpointing() comes before the first event");
        host_->isCheckpointed = true;
    }
    /// Whether something still waits for a checkpoint to complete; asked once the input has ended.
    bool awaitsFinalCheckpoint() { return opened().awaitsFinalCheckpoint(); }
    /// Discards the operators and makes new ones with the state of the snapshot. The clock and the trace go on; the
    /// watermark begins anew.
    void restore(const MemorySnapshot& snapshot) { host_->open(&snapshot); }
    void restoreFromOwnSnapshot() { restore(snapshot()); }

    /// Opens the operators; the first event does it too.
    void open() { opened(); }
    /// The stage that gives the output, for tests of operators that look into them. @internal
    detail::Stage& lastStage() { return opened().lastStage(); }
    /// Closes them, so that what `close()` throws is seen.
    void close() { host_->close(); }

protected:
    explicit OperatorHarness(std::shared_ptr<const detail::PipelineFragment> fragment)
        : host_(std::make_unique<detail::PipelineHost>(
              std::move(fragment), detail::Owner<detail::Stage>(new detail::TraceRecorder<Out>(*trace_)))) {}
    ~OperatorHarness() = default;

    detail::PipelineHost& opened() {
        if (!host_->isOpen()) host_->open();
        return *host_;
    }
    template <class T>
    void pushTo(int input, T value, Timestamp timestamp) {
        detail::StageOutputs& outputs = opened().input(input);
        detail::Block<T> block{&value, timestamp == kMinTimestamp ? nullptr : &timestamp, nullptr, 1};
        detail::StageOutputs::fanOut<T>(outputs.mainPorts(), block);
    }
    template <class T>
    void pushTo(int input, std::vector<T> values, std::vector<Timestamp> times) {
        if (!times.empty() && times.size() != values.size()) {
            throw ConfigurationException("a harness takes as many timestamps as elements, or none");
        }
        detail::StageOutputs& outputs = opened().input(input);
        detail::Block<T> block{values.data(), times.empty() ? nullptr : times.data(), nullptr, values.size()};
        detail::StageOutputs::fanOut<T>(outputs.mainPorts(), block);
    }
    detail::StageOutputs& controls(int input) { return opened().input(input); }
    const auto& fragment() const noexcept { return host_->fragment(); }

private:
    std::unique_ptr<Trace<Out>> trace_ = std::make_unique<Trace<Out>>();
    std::unique_ptr<detail::PipelineHost> host_;
    std::vector<std::shared_ptr<void>> kept_;
};

/// Drives operators with one input as an engine would, one event at a time and without one: everything that an event
/// causes has happened when its call returns. Made by `harnessFor<In>(pipeline)`. @public
/// *Thread safety:* none. *Failure:* what the operators throw comes out of the call that caused it.
/// *Example:*
/// ```
/// auto harness = testing::harnessFor<Item>([](auto items) {
///     return items.keyBy(&Item::key).window(TumblingEventTimeWindows::of(10ns)).sum(&Item::value);
/// });
/// harness.processElement({"a", 1}, at(3));
/// harness.processWatermark(at(9));
/// CHECK(harness.output() == trace(element(Item{"a", 1}, at(9)), watermark(at(9))));
/// ```
template <class In, class Out>
class OneInputHarness : public OperatorHarness<Out> {
public:
    explicit OneInputHarness(std::shared_ptr<const detail::PipelineFragment> fragment)
        : OperatorHarness<Out>(std::move(fragment)) {}

    /// One element; without a timestamp unless one is given.
    void processElement(In value, Timestamp timestamp = kMinTimestamp) { this->pushTo(0, std::move(value), timestamp); }
    /// Elements that arrive in one block; `times` is empty or has as many entries.
    void processElements(std::vector<In> values, std::vector<Timestamp> times) {
        this->pushTo(0, std::move(values), std::move(times));
    }
    void processWatermark(Timestamp watermark) { this->controls(0).onWatermark(watermark); }
    void processIdle() { this->controls(0).onIdle(); }
    void processActive() { this->controls(0).onActive(); }
    /// The last event. An engine sends the watermark `kMaxTimestamp` before it, unless the job stops without draining.
    void endInput() { this->controls(0).endInput(); }
};

/// The same for operators with two inputs, made by `harnessFor<In1, In2>(pipeline)`. @public
template <class In1, class In2, class Out>
class TwoInputHarness : public OperatorHarness<Out> {
public:
    explicit TwoInputHarness(std::shared_ptr<const detail::PipelineFragment> fragment)
        : OperatorHarness<Out>(std::move(fragment)) {}

    void processElement1(In1 value, Timestamp timestamp = kMinTimestamp) {
        this->pushTo(0, std::move(value), timestamp);
    }
    void processElement2(In2 value, Timestamp timestamp = kMinTimestamp) {
        this->pushTo(1, std::move(value), timestamp);
    }
    void processWatermark1(Timestamp watermark) { this->controls(0).onWatermark(watermark); }
    void processWatermark2(Timestamp watermark) { this->controls(1).onWatermark(watermark); }
    void processBothWatermarks(Timestamp watermark) {
        processWatermark1(watermark);
        processWatermark2(watermark);
    }
    void processIdle1() { this->controls(0).onIdle(); }
    void processIdle2() { this->controls(1).onIdle(); }
    void processActive1() { this->controls(0).onActive(); }
    void processActive2() { this->controls(1).onActive(); }
    void endInput1() { this->controls(0).endInput(); }
    void endInput2() { this->controls(1).endInput(); }
};

}  // namespace testing

namespace detail {

template <class Stream>
std::shared_ptr<const PipelineFragment> finishFragment(FragmentEnvironment& env, const Stream& stream,
                                                       std::vector<int> inputs) {
    auto fragment = std::make_shared<PipelineFragment>();
    fragment->inputs = std::move(inputs);
    fragment->output = env.addOutput(StreamAccess::input(stream));
    JobGraph settings;
    fragment->graph = env.graph()->take(settings);
    return fragment;
}

/// The stream that stands for an input of the harness.
template <class In>
DataStream<In> fragmentInput(FragmentEnvironment& env, std::vector<int>& inputs) {
    StreamInput input = env.addInput();
    inputs.push_back(input.upstreams.front().from);
    input.ports = plainPorts<In>();
    return StreamAccess::stream<In>(std::move(input));
}

}  // namespace detail

namespace testing {

/// A harness around the piece of a pipeline that `pipeline(DataStream<In>)` returns: any operators, at parallelism 1.
/// @public
template <class In, class Pipeline>
    requires std::is_invocable_v<Pipeline&, DataStream<In>>
auto harnessFor(Pipeline pipeline) {
    detail::FragmentEnvironment env;
    std::vector<int> inputs;
    auto stream = pipeline(detail::fragmentInput<In>(env, inputs));
    using Out = typename decltype(stream)::Element;
    return OneInputHarness<In, Out>(detail::finishFragment(env, stream, std::move(inputs)));
}
/// The same for two inputs: `pipeline(DataStream<In1>, DataStream<In2>)`. @public
template <class In1, class In2, class Pipeline>
    requires std::is_invocable_v<Pipeline&, DataStream<In1>, DataStream<In2>>
auto harnessFor(Pipeline pipeline) {
    detail::FragmentEnvironment env;
    std::vector<int> inputs;
    auto first = detail::fragmentInput<In1>(env, inputs);
    auto second = detail::fragmentInput<In2>(env, inputs);
    auto stream = pipeline(std::move(first), std::move(second));
    using Out = typename decltype(stream)::Element;
    return TwoInputHarness<In1, In2, Out>(detail::finishFragment(env, stream, std::move(inputs)));
}

// ---- for one function alone ----

/// A harness around `process(fn)` on a stream of In. @public
template <class In, class Fn>
auto harnessForProcess(Fn fn) {
    return harnessFor<In>([&](DataStream<In> in) { return in.process(std::move(fn)); });
}
/// Around `keyBy(keySelector).process(fn)`. @public
template <class In, class KeySelector, class Fn>
auto harnessForKeyedProcess(KeySelector keySelector, Fn fn) {
    return harnessFor<In>([&](DataStream<In> in) { return in.keyBy(std::move(keySelector)).process(std::move(fn)); });
}
/// Around `first.connect(second).process(fn)`. @public
template <class In1, class In2, class Fn>
auto harnessForCoProcess(Fn fn) {
    return harnessFor<In1, In2>(
        [&](DataStream<In1> first, DataStream<In2> second) { return first.connect(second).process(std::move(fn)); });
}
/// Around `first.keyBy(key1).connect(second.keyBy(key2)).process(fn)`. @public
template <class In1, class In2, class Key1, class Key2, class Fn>
auto harnessForKeyedCoProcess(Key1 key1, Key2 key2, Fn fn) {
    return harnessFor<In1, In2>([&](DataStream<In1> first, DataStream<In2> second) {
        return first.keyBy(std::move(key1)).connect(second.keyBy(std::move(key2))).process(std::move(fn));
    });
}
/// Around `first.connect(second.broadcast(descriptor…)).process(fn)`: input 2 is the one that is broadcast. @public
template <class In1, class In2, class Fn, class... Descriptors>
auto harnessForBroadcast(Fn fn, const Descriptors&... descriptors) {
    return harnessFor<In1, In2>([&](DataStream<In1> first, DataStream<In2> second) {
        return first.connect(second.broadcast(descriptors...)).process(std::move(fn));
    });
}
/// Around `first.keyBy(keySelector).connect(second.broadcast(descriptor…)).process(fn)`. @public
template <class In1, class In2, class KeySelector, class Fn, class... Descriptors>
auto harnessForKeyedBroadcast(KeySelector keySelector, Fn fn, const Descriptors&... descriptors) {
    return harnessFor<In1, In2>([&](DataStream<In1> first, DataStream<In2> second) {
        return first.keyBy(std::move(keySelector)).connect(second.broadcast(descriptors...)).process(std::move(fn));
    });
}

/// Around a sink, as `sinkTo(sink)` runs it; nothing comes out. @public
template <class In, class Sink>
auto harnessForSink(Sink sink) {
    detail::FragmentEnvironment env;
    auto fragment = std::make_shared<detail::PipelineFragment>();
    detail::StreamInput input = env.addInput();
    fragment->inputs.push_back(input.upstreams.front().from);
    input.ports = detail::plainPorts<In>();
    using Chain = detail::Link<detail::Input<In>, detail::WriterSinkOperator<In, Sink>>;
    const int node = detail::recordSink(
        input, "sink",
        detail::Shared<detail::StageFactory>(new detail::ChainStageFactory<Chain>(Chain{{}, {std::move(sink)}})));
    detail::StreamInput output = input;
    output.upstreams.front().from = node;
    fragment->output = env.addOutput(output);
    detail::JobGraph settings;
    fragment->graph = env.graph()->take(settings);
    return OneInputHarness<In, detail::NoOutput>(std::move(fragment));
}

}  // namespace testing
}  // namespace millrace

#endif  // MILLRACE_TESTING_OPERATOR_HARNESS_HPP
