#ifndef MILLRACE_OPERATORS_MAP_HPP
#define MILLRACE_OPERATORS_MAP_HPP

#include <millrace/functions/function_concepts.hpp>
#include <millrace/operators/segment.hpp>

namespace millrace::detail {

template <class In, class Fn>
struct MapOperator {
    using Input = In;
    using Output = std::remove_cvref_t<std::invoke_result_t<Fn&, In>>;
    Fn fn;

    template <class Next>
    class Node;
};

template <class In, class Fn>
template <class Next>
class MapOperator<In, Fn>::Node
    : public FunctionNode<Fn, Next>,
      public SegmentRunner<Node<Next>, In, typename SegmentOutputOf<Next, Output>::Type, kEndsInFilter<Next>> {
public:
    using SegmentOutput = typename SegmentOutputOf<Next, Output>::Type;
    static constexpr bool kCompacts = kEndsInFilter<Next>;
    static constexpr bool kPassesEvents = !HasClose<Fn>;

    template <class Refs>
    explicit Node(const Refs& refs) : FunctionNode<Fn, Next>(refs, refs.op.fn) {}

    void pushBlock(Block<In> block) { this->runBlock(block, EveryRecord{block.size}); }
    void push(In&& value, Timestamp timestamp) { this->runRecord(std::move(value), timestamp); }
    void flush() {
        this->flushBuffer();
        segmentEnd().flush();  // what is collected is collected where a segment begins
    }

    template <class S>
    bool apply(In&& value, Timestamp timestamp, S out) {
        const auto& record = value;
        if constexpr (SegmentNode<Next>) {
            return this->next_.apply(Output(this->fn_(record, timestamp, std::move(value))), timestamp, out);
        } else {
            out.put(this->fn_(record, timestamp, std::move(value)));
            return true;
        }
    }
    auto& segmentEnd() noexcept {
        if constexpr (SegmentNode<Next>) {
            return this->next_.segmentEnd();
        } else {
            return this->next_;
        }
    }
};

}  // namespace millrace::detail

#endif  // MILLRACE_OPERATORS_MAP_HPP
