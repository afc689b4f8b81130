#ifndef MILLRACE_STATE_DEFERRED_SNAPSHOT_HPP
#define MILLRACE_STATE_DEFERRED_SNAPSHOT_HPP

#include <millrace/core/pointer_list.hpp>
#include <millrace/state/memory_snapshot.hpp>

#include <memory>
#include <utility>

namespace millrace::detail {

/// What one task has written at a barrier, and what it will have written once `finish` has run on another thread.
/// *Thread safety:* none; it is handed from the task to who finishes it.
class DeferredSnapshot final : public SnapshotSink {
public:
    void write(std::string_view uid, std::string_view state, int keyGroup, std::span<const std::byte> bytes) override {
        pieces_.write(uid, state, keyGroup, bytes);
    }
    void describe(std::string_view uid, std::string_view state, const StateLayout& layout) override {
        pieces_.describe(uid, state, layout);
    }
    void writeLater(std::unique_ptr<DeferredState> state) override { later_.add(state.release()); }

    /// All of it.
    const MemorySnapshot& finish() {
        while (!later_.empty()) {
            const std::unique_ptr<DeferredState> state(later_.release(0));
            state->writeTo(pieces_);
        }
        return pieces_;
    }

private:
    MemorySnapshot pieces_;
    OwnerList<DeferredState> later_;
};

}  // namespace millrace::detail

#endif  // MILLRACE_STATE_DEFERRED_SNAPSHOT_HPP
