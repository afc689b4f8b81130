#ifndef MILLRACE_API_DATA_STREAM_HPP
#define MILLRACE_API_DATA_STREAM_HPP

#include <millrace/api/bounded_operations.hpp>
#include <millrace/api/collect.hpp>
#include <millrace/api/data_stream_sink.hpp>
#include <millrace/api/exchanges.hpp>
#include <millrace/api/recording.hpp>
#include <millrace/api/rejected_stream.hpp>
#include <millrace/api/stream_access.hpp>
#include <millrace/api/stream_types.hpp>
#include <millrace/core/list.hpp>
#include <millrace/core/shared.hpp>
#include <millrace/functions/function_concepts.hpp>
#include <millrace/graph/graph_builder.hpp>
#include <millrace/operators/chain_stage.hpp>
#include <millrace/operators/filter.hpp>
#include <millrace/operators/flat_map.hpp>
#include <millrace/operators/guarded_function.hpp>
#include <millrace/operators/guarded_sink.hpp>
#include <millrace/operators/inspect.hpp>
#include <millrace/operators/map.hpp>
#include <millrace/operators/print_stage.hpp>
#include <millrace/operators/project.hpp>
#include <millrace/operators/sink.hpp>
#include <millrace/operators/timestamps_and_watermarks.hpp>
#include <millrace/record/output_tag.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace millrace {

/// A stream of elements of type T: a description that grows operator by operator and runs when its environment
/// executes. @public
///
/// `DataStream<T>` is the nameable form: a copyable handle on a recorded operator; a stream used twice branches.
/// What the operators return is an expression, `DataStream<T, Chain>`: it cannot be copied, calls on the temporary (or
/// on `std::move(s)`) grow it into one fused loop, and it converts to `DataStream<T>`. The first use of a *named*
/// expression seals it: from then on the name stands for the recorded operator.
///
/// *Thread safety:* none, like the environment's.
/// *Failure:* a wrong function or type is one compile error; a stream that was moved from, or whose pipeline was already
/// executed, throws GraphException.
template <class T, class Chain>
class DataStream : public BoundedOperations<DataStream<T, Chain>, T> {
    using Ops = typename detail::ChainOf<T, Chain>::Type;
    static constexpr bool kSealed = std::is_same_v<Chain, Sealed>;

public:
    using Element = T;

    DataStream(const DataStream&)
        requires(kSealed)
    = default;
    DataStream& operator=(const DataStream&)
        requires(kSealed)
    = default;
    DataStream(DataStream&&) noexcept = default;
    DataStream& operator=(DataStream&&) noexcept = default;
    ~DataStream() = default;

    /// Any expression of the same element type converts to the nameable form.
    template <class Other>
        requires(kSealed && !std::is_same_v<Other, Sealed>)
    DataStream(const DataStream<T, Other>& expression)  // NOLINT(google-explicit-constructor): that is the design
        : input_(expression.sealedInput()) {}

    // ---- element by element ----

    /// `fn(element)` returns the new element. The timestamp stays.
    template <class Fn>
    auto map(Fn fn) && {
        if constexpr (MapFunctionFor<Fn, T>) {
            return std::move(*this).then(detail::MapOperator<T, Fn>{std::move(fn)}, "map");
        } else {
            static_assert(
                detail::kRejected<Fn>,
                "millrace: map(fn): fn must be copyable, callable with the stream's element, and return a value. "
                "To return nothing use addSink(fn) or inspect(fn); to return 0..n elements use flatMap(fn).");
            return detail::RejectedStream{};
        }
    }
    template <class Fn>
    auto map(Fn fn) const& {
        return sealed().map(std::move(fn));
    }

