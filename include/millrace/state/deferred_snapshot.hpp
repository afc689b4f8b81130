#ifndef MILLRACE_STATE_DEFERRED_SNAPSHOT_HPP
#define MILLRACE_STATE_DEFERRED_SNAPSHOT_HPP

#include <millrace/core/config.hpp>
#include <millrace/core/owner.hpp>
#include <millrace/core/pointer_list.hpp>
#include <millrace/state/memory_snapshot.hpp>
#include <millrace/state/table_snapshot.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace::detail {

/// State that its owner encodes by and by, while it goes on.
/// *Thread safety:* the owner's thread, until `encodeSome` has been false; then it may be handed on, and `writeTo` is called.
class GradualState : public DeferredState {
public:
    /// Goes over so many entries, or fewer that are large; false once all is encoded. *Failure:* what a codec throws.
    virtual bool encodeSome(std::size_t entries) = 0;
    /// Of the operator whose state it is.
    virtual std::string_view uid() const noexcept = 0;
};

/// What one task has written at a barrier, and what waits to be written on another thread.
/// *Thread safety:* none; it is handed from the task to who writes it.
class DeferredSnapshot final : public TableSink, public SnapshotPart {
public:
    /// Tables of at least `gradualFrom` bytes, or of large values, may be encoded by and by.
    explicit DeferredSnapshot(std::size_t gradualFrom = SIZE_MAX) noexcept : gradualFrom_(gradualFrom) {}

    void write(std::string_view uid, std::string_view state, int keyGroup, std::span<const std::byte> bytes) override {
        pieces_.write(uid, state, keyGroup, bytes);
        if (keyGroup == kUnionState && state.starts_with(kOperatorStatePrefix)) {
            if (unionLists_.empty() || unionLists_.back() != uid) unionLists_.emplace_back(uid);
        }
    }
    void setSchema(std::string_view uid, std::string_view state, std::string schema) override {
        pieces_.setSchema(uid, state, std::move(schema));
    }
    void writeLater(Owner<DeferredState> state) override { later_.add(state.release()); }

    /// Whether all is encoded: only then may it be handed on.
    bool isWhole() const noexcept { return gradual_.empty(); }
    /// Encodes some of what is not, going over so many slots; false once it is whole. The owner's thread.
    bool encodeSome(std::size_t slots) {
        if (!gradual_.empty() && !gradual_.back().encodeSome(slots)) gradual_.removeAt(gradual_.size() - 1);
        return !gradual_.empty();
    }

    /// The operator whose state `encodeSome` goes on with. Only while it is not whole.
    std::string_view uidAtHand() const noexcept { return gradual_.back().uid(); }

    /// The uids of operators that have written union lists.
    const std::vector<std::string>& unionLists() const noexcept { return unionLists_; }

    bool empty() const override { return pieces_.empty() && later_.empty(); }
    void writeTo(SnapshotSink& sink) const override {
        pieces_.writeTo(sink);
        writeDeferredTo(sink);
    }
    /// All of it, in memory.
    const MemorySnapshot& finish() {
        while (encodeSome(SIZE_MAX)) {}
        writeDeferredTo(pieces_);
        return pieces_;
    }

private:
    MILLRACE_INLINE void writeTable(Owner<TableEntries> entries, const TablePlace& place, std::size_t memoryBytes,
                                    bool isPlain, bool mayDefer) override;
    void writeFrozen(Owner<TableEntries> entries, const TablePlace& place, FrozenMemory& frozen);

    void writeDeferredTo(SnapshotSink& sink) const {
        while (!later_.empty()) {
            const Owner<DeferredState> state(later_.release(0));
            state->writeTo(sink);
        }
    }

    MemorySnapshot pieces_;
    std::vector<std::string> unionLists_;
    mutable OwnerList<DeferredState> later_;
    PointerList<GradualState> gradual_;  ///< of them those that are not encoded yet
    std::size_t gradualFrom_;
};

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/state/deferred_snapshot.ipp>
#endif

#endif  // MILLRACE_STATE_DEFERRED_SNAPSHOT_HPP
