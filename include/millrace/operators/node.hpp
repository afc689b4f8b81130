#ifndef MILLRACE_OPERATORS_NODE_HPP
#define MILLRACE_OPERATORS_NODE_HPP

#include <millrace/core/list.hpp>
#include <millrace/operators/outputs.hpp>
#include <millrace/operators/stage.hpp>

#include <cstddef>
#include <type_traits>
#include <utility>

// The protocol of operators inside a stage. Everything here is called directly: a chain of operators becomes
// Node<Op1, Node<Op2, … OutputNode>>, one class, one loop per segment.
//
// A node has
//     void pushBlock(Block<In>)        a block; the node may overwrite or move from it
//     void push(In&&, Timestamp)       one record; used where records own memory
//     void flush()                     hands on what it still holds; ends every block of the stage
//     open, close, onWatermark, onIdle, onActive, onProcessingTime, resume, endInput, snapshot, restore
//     Progress endKey()                keyed operators only: behind the last record of a key in batch execution
// and inherits from `ForwardingNode` what it does not care about. Where it cares about none but open and flush it has
//     static constexpr bool kPassesEvents = true
// and need not even pass the others on: see `eventTarget`. A node that derives from such a one but does care has to say false again.

namespace millrace::detail {

/// Where a chain begins: records of type T come in over the stage boundary.
template <class T>
struct Input {
    using Output = T;
};

/// A chain with one more operator. Nested, not a list: 50 operators compile in a second.
template <class Prev, class Op>
struct Link {
    using Output = typename Op::Output;
    Prev prev;
    Op op;
};

template <class Chain>
struct ChainInput;
template <class T>
struct ChainInput<Input<T>> {
    using Type = T;
};
template <class Prev, class Op>
struct ChainInput<Link<Prev, Op>> : ChainInput<Prev> {};

/// What a node gets when its subtask opens.
struct OpenContext {
    StageContext& stage;
    StageOutputs& outputs;
    StageMetrics& metrics;
    CheckpointHooks& checkpoints;
    const List<OperatorId>& operators;
    std::size_t opened = 0;  ///< so many of their nodes

    const OperatorId& takeOperator() { return operators[opened++]; }
    /// What an operator's state takes is the stage's, and counts towards what the job may take.
    void account(StateMemory& memory, const OperatorId& id, std::string state) const;
    RuntimeContext runtimeContext(const OperatorId& id) const;
};

/// `first()`, then `second()` even if the first one throws; its exception then goes on and the second's is dropped.
template <class First, class Second>
void closeBoth(First first, Second second) {
    try {
        first();
    } catch (...) {
        try {
            second();
        } catch (...) {
            // the job fails with the first exception
        }
        throw;
    }
    second();
}

/// What the last node of every stage does about events: it hands them to the ports.
class OutputEvents {
public:
    void close() {}
    Progress onWatermark(Timestamp watermark) { return outputs_->onWatermark(watermark); }
    void onIdle() { outputs_->onIdle(); }
    void onActive() { outputs_->onActive(); }
    Progress onProcessingTime(Timestamp) { return Progress::Done; }
    Progress resume() { return Progress::Done; }
    Progress endInput() { return outputs_->endInput(); }
    void snapshot(SnapshotSink&) {}
    void restore(const SnapshotSource&) {}

protected:
    explicit OutputEvents(StageOutputs& outputs) : outputs_(&outputs) {}

    StageOutputs* outputs_;
};

/// The first node, from this one on, that does something about events. They are handed to it at once, so that the nodes in
/// between have no function for each kind of event that would have to be compiled. Not for `open` and `flush`, which every
/// node has.
template <class Node>
auto& eventTarget(Node& node) noexcept {
    if constexpr (requires { requires Node::kPassesEvents; }) {
        return eventTarget(node.next_);
    } else if constexpr (std::is_base_of_v<OutputEvents, Node>) {
        return static_cast<OutputEvents&>(node);
    } else {
        return node;
    }
}

/// Ends a key at the head of a stage, the only node that has one.
template <class Node>
Progress endKeyOf(Node& head) {
    if constexpr (requires { head.endKey(); }) {
        const Progress progress = head.endKey();
        head.flush();
        return progress;
    } else {
        return Progress::Done;
    }
}

/// Passes every event on; the base of all nodes with a successor.
template <class Next>
class ForwardingNode {
public:
    template <class Refs>
    explicit ForwardingNode(const Refs& rest) : next_(rest) {}

