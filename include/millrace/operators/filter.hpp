#ifndef MILLRACE_OPERATORS_FILTER_HPP
#define MILLRACE_OPERATORS_FILTER_HPP

#include <millrace/functions/function_concepts.hpp>
#include <millrace/operators/segment.hpp>

#include <type_traits>
#include <utility>

namespace millrace::detail {

template <class T, class Fn>
struct FilterOperator {
    using Input = T;
    using Output = T;
    Fn fn;

    template <class Next>
    class Node;
};

template <class Node, class T, class Next>
using FilterRunner =
    std::conditional_t<kBlockwise<T> && SegmentNode<Next>, SelectionRunner<Node, T>, SegmentRunner<Node, T, T, true>>;

/// Ends a segment: what it keeps is compacted, or it tells the next segment where that is.
template <class T, class Fn>
template <class Next>
class FilterOperator<T, Fn>::Node : public FunctionNode<Fn, Next>, public FilterRunner<Node<Next>, T, Next> {
public:
    using SegmentOutput = T;
    static constexpr bool kCompacts = true;
    static constexpr bool kPassesEvents = !HasClose<Fn>;

    template <class Refs>
    explicit Node(const Refs& refs) : FunctionNode<Fn, Next>(refs, refs.op.fn) {}

    void pushBlock(Block<T> block) { this->runBlock(block, EveryRecord{block.size}); }
    void push(T&& value, Timestamp timestamp) { this->runRecord(std::move(value), timestamp); }
    void flush() {
        this->flushBuffer();
        this->next_.flush();
    }

    bool keeps(const T& value, Timestamp timestamp) { return static_cast<bool>(this->fn_(value, timestamp, value)); }
    template <class S>
    bool apply(T&& value, Timestamp timestamp, S out) {
        const bool keep = keeps(value, timestamp);
        if constexpr (kBlockwise<T>) {
            out.put(std::move(value));
        } else if (keep) {
            out.put(std::move(value));
        }
        return keep;
    }
    Next& segmentEnd() noexcept { return this->next_; }
};

}  // namespace millrace::detail

#endif  // MILLRACE_OPERATORS_FILTER_HPP
