#ifndef MILLRACE_TESTING_PIPELINE_HOST_HPP
#define MILLRACE_TESTING_PIPELINE_HOST_HPP

#include <millrace/api/stream_environment.hpp>
#include <millrace/core/config.hpp>
#include <millrace/core/functional.hpp>
#include <millrace/core/owner.hpp>
#include <millrace/graph/job_graph.hpp>
#include <millrace/operators/outputs.hpp>
#include <millrace/testing/manual_clock.hpp>
#include <millrace/time/watermark_valve.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::detail {

/// Records the piece of a pipeline that a harness drives; nothing can be executed in it.
class FragmentEnvironment final : public StreamEnvironment {
public:
    FragmentEnvironment() : StreamEnvironment(1) {}

    /// A source that stands for the harness.
    StreamInput addInput();
    /// A sink that stands for the recorder behind `output`.
    int addOutput(const StreamInput& output);

protected:
    MILLRACE_INLINE std::shared_ptr<JobClient> submit(JobGraph graph) override;
};

/// A recorded piece of a pipeline, from the inputs of the harness to its recorder.
struct PipelineFragment {
    JobGraph graph;
    std::vector<int> inputs;  ///< the nodes that stand for the harness
    int output = 0;           ///< the node that stands for the recorder
};

/// The stage behind a pipeline: calls the functions with what arrives. One per harness.
class RecorderStage : public Stage {
public:
    void addOutput(std::string_view, Port&) override {}
    void open(StageContext&) override {}
    void close() override {}
    Progress onProcessingTime(Timestamp) override { return Progress::Done; }
    Progress resume() override { return Progress::Done; }
    void snapshot(SnapshotSink&) override {}
    void restore(const SnapshotSource&) override {}
};

/// Runs one subtask of every stage of a fragment on the caller's thread, with a clock that is moved by hand. Stages call
/// each other directly, so whatever an event causes has happened when its call returns.
class PipelineHost {
public:
    PipelineHost(std::shared_ptr<const PipelineFragment> fragment, Owner<Stage> recorder);
    PipelineHost(const PipelineHost&) = delete;
    PipelineHost& operator=(const PipelineHost&) = delete;
    ~PipelineHost();

    /// Before the first event: where the elements of a side output of the last operator go.
    void readSide(std::string_view key, Port& port);

    /// Makes the stages and opens them, with the state of `source` if there is one; what was open is discarded.
    void open(const SnapshotSource* source = nullptr);
    bool isOpen() const noexcept { return open_; }
    void close();

    StageOutputs& input(int index) { return inputs_[static_cast<std::size_t>(index)]; }
    void snapshot(SnapshotSink& sink, std::int64_t checkpointId);
    void notifyCheckpointComplete(std::int64_t checkpointId);
    void notifyCheckpointAborted(std::int64_t checkpointId);
    bool awaitsFinalCheckpoint() const;
    /// Sets the clock, then everything that is due happens.
    void setProcessingTime(Timestamp now);

    bool isCheckpointed = false;  ///< what the stages are told when they open

    testing::ManualClock& clock() noexcept { return clock_; }
    Accumulators& accumulators() noexcept { return accumulators_; }
    /// The stage whose output the recorder reads.
    Stage& lastStage();
    const PipelineFragment& fragment() const noexcept { return *fragment_; }
    /// Records that found all their windows late and went nowhere.
    /// Over all stages.
    std::uint64_t sumOf(std::atomic<std::uint64_t> StageMetrics::*counter) const;
    Timestamp currentWatermark() const;

private:
    class Context;
    class Link;
    struct Side {
        std::string key;
        Port* port;
    };

    std::shared_ptr<const PipelineFragment> fragment_;
    Owner<Stage> recorder_;
    std::vector<Side> sides_;
    std::vector<StageOutputs> inputs_;
    std::vector<Owner<Stage>> stages_;  ///< by node; none for inputs and recorder
    std::vector<Owner<Port>> links_;
    std::unique_ptr<Context> context_;
    std::set<Timestamp> timers_;
    testing::ManualClock clock_;
    Accumulators accumulators_;
    bool open_ = false;
};

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/testing/pipeline_host.ipp>
#endif

#endif  // MILLRACE_TESTING_PIPELINE_HOST_HPP
