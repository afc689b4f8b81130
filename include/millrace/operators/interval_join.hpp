#ifndef MILLRACE_OPERATORS_INTERVAL_JOIN_HPP
#define MILLRACE_OPERATORS_INTERVAL_JOIN_HPP

#include <millrace/core/algorithm.hpp>
#include <millrace/core/depending.hpp>
#include <millrace/operators/flat_map.hpp>
#include <millrace/operators/keyed_reduce.hpp>
#include <millrace/operators/two_input_stage.hpp>
#include <millrace/state/key_group_state.hpp>
#include <millrace/state/keyed_table.hpp>
#include <millrace/state/table_snapshot.hpp>
#include <millrace/state/two_sided_buffer.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace millrace {

/// What the function of an interval join may ask and do besides emitting. @public
/// *Thread safety:* for the subtask's own thread, during the call that it was passed to.
class ProcessJoinContext {
public:
    Timestamp getLeftTimestamp() const noexcept { return left_; }
    Timestamp getRightTimestamp() const noexcept { return right_; }
    /// The timestamp of the results: the later one of the two.
    Timestamp getTimestamp() const noexcept { return left_ < right_ ? right_ : left_; }

    /// Emits to a side output, with the timestamp of the results.
    template <class X, class U = X>
    void output(const OutputTag<X>& tag, U&& value) {
        outputs_->emitSide(tag, std::forward<U>(value), getTimestamp());
    }

    // ---- for operators ----
    void open(detail::StageOutputs& outputs) noexcept { outputs_ = &outputs; }
    void setTimes(Timestamp left, Timestamp right) noexcept {
        left_ = left;
        right_ = right;
    }

private:
    detail::StageOutputs* outputs_ = nullptr;
    Timestamp left_ = kMinTimestamp;
    Timestamp right_ = kMinTimestamp;
};

namespace detail {

/// The forms of the function of an interval join: a struct's `processElement(left, right, ctx, out)`, a callable like
/// that or `(left, right, out)`, or `(left, right)` that returns what to emit.
template <class Fn, class L, class R, class Out>
struct JoinCall {
    static constexpr bool kMember = requires(Fn& fn, const L& left, const R& right, ProcessJoinContext& context,
                                             Collector<Out>& out) { fn.processElement(left, right, context, out); };
    static constexpr bool kWithContext = std::invocable<Fn&, const L&, const R&, ProcessJoinContext&, Collector<Out>&>;
    static constexpr bool kEmits = std::invocable<Fn&, const L&, const R&, Collector<Out>&>;
    static constexpr bool kReturns = requires(Fn& fn, const L& left, const R& right) {
        { detail::invoke(fn, left, right) } -> std::convertible_to<Out>;
    };
    static constexpr bool kValid = std::copy_constructible<Fn> && (kMember || kWithContext || kEmits || kReturns);

