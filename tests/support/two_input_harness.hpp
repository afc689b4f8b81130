#ifndef MILLRACE_TESTS_SUPPORT_TWO_INPUT_HARNESS_HPP
#define MILLRACE_TESTS_SUPPORT_TWO_INPUT_HARNESS_HPP

#include <millrace/operators/two_input_stage.hpp>
#include <millrace/state/memory_snapshot.hpp>

#include "support/operator_harness.hpp"

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace millrace::testsupport {

/// One operator with two inputs in a stage of its own, driven as a host drives it. Inputs are 1 and 2, as in Flink.
template <class A, class B, class Op>
class TwoInputHarness {
public:
    using Out = typename Op::Output;
    using Chain = detail::Link<detail::TwoInputs<A, B>, Op>;

    explicit TwoInputHarness(Op op, int maxParallelism = 128)
        : stage_(std::make_unique<detail::ChainStage<Chain>>(
              Chain{{}, std::move(op)}, detail::List<detail::OperatorId>{{"two inputs", "uid-2"}})) {
        context.maxParallelism = maxParallelism;
        stage_->addOutput("", output);
    }
    template <class X>
    void readSide(const OutputTag<X>& tag, RecordingPort<X>& port) {
        stage_->addOutput(tag.key(), port);
    }
    TwoInputHarness& open() {
        stage_->open(context);
        return *this;
    }
    TwoInputHarness& openFrom(const SnapshotSource& source) {
        stage_->restore(source);
        stage_->open(context);
        return *this;
    }

    void element1(A value, std::int64_t time) { element(0, std::move(value), at(time)); }
    void element2(B value, std::int64_t time) { element(1, std::move(value), at(time)); }
    void elements1(std::vector<Emitted<A>> all) { elements(0, std::move(all)); }
    void elements2(std::vector<Emitted<B>> all) { elements(1, std::move(all)); }
    detail::Progress watermark1(std::int64_t time) { return stage_->onWatermark(0, at(time)); }
    detail::Progress watermark2(std::int64_t time) { return stage_->onWatermark(1, at(time)); }
    void watermarks(std::int64_t time) {
        watermark1(time);
        watermark2(time);
    }
    detail::Stage& stage() { return *stage_; }
    /// The operator's node, for what it shows to tests.
    auto& head() { return stage_->head(); }

    MemorySnapshot snapshot() {
        MemorySnapshot taken;
        stage_->snapshot(taken);
        return taken;
    }
    /// What has come out since the last call.
    std::vector<Emitted<Out>> take() { return std::exchange(output.elements, {}); }

    FakeStageContext context;
    RecordingPort<Out> output;

private:
    template <class T>
    void element(int input, T value, Timestamp timestamp) {
        stage_->onBlock(input, detail::Block<T>{&value, &timestamp, nullptr, 1});
    }
    template <class T>
    void elements(int input, std::vector<Emitted<T>> all) {
        std::vector<T> values;
        std::vector<Timestamp> times;
        for (auto& one : all) {
            values.push_back(std::move(one.value));
            times.push_back(at(one.time));
        }
        stage_->onBlock(input, detail::Block<T>{values.data(), times.data(), nullptr, values.size()});
    }

    std::unique_ptr<detail::ChainStage<Chain>> stage_;
};

}  // namespace millrace::testsupport

#endif  // MILLRACE_TESTS_SUPPORT_TWO_INPUT_HARNESS_HPP
