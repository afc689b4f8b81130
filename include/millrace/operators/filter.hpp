#ifndef MILLRACE_OPERATORS_FILTER_HPP
#define MILLRACE_OPERATORS_FILTER_HPP

#include <millrace/functions/function_concepts.hpp>
#include <millrace/operators/segment.hpp>

namespace millrace::detail {

template <class T, class Fn>
struct FilterOperator {
    using Input = T;
    using Output = T;
    Fn fn;

    template <class Next>
    class Node;
};

/// Ends a segment: what it keeps is compacted.
template <class T, class Fn>
template <class Next>
class FilterOperator<T, Fn>::Node : public ForwardingNode<Next>, public SegmentRunner<Node<Next>, T, T, Next, true> {
public:
    using SegmentOutput = T;
    using SegmentEnd = Next;
    static constexpr bool kCompacts = true;

    template <class Refs>
    explicit Node(const Refs& refs) : ForwardingNode<Next>(refs.rest), fn_(refs.op.fn) {}

    void open(OpenContext& context) {
        fn_.open(context);
        this->next_.open(context);
    }
    void close() {
        fn_.close();
        this->next_.close();
    }
    void pushBlock(Block<T> block) { this->runBlock(block); }
    void push(T&& value, Timestamp timestamp) { this->runRecord(std::move(value), timestamp); }
    void flush() {
        this->flushBuffer();
        this->next_.flush();
    }

    template <class S>
    bool apply(T&& value, Timestamp timestamp, S out) {
        const bool keep = static_cast<bool>(fn_(value, timestamp, std::as_const(value)));
        if constexpr (kBlockwise<T>) {
            out.put(std::move(value));
        } else if (keep) {
            out.put(std::move(value));
        }
        return keep;
    }
    Next& segmentEnd() noexcept { return this->next_; }

private:
    UserFunction<Fn> fn_;
};

}  // namespace millrace::detail

#endif  // MILLRACE_OPERATORS_FILTER_HPP