    [[gnu::always_inline]] static void call(Fn& fn, const L& left, const R& right, ProcessJoinContext& context,
                                            Collector<Out>& out) {
        if constexpr (kMember) {
            fn.processElement(left, right, context, out);
        } else if constexpr (kWithContext) {
            detail::invoke(fn, left, right, context, out);
        } else if constexpr (kEmits) {
            detail::invoke(fn, left, right, out);
        } else {
            out.collect(detail::invoke(fn, left, right));
        }
    }
};

/// How much room a key has, so that its few values are found in whole cache lines, and few of them.
template <class L, class R>
struct JoinCellSize {
    static constexpr std::size_t kHeader = 32;  // an integer key, a time, what the buffer knows of its places
    static constexpr std::size_t kPlace = sizeof(typename TwoSidedBuffer<L, R, 0>::Slot);
    static constexpr std::size_t placesIn(std::size_t bytes) { return (bytes - kHeader) / kPlace; }
    /// Every line is a miss. Where a key mostly has one value or none, every five hundredth record finds none of three
    /// places free, and mostly only the first is touched; of large values fewer find room.
    static constexpr std::size_t kBytes = placesIn(128) >= 3 ? 128 : placesIn(192) >= 3 ? 192 : 256;
    static constexpr std::size_t kInline = std::min<std::size_t>(8, placesIn(kBytes));
    static constexpr std::size_t kPadding = kInline > 0 ? kBytes - kHeader - kInline* kPlace : 0;
};
template <std::size_t kBytes>
struct JoinCellPadding {
    std::byte bytes[kBytes];
};
template <>
struct JoinCellPadding<0> {};

/// What an interval join buffers of one key.
template <class L, class R>
struct JoinCell {
    using Size = JoinCellSize<L, R>;
    Timestamp prunedAt = kMinTimestamp;  ///< no value in here was due for cleanup at this watermark
    using Values = TwoSidedBuffer<L, R, Size::kInline>;
    using Pool = typename Values::Pool;
    Values values;
    [[no_unique_address]] JoinCellPadding<Size::kPadding> padding;
};

/// Inner join of two keyed streams: left l and right r of equal key with l.time + lower <= r.time <= l.time + upper,
/// emitted when the second of the two arrives, with the later timestamp of the two.
///
/// A record behind the combined watermark is late: it goes to its side output, or is counted and dropped. A left record
/// is forgotten when the watermark reaches its time + upper (its time, if upper is negative), a right one at its time -
/// lower (its time, if lower is positive).
///
/// There is no timer per record: a key is cleaned up when it is next looked at, and a few keys with every watermark, in
/// turn, so that keys that never come again go, too.
/// *State:* "join", both sides' values by key. A restored operator has no watermark.
template <class L, class R, class LeftKey, class RightKey, class Out, class Fn>
struct IntervalJoinOperator {
    using Output = Out;
    LeftKey leftKey;
    RightKey rightKey;
    Fn fn;
    Duration lower;  ///< both bounds inclusive; above `upper`, as exclusive bounds may make it, nothing joins
    Duration upper;
    std::optional<OutputTag<L>> lateLeft{};
    std::optional<OutputTag<R>> lateRight{};

    template <class Next>
    class Node;
};

template <class L, class R, class LeftKey, class RightKey, class Out, class Fn>
template <class Next>
class IntervalJoinOperator<L, R, LeftKey, RightKey, Out, Fn>::Node : public CollectingNode<Fn, Out, Next> {
    using Key = KeyOf<LeftKey, L>;
    using Cell = JoinCell<L, R>;
    using Table = KeyedTable<Key, Cell>;
    using Slot = typename Table::Slot;
    static constexpr std::uint8_t kFormat = 1;

public:
    template <class Refs>
    explicit Node(const Refs& refs)
        : CollectingNode<Fn, Out, Next>(refs, refs.op.fn), leftKey_(refs.op.leftKey), rightKey_(refs.op.rightKey),
          lower_(refs.op.lower), upper_(refs.op.upper), leftKept_(std::max(upper_, Duration::zero())),
          rightKept_(std::max(negated(lower_), Duration::zero())), lateLeft_(refs.op.lateLeft),
          lateRight_(refs.op.lateRight) {}

    void open(OpenContext& context) {
        maxParallelism_ = context.stage.maxParallelism;
        outputs_ = &context.outputs;
        metrics_ = &context.metrics;
        context_.open(context.outputs);
        CollectingNode<Fn, Out, Next>::open(context);
        context.account(memory_, this->fn_.id(), "join");
        table_.chargeTo(memory_);
        pool_.chargeTo(memory_);
    }

    void pushBlock1(Block<L> block) { joinBlock<true>(block, leftKey_); }
    void pushBlock2(Block<R> block) { joinBlock<false>(block, rightKey_); }

    Progress onWatermark(Timestamp watermark) {
        if (watermark > watermark_) {
            watermark_ = watermark;
            leftDropped_ = lastDropped(leftKept_);
            rightDropped_ = lastDropped(rightKept_);
            sweep();
        }
        return eventTarget(this->next_).onWatermark(watermark);
    }

    /// Batch execution: records come by key and time, so the key that has ended finds no more partners.
    Progress endKey() {
        table_.clear();
        return Progress::Done;
    }

