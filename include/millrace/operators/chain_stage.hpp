#ifndef MILLRACE_OPERATORS_CHAIN_STAGE_HPP
#define MILLRACE_OPERATORS_CHAIN_STAGE_HPP

#include <millrace/core/config.hpp>
#include <millrace/core/list.hpp>
#include <millrace/core/owner.hpp>
#include <millrace/core/shared.hpp>
#include <millrace/operators/node.hpp>

#include <utility>

namespace millrace::detail {

/// Whether an operator of the chain makes watermarks of its own: it then reports them, and idleness, as the stage's.
template <class Chain>
inline constexpr bool kGeneratesWatermarks = false;
template <class Prev, class Op>
inline constexpr bool kGeneratesWatermarks<Link<Prev, Op>> =
    kGeneratesWatermarks<Prev> || requires { requires Op::kGeneratesWatermarks; };

/// What all stages of operators have in common. Nodes restore their state after they have been opened; a stage that is told
/// earlier remembers it.
class OperatorStage : public Stage {
public:
    MILLRACE_INLINE void addOutput(std::string_view tag, Port& port) override;
    MILLRACE_INLINE void open(StageContext& context) override;
    MILLRACE_INLINE void restore(const SnapshotSource& source) override;

protected:
    explicit OperatorStage(const List<OperatorId>& operators);
    MILLRACE_INLINE ~OperatorStage() override;

    virtual void openNodes(OpenContext& context) = 0;
    /// Only after `openNodes`.
    virtual void restoreNodes(const SnapshotSource& source) = 0;

    List<OperatorId> operators_;
    StageOutputs outputs_;

private:
    bool opened_ = false;
    const SnapshotSource* restoreFrom_ = nullptr;
};

/// A chain of one-input operators behind the virtual stage boundary.
template <class Chain>
class ChainStage final : public OperatorStage {
    using In = typename ChainInput<Chain>::Type;
    using Tail = OutputNode<typename Chain::Output>;
    using Nodes = NodesOf<Chain, Tail>;

public:
    [[gnu::cold]] ChainStage(const Chain& chain, const List<OperatorId>& operators)
        : OperatorStage(operators), nodes_(Nodes::make(chain, typename Tail::Refs{outputs_, pending_})) {}
    [[gnu::cold]] ~ChainStage() override = default;

    [[gnu::cold]] void close() override { eventTarget(nodes_).close(); }

    void onBlock(int, BlockRef block) override {
        StageMetrics::add(metrics.recordsIn, block.size);
        nodes_.pushBlock(block.as<In>());
        nodes_.flush();
        outputs_.flushSide();
    }
    Progress onWatermark(int, Timestamp watermark) override {
        if constexpr (!kGeneratesWatermarks<Chain>) {
            metrics.setWatermark(watermark);
        }
        return eventTarget(nodes_).onWatermark(watermark);
    }
    void onIdle(int) override {
        if constexpr (!kGeneratesWatermarks<Chain>) metrics.idle.store(true, std::memory_order_relaxed);
        eventTarget(nodes_).onIdle();
    }
    void onActive(int) override {
        if constexpr (!kGeneratesWatermarks<Chain>) metrics.idle.store(false, std::memory_order_relaxed);
        eventTarget(nodes_).onActive();
    }
    Progress onProcessingTime(Timestamp now) override { return eventTarget(nodes_).onProcessingTime(now); }
    Progress resume() override { return eventTarget(nodes_).resume(); }
    [[gnu::cold]] Progress endInput(int) override { return eventTarget(nodes_).endInput(); }
    Progress endKey() override { return endKeyOf(nodes_); }
    void snapshot(SnapshotSink& sink) override {
        eventTarget(nodes_).snapshot(sink);
        checkpoints.snapshot(sink);
    }

private:
    [[gnu::cold]] void openNodes(OpenContext& context) override { nodes_.open(context); }
    [[gnu::cold]] void restoreNodes(const SnapshotSource& source) override { eventTarget(nodes_).restore(source); }

    Collector<typename Chain::Output> pending_;
    typename Nodes::Type nodes_;
};

/// A factory whose operators get their final names and uids shortly before the job starts.
class BindableStageFactory : public StageFactory {
public:
    MILLRACE_INLINE void bind(List<OperatorId> operators) override;

protected:
    MILLRACE_INLINE ~BindableStageFactory() override;
    const List<OperatorId>& operators() const noexcept { return operators_; }

private:
    List<OperatorId> operators_;
};

template <class Chain>
class ChainStageFactory final : public BindableStageFactory {
public:
    explicit ChainStageFactory(Chain chain) : chain_(std::move(chain)) {}
    [[gnu::cold]] ~ChainStageFactory() override = default;
    [[gnu::cold]] Owner<Stage> create(const Shared<SharedState>&) const override {
        return Owner<Stage>(new ChainStage<Chain>(chain_, operators()));
    }

private:
    Chain chain_;  // the untouched prototype: every subtask copies it
};

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/operators/chain_stage.ipp>
#endif

#endif  // MILLRACE_OPERATORS_CHAIN_STAGE_HPP
