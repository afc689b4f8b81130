#ifndef MILLRACE_WINDOWING_MERGING_WINDOW_OPERATOR_HPP
#define MILLRACE_WINDOWING_MERGING_WINDOW_OPERATOR_HPP

#include <millrace/windowing/aligned_window_operator.hpp>
#include <millrace/windowing/partial_result.hpp>

#include <string>

namespace millrace::detail {

/// The part of a window operator behind the exchange: an AlignedWindowOperator that also takes what a LocalWindowOperator has
/// added up. Its state is the same.
template <class T, class KeySelector, class Assigner, class Aggregate, class WindowFn, class Out>
struct MergingWindowOperator {
    using Plain = AlignedWindowOperator<T, KeySelector, Assigner, Aggregate, WindowFn, Out>;
    using Input = PartialResult<T, typename Plain::Key, typename AggregateTraits<Aggregate, T>::Accumulator>;
    using Output = Out;
    KeySelector keySelector;
    Assigner assigner;
    Aggregate aggregate;
    WindowFn windowFunction;
    Duration allowedLateness;
    std::string lateKey;

    template <class Next>
    class Node;
};

template <class T, class KeySelector, class Assigner, class Aggregate, class WindowFn, class Out>
template <class Next>
class MergingWindowOperator<T, KeySelector, Assigner, Aggregate, WindowFn, Out>::Node
    : public Plain::template Node<Next> {
public:
    template <class Refs>
    explicit Node(const Refs& refs) : Plain::template Node<Next>(refs) {}

    void open(OpenContext& context) {
        metrics_ = &context.metrics;
        Plain::template Node<Next>::open(context);
    }

    void pushBlock(Block<Input> block) {
        if (block.size == 0) return;
        if (const Block<T>* const elements = block.values[0].elements(); elements != nullptr) {
            StageMetrics::add(metrics_->recordsIn, elements->size - 1);  // the block itself is counted
            this->pushRecords(*elements, this->runs_);
        } else {
            this->pushRecords(block, partialRuns_);
        }
    }
    void push(Input&& record, Timestamp timestamp) { pushBlock({&record, &timestamp, nullptr, 1}); }

private:
    SliceRuns<Input> partialRuns_;
    StageMetrics* metrics_ = nullptr;
};

}  // namespace millrace::detail

#endif  // MILLRACE_WINDOWING_MERGING_WINDOW_OPERATOR_HPP