    /// Only these elements of a tuple or pair, in this order: `project<2, 0>()`; or these fields of a record, as a tuple:
    /// `project(&Trade::symbol, &Trade::price)`, where a field is a pointer to a member or a callable.
    template <std::size_t... kIndices, class... Fields>
    auto project(Fields... fields) && {
        if constexpr (sizeof...(kIndices) > 0 && sizeof...(Fields) == 0 && detail::kHasElements<T, kIndices...>) {
            using Fn = detail::ProjectElements<T, kIndices...>;
            return std::move(*this).then(detail::MapOperator<T, Fn>{Fn{}}, "project");
        } else if constexpr (sizeof...(kIndices) == 0 && sizeof...(Fields) > 0 && (KeySelectorFor<Fields, T> && ...)) {
            using Fn = detail::ProjectFields<T, Fields...>;
            return std::move(*this).then(detail::MapOperator<T, Fn>{Fn{{std::move(fields)...}}}, "project");
        } else {
            static_assert(
                detail::kRejected<T>,
                "millrace: project<i, j…>() is for tuples and pairs that have these elements, counted from 0; "
                "project(&Record::field…) is for all others: each field must be a pointer to a member of the "
                "stream's element, or callable with a const reference to it.");
            return detail::RejectedStream{};
        }
    }
    template <std::size_t... kIndices, class... Fields>
    auto project(Fields... fields) const& {
        return sealed().template project<kIndices...>(std::move(fields)...);
    }

    /// Keeps the elements for which `fn(const T&)` is true.
    template <class Fn>
    auto filter(Fn fn) && {
        if constexpr (FilterFunctionFor<Fn, T>) {
            return std::move(*this).then(detail::FilterOperator<T, Fn>{std::move(fn)}, "filter");
        } else {
            static_assert(detail::kRejected<Fn>,
                          "millrace: filter(fn): fn must be copyable, callable with a const reference to the stream's "
                          "element, and return bool.");
            return detail::RejectedStream{};
        }
    }
    template <class Fn>
    auto filter(Fn fn) const& {
        return sealed().filter(std::move(fn));
    }

    /// `fn(element, Collector<Out>& out)` emits any number of elements. Where `out` is `auto&`, name the type:
    /// `.flatMap<Out>(fn)`.
    template <class Out = void, class Fn>
    auto flatMap(Fn fn) && {
        using Deduced = std::conditional_t<std::is_void_v<Out>, typename detail::EmittedBy<Fn>::Type, Out>;
        if constexpr (std::is_void_v<Deduced>) {
            static_assert(detail::kRejected<Fn>,
                          "millrace: flatMap(fn): the element type it emits cannot be seen. Write fn as (element, "
                          "Collector<Out>& out), or name the type: flatMap<Out>(fn).");
            return detail::RejectedStream{};
        } else if constexpr (FlatMapFunctionFor<Fn, T, Deduced>) {
            return std::move(*this).then(detail::FlatMapOperator<T, Deduced, Fn>{std::move(fn)}, "flatMap");
        } else {
            static_assert(detail::kRejected<Fn>,
                          "millrace: flatMap(fn): fn must be copyable and callable as fn(element, Collector<Out>& out) "
                          "with the stream's element.");
            return detail::RejectedStream{};
        }
    }
    template <class Out = void, class Fn>
    auto flatMap(Fn fn) const& {
        return sealed().template flatMap<Out>(std::move(fn));
    }