    void snapshot(SnapshotSink& sink) {
        // as if every record had been removed exactly when it was due, at the watermark of now
        writeTable(sink, table_, false, {this->fn_.id().uid, "join", maxParallelism_, kFormat}, kLayout,
                   [watermark = watermark_, left = leftDropped_, right = rightDropped_](
                       ByteWriter& group, const Key& key, const Cell& cell) {
                       const bool isPruned = cell.prunedAt == watermark;
                       const Timestamp leftAfter = isPruned ? kMinTimestamp : left;
                       const Timestamp rightAfter = isPruned ? kMinTimestamp : right;
                       const std::size_t lefts = cell.values.template countAfter<true>(leftAfter);
                       const std::size_t rights = cell.values.template countAfter<false>(rightAfter);
                       if (lefts + rights == 0) return;
                       Codec<Key>::encode(key, group);
                       write<true>(group, cell, lefts, leftAfter);
                       write<false>(group, cell, rights, rightAfter);
                   });
        eventTarget(this->next_).snapshot(sink);
    }
    void restore(const SnapshotSource& source) {
        restoreState(source);
        eventTarget(this->next_).restore(source);
    }

    // ---- for tests that look into the state ----

    using Times = std::vector<typename Depending<Timestamp, Key>::Type>;
    /// The timestamps that are buffered, sorted: as if every record had been removed exactly when it was due.
    Times bufferedLeft() { return buffered<true>(); }
    Times bufferedRight() { return buffered<false>(); }
    /// Keys that take up memory, also those whose records are due but have not been removed.
    std::size_t keys() const noexcept { return table_.size(); }

private:
    // each line is a miss: more than some 32 at once wait for each other
    static constexpr std::size_t kLines = std::min<std::size_t>(4, (sizeof(Slot) + 63) / 64);
    static constexpr std::size_t kAhead = 32 / kLines;
    static constexpr std::size_t kChunk = 256;

    static Duration negated(Duration d) noexcept { return d == Duration::min() ? Duration::max() : -d; }

    template <bool kLeft, class T, class Selector>
    void joinBlock(Block<T> block, const Selector& selector) {
        records_ += block.size;
        std::uint64_t hashes[kChunk];
        std::size_t at = 0;
        try {
            for (; block.timestamps == nullptr && at < block.size; ++at) late<kLeft>(block.values[at], kMinTimestamp);
            if (table_.needsKeeping()) [[unlikely]] {
                table_.keepFor(0, block.size, [&](std::size_t i) -> decltype(auto) {
                    return detail::invoke(selector, std::as_const(block.values[i]));
                });
            }
            while (at < block.size) {
                const std::size_t from = at;
                const std::size_t count = std::min(kChunk, block.size - from);
                Timestamp latest = kMinTimestamp;
                for (; at < from + count; ++at) {
                    latest = std::max(latest, block.timestamps[at]);
                    hashes[at - from] = hashAt(block, at, selector);
                }
                expires_ = std::max(expires_, saturatingAdd(latest, kLeft ? leftKept_ : rightKept_));
                at = from;
                joinRun<kLeft>(block, at, from + count, hashes, selector);
            }
            table_.report();
        } catch (...) {
            fail(block.values[at], block.timestampOf(at));
        }
    }
    template <class T, class Selector>
    [[gnu::always_inline]] static std::uint64_t hashAt(const Block<T>& block, std::size_t at,
                                                       const Selector& selector) {
        if constexpr (!kIntegerKey<Key>) {
            if (block.hashes != nullptr) return Slot::hashOf(block.hashes[at]);
        }
        const auto& key = detail::invoke(selector, std::as_const(block.values[at]));
        return Table::hashOf(Table::lookupKey(key));
    }
    template <bool kLeft, class T, class Selector>
    void joinRun(Block<T> block, std::size_t& at, std::size_t end, const std::uint64_t* hashes,
                 const Selector& selector) {
        const std::size_t from = at;
        auto view = table_.view();
        const bool prefetches = table_.wantsPrefetch();
        if (prefetches) {
            for (std::size_t i = from; i < std::min(end, from + kAhead); ++i) prefetch(view, hashes[i - from]);
        }
        for (; at < end; ++at) {
            if (prefetches && at + kAhead < end) prefetch(view, hashes[at + kAhead - from]);
            T& value = block.values[at];
            const Timestamp time = block.timestamps[at];
            if (time < watermark_ || time == kMinTimestamp) [[unlikely]] {
                late<kLeft>(value, time);
                continue;
            }
            const auto& key = detail::invoke(selector, std::as_const(value));
            bool found = false;
            Slot* slot = view.locate(Table::lookupKey(key), hashes[at - from], found);
            if (!found) {
                slot = table_.insert(view, slot, Table::lookupKey(key), hashes[at - from], [] { return Cell(); });
                slot->value.prunedAt = watermark_;
                ++inserted_;
            }
            joinOne<kLeft>(slot->value, value, time);
        }
    }
    [[gnu::always_inline]] static void prefetch(const typename Table::View& view, std::uint64_t hash) noexcept {
        prefetch(view.slots[hash >> view.shift]);
    }
    [[gnu::always_inline]] static void prefetch(const Slot& slot) noexcept {
        for (std::size_t line = 0; line < kLines; ++line) {
            __builtin_prefetch(reinterpret_cast<const char*>(&slot) + 64 * line, 1);
        }
    }

