#ifndef MILLRACE_FUNCTIONS_CHECKPOINTED_FUNCTION_HPP
#define MILLRACE_FUNCTIONS_CHECKPOINTED_FUNCTION_HPP

#include <millrace/core/config.hpp>
#include <millrace/core/pointer_list.hpp>
#include <millrace/state/list_state.hpp>
#include <millrace/state/operator_list.hpp>
#include <millrace/types/codec.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

// State of a function that belongs to no key (Flink's CheckpointedFunction): any function with
//     void initializeState(FunctionInitializationContext& context);   // before open
//     void snapshotState(FunctionSnapshotContext& context);           // for each checkpoint, between two records
// Both or one of them; see docs/process_functions.md.

namespace millrace {

namespace detail {

/// A list of an operator without its type.
class OperatorList {
public:
    OperatorList(std::string name, int distribution, const TypeInfo& element)
        : name_(std::move(name)), distribution_(distribution), element_(element) {}
    OperatorList(const OperatorList&) = delete;
    OperatorList& operator=(const OperatorList&) = delete;
    virtual ~OperatorList() = default;
    virtual void save(OperatorListWriter& writer) const = 0;
    virtual void read(ByteReader& reader) = 0;

    const std::string& name() const noexcept { return name_; }
    /// kSplitState or kUnionState.
    int distribution() const noexcept { return distribution_; }
    const TypeInfo& element() const noexcept { return element_; }

private:
    std::string name_;
    int distribution_;
    const TypeInfo& element_;
};

template <class T>
class OperatorListOf final : public OperatorList {
public:
    OperatorListOf(std::string name, int distribution) : OperatorList(std::move(name), distribution, kTypeInfo<T>) {}
    void save(OperatorListWriter& writer) const override {
        for (const T& value : values) writer.add(value);
    }
    void read(ByteReader& reader) override {
        values.emplace_back();
        Codec<T>::decode(reader, values.back());
    }

    std::vector<T> values;
};

}  // namespace detail

/// A list that belongs to the operator, not to a key; a handle, valid as long as the function. @public
/// *State and checkpoints:* its elements are the unit that a restore at another parallelism shares out.
template <class T>
class OperatorListState {
public:
    OperatorListState() = default;
    explicit OperatorListState(detail::OperatorListOf<T>& list) noexcept : list_(&list) {}

    const std::vector<T>& get() const { return list_->values; }
    void add(T value) { list_->values.push_back(std::move(value)); }
    template <class Range>
    void addAll(const Range& values) {
        list_->values.insert(list_->values.end(), values.begin(), values.end());
    }
    /// Replaces all elements.
    void update(std::vector<T> values) { list_->values = std::move(values); }
    void clear() { list_->values.clear(); }

private:
    detail::OperatorListOf<T>* list_ = nullptr;
};

/// The lists of one function. @public
/// *Failure:* ConfigurationException when a name is used twice, or for a time to live, which only keyed state has;
/// CodecException when what was saved under the name has another type.
class OperatorStateStore {
public:
    OperatorStateStore(std::string uid, const SnapshotSource* restoredFrom)
        : uid_(std::move(uid)), restoredFrom_(restoredFrom) {}

    /// After a restore each element of all subtasks is in the list of one of them, in about equal shares.
    template <class T>
    OperatorListState<T> getListState(const ListStateDescriptor<T>& descriptor) {
        return declare<T>(descriptor, kSplitState);
    }
    /// After a restore each subtask has the elements of all of them.
    template <class T>
    OperatorListState<T> getUnionListState(const ListStateDescriptor<T>& descriptor) {
        return declare<T>(descriptor, kUnionState);
    }

    // ---- for the operator around the function ----
    void snapshot(SnapshotSink& sink) const;
    void restored() noexcept { restoredFrom_ = nullptr; }

private:
    template <class T>
    OperatorListState<T> declare(const StateDescriptor& descriptor, int distribution) {
        auto* const list = new detail::OperatorListOf<T>(descriptor.name(), distribution);
        adopt(list, descriptor);
        return OperatorListState<T>(*list);
    }
    void adopt(detail::OperatorList* list, const StateDescriptor& descriptor);

    std::string uid_;
    const SnapshotSource* restoredFrom_;
    detail::OwnerList<detail::OperatorList> lists_;
};

/// What a function learns before it opens, and where it gets its lists. @public
class FunctionInitializationContext {
public:
    FunctionInitializationContext(OperatorStateStore& store, const SnapshotSource* restoredFrom)
        : store_(store), restoredFrom_(restoredFrom) {}

    bool isRestored() const noexcept { return restoredFrom_ != nullptr; }
    /// None if the job was not restored, or not from a checkpoint with a number.
    std::optional<std::int64_t> getRestoredCheckpointId() const {
        if (restoredFrom_ == nullptr || restoredFrom_->checkpointId() == 0) return std::nullopt;
        return restoredFrom_->checkpointId();
    }
    OperatorStateStore& getOperatorStateStore() noexcept { return store_; }

private:
    OperatorStateStore& store_;
    const SnapshotSource* restoredFrom_;
};

/// What a function learns when a checkpoint is taken. @public
class FunctionSnapshotContext {
public:
    explicit FunctionSnapshotContext(std::int64_t checkpointId) : checkpointId_(checkpointId) {}
    std::int64_t getCheckpointId() const noexcept { return checkpointId_; }

private:
    std::int64_t checkpointId_;
};

}  // namespace millrace

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/functions/checkpointed_function.ipp>
#endif

#endif  // MILLRACE_FUNCTIONS_CHECKPOINTED_FUNCTION_HPP