    /// A struct with `processElement(value, ProcessContext& ctx, Collector<Out>& out)`, or a callable of that form, which
    /// may ask `ctx` for timestamp, watermark and processing time and emit to side outputs: `ctx.output(tag, x)`.
    template <class Out = void, class Fn>
    auto process(Fn fn) && {
        using Deduced = std::conditional_t<std::is_void_v<Out>, typename detail::ProcessOutput<Fn>::Type, Out>;
        if constexpr (std::is_void_v<Deduced>) {
            static_assert(detail::kRejected<Fn>,
                          "millrace: process(fn): the element type it emits cannot be seen. Write it as (element, "
                          "ProcessContext& ctx, Collector<Out>& out), or name the type: process<Out>(fn).");
            return detail::RejectedStream{};
        } else if constexpr (detail::ProcessFunctionFor<Fn, T, Deduced>) {
            return std::move(*this).then(detail::ProcessOperator<T, Deduced, Fn>{std::move(fn)}, "process");
        } else {
            static_assert(
                detail::kRejected<Fn>,
                "millrace: process(fn): fn must be copyable and have processElement(element, ProcessContext& ctx, "
                "Collector<Out>& out) for the stream's element, or be callable like that.");
            return detail::RejectedStream{};
        }
    }
    template <class Out = void, class Fn>
    auto process(Fn fn) const& {
        return sealed().template process<Out>(std::move(fn));
    }

    /// Looks at each element in passing: `fn(const T&)` or `fn(const T&, Timestamp)`.
    template <class Fn>
    auto inspect(Fn fn) && {
        if constexpr (std::invocable<Fn&, const T&> || std::invocable<Fn&, const T&, Timestamp>) {
            return std::move(*this).then(detail::InspectOperator<T, Fn>{std::move(fn)}, "inspect");
        } else {
            static_assert(detail::kRejected<Fn>,
                          "millrace: inspect(fn): fn must be callable with a const reference to the stream's element.");
            return detail::RejectedStream{};
        }
    }
    template <class Fn>
    auto inspect(Fn fn) const& {
        return sealed().inspect(std::move(fn));
    }

    /// Gives records timestamps and derives watermarks from them. Watermarks from upstream are swallowed, but for the
    /// last one.
    template <class Strategy>
    auto assignTimestampsAndWatermarks(Strategy strategy) && {
        if constexpr (detail::TimestampAssignerFor<std::remove_cvref_t<decltype(strategy.assigner())>, T>) {
            detail::refuseAlignment(strategy.settings().alignment);
            detail::StageTraits traits;
            traits.assignsTimestamps = Strategy::kAssignsTimestamps;
            traits.emitsWatermarks = Strategy::kEmitsWatermarks;
            return std::move(*this).then(detail::TimestampsAndWatermarksOperator<T, Strategy>{std::move(strategy)},
                                         "timestamps and watermarks", traits);
        } else {
            static_assert(detail::kRejected<Strategy>,
                          "millrace: withTimestampAssigner(fn): fn must be a pointer to a Timestamp member of the "
                          "stream's element, or callable with a const reference to it and return a Timestamp.");
            return detail::RejectedStream{};
        }
    }
    template <class Strategy>
    auto assignTimestampsAndWatermarks(Strategy strategy) const& {
        return sealed().assignTimestampsAndWatermarks(std::move(strategy));
    }

    // ---- sinks: the end of a stream ----

