#ifndef MILLRACE_CONNECTORS_ASSIGNED_SPLITS_HPP
#define MILLRACE_CONNECTORS_ASSIGNED_SPLITS_HPP

#include <millrace/core/list.hpp>
#include <millrace/functions/source.hpp>

#include <cstddef>
#include <limits>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace millrace {

/// An enumerator that deals the splits out beforehand: the i-th split is only ever given to subtask i (`dealOut`: i modulo
/// the parallelism). @public
/// Splits that come back (a reader failed, a restore) go to whoever asks first.
template <class Split>
class AssignedSplitEnumerator final : public SplitEnumerator<Split> {
public:
    explicit AssignedSplitEnumerator(std::vector<Split> splits) {
        assigned_.reserve(splits.size());
        for (Split& split : splits) assigned_.emplace_back(std::move(split));
    }
    /// For more splits than subtasks, of readers that read several side by side.
    static std::unique_ptr<SplitEnumerator<Split>> dealOut(std::vector<Split> splits, int parallelism) {
        auto* const enumerator = new AssignedSplitEnumerator(std::move(splits));
        enumerator->parallelism_ = static_cast<std::size_t>(parallelism);
        return std::unique_ptr<SplitEnumerator<Split>>(enumerator);
    }

    std::optional<Split> nextSplit(int subtaskIndex) override {
        std::optional<Split> split;
        if (const std::size_t own = ownOf(subtaskIndex); own < assigned_.size()) {
            split = std::exchange(assigned_[own], std::nullopt);
        } else if (!returned_.empty()) {
            split = std::move(returned_.front());
            returned_.erase(returned_.begin());
        }
        return split;
    }
    bool noMoreSplits(int subtaskIndex) override {
        return ownOf(subtaskIndex) >= assigned_.size() && returned_.empty();
    }
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
    /// The first split that is still kept for the subtask; at or past the end: none.
    std::size_t ownOf(int subtaskIndex) const {
        auto index = static_cast<std::size_t>(subtaskIndex);
        while (index < assigned_.size() && !assigned_[index].has_value()) index += parallelism_;
        return index;
    }

    std::size_t parallelism_ = std::numeric_limits<int>::max();
    detail::List<std::optional<Split>> assigned_;
    std::vector<Split> returned_;
};

}  // namespace millrace

#endif  // MILLRACE_CONNECTORS_ASSIGNED_SPLITS_HPP
