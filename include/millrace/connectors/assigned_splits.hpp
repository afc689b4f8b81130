#ifndef MILLRACE_CONNECTORS_ASSIGNED_SPLITS_HPP
#define MILLRACE_CONNECTORS_ASSIGNED_SPLITS_HPP

#include <millrace/functions/source.hpp>

#include <cstddef>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

namespace millrace {

/// An enumerator that keeps one split for each subtask: the i-th split is only ever given to subtask i. @public
/// Splits that come back (a reader failed, a restore) go to whoever asks first.
template <class Split>
class AssignedSplitEnumerator final : public SplitEnumerator<Split> {
public:
    explicit AssignedSplitEnumerator(std::vector<Split> splits)
        : assigned_(std::make_move_iterator(splits.begin()), std::make_move_iterator(splits.end())) {}

    std::optional<Split> nextSplit(int subtaskIndex) override {
        std::optional<Split> split;
        if (hasOwn(subtaskIndex)) {
            split.swap(assigned_[static_cast<std::size_t>(subtaskIndex)]);
        } else if (!returned_.empty()) {
            split = std::move(returned_.front());
            returned_.erase(returned_.begin());
        }
        return split;
    }
    bool noMoreSplits(int subtaskIndex) override { return !hasOwn(subtaskIndex) && returned_.empty(); }
    void addSplitsBack(std::vector<Split> splits) override {
        for (Split& split : splits) returned_.push_back(std::move(split));
    }
    std::vector<Split> snapshot() const override {
        std::vector<Split> rest;
        for (const auto& split : assigned_) {
            if (split) rest.push_back(Split(*split));
        }
        for (const Split& split : returned_) rest.push_back(Split(split));
        return rest;
    }

private:
    bool hasOwn(int subtaskIndex) const {
        const auto index = static_cast<std::size_t>(subtaskIndex);
        return index < assigned_.size() && assigned_[index].has_value();
    }

    std::vector<std::optional<Split>> assigned_;
    std::vector<Split> returned_;
};

}  // namespace millrace

#endif  // MILLRACE_CONNECTORS_ASSIGNED_SPLITS_HPP
