#ifndef MILLRACE_OPERATORS_FIRST_HPP
#define MILLRACE_OPERATORS_FIRST_HPP

#include <millrace/core/algorithm.hpp>
#include <millrace/core/errors.hpp>
#include <millrace/core/message.hpp>
#include <millrace/operators/node.hpp>
#include <millrace/state/key_group_state.hpp>

#include <cstdint>
#include <utility>

namespace millrace::detail {

/// *Failure:* ConfigurationException if `first(count)` would let no element pass, or `count` was less than that.
[[gnu::cold]] inline void checkFirstCount(std::uint64_t count) {
    if (static_cast<std::int64_t>(count) > 0) return;
    raise<ConfigurationException>("first({}) lets no element pass; give it 1 or more",
                                  {static_cast<std::int64_t>(count)});
}

/// The first `count` records of the subtask; the rest is dropped.
/// *State:* "first", how many have passed; not by key.
template <class T>
struct FirstOperator {
    using Input = T;
    using Output = T;
    std::uint64_t count;

    template <class Next>
    class Node : public ForwardingNode<Next> {
        static constexpr std::uint8_t kFormat = 1;

    public:
        template <class Refs>
        explicit Node(const Refs& refs) : ForwardingNode<Next>(refs.rest), left_(refs.op.count), count_(left_) {}

        void open(OpenContext& context) {
            id_ = &context.takeOperator();
            this->next_.open(context);
        }
        void pushBlock(Block<T> block) {
            const auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(left_, block.size));
            left_ -= taken;
            if (taken > 0) this->next_.pushBlock(block.slice(0, taken));
        }
        void push(T&& value, Timestamp timestamp) {
            if (left_ == 0) return;
            --left_;
            this->next_.push(std::move(value), timestamp);
        }
        void snapshot(SnapshotSink& sink) {
            ByteWriter bytes;
            bytes.write(kFormat);
            bytes.write(count_ - left_);
            sink.describe(id_->uid, "first", kLayout);
            sink.write(id_->uid, "first", kSplitState, bytes.bytes());
            eventTarget(this->next_).snapshot(sink);
        }
        void restore(const SnapshotSource& source) {
            restoreState(source);
            eventTarget(this->next_).restore(source);
        }

    private:
        static constexpr StateLayout kLayout{"first", {{"passed", &kTypeInfo<std::uint64_t>, true}}};

        void restoreState(const SnapshotSource& source) {
            readKeyGroups(source, id_->uid, "first", kLayout, kFormat, [&](ByteReader& reader) {
                left_ -= std::min(left_, reader.read<std::uint64_t>("a number of records"));
            });
        }

        std::uint64_t left_;
        std::uint64_t count_;
        const OperatorId* id_ = nullptr;
    };
};

}  // namespace millrace::detail

#endif  // MILLRACE_OPERATORS_FIRST_HPP
