#ifndef MILLRACE_API_REJECTED_STREAM_HPP
#define MILLRACE_API_REJECTED_STREAM_HPP

namespace millrace::detail {

/// False, but only once a template is instantiated: for static_asserts about arguments of type T.
template <class T>
inline constexpr bool kRejected = false;

/// What a call returns whose arguments were rejected by a static_assert: accepts every further call, so that one
/// mistake prints one error.
struct RejectedStream {
#define MILLRACE_ACCEPT_ANYTHING(name)     \
    template <class... Args>               \
    RejectedStream name(Args&&...) const { \
        return {};                         \
    }
    MILLRACE_ACCEPT_ANYTHING(map)
    MILLRACE_ACCEPT_ANYTHING(filter)
    MILLRACE_ACCEPT_ANYTHING(flatMap)
    MILLRACE_ACCEPT_ANYTHING(process)
    MILLRACE_ACCEPT_ANYTHING(inspect)
    MILLRACE_ACCEPT_ANYTHING(keyBy)
    MILLRACE_ACCEPT_ANYTHING(reduce)
    MILLRACE_ACCEPT_ANYTHING(sum)
    MILLRACE_ACCEPT_ANYTHING(min)
    MILLRACE_ACCEPT_ANYTHING(max)
    MILLRACE_ACCEPT_ANYTHING(minBy)
    MILLRACE_ACCEPT_ANYTHING(maxBy)
    MILLRACE_ACCEPT_ANYTHING(window)
    MILLRACE_ACCEPT_ANYTHING(windowAll)
    MILLRACE_ACCEPT_ANYTHING(countWindow)
    MILLRACE_ACCEPT_ANYTHING(countWindowAll)
    MILLRACE_ACCEPT_ANYTHING(trigger)
    MILLRACE_ACCEPT_ANYTHING(evictor)
    MILLRACE_ACCEPT_ANYTHING(emitFinal)
    MILLRACE_ACCEPT_ANYTHING(emitEvery)
    MILLRACE_ACCEPT_ANYTHING(emitOnWallClock)
    MILLRACE_ACCEPT_ANYTHING(apply)
    MILLRACE_ACCEPT_ANYTHING(allowedLateness)
    MILLRACE_ACCEPT_ANYTHING(sideOutputLateData)
    MILLRACE_ACCEPT_ANYTHING(preAggregate)
    MILLRACE_ACCEPT_ANYTHING(aggregate)
    MILLRACE_ACCEPT_ANYTHING(unionWith)
    MILLRACE_ACCEPT_ANYTHING(connect)
    MILLRACE_ACCEPT_ANYTHING(intervalJoin)
    MILLRACE_ACCEPT_ANYTHING(between)
    MILLRACE_ACCEPT_ANYTHING(join)
    MILLRACE_ACCEPT_ANYTHING(coGroup)
    MILLRACE_ACCEPT_ANYTHING(where)
    MILLRACE_ACCEPT_ANYTHING(equalTo)
    MILLRACE_ACCEPT_ANYTHING(lowerBoundExclusive)
    MILLRACE_ACCEPT_ANYTHING(upperBoundExclusive)
    MILLRACE_ACCEPT_ANYTHING(sideOutputLeftLateData)
    MILLRACE_ACCEPT_ANYTHING(sideOutputRightLateData)
    MILLRACE_ACCEPT_ANYTHING(rebalance)
    MILLRACE_ACCEPT_ANYTHING(rescale)
    MILLRACE_ACCEPT_ANYTHING(shuffle)
    MILLRACE_ACCEPT_ANYTHING(broadcast)
    MILLRACE_ACCEPT_ANYTHING(global)
    MILLRACE_ACCEPT_ANYTHING(forward)
    MILLRACE_ACCEPT_ANYTHING(partitionCustom)
    MILLRACE_ACCEPT_ANYTHING(getSideOutput)
    MILLRACE_ACCEPT_ANYTHING(assignTimestampsAndWatermarks)
    MILLRACE_ACCEPT_ANYTHING(print)
    MILLRACE_ACCEPT_ANYTHING(printToErr)
    MILLRACE_ACCEPT_ANYTHING(addSink)
    MILLRACE_ACCEPT_ANYTHING(sinkTo)
    MILLRACE_ACCEPT_ANYTHING(name)
    MILLRACE_ACCEPT_ANYTHING(uid)
    MILLRACE_ACCEPT_ANYTHING(onError)
    MILLRACE_ACCEPT_ANYTHING(onTimerError)
    MILLRACE_ACCEPT_ANYTHING(setParallelism)
    MILLRACE_ACCEPT_ANYTHING(disableChaining)
    MILLRACE_ACCEPT_ANYTHING(startNewChain)
    MILLRACE_ACCEPT_ANYTHING(executeAndCollect)
#undef MILLRACE_ACCEPT_ANYTHING
};

// What streams, keyed streams, windows and partitions refuse with the same words.

template <class T>
RejectedStream rejectOnError() {
    static_assert(
        kRejected<T>,
        "millrace: onError(policy) belongs directly behind map, filter, flatMap or process, a function of connected "
        "streams, a join or a window, before setParallelism and before the stream gets a name: "
        "stream.map(fn).onError(ErrorPolicy::skip()). Two policies are for operators with two inputs, and for "
        "windows.");
    return {};
}
/// Whether the last operator of a chain is of windows whose elements are added up in front of the exchange.
template <class Ops>
inline constexpr bool kAddsUpBefore = false;

template <class T>
RejectedStream rejectOnErrorOfSums() {
    static_assert(
        kRejected<T>,
        "millrace: onError(policy) behind preAggregate(): elements that have been added up in front of the exchange "
        "cannot be left out one by one. Leave preAggregate out, or catch what your function throws in it.");
    return {};
}
template <class T>
RejectedStream rejectOnTimerError() {
    static_assert(kRejected<T>,
                  "millrace: onTimerError(policy) belongs directly behind process(fn) of a keyed stream, whose fn has "
                  "onTimer, before setParallelism and before the stream gets a name.");
    return {};
}
template <class Last>
RejectedStream rejectLetters() {
    static_assert(
        kRejected<Last>,
        "millrace: onError(ErrorPolicy::deadLetter(tag)): the dead letters of an operator are records of its input. "
        "Make "
        "the tag an OutputTag<In>, or an OutputTag<FailedRecord<In>> to get the error with them. Of two inputs give a "
        "policy for each; those of an interval join are a std::pair<L, R> (or FailedRecord of it), those of windows a "
        "FailedWindow<Key, Window> (with an evictor, and behind process(fn), records have none), of timers a "
        "FailedTimer<Key>.");
    return {};
}
template <class Fn>
RejectedStream rejectReduce() {
    static_assert(
        kRejected<Fn>,
        "millrace: reduce(fn): fn must be copyable, callable with two const references to the stream's element, "
        "and return an element.");
    return {};
}
template <class Aggregate>
RejectedStream rejectAggregate() {
    static_assert(
        kRejected<Aggregate>,
        "millrace: aggregate(fn): fn must be copyable and have createAccumulator(), add(const T&, Accumulator&) "
        "and getResult(const Accumulator&) for the stream's element T; see AggregateFunctionFor.");
    return {};
}

}  // namespace millrace::detail

#endif  // MILLRACE_API_REJECTED_STREAM_HPP
