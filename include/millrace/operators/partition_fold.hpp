#ifndef MILLRACE_OPERATORS_PARTITION_FOLD_HPP
#define MILLRACE_OPERATORS_PARTITION_FOLD_HPP

#include <millrace/core/algorithm.hpp>
#include <millrace/core/functional.hpp>
#include <millrace/functions/function_concepts.hpp>
#include <millrace/operators/user_function.hpp>
#include <millrace/state/key_group_state.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace millrace {

/// The order in which `sortPartition` puts elements. @public
enum class SortOrder : std::uint8_t { Ascending, Descending };

namespace detail {

/// Folds everything that a subtask receives into one accumulator, and emits from it at the end of event time: when the
/// watermark is the largest, before that watermark goes on. Without such an end (a job stopped without draining) it emits
/// nothing. Results have no timestamp.
///
/// A fold is a copyable struct with the types `Output` and `Accumulator` and
///     Accumulator create()
///     void add(T&& value, Accumulator& acc)
///     bool finish(Accumulator& acc, std::size_t& position, Collector<Output>& out)   emits about a block, true at the end
///     void merge(Accumulator& into, Accumulator&& other)                             of two restored subtasks
/// *State:* "partition", the accumulator, not by key.
template <class T, class Fold>
struct PartitionFoldOperator {
    using Input = T;
    using Output = typename Fold::Output;
    Fold fold;

    template <class Next>
    class Node;
};

template <class T, class Fold>
template <class Next>
class PartitionFoldOperator<T, Fold>::Node : public FunctionNode<Fold, Next> {
    using Accumulator = typename Fold::Accumulator;
    static constexpr std::uint8_t kFormat = 1;

public:
    template <class Refs>
    explicit Node(const Refs& refs)
        : FunctionNode<Fold, Next>(refs, refs.op.fold), accumulator_(this->fn_.get().create()) {}

    void open(OpenContext& context) {
        stage_ = &context.stage;
        outputs_ = &context.outputs;
        FunctionNode<Fold, Next>::open(context);
    }
    void pushBlock(Block<T> block) {
        for (std::size_t i = 0; i < block.size; ++i) push(std::move(block.values[i]), block.timestampOf(i));
    }
    void push(T&& value, Timestamp timestamp) {
        const auto& record = value;
        this->fn_.guardedFor(record, timestamp, [&] { this->fn_.get().add(std::move(value), accumulator_); });
    }

    Progress onWatermark(Timestamp watermark) {
        if (watermark != kMaxTimestamp || finished_) return eventTarget(this->next_).onWatermark(watermark);
        finishing_ = true;
        return goOn();
    }
    Progress resume() { return finishing_ ? goOn() : eventTarget(this->next_).resume(); }

    void snapshot(SnapshotSink& sink) {
        ByteWriter bytes;
        bytes.write(kFormat);
        Codec<Accumulator>::encode(accumulator_, bytes);
        sink.describe(this->fn_.id().uid, "partition", kLayout);
        sink.write(this->fn_.id().uid, "partition", kSplitState, bytes.bytes());
        eventTarget(this->next_).snapshot(sink);
    }
    void restore(const SnapshotSource& source) {
        restoreState(source);
        eventTarget(this->next_).restore(source);
    }

private:
    Progress goOn() {
        for (bool done = false; !done;) {
            if (stage_->outputBlocked && stage_->maySuspend) {
                this->next_.flush();
                return Progress::Suspended;
            }
            done = this->fn_.guarded("the function of the partition",
                                     [&] { return this->fn_.get().finish(accumulator_, position_, out_); });
            outputs_->flushSide();
            if (out_.size() > 0) this->next_.pushBlock(out_.block(false));
            out_.clear();
        }
        finishing_ = false;
        finished_ = true;
        accumulator_ = this->fn_.get().create();
        this->next_.flush();
        return eventTarget(this->next_).onWatermark(kMaxTimestamp);
    }
    static constexpr StateLayout kLayout{"partition", {{"contents", &kTypeInfo<Accumulator>}}};

