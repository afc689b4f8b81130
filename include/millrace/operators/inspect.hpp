#ifndef MILLRACE_OPERATORS_INSPECT_HPP
#define MILLRACE_OPERATORS_INSPECT_HPP

#include <millrace/operators/node.hpp>
#include <millrace/operators/user_function.hpp>

#include <concepts>

namespace millrace::detail {

template <class T, class Fn>
struct InspectOperator {
    using Input = T;
    using Output = T;
    Fn fn;

    template <class Next>
    class Node : public FunctionNode<Fn, Next> {
    public:
        static constexpr bool kPassesEvents = !HasClose<Fn>;

        template <class Refs>
        explicit Node(const Refs& refs) : FunctionNode<Fn, Next>(refs, refs.op.fn) {}

        void pushBlock(Block<T> block) {
            for (std::size_t i = 0; i < block.size; ++i) look(block.values[i], block.timestampOf(i));
            this->next_.pushBlock(block);
        }
        void push(T&& value, Timestamp timestamp) {
            look(value, timestamp);
            this->next_.push(std::move(value), timestamp);
        }

    private:
        void look(const T& value, Timestamp timestamp) {
            if constexpr (std::invocable<Fn&, const T&, Timestamp>) {
                this->fn_(value, timestamp, value, timestamp);
            } else {
                this->fn_(value, timestamp, value);
            }
        }
    };
};

}  // namespace millrace::detail

#endif  // MILLRACE_OPERATORS_INSPECT_HPP
