#ifndef MILLRACE_API_STREAM_ACCESS_HPP
#define MILLRACE_API_STREAM_ACCESS_HPP

#include <millrace/api/recording.hpp>
#include <millrace/api/stream_types.hpp>
#include <millrace/core/list.hpp>
#include <millrace/operators/two_input_stage.hpp>

#include <utility>

namespace millrace::detail {

/// For the parts of the API that make streams.
struct StreamAccess {
    template <class T>
    static DataStream<T> stream(StreamInput input) {
        return DataStream<T>(std::move(input));
    }
    /// What an operator behind the stream would read; records the stream.
    template <class T, class Chain>
    static StreamInput input(const DataStream<T, Chain>& stream) {
        return stream.sealedInput();
    }
    template <class T, class KeySelector>
    static const StreamInput& input(const KeyedStream<T, KeySelector>& stream) {
        return stream.input_;
    }
    template <class T, class KeySelector>
    static const KeySelector& keySelector(const KeyedStream<T, KeySelector>& stream) {
        return stream.selector_;
    }
    /// What a union of the stream with others reads: a union has one exchange for all, so that of the keys is dropped.
    template <class T, class Chain>
    static StreamInput withoutKeys(const DataStream<T, Chain>& stream) {
        return stream.sealedInput();
    }
    template <class T, class KeySelector>
    static StreamInput withoutKeys(const KeyedStream<T, KeySelector>& stream) {
        StreamInput input = stream.input_;
        input.exchange = ExchangeKind::Forward;
        input.exchangeGiven = false;
        input.ports = plainPorts<T>();
        return input;
    }
    /// The start of a chain that is still to grow.
    template <class Ops>
    static DataStream<typename Ops::Output, Ops> stream(StreamInput input, Ops ops, List<PendingOperator> pending) {
        return DataStream<typename Ops::Output, Ops>(std::move(input), std::move(ops), std::move(pending));
    }
    template <class T, class KeySelector>
    static KeyedStream<T, KeySelector> keyed(StreamInput input, KeySelector selector) {
        return KeyedStream<T, KeySelector>(std::move(input), std::move(selector));
    }
    /// Keyed without an exchange. *Failure:* GraphException for a stream that ends in one.
    template <class T, class KeySelector>
    static KeyedStream<T, KeySelector> keyedInPlace(StreamInput input, KeySelector selector) {
        keepInPlace(input);
        input.ports = keyedForwardPorts<T>(selector);
        return keyed<T>(std::move(input), std::move(selector));
    }
    template <class Op>
    static auto stream(StreamInput input, Op op, OperatorInfo info, const StageTraits& traits) {
        using Ops = Link<Input<typename Op::Input>, Op>;
        return stream(std::move(input), Ops{{}, std::move(op)}, onePending(std::move(info), traits));
    }
    static List<PendingOperator> onePending(OperatorInfo info, const StageTraits& traits) {
        List<PendingOperator> pending(1);
        pending.front().info = std::move(info);
        pending.front().traits = traits;
        return pending;
    }
};

/// Records an operator that reads two streams; what it returns is the start of a chain.
template <class A, class B, class Op>
auto connectedStream(StreamInput first, StreamInput second, Op op, OperatorInfo info, const StageTraits& traits = {}) {
    return StreamAccess::stream(twoInputs(std::move(first), std::move(second)),
                                Link<TwoInputs<A, B>, Op>{{}, std::move(op)},
                                StreamAccess::onePending(std::move(info), traits));
}

}  // namespace millrace::detail

#endif  // MILLRACE_API_STREAM_ACCESS_HPP