    void open(OpenContext& context) { next_.open(context); }
    void close() { eventTarget(next_).close(); }
    void flush() { next_.flush(); }
    Progress onWatermark(Timestamp watermark) { return eventTarget(next_).onWatermark(watermark); }
    void onIdle() { eventTarget(next_).onIdle(); }
    void onActive() { eventTarget(next_).onActive(); }
    Progress onProcessingTime(Timestamp now) { return eventTarget(next_).onProcessingTime(now); }
    Progress resume() { return eventTarget(next_).resume(); }
    Progress endInput() { return eventTarget(next_).endInput(); }
    void snapshot(SnapshotSink& sink) { eventTarget(next_).snapshot(sink); }
    void restore(const SnapshotSource& source) { eventTarget(next_).restore(source); }

protected:
    template <class Node>
    friend auto& eventTarget(Node& node) noexcept;

    Next next_;
};

/// Output type of operators that end a chain (sinks): their ports only carry control events.
struct NoOutput {};

/// The last node of every stage: hands blocks to the ports. What it collects belongs to the stage, so that nodes in front of
/// it have nothing to destroy but what is their own.
template <class T>
class OutputNode : public OutputEvents {
public:
    struct Refs {
        StageOutputs& outputs;
        Collector<T>& pending;
    };
    explicit OutputNode(const Refs& refs) : OutputEvents(refs.outputs), pending_(refs.pending) {}

    [[gnu::noinline]] void pushBlock(Block<T> block) {
        if (block.size == 0) return;
        block.hashes = nullptr;  // of the key that this stage was reached by
        StageMetrics::add(metrics_->recordsOut, block.size);
        const auto& ports = outputs_->mainPorts();
        if (ports.size() == 1) [[likely]] {
            ports.front().onBlock(block, true);
        } else {
            StageOutputs::fanOut<T>(ports, block);
        }
    }
    void push(T&& value, Timestamp timestamp) {
        const std::size_t at = pending_.size();
        pending_.collect(std::move(value));
        pending_.stampFrom(at, timestamp);
        timed_ = timed_ || timestamp != kMinTimestamp;
        if (pending_.full()) flush();
    }
    void flush() {
        if constexpr (!std::is_same_v<T, NoOutput>) {
            if (pending_.size() > 0) flushPending();
        }
    }

    void open(OpenContext& context) { metrics_ = &context.metrics; }

private:
    [[gnu::noinline]] void flushPending() {
        pushBlock(pending_.block(timed_));
        pending_.clear();
        timed_ = false;
    }

    StageMetrics* metrics_ = nullptr;
    Collector<T>& pending_;
    bool timed_ = false;
};

/// References to the operators of a chain, first one outermost: what the nested nodes are built from.
template <class Op, class Rest>
struct OperatorRefs {
    const Op& op;
    const Rest& rest;
};

template <class Chain, class Tail>
struct NodesOf;
template <class T, class Tail>
struct NodesOf<Input<T>, Tail> {
    using Type = Tail;
    template <class Refs>
    static Type make(const Input<T>&, const Refs& refs) {
        return Type(refs);
    }
};
template <class Prev, class Op, class Tail>
struct NodesOf<Link<Prev, Op>, Tail> {
    using Node = typename Op::template Node<Tail>;
    using Type = typename NodesOf<Prev, Node>::Type;
    template <class Refs>
    static Type make(const Link<Prev, Op>& chain, const Refs& refs) {
        return NodesOf<Prev, Node>::make(chain.prev, OperatorRefs<Op, Refs>{chain.op, refs});
    }
};

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/operators/node.ipp>
#endif

#endif  // MILLRACE_OPERATORS_NODE_HPP
