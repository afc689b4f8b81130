#ifndef MILLRACE_OPERATORS_KEYED_REDUCE_HPP
#define MILLRACE_OPERATORS_KEYED_REDUCE_HPP

#include <millrace/core/functional.hpp>
#include <millrace/operators/kept_records.hpp>
#include <millrace/operators/rolling_functions.hpp>
#include <millrace/operators/user_function.hpp>
#include <millrace/state/key_group_state.hpp>
#include <millrace/state/keyed_table_scan.hpp>
#include <millrace/state/table_snapshot.hpp>

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace millrace::detail {

template <class KeySelector, class T>
using KeyOf = KeyDecay<std::invoke_result_t<KeySelector&, const T&>>;

/// Rolling reduce: one value per key, and for every record the new value of its key, with the record's timestamp. In batch
/// execution only the last value of each key, with the largest timestamp.
/// *State:* "reduce", one value per key.
template <class T, class KeySelector, class Fn>
struct KeyedReduceOperator {
    using Input = T;
    using Output = T;
    KeySelector keySelector;
    Fn fn;

    template <class Next>
    class Node;
};

template <class T, class KeySelector, class Fn>
template <class Next>
class KeyedReduceOperator<T, KeySelector, Fn>::Node : public ForwardingNode<Next> {
    using Key = KeyOf<KeySelector, T>;
    using Records = KeptRecords<T, KeySelector, Key, Fn>;
    using Kept = typename Records::Kept;
    using Table = KeyedTable<Key, Kept>;
    static constexpr std::uint8_t kFormat = 1;

public:
    template <class Refs>
    explicit Node(const Refs& refs)
        : ForwardingNode<Next>(refs.rest), keySelector_(refs.op.keySelector), fn_(refs.op.fn),
          records_(refs.op.keySelector, refs.op.fn) {}

    void open(OpenContext& context) {
        maxParallelism_ = context.stage.maxParallelism;
        isBatch_ = context.stage.isBatch;
        fn_.open(context);
        context.account(memory_, fn_.id(), "reduce");
        table_.chargeTo(memory_);
        this->next_.open(context);
    }
    void close() {
        closeBoth([this] { fn_.close(); }, [this] { eventTarget(this->next_).close(); });
    }

    void pushBlock(Block<T> block) {
        if constexpr (kBlockwise<T>) {
            std::size_t at = 0;
            try {
                reduceInPlace(block, at);
            } catch (...) {
                fail(block.values[at], block.timestampOf(at));
            }
            if (isBatch_) return;
            this->next_.pushBlock({block.values, block.timestamps, nullptr, block.size});
        } else {
            for (std::size_t i = 0; i < block.size; ++i) pushReduced(block.values[i], block.timestampOf(i));
            table_.report();
        }
    }
    void push(T&& value, Timestamp timestamp) {
        if constexpr (kBlockwise<T>) {
            pushBlock({&value, timestamp == kMinTimestamp ? nullptr : &timestamp, nullptr, 1});
        } else {
            pushReduced(value, timestamp);
        }
    }

    Progress endKey() {
        table_.forEach([this](const Key& key, Kept& kept) {
            this->next_.push(records_.recordOf(key, std::move(kept)), kMaxTimestamp);
        });
        table_.clear();
        return Progress::Done;
    }

    void snapshot(SnapshotSink& sink) {
        writeTable(sink, table_, true, {fn_.id().uid, "reduce", maxParallelism_, kFormat}, kLayout,
                   [records = records_](ByteWriter& group, const Key& key, const Kept& kept) {
                       Codec<Key>::encode(key, group);
                       Codec<T>::encode(records.recordOf(key, kept), group);
                   });
        eventTarget(this->next_).snapshot(sink);
    }
    /// Before `open`, the source must live until then.
    void restore(const SnapshotSource& source) {
        restoreState(source);
        eventTarget(this->next_).restore(source);
    }

private:
    /// Makes each record the state of its key behind it.
    struct Reduction {
        std::conditional_t<FoldsField<Fn, T>, const Fn, Fn&> fn;
        [[no_unique_address]] const Records records;
        T* values;

        [[gnu::always_inline]] void operator()(std::size_t i, Kept& state) const {
            if constexpr (FoldsField<Fn, T>) {
                foldRecord(fn, records, state, values[i]);
            } else {
                reduceInto(fn, state, std::as_const(values[i]));
                values[i] = state;
            }
        }
        /// Of records of one key, of which record i is the first.
        auto startRun(std::size_t i, Kept& state) const
            requires FoldsField<Fn, T>
        {
            struct Run {
                T* values;
                FieldRun<T, Fn, Records> run;
                [[gnu::always_inline]] void operator()(std::size_t at) { run(values[at]); }
            };
            return Run{values, {fn, records, state, values[i]}};
        }
    };

    void reduceInPlace(Block<T> block, std::size_t& at) {
        T* const values = block.values;
        LoopCopy<KeySelector> keyOf = keySelector_;
        scanKeyedTable(
            table_, at, block.size, block.hashes,
            [values, &keyOf](std::size_t i) -> decltype(auto) {
                return detail::invoke(keyOf, std::as_const(values[i]));
            },
            Reduction{fn_.get(), records_, values},
            [values, records = records_](std::size_t i) -> decltype(auto) {
                return records.keep(std::as_const(values[i]));
            });
    }
    void pushReduced(T& value, Timestamp timestamp) {
        T* state = nullptr;
        try {
            bool isNew = false;
            const auto& key = detail::invoke(keySelector_, std::as_const(value));
            state = &table_.findOrInsert(key, [&]() -> const T& {
                isNew = true;
                return value;
            });
            if (!isNew) reduceInto(fn_.get(), *state, std::as_const(value));
        } catch (...) {
            fail(value, timestamp);
        }
        if (!isBatch_) this->next_.push(T(*state), timestamp);
    }

    static constexpr StateLayout kLayout{"reduced", {{"key", &kTypeInfo<Key>}, {"value", &kTypeInfo<T>}}};

    void restoreState(const SnapshotSource& source) {
        TableFiller<Table> filler(table_);
        readIntoTable(table_, source, fn_.id().uid, "reduce", kLayout, kFormat, [&](ByteReader& reader) {
            Key key = decodeState<Key>(reader);
            filler.add(std::move(key), records_.keep(decodeState<T>(reader)));
        });
        filler.flush();
        table_.report();
    }

    [[noreturn, gnu::cold, gnu::noinline]] void fail(const T& record, Timestamp timestamp) const {
        throwUserFunctionError(fn_.id(), fn_.subtask(), timestamp, describeValue(record),
                               "the reduce function or key selector");
    }

    KeySelector keySelector_;
    UserFunction<Fn> fn_;
    [[no_unique_address]] Records records_;
    StateMemory memory_;
    Table table_;
    int maxParallelism_ = 0;
    bool isBatch_ = false;
};

}  // namespace millrace::detail

#endif  // MILLRACE_OPERATORS_KEYED_REDUCE_HPP
