#ifndef MILLRACE_STATE_DEFERRED_SNAPSHOT_HPP
#define MILLRACE_STATE_DEFERRED_SNAPSHOT_HPP

#include <millrace/core/pointer_list.hpp>
#include <millrace/state/memory_snapshot.hpp>

#include <memory>
#include <utility>

namespace millrace::detail {

/// What one task has written at a barrier, and what waits to be written on another thread.
/// *Thread safety:* none; it is handed from the task to who writes it.
class DeferredSnapshot final : public SnapshotSink, public SnapshotPart {
public:
    void write(std::string_view uid, std::string_view state, int keyGroup, std::span<const std::byte> bytes) override {
        pieces_.write(uid, state, keyGroup, bytes);
    }
    void setSchema(std::string_view uid, std::string_view state, std::string schema) override {
        pieces_.setSchema(uid, state, std::move(schema));
    }
    void writeLater(std::unique_ptr<DeferredState> state) override { later_.add(state.release()); }

    bool empty() const override { return pieces_.empty() && later_.empty(); }
    void writeTo(SnapshotSink& sink) const override {
        pieces_.writeTo(sink);
        writeDeferredTo(sink);
    }
    /// All of it, in memory.
    const MemorySnapshot& finish() {
        writeDeferredTo(pieces_);
        return pieces_;
    }

private:
    void writeDeferredTo(SnapshotSink& sink) const {
        while (!later_.empty()) {
            const std::unique_ptr<DeferredState> state(later_.release(0));
            state->writeTo(sink);
        }
    }

    MemorySnapshot pieces_;
    mutable OwnerList<DeferredState> later_;
};

}  // namespace millrace::detail

#endif  // MILLRACE_STATE_DEFERRED_SNAPSHOT_HPP
