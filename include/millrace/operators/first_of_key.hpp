#ifndef MILLRACE_OPERATORS_FIRST_OF_KEY_HPP
#define MILLRACE_OPERATORS_FIRST_OF_KEY_HPP

#include <millrace/core/functional.hpp>
#include <millrace/operators/keyed_reduce.hpp>
#include <millrace/operators/user_function.hpp>
#include <millrace/state/key_group_state.hpp>
#include <millrace/state/keyed_table.hpp>
#include <millrace/state/table_snapshot.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>

namespace millrace::detail {

/// The first `count` records of each key; with 1 this is `distinct`. The rest is dropped.
/// *State:* "first of key", how many of each key have passed.
template <class T, class KeySelector>
struct FirstOfKeyOperator {
    using Input = T;
    using Output = T;
    KeySelector keySelector;
    std::uint64_t count;

    template <class Next>
    class Node;
};

template <class T, class KeySelector>
template <class Next>
class FirstOfKeyOperator<T, KeySelector>::Node : public FunctionNode<KeySelector, Next> {
    using Key = KeyOf<KeySelector, T>;
    using Table = KeyedTable<Key, std::uint64_t>;
    static constexpr std::uint8_t kFormat = 1;

public:
    template <class Refs>
    explicit Node(const Refs& refs)
        : FunctionNode<KeySelector, Next>(refs, refs.op.keySelector), count_(refs.op.count) {}

    void open(OpenContext& context) {
        maxParallelism_ = context.stage.maxParallelism;
        FunctionNode<KeySelector, Next>::open(context);
        context.account(memory_, this->fn_.id(), "first of key");
        table_.chargeTo(memory_);
    }
    void pushBlock(Block<T> block) {
        if constexpr (kBlockwise<T>) {
            std::size_t kept = 0;
            for (std::size_t i = 0; i < block.size; ++i) {
                if (!passes(block.values[i], block.timestampOf(i))) continue;
                block.values[kept] = block.values[i];
                if (block.timestamps != nullptr) block.timestamps[kept] = block.timestamps[i];
                ++kept;
            }
            table_.report();
            if (kept > 0) this->next_.pushBlock({block.values, block.timestamps, nullptr, kept});
        } else {
            for (std::size_t i = 0; i < block.size; ++i) push(std::move(block.values[i]), block.timestampOf(i));
            table_.report();
        }
    }
    void push(T&& value, Timestamp timestamp) {
        if (passes(value, timestamp)) this->next_.push(std::move(value), timestamp);
    }
    Progress endKey() {
        table_.clear();
        return Progress::Done;
    }

    void snapshot(SnapshotSink& sink) {
        writeTable(sink, table_, true, {this->fn_.id().uid, "first of key", maxParallelism_, kFormat}, kLayout,
                   [](ByteWriter& group, const Key& key, std::uint64_t passed) {
                       Codec<Key>::encode(key, group);
                       group.write(passed);
                   });
        eventTarget(this->next_).snapshot(sink);
    }
    void restore(const SnapshotSource& source) {
        restoreState(source);
        eventTarget(this->next_).restore(source);
    }

private:
    bool passes(const T& value, Timestamp timestamp) {
        return this->fn_.guardedFor(value, timestamp, [&] {
            const auto& key = detail::invoke(this->fn_.get(), value);
            std::uint64_t& passed = table_.findOrInsert(Table::lookupKey(key), [] { return std::uint64_t{0}; });
            if (passed >= count_) return false;
            ++passed;
            return true;
        });
    }
    static constexpr StateLayout kLayout{"first of key",
                                         {{"key", &kTypeInfo<Key>}, {"passed", &kTypeInfo<std::uint64_t>, true}}};

    void restoreState(const SnapshotSource& source) {
        readKeyGroups(source, this->fn_.id().uid, "first of key", kLayout, kFormat, [&](ByteReader& reader) {
            const Key key = decodeState<Key>(reader);
            const auto passed = reader.read<std::uint64_t>("a number of records");
            table_.findOrInsert(key, [&] { return passed; });
        });
        table_.report();
    }

    StateMemory memory_;
    Table table_;
    std::uint64_t count_;
    int maxParallelism_ = 0;
};

}  // namespace millrace::detail

#endif  // MILLRACE_OPERATORS_FIRST_OF_KEY_HPP
