#ifndef MILLRACE_OPERATORS_SPLIT_BOARD_HPP
#define MILLRACE_OPERATORS_SPLIT_BOARD_HPP

#include <millrace/core/message.hpp>
#include <millrace/core/pointer_list.hpp>
#include <millrace/time/timestamp.hpp>

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <utility>

namespace millrace::detail {

/// The splits that a subtask of a source reads just now, for whoever wants to see them from outside.
/// *Thread safety:* its source opens and closes splits (one lock for each) and writes to their entries, anyone visits.
class SplitBoard {
public:
    struct Entry {
        std::string id;
        // only kept for splits that are read side by side; of a single one the stage's metrics tell it
        std::atomic<std::uint64_t> records{0};
        std::atomic<std::int64_t> watermark{kMinTimestamp.time_since_epoch().count()};
        std::atomic<bool> idle{false};
        std::atomic<bool> paused{false};
    };

    Entry& open(std::string id) {
        const std::lock_guard lock(mutex_);
        Entry& entry = entries_.add(new Entry);
        entry.id = std::move(id);
        return entry;
    }
    void close(const Entry& entry) {
        const std::lock_guard lock(mutex_);
        for (std::size_t i = 0; i < entries_.size(); ++i) {
            if (&entries_[i] != &entry) continue;
            delete entries_.release(i);
            return;
        }
    }
    template <class Fn>
    void visit(Fn fn) const {
        const std::lock_guard lock(mutex_);
        for (const Entry& entry : entries_) fn(entry);
    }

private:
    mutable std::mutex mutex_;
    OwnerList<Entry> entries_;
};

/// Its `splitId()`, as in Flink, or "#3" for the fourth one that the subtask has opened.
template <class Split>
std::string splitIdOf(const Split& split, std::uint64_t ordinal) {
    if constexpr (requires { std::string(split.splitId()); }) {
        return std::string(split.splitId());
    } else {
        return message("#{}", {ordinal});
    }
}

}  // namespace millrace::detail

#endif  // MILLRACE_OPERATORS_SPLIT_BOARD_HPP