    template <bool kLeft, class T>
    [[gnu::always_inline]] void joinOne(Cell& cell, T& value, Timestamp time) {
        prune(cell);
        const T& record = value;
        if (lower_ > upper_) [[unlikely]] {
            // an interval without a time in it
        } else if constexpr (kLeft) {
            cell.values.template forEachWithin<false>(
                saturatingAdd(time, lower_), saturatingAdd(time, upper_),
                [&](Timestamp rightTime, const R& right) { emit(record, time, record, time, right, rightTime); });
        } else {
            cell.values.template forEachWithin<true>(
                saturatingSubtract(time, upper_), saturatingSubtract(time, lower_),
                [&](Timestamp leftTime, const L& left) { emit(record, time, left, leftTime, record, time); });
        }
        cell.values.template add<kLeft>(pool_, time, std::move(value));
    }
    template <class T>
    [[gnu::always_inline]] void emit(const T& record, Timestamp time, const L& left, Timestamp leftTime, const R& right,
                                     Timestamp rightTime) {
        context_.setTimes(leftTime, rightTime);
        this->fn_.guardedFor(record, time, [&] {
            JoinCall<Fn, L, R, Out>::call(this->fn_.get(), left, right, context_, this->collector_);
        });
        this->afterCall(context_.getTimestamp());
    }

    /// Removes what was due at the current watermark; what has come since then stays, even if it is due already.
    [[gnu::always_inline]] void prune(Cell& cell) noexcept {
        if (cell.prunedAt == watermark_) return;
        cell.prunedAt = watermark_;
        cell.values.dropUntil(pool_, leftDropped_, rightDropped_);
    }
    /// The last timestamp that is cleaned up now, of records that are kept for `kept`.
    Timestamp lastDropped(Duration kept) const noexcept {
        return watermark_ == kMaxTimestamp ? kMaxTimestamp : saturatingSubtract(watermark_, kept);
    }

    /// Ends some keys that have had nothing to keep for a while. What is looked at is paid by the records and new keys
    /// since the last watermark, so that garbage is bounded and a table in its stride hardly spends time on it.
    void sweep() {
        const Duration grace = saturatingAdd(Timestamp{leftKept_}, rightKept_).time_since_epoch();
        if (table_.empty()) return;
        if (watermark_ >= saturatingAdd(expires_, grace)) {
            table_.clear();
        } else {
            const std::size_t end = Table::kErases ? table_.endPosition() : 0;
            std::size_t steps = std::min<std::size_t>(end, 16 + records_ / 16 + 4 * inserted_);
            for (std::size_t i = 0; i < std::min(kAhead, steps); ++i) {
                prefetch(table_.slotAt(std::min(sweptTo_ + i, end - 1)));
            }
            while (steps-- > 0) {
                if (sweptTo_ >= end) sweptTo_ = 0;
                prefetch(table_.slotAt(std::min(sweptTo_ + kAhead, end - 1)));
                Slot& slot = table_.slotAt(sweptTo_);
                if (slot.occupied() && watermark_ >= saturatingAdd(expiryOf(slot.value), grace)) {
                    if constexpr (Table::kErases) table_.erase(&slot);
                } else {
                    ++sweptTo_;
                }
            }
            table_.report();
        }
        records_ = 0;
        inserted_ = 0;
    }

    template <bool kLeft, class T>
    [[gnu::cold, gnu::noinline]] void late(T& value, Timestamp time) {
        if (time == kMinTimestamp) failWithoutTimestamp();
        auto& tag = [this]() -> auto& {
            if constexpr (kLeft) {
                return lateLeft_;
            } else {
                return lateRight_;
            }
        }();
        if (tag.has_value()) {
            outputs_->emitSide(*tag, std::move(value), time);
        } else {
            StageMetrics::add(metrics_->lateRecordsDropped, 1);
        }
    }

