#ifndef MILLRACE_RUNTIME_FINISHED_STAGE_HPP
#define MILLRACE_RUNTIME_FINISHED_STAGE_HPP

#include <millrace/core/algorithm.hpp>
#include <millrace/graph/job_graph.hpp>
#include <millrace/operators/outputs.hpp>
#include <millrace/operators/stage.hpp>

#include <string_view>

namespace millrace::detail {

/// In place of a stage that had ended before the checkpoint with which the job begins: passes on nothing but the end.
class FinishedStage final : public Stage {
public:
    explicit FinishedStage(const GraphNode& node) {
        for (const GraphEdge& edge : node.inputs) inputs_ = std::max(inputs_, edge.input + 1);
        watermarksMissing_ = inputs_;
    }

    void addOutput(std::string_view tag, Port& port) override { outputs_.add(tag, port); }
    void open(StageContext&) override {}
    void close() override {}
    void onBlock(int, BlockRef) override {}
    Progress onWatermark(int, Timestamp watermark) override {
        if (watermark != kMaxTimestamp || --watermarksMissing_ > 0) return Progress::Done;
        metrics.setWatermark(watermark);
        return outputs_.onWatermark(watermark);
    }
    void onIdle(int) override {}
    void onActive(int) override {}
    Progress onProcessingTime(Timestamp) override { return Progress::Done; }
    Progress resume() override { return Progress::Done; }
    Progress endInput(int) override { return --inputs_ > 0 ? Progress::Done : outputs_.endInput(); }
    void snapshot(SnapshotSink&) override {}
    void restore(const SnapshotSource&) override {}

private:
    StageOutputs outputs_;
    int inputs_ = 1;
    int watermarksMissing_ = 1;
};

}  // namespace millrace::detail

#endif  // MILLRACE_RUNTIME_FINISHED_STAGE_HPP