    /// `fn(const T&)` or `fn(const T&, const SinkContext&)` for each element.
    template <class Fn>
    auto addSink(Fn fn) const {
        if constexpr (SinkFunctionFor<Fn, T> || std::invocable<Fn&, const T&, const SinkContext&>) {
            return endWith(detail::FunctionSinkOperator<T, Fn>{std::move(fn)}, "sink");
        } else {
            static_assert(
                detail::kRejected<Fn>,
                "millrace: addSink(fn): fn must be copyable and callable with a const reference to the stream's "
                "element.");
            return detail::RejectedStream{};
        }
    }
    /// The same with a policy for elements for which `fn` throws: see ErrorPolicy. Dead letters are read by
    /// `getSideOutput` of what this returns.
    template <class Fn, class Last, bool kRetries>
    auto addSink(Fn fn, const detail::ErrorHandling<Last, kRetries>& policy) const {
        if constexpr (!detail::kLettersFit<Last, T>) {
            return detail::rejectLetters<Last>();
        } else if constexpr (SinkFunctionFor<Fn, T> || std::invocable<Fn&, const T&, const SinkContext&>) {
            using Guarded = detail::GuardedSink<T, Fn, Last, kRetries>;
            return endWith(detail::FunctionSinkOperator<T, Guarded>{Guarded(std::move(fn), policy)}, "sink");
        } else {
            return addSink(std::move(fn));
        }
    }
    /// A sink with writers, such as FileSink; its writers must accept the stream's element.
    template <class Sink>
    auto sinkTo(Sink sink) const {
        if constexpr (detail::kIsWholeSink<Sink, T>) {
            return endWith(detail::WriterSinkOperator<T, Sink>{std::move(sink)}, "sink");
        } else if constexpr (SinkFor<Sink, T>) {
            static_assert(detail::kRejected<Sink>,
                          "millrace: sinkTo(sink): a sink whose writer has prepareCommit() needs createCommitter(const "
                          "CommitterInitContext&) const, which returns an object with "
                          "commit(std::span<CommitRequest<Committable>>).");
            return detail::RejectedStream{};
        } else {
            static_assert(
                detail::kRejected<Sink>,
                "millrace: sinkTo(sink): the sink's writer does not accept the stream's element type. Convert the "
                "elements with map(fn) first, or use a sink for this type.");
            return detail::RejectedStream{};
        }
    }
    /// The same with a policy for elements for which `write` of the sink's writer throws. What the writer has done with the
    /// element by then stays, so it must be in order for the next one; `flush`, `prepareCommit` and the committer are not
    /// concerned.
    template <class Sink, class Last, bool kRetries>
    auto sinkTo(Sink sink, const detail::ErrorHandling<Last, kRetries>& policy) const {
        if constexpr (!detail::kLettersFit<Last, T>) {
            return detail::rejectLetters<Last>();
        } else if constexpr (detail::kIsWholeSink<Sink, T>) {
            using Guard = detail::SinkGuard<T, Last, kRetries>;
            return endWith(detail::WriterSinkOperator<T, Sink, Guard>{std::move(sink), Guard(policy)}, "sink");
        } else {
            return sinkTo(std::move(sink));
        }
    }
    /// One line per element on standard output; `label: ` (and the subtask's number from 1, if there are several) in front.
    DataStreamSink print(std::string label = {}) const { return printTo(stdout, std::move(label)); }
    DataStreamSink printToErr(std::string label = {}) const { return printTo(stderr, std::move(label)); }

    /// Executes everything recorded in the environment and returns this stream's elements (in order within a subtask).
    std::vector<T> executeAndCollect(std::string jobName = "millrace job") const;
    /// The first `limit` elements; the job is cancelled once they are there.
    std::vector<T> executeAndCollect(std::string jobName, std::size_t limit) const;

    // ---- spreading over subtasks ----