    /// The last of the cleanup times of all values.
    Timestamp expiryOf(const Cell& cell) const noexcept {
        return std::max(saturatingAdd(cell.values.template lastTime<true>(), leftKept_),
                        saturatingAdd(cell.values.template lastTime<false>(), rightKept_));
    }

    template <bool kLeft>
    Times buffered() {
        Times times;
        table_.forEach([&](const Key&, Cell& cell) {
            prune(cell);
            cell.values.template forEachAfter<kLeft>(kMinTimestamp,
                                                     [&](Timestamp time, const auto&) { times.push_back(time); });
        });
        heapSort(times.data(), times.size(), [](Timestamp a, Timestamp b) { return a < b; });
        return times;
    }

    template <bool kLeft>
    static void write(ByteWriter& group, const Cell& cell, std::size_t count, Timestamp after) {
        group.write(static_cast<std::uint32_t>(count));
        cell.values.template forEachAfter<kLeft>(after, [&](Timestamp time, const auto& value) {
            group.write(static_cast<std::int64_t>(time.time_since_epoch().count()));
            encodeTo(group, value);
        });
    }
    static constexpr StateLayout kLayout{
        "interval join", {{"key", &kTypeInfo<Key>}, {"left", &kTimedListInfo<L>}, {"right", &kTimedListInfo<R>}}};

    void restoreState(const SnapshotSource& source) {
        readKeyGroups(source, this->fn_.id().uid, "join", kLayout, kFormat, [&](ByteReader& reader) {
            const Key key = decodeState<Key>(reader);
            Cell& cell = table_.findOrInsert(key, [] { return Cell(); });
            read<true, L>(reader, cell, leftKept_);
            read<false, R>(reader, cell, rightKept_);
        });
        table_.report();
    }
    template <bool kLeft, class T>
    void read(ByteReader& reader, Cell& cell, Duration kept) {
        for (auto left = reader.read<std::uint32_t>("a number of records"); left > 0; --left) {
            const Timestamp time{Duration{reader.read<std::int64_t>("a timestamp")}};
            cell.values.template add<kLeft>(pool_, time, decodeState<T>(reader));
            expires_ = std::max(expires_, saturatingAdd(time, kept));
        }
    }

    template <class T>
    [[noreturn, gnu::cold, gnu::noinline]] void fail(const T& record, Timestamp timestamp) const {
        try {
            throw;
        } catch (const MillraceException&) {
            throw;  // from the join function, or about a timestamp: says where it happened
        } catch (...) {
            std::string text;
            if constexpr (std::is_trivially_copyable_v<T>) text = describeValue(record);
            throwUserFunctionError(this->fn_.id(), this->fn_.subtask(), timestamp, std::move(text), "the key selector");
        }
    }
    [[noreturn, gnu::cold, gnu::noinline]] void failWithoutTimestamp() const {
        throw MillraceException("operator '" + this->fn_.id().name + "' (uid '" + this->fn_.id().uid + "', subtask " +
                                std::to_string(this->fn_.subtask()) +
                                "): a record has no timestamp, but an interval join needs one. Did you forget to call "
                                "assignTimestampsAndWatermarks?");
    }

    LeftKey leftKey_;
    RightKey rightKey_;
    Duration lower_;
    Duration upper_;
    Duration leftKept_;   ///< how long after its time a left record can still find a partner
    Duration rightKept_;  ///< … a right record
    std::optional<OutputTag<L>> lateLeft_;
    std::optional<OutputTag<R>> lateRight_;
    ProcessJoinContext context_;
    StateMemory memory_;
    typename Cell::Pool pool_;
    Table table_;
    Timestamp watermark_ = kMinTimestamp;
    Timestamp leftDropped_ = kMinTimestamp;   ///< left records up to here are due for cleanup
    Timestamp rightDropped_ = kMinTimestamp;  ///< right ones
    Timestamp expires_ = kMinTimestamp;       ///< when all that has come will be due
    std::size_t records_ = 0;                 ///< since the last watermark
    std::size_t inserted_ = 0;                ///< keys since the last watermark
    std::size_t sweptTo_ = 0;
    int maxParallelism_ = 0;
    StageOutputs* outputs_ = nullptr;
    StageMetrics* metrics_ = nullptr;
};

}  // namespace detail
}  // namespace millrace

#endif  // MILLRACE_OPERATORS_INTERVAL_JOIN_HPP