    void restoreState(const SnapshotSource& source) {
        readKeyGroups(source, this->fn_.id().uid, "partition", kLayout, kFormat, [&](ByteReader& reader) {
            auto other = decodeState<Accumulator>(reader);
            this->fn_.guarded("the function of the partition",
                              [&] { this->fn_.get().merge(accumulator_, std::move(other)); });
        });
    }

    Accumulator accumulator_;
    Collector<Output> out_;
    std::size_t position_ = 0;
    bool finishing_ = false;
    bool finished_ = false;
    StageContext* stage_ = nullptr;
    StageOutputs* outputs_ = nullptr;
};

/// All elements, in the order of their arrival.
template <class T>
struct ElementsFold {
    using Accumulator = std::vector<T>;
    static_assert(!std::is_same_v<T, bool>,
                  "millrace: mapPartition and sortPartition of bool: wrap the bool in a struct");
    static Accumulator create() { return {}; }
    static void add(T&& value, Accumulator& acc) { acc.push_back(std::move(value)); }
    static void merge(Accumulator& into, Accumulator&& other) {
        into.insert(into.end(), std::make_move_iterator(other.begin()), std::make_move_iterator(other.end()));
    }
};

/// `mapPartition`: the function gets all elements at once, also none.
template <class T, class Out, class Fn>
struct MapPartitionFold : ElementsFold<T> {
    using Output = Out;
    Fn fn;

    explicit MapPartitionFold(Fn function) : fn(std::move(function)) {}
    void open(RuntimeContext& context) {
        if constexpr (HasOpen<Fn>) fn.open(context);
    }
    void close() {
        if constexpr (HasClose<Fn>) fn.close();
    }
    bool finish(std::vector<T>& elements, std::size_t&, Collector<Out>& out) {
        detail::invoke(fn, std::span<T>(elements), out);
        return true;
    }
};

/// The order of `sortPartition`.
template <class T, class Field>
struct ByField {
    const Field& field;
    SortOrder order;

    bool operator()(const T& a, const T& b) const {
        return order == SortOrder::Ascending ? detail::invoke(field, a) < detail::invoke(field, b)
                                             : detail::invoke(field, b) < detail::invoke(field, a);
    }
    bool operator()(const T* a, const T* b) const { return (*this)(*a, *b); }
};
template <class Field, class T>
concept SortFieldFor = requires(const Field& by, const T& a) {
    { detail::invoke(by, a) < detail::invoke(by, a) } -> std::convertible_to<bool>;
};

/// `sortPartition`: stable; the field is a pointer to member or a callable.
template <class T, class Field>
struct SortPartitionFold : ElementsFold<T> {
    using Output = T;
    Field field;
    SortOrder order;

    SortPartitionFold(Field sortField, SortOrder sortOrder) : field(std::move(sortField)), order(sortOrder) {}
    bool finish(std::vector<T>& elements, std::size_t& position, Collector<T>& out) {
        if (position == 0) {
            std::stable_sort(elements.begin(), elements.end(), ByField<T, Field>{field, order});
        }
        for (; position < elements.size() && !out.full(); ++position) out.collect(std::move(elements[position]));
        return position == elements.size();
    }
};

/// `reduce`: one element per subtask, none where there was none.
template <class T, class Fn>
struct ReducePartitionFold {
    using Output = T;
    using Accumulator = std::optional<T>;
    Fn fn;

    void open(RuntimeContext& context)
        requires(HasOpen<Fn>)
    {
        fn.open(context);
    }
    void close()
        requires(HasClose<Fn>)
    {
        fn.close();
    }

    static Accumulator create() { return std::nullopt; }
    void add(T&& value, Accumulator& acc) {
        if (acc.has_value()) {
            *acc = detail::invoke(fn, std::as_const(*acc), std::as_const(value));
        } else {
            acc.emplace(std::move(value));
        }
    }
    void merge(Accumulator& into, Accumulator&& other) {
        if (other.has_value()) add(std::move(*other), into);
    }
    static bool finish(Accumulator& acc, std::size_t&, Collector<T>& out) {
        if (acc.has_value()) out.collect(std::move(*acc));
        return true;
    }
};

}  // namespace detail
}  // namespace millrace

#endif  // MILLRACE_OPERATORS_PARTITION_FOLD_HPP