    /// Partitions by key: a callable or a pointer to member, or several of them for a composite key.
    template <class... Selectors>
    auto keyBy(Selectors... selectors) const {
        return detail::keyStream<T>(sealedInput(), std::move(selectors)...);
    }
    /// Cuts the whole stream into windows, in one subtask: the windows' functions see no key.
    template <class Assigner>
    auto windowAll(Assigner assigner) const {
        return detail::windowAll<T>(sealedInput(), std::move(assigner));
    }
    /// Windows of `size` elements each. *Failure:* ConfigurationException unless size > 0.
    template <class Globals = GlobalWindows>
    auto countWindowAll(std::int64_t size) const {
        return detail::countWindows(windowAll(Globals::create()), size);
    }
    /// With every `slide` elements a window of the last `size`. *Failure:* as above, for both.
    template <class Globals = GlobalWindows>
    auto countWindowAll(std::int64_t size, std::int64_t slide) const {
        return detail::countWindows(windowAll(Globals::create()), size, slide);
    }
    /// Round robin over all subtasks of the next operator.
    DataStream<T> rebalance() const { return exchanged(ExchangeKind::Rebalance, detail::plainPorts<T>()); }
    /// Round robin over a local subset of them: no all-to-all.
    DataStream<T> rescale() const { return exchanged(ExchangeKind::Rescale, detail::plainPorts<T>()); }
    /// To a random subtask each (seeded).
    DataStream<T> shuffle() const { return exchanged(ExchangeKind::Shuffle, detail::plainPorts<T>()); }
    /// Everything to every subtask.
    DataStream<T> broadcast() const { return exchanged(ExchangeKind::Broadcast, detail::plainPorts<T>()); }
    /// Everything to every subtask, to be kept there in maps of these names and types: connect another stream with it,
    /// `other.connect(rules.broadcast(kRules)).process(fn)`.
    template <class K, class V, class... More>
    auto broadcast(const MapStateDescriptor<K, V>& descriptor, const More&... more) const {
        return BroadcastStream<T, MapStateDescriptor<K, V>, More...>(broadcast().input_, descriptor, more...);
    }
    /// Everything to the first subtask.
    DataStream<T> global() const { return exchanged(ExchangeKind::Global, detail::plainPorts<T>()); }
    /// From subtask i to subtask i; the next operator must have the same parallelism.
    DataStream<T> forward() const { return exchanged(ExchangeKind::Forward, detail::plainPorts<T>()); }
    /// `partitioner(key, numberOfSubtasks)` returns the index of the subtask.
    template <class Partitioner, class Selector>
    DataStream<T> partitionCustom(Partitioner partitioner, Selector selector) const {
        return exchanged(ExchangeKind::Custom, detail::customPorts<T>(std::move(partitioner), std::move(selector)));
    }

    /// All elements of this stream and of the others, in no particular order between them. With itself: each twice.
    template <class... Others>
    DataStream<T> unionWith(const Others&... others) const {
        static_assert(
            (std::is_same_v<typename Others::Element, T> && ...),
            "millrace: unionWith(streams…): all streams must have the same element type; convert with map(fn).");
        detail::StreamInput joined = sealedInput();
        (detail::appendUnion(joined, detail::StreamAccess::withoutKeys(others)), ...);
        return DataStream<T>(std::move(joined));
    }

    /// This stream and another one, which may have elements of another type, for one operator with a function for each.
    template <class Other>
    auto connect(const Other& other) const {
        return detail::connectStreams(*this, other);
    }
    /// The pairs of elements of this stream and of another one that have the same key and are in the same window:
    /// `a.join(b).where(keyOfA).equalTo(keyOfB).window(assigner).apply(fn)`.
    template <class Other>
    auto join(const Other& other) const {
        return detail::joinedStreams<detail::WindowPairing::Join>(*this, other);
    }
    /// As `join`, but elements of this stream (of the other one, of both) without a partner in their window get a call of
    /// their own, with a null pointer in its place: `fn(const L&, const R*)`, `fn(const L*, const R&)`, `fn(const L*, const
    /// R*)`. Without `window`, for two bounded streams, all of both is one window.
    template <class Other>
    auto leftOuterJoin(const Other& other) const {
        return detail::joinedStreams<detail::WindowPairing::LeftOuter>(*this, other);
    }
    template <class Other>
    auto rightOuterJoin(const Other& other) const {
        return detail::joinedStreams<detail::WindowPairing::RightOuter>(*this, other);
    }
    template <class Other>
    auto fullOuterJoin(const Other& other) const {
        return detail::joinedStreams<detail::WindowPairing::FullOuter>(*this, other);
    }
    /// As `join`, but `fn` gets all elements of both streams in a window at once, also when one has none.
    template <class Other>
    auto coGroup(const Other& other) const {
        return detail::joinedStreams<detail::WindowPairing::CoGroup>(*this, other);
    }

