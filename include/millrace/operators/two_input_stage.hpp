#ifndef MILLRACE_OPERATORS_TWO_INPUT_STAGE_HPP
#define MILLRACE_OPERATORS_TWO_INPUT_STAGE_HPP

#include <millrace/core/list.hpp>
#include <millrace/operators/chain_stage.hpp>
#include <millrace/time/combined_watermarks.hpp>

#include <utility>

// A chain may begin with an operator of two inputs: Link<TwoInputs<A, B>, Op>, followed by ordinary ones. The node of
// such an operator has
//     void pushBlock1(Block<A>), void pushBlock2(Block<B>)
// in place of pushBlock and push, gets the combined watermark and idleness of its inputs, and `endInput()` once both have
// ended; all else is as in node.hpp.

namespace millrace::detail {

/// Where a chain begins that has two inputs over the stage boundary: 0 with records of type A, 1 with records of type B.
template <class A, class B>
struct TwoInputs {
    using First = A;
    using Second = B;
};

template <class A, class B, class Tail>
struct NodesOf<TwoInputs<A, B>, Tail> {
    using Type = Tail;
    template <class Refs>
    static Type make(const TwoInputs<A, B>&, const Refs& refs) {
        return Type(refs);
    }
};

template <class Chain>
struct ChainStart {
    using Type = Chain;
};
template <class Prev, class Op>
struct ChainStart<Link<Prev, Op>> : ChainStart<Prev> {};

template <class Chain>
inline constexpr bool kStartsWithTwoInputs = false;
template <class A, class B>
inline constexpr bool kStartsWithTwoInputs<TwoInputs<A, B>> = true;
template <class Prev, class Op>
inline constexpr bool kStartsWithTwoInputs<Link<Prev, Op>> = kStartsWithTwoInputs<Prev>;

/// A chain that begins with two inputs, behind the virtual stage boundary.
template <class Chain>
    requires(kStartsWithTwoInputs<Chain>)
class ChainStage<Chain> final : public OperatorStage {
    using Inputs = typename ChainStart<Chain>::Type;
    using Tail = OutputNode<typename Chain::Output>;
    using Nodes = NodesOf<Chain, Tail>;

public:
    [[gnu::cold]] ChainStage(const Chain& chain, const List<OperatorId>& operators)
        : OperatorStage(operators), nodes_(Nodes::make(chain, typename Tail::Refs{outputs_, pending_})) {}

    [[gnu::cold]] void close() override { eventTarget(nodes_).close(); }

    void onBlock(int input, BlockRef block) override {
        StageMetrics::add(metrics.recordsIn, block.size);
        if (input == 0) {
            nodes_.pushBlock1(block.as<typename Inputs::First>());
        } else {
            nodes_.pushBlock2(block.as<typename Inputs::Second>());
        }
        nodes_.flush();
        outputs_.flushSide();
    }
    Progress onWatermark(int input, Timestamp watermark) override {
        return advance(watermarks_.watermark(indexOf(input), watermark));
    }
    void onIdle(int input) override { statusChanged(watermarks_.idle(indexOf(input))); }
    void onActive(int input) override { statusChanged(watermarks_.active(indexOf(input))); }
    Progress onProcessingTime(Timestamp now) override { return eventTarget(nodes_).onProcessingTime(now); }
    Progress resume() override { return eventTarget(nodes_).resume(); }
    [[gnu::cold]] Progress endInput(int) override {
        return --openInputs_ == 0 ? eventTarget(nodes_).endInput() : Progress::Done;
    }
    Progress endKey() override { return endKeyOf(nodes_); }
    void snapshot(SnapshotSink& sink) override {
        eventTarget(nodes_).snapshot(sink);
        checkpoints.snapshot(sink);
    }

    /// The node of the two-input operator, for tests that look into its state.
    typename Nodes::Type& head() noexcept { return nodes_; }

private:
    [[gnu::cold]] void openNodes(OpenContext& context) override {
        stage_ = &context.stage;
        nodes_.open(context);
    }
    [[gnu::cold]] void restoreNodes(const SnapshotSource& source) override { eventTarget(nodes_).restore(source); }

    static std::size_t indexOf(int input) noexcept { return input == 0 ? 0 : 1; }

    Progress advance(const EventTimeChange& change) {
        if (!change.hasWatermark()) return Progress::Done;
        if constexpr (!kGeneratesWatermarks<Chain>) {
            metrics.setWatermark(change.watermark);
        }
        return eventTarget(nodes_).onWatermark(change.watermark);
    }
    void statusChanged(const EventTimeChange& change) {
        // the host does not expect a change of idleness to stop half-way, but event time may advance by it
        const bool maySuspend = std::exchange(stage_->maySuspend, false);
        advance(change);
        stage_->maySuspend = maySuspend;
        if (change.status == StatusChange::None) return;
        const bool idle = change.status == StatusChange::Idle;
        if constexpr (!kGeneratesWatermarks<Chain>) metrics.idle.store(idle, std::memory_order_relaxed);
        if (idle) {
            eventTarget(nodes_).onIdle();
        } else {
            eventTarget(nodes_).onActive();
        }
    }

    Collector<typename Chain::Output> pending_;
    typename Nodes::Type nodes_;
    CombinedWatermarks watermarks_{2};
    StageContext* stage_ = nullptr;
    int openInputs_ = 2;
};

}  // namespace millrace::detail

#endif  // MILLRACE_OPERATORS_TWO_INPUT_STAGE_HPP
