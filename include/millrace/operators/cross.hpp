#ifndef MILLRACE_OPERATORS_CROSS_HPP
#define MILLRACE_OPERATORS_CROSS_HPP

#include <millrace/core/functional.hpp>
#include <millrace/operators/two_input_stage.hpp>
#include <millrace/operators/user_function.hpp>
#include <millrace/state/key_group_state.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace::detail {

/// Every record of the first input with every record of the second, when both have ended. Results have no timestamp.
/// *State:* "cross", the records of the first input, shared out; "crossed with", those of the second, of which every subtask
/// has all: each saves its copy, a restored one reads any of them.
template <class A, class B, class Fn, class Out>
struct CrossOperator {
    using Output = Out;
    Fn fn;

    template <class Next>
    class Node;
};

template <class A, class B, class Fn, class Out>
template <class Next>
class CrossOperator<A, B, Fn, Out>::Node : public FunctionNode<Fn, Next> {
    static constexpr std::uint8_t kFormat = 2;

public:
    template <class Refs>
    explicit Node(const Refs& refs) : FunctionNode<Fn, Next>(refs, refs.op.fn) {}

    void open(OpenContext& context) {
        stage_ = &context.stage;
        FunctionNode<Fn, Next>::open(context);
    }
    void pushBlock1(Block<A> block) {
        for (std::size_t i = 0; i < block.size; ++i) first_.push_back(std::move(block.values[i]));
    }
    void pushBlock2(Block<B> block) {
        for (std::size_t i = 0; i < block.size; ++i) second_.push_back(std::move(block.values[i]));
    }
    Progress onWatermark(Timestamp watermark) {
        if (watermark != kMaxTimestamp) return eventTarget(this->next_).onWatermark(watermark);
        crossing_ = true;
        return goOn();
    }
    Progress resume() { return crossing_ ? goOn() : eventTarget(this->next_).resume(); }

    void snapshot(SnapshotSink& sink) {
        write(sink, "cross", kFirst, kSplitState, first_);
        write(sink, "crossed with", kSecond, kBroadcastState, second_);
        eventTarget(this->next_).snapshot(sink);
    }
    void restore(const SnapshotSource& source) {
        restoreState(source);
        eventTarget(this->next_).restore(source);
    }

private:
    Progress goOn() {
        for (; at_ < first_.size(); ++at_, with_ = 0) {
            for (; with_ < second_.size(); ++with_) {
                if (out_.full()) {
                    emitBlock();
                    if (stage_->outputBlocked && stage_->maySuspend) {
                        this->next_.flush();
                        return Progress::Suspended;
                    }
                }
                this->fn_.guarded("the user's function", [&] {
                    out_.collect(
                        detail::invoke(this->fn_.get(), std::as_const(first_[at_]), std::as_const(second_[with_])));
                });
            }
        }
        crossing_ = false;
        emitBlock();
        first_.clear();  // not the second: a subtask that has not come so far may be restored with this copy
        this->next_.flush();
        return eventTarget(this->next_).onWatermark(kMaxTimestamp);
    }
    void emitBlock() {
        if (out_.size() > 0) this->next_.pushBlock(out_.block(false));
        out_.clear();
    }
    static constexpr StateLayout kFirst{"cross", {{"first", &kListInfo<A>}}};
    static constexpr StateLayout kSecond{"crossed with", {{"second", &kListInfo<B>}}};

    template <class T>
    void write(SnapshotSink& sink, std::string_view state, const StateLayout& layout, int distribution,
               const std::vector<T>& records) const {
        ByteWriter bytes;
        bytes.write(kFormat);
        Codec<std::vector<T>>::encode(records, bytes);
        sink.describe(this->fn_.id().uid, state, layout);
        sink.write(this->fn_.id().uid, state, distribution, bytes.bytes());
    }
    void restoreState(const SnapshotSource& source) {
        readKeyGroups(source, this->fn_.id().uid, "cross", kFirst, kFormat, [&](ByteReader& reader) {
            for (A& value : decodeState<std::vector<A>>(reader)) first_.push_back(std::move(value));
        });
        readKeyGroups(source, this->fn_.id().uid, "crossed with", kSecond, kFormat,
                      [&](ByteReader& reader) { second_ = decodeState<std::vector<B>>(reader); });
    }

    std::vector<A> first_;
    std::vector<B> second_;
    Collector<Out> out_;
    std::size_t at_ = 0;
    std::size_t with_ = 0;
    bool crossing_ = false;
    StageContext* stage_ = nullptr;
};

}  // namespace millrace::detail

#endif  // MILLRACE_OPERATORS_CROSS_HPP