    /// The elements that the stream's last operator emitted to the tag. Only for a named stream: name it, then read its
    /// main output and its side outputs.
    template <class X>
    DataStream<X> getSideOutput(const OutputTag<X>& tag) const& {
        detail::StreamInput input = sealedInput();
        if (input.upstreams.size() != 1 || !input.upstreams.front().tag.empty() || input.exchangeGiven) {
            throw GraphException(
                "getSideOutput(\"" + tag.id() +
                "\"): side outputs belong to an operator; call it on the stream that the operator returned, "
                "before union or an exchange");
        }
        input.upstreams.front().tag = tag.key();
        input.ports = detail::plainPorts<X>();
        return DataStream<X>(std::move(input));
    }
    template <class X>
    void getSideOutput(const OutputTag<X>& tag) && = delete;  // name the stream first: both outputs belong to it

    // ---- the operator that gives this stream ----

    /// For messages, plans and metrics.
    auto name(std::string name) && {
        lastOperator().name = std::move(name);
        return std::move(*this);
    }
    DataStream<T> name(std::string name) const& { return sealed().name(std::move(name)); }
    /// The identity of its state, unique in the job.
    auto uid(std::string uid) && {
        detail::giveUid(lastOperator(), std::move(uid));
        return std::move(*this);
    }
    DataStream<T> uid(std::string uid) const& { return sealed().uid(std::move(uid)); }
    /// What happens when the function of this operator throws: see ErrorPolicy. For map, filter, flatMap and process, connected
    /// streams, interval joins, and windows (joins and coGroup of windows, too). `onTimer` has a policy of its own.
    /// With two kinds of calls (two inputs; records that are aggregated and windows that fire) a policy is for both, a dead
    /// letter for those that its tag takes; the others then fail the job.
    template <class Last, bool kRetries>
    auto onError(const detail::ErrorHandling<Last, kRetries>& policy) && {
        using Guarding = detail::ChainGuarding<Ops>;
        if constexpr (detail::kAddsUpBefore<Ops>) {
            return detail::rejectOnErrorOfSums<T>();
        } else if constexpr (kSealed || Guarding::kCalls == 0) {
            return detail::rejectOnError<T>();
        } else if constexpr (Guarding::kCalls == 2) {
            constexpr bool kFirst = Guarding::template kFitsFirst<Last>;
            constexpr bool kSecond = Guarding::template kFitsSecond<Last>;
            if constexpr (kFirst || kSecond) {
                return std::move(*this).onError(detail::handlingIf<kFirst>(policy),
                                                detail::handlingIf<kSecond>(policy));
            } else {
                return detail::rejectLetters<Last>();
            }
        } else if constexpr (!Guarding::template kFits<Last>) {
            return detail::rejectLetters<Last>();
        } else if constexpr (std::is_same_v<Last, detail::FailJob> && !kRetries) {
            return std::move(*this);
        } else {
            checkGuardable("onError");
            return std::move(*this).withLastOperator(guarded(std::move(ops_.op), policy));
        }
    }
    /// With a policy for each of two kinds of calls: of the first input and the second; or, of windows, for records that
    /// cannot be aggregated and for windows whose function throws.
    template <class First, bool kRetries1, class Second, bool kRetries2>
    auto onError(const detail::ErrorHandling<First, kRetries1>& first,
                 const detail::ErrorHandling<Second, kRetries2>& second) && {
        using Guarding = detail::ChainGuarding<Ops>;
        if constexpr (detail::kAddsUpBefore<Ops>) {
            return detail::rejectOnErrorOfSums<T>();
        } else if constexpr (kSealed || Guarding::kCalls != 2) {
            return detail::rejectOnError<T>();
        } else if constexpr (!Guarding::template kFitsFirst<First> || !Guarding::template kFitsSecond<Second>) {
            return detail::rejectLetters<First>();
        } else {
            checkGuardable("onError");
            return std::move(*this).withLastOperator(guarded(std::move(ops_.op), first, second));
        }
    }
    template <class... Policies>
    auto onError(const Policies&... /*policies*/) const& {
        return detail::rejectOnError<T>();
    }
    /// What happens when `onTimer` of this operator's function throws; a dead letter is a `FailedTimer<Key>`. The timer is gone
    /// in any case, and what the call has done to state stays.
    template <class Last, bool kRetries>
    auto onTimerError(const detail::ErrorHandling<Last, kRetries>& policy) && {
        using Key = typename detail::TimerKey<Ops>::Type;
        if constexpr (kSealed || std::is_void_v<Key>) {
            return detail::rejectOnTimerError<T>();
        } else if constexpr (!detail::kTimerLettersFit<Last, Key>) {
            return detail::rejectLetters<Last>();
        } else {
            checkGuardable("onTimerError");
            return std::move(*this).withLastOperator(guardedTimers(std::move(ops_.op), policy));
        }
    }
    template <class Policy>
    auto onTimerError(const Policy& /*policy*/) const& {
        return detail::rejectOnTimerError<T>();
    }
    /// Number of subtasks of this operator alone. Cuts the chain on both sides.
    /// *Failure:* ConfigurationException below 1, or if the operator cannot have it.
    DataStream<T> setParallelism(int parallelism) const {
        DataStream<T> alone = isolated();
        detail::checkParallelism(parallelism, "'" + alone.lastOperator().name + "'");
        detail::GraphNode& node = alone.lastNode();
        if (node.fixedParallelism != 0 && node.fixedParallelism != parallelism) {
            throw ConfigurationException("setParallelism(" + std::to_string(parallelism) + ") on '" +
                                         node.operators.back().name + "': this operator always runs at parallelism " +
                                         std::to_string(node.fixedParallelism));
        }
        node.parallelism = parallelism;
        node.parallelismDerived = false;
        return alone;
    }
    /// A task of its own for this operator.
    DataStream<T> disableChaining() const {
        DataStream<T> alone = isolated();
        alone.lastNode().chainable = false;
        return alone;
    }
    /// A new task begins with this operator.
    DataStream<T> startNewChain() const {
        DataStream<T> alone = isolated();
        alone.lastNode().startsChain = true;
        return alone;
    }

private:
    template <class, class>
    friend class DataStream;
    template <class, class>
    friend class KeyedStream;
    friend struct detail::StreamAccess;
    using ExchangeKind = detail::ExchangeKind;

