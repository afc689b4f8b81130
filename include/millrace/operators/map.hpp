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
class MapOperator<In, Fn>::Node : public ForwardingNode<Next>,
                                  public SegmentRunner < Node<Next>,
                                  In,
                                  typename SegmentOutputOf<Next, Output>::Type,
                                  typename SegmentEndOf<Next>::Type,
                                  SegmentNode<Next>
                                  ? requires {
    requires Next::kCompacts;
} : false > {
public:
    using SegmentOutput = typename SegmentOutputOf<Next, Output>::Type;
    using SegmentEnd = typename SegmentEndOf<Next>::Type;
    static constexpr bool kCompacts = requires { requires Next::kCompacts; };

    template <class Refs>
    explicit Node(const Refs& refs) : ForwardingNode<Next>(refs.rest), fn_(refs.op.fn) {}

    void open(OpenContext & context) {
        fn_.open(context);
        this->next_.open(context);
    }
    void close() {
        fn_.close();
        this->next_.close();
    }
    void pushBlock(Block<In> block) {
        this->runBlock(block);
    }
    void push(In && value, Timestamp timestamp) {
        this->runRecord(std::move(value), timestamp);
    }
    void flush() {
        this->flushBuffer();
        this->next_.flush();
    }

    template <class S>
    bool apply(In && value, Timestamp timestamp, S out) {
        const auto& record = value;
        if constexpr (SegmentNode<Next>) {
            return this->next_.apply(Output(fn_(record, timestamp, std::move(value))), timestamp, out);
        } else {
            out.put(fn_(record, timestamp, std::move(value)));
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

private:
    UserFunction<Fn> fn_;
};

}  // namespace millrace::detail

#endif  // MILLRACE_OPERATORS_MAP_HPP