    explicit DataStream(detail::StreamInput input)
        requires(kSealed)
        : input_(std::move(input)) {}
    DataStream(detail::StreamInput&& input, Ops ops, detail::List<detail::PendingOperator>&& pending)
        : input_(std::move(input)), ops_(std::move(ops)), pending_(std::move(pending)) {}

    /// The nameable form of this stream; records it if that has not been done.
    DataStream<T> sealed() const { return DataStream<T>(sealedInput()); }

    detail::StreamInput sealedInput() const {
        detail::GraphBuilder& graph = input_.checked();
        if constexpr (kSealed) {
            return input_;
        } else {
            if (sealedNode_ < 0) sealedNode_ = detail::recordStage(graph, input_, std::move(ops_), pending_);
            return detail::outputOf<T>(input_, sealedNode_);
        }
    }

    /// This chain with one more operator.
    template <class Op>
    auto then(Op op, std::string_view kind, const detail::StageTraits& traits = {}) && {
        detail::appendOperator(input_, pending_, !kSealed && sealedNode_ >= 0, kind, traits);
        return DataStream<typename Op::Output, detail::Link<Ops, Op>>(
            std::move(input_), detail::Link<Ops, Op>{std::move(ops_), std::move(op)}, std::move(pending_));
    }
    void checkGuardable(const char* call) const {
        input_.checked();
        if (sealedNode_ >= 0) detail::failAlreadyRecorded(call);
    }
    /// This chain with another operator in the place of its last one, which has been moved from.
    template <class Op>
    auto withLastOperator(Op op) && {
        using Grown = detail::Link<typename detail::LastOperator<Ops>::Previous, Op>;
        return DataStream<T, Grown>(std::move(input_), Grown{std::move(ops_.prev), std::move(op)}, std::move(pending_));
    }
    /// Records this stream and a sink that ends it.
    template <class Op>
    DataStreamSink endWith(Op op, std::string_view kind) const {
        using Alone = detail::Link<detail::Input<T>, Op>;
        return detail::endStream(
            sealedInput(), kind,
            detail::Shared<detail::StageFactory>(new detail::ChainStageFactory<Alone>(Alone{{}, std::move(op)})));
    }
    DataStreamSink printTo(std::FILE* file, std::string label) const {
        return detail::endStream(sealedInput(), "print",
                                 detail::Shared<detail::StageFactory>(
                                     new detail::PrintStageFactory(detail::kRecordPrinter<T>, file, std::move(label))));
    }
    /// Records everything in front of the last operator, then this operator alone.
    DataStream<T> isolated() const {
        detail::GraphBuilder& graph = input_.checked();
        if constexpr (!kSealed) {
            if (sealedNode_ < 0) {
                using Previous = typename detail::LastOperator<Ops>::Previous;
                using Last = typename detail::LastOperator<Ops>::Type;
                detail::StreamInput before = input_;
                detail::PendingOperator last = std::move(pending_.back());
                pending_.pop_back();
                using Alone = detail::AloneInChain<Previous, Last>;
                if constexpr (!Alone::kIsFirst) {
                    if (!pending_.empty()) {
                        const int node = detail::recordStage(graph, input_, std::move(ops_.prev), pending_);
                        before = detail::outputOf<typename Previous::Output>(input_, node);
                    }
                }
                pending_.clear();
                pending_.push_back(std::move(last));
                sealedNode_ =
                    detail::recordStage(graph, before, typename Alone::Type{{}, std::move(ops_.op)}, pending_);
                return sealed();
            }
        }
        DataStream<T> named = sealed();
        if (const auto& node = named.lastNode(); node.operators.size() > 1) {
            throw GraphException("setParallelism, disableChaining or startNewChain on '" + node.operators.back().name +
                                 "': this operator is already recorded in one piece with '" +
                                 node.operators.front().name +
                                 "'; call it directly behind the operator, before the stream is used by its name");
        }
        return named;
    }
    DataStream<T> exchanged(ExchangeKind kind, detail::Shared<const detail::PortFactory> ports) const {
        detail::StreamInput input = sealedInput();
        input.exchange = kind;
        input.exchangeGiven = true;
        input.ports = std::move(ports);
        return DataStream<T>(std::move(input));
    }
    detail::GraphNode& lastNode() {
        if (input_.upstreams.size() != 1 || input_.exchangeGiven) {
            throw GraphException(
                "name, uid, parallelism and chaining belong to an operator; this stream is a union or an "
                "exchange: set them on the operator behind it");
        }
        return input_.checked().node(input_.upstreams.front().from);
    }
    detail::OperatorInfo& lastOperator() {
        if constexpr (kSealed) {
            return lastNode().operators.back();
        } else {
            input_.checked();
            return sealedNode_ >= 0 ? input_.graph->node(sealedNode_).operators.back() : pending_.back().info;
        }
    }

    detail::StreamInput input_;
    mutable Ops ops_;  // moved into the recording by the first use of a named expression
    mutable detail::List<detail::PendingOperator> pending_;
    mutable int sealedNode_ = -1;
};

template <class X>
DataStream<X> DataStreamSink::getSideOutput(const OutputTag<X>& tag) const {
    detail::StreamInput input = detail::outputOf<X>(input_, node_);
    input.checked();
    input.upstreams.front().tag = tag.key();
    return detail::StreamAccess::stream<X>(std::move(input));
}

}  // namespace millrace

#include <millrace/api/keyed_stream.hpp>

#endif  // MILLRACE_API_DATA_STREAM_HPP
