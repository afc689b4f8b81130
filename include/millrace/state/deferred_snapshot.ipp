#ifndef MILLRACE_STATE_DEFERRED_SNAPSHOT_IPP
#define MILLRACE_STATE_DEFERRED_SNAPSHOT_IPP

#include <millrace/core/algorithm.hpp>
#include <millrace/state/deferred_snapshot.hpp>
#include <millrace/state/frozen_memory.hpp>
#include <millrace/state/key_group_state.hpp>
#include <millrace/state/table_keepers.hpp>

#include <exception>

namespace millrace::detail {

/// A table as it was, in frozen memory.
class DeferredTable final : public DeferredState {
    static constexpr std::size_t kChunksPerSegment = 128;  // of 4 KiB

public:
    DeferredTable(Owner<TableEntries> entries, FrozenMemory& memory, const TablePlace& place)
        : entries_(std::move(entries)), memory_(memory), place_(place) {}
    DeferredTable(const DeferredTable&) = delete;
    DeferredTable& operator=(const DeferredTable&) = delete;
    [[gnu::cold]] ~DeferredTable() override { memory_.finishReading(); }

    [[gnu::cold]] void writeTo(SnapshotSink& sink) override {
        KeyGroupWriter groups(place_.maxParallelism, place_.format);
        groups.streamTo(sink, place_.uid, place_.state);
        const bool inSegments = sink.wantsSegments();
        std::size_t chunks = 0;
        memory_.read([&](const std::byte* slots, std::size_t bytes) {
            entries_->write(groups, slots, bytes / entries_->slotBytes);
            if (inSegments && ++chunks % kChunksPerSegment == 0) groups.endSegment();
        });
        entries_->writeSide(groups);
        groups.writePieces(sink, place_.uid, place_.state);
    }

private:
    Owner<TableEntries> entries_;
    FrozenMemory& memory_;
    TablePlace place_;
};

/// A table as it was, while its owner encodes it and changes it. What is encoded has a bit: an entry that has been changed
/// since is not looked at again, and one that has come since is not part of it.
class GradualTable final : public GradualState, private TableKeeper {
public:
    [[gnu::cold]] GradualTable(Owner<TableEntries> entries, const TablePlace& place)
        : entries_(std::move(entries)), place_(place), groups_(place_.maxParallelism, place_.format),
          kept_(new std::uint64_t[entries_->capacity / 64 + 1]()) {
        entries_->writeSide(groups_);
        entries_->keepers->add(*this);
    }
    GradualTable(const GradualTable&) = delete;
    GradualTable& operator=(const GradualTable&) = delete;
    [[gnu::cold]] ~GradualTable() override {
        if (!done_) entries_->keepers->remove(*this);
    }

    bool encodeSome(std::size_t slots) override {
        if (!done_) {
            const std::size_t end = cursor_ + std::min(slots, entries_->capacity - cursor_);
            const std::size_t full = bytes_ + kMostBytesAtOnce;
            while (cursor_ < end && bytes_ < full) encode(cursor_++);
            if (cursor_ == entries_->capacity) {
                done_ = true;
                entries_->keepers->remove(*this);
            }
        }
        if (failure_ != nullptr) std::rethrow_exception(std::exchange(failure_, nullptr));
        return !done_;
    }
    std::string_view uid() const noexcept override { return place_.uid; }
    [[gnu::cold]] void writeTo(SnapshotSink& sink) override { groups_.writePieces(sink, place_.uid, place_.state); }

private:
    /// Entries may hold lists of any length: a step goes over fewer of those.
    static constexpr std::size_t kMostBytesAtOnce = 64 * 1024;

    void keep(std::size_t slot) noexcept override {
        if (slot >= cursor_) encode(slot);
    }
    [[gnu::cold]] void keepAll() noexcept override {
        while (cursor_ < entries_->capacity) encode(cursor_++);
        done_ = true;
    }
    void abandon() noexcept override { done_ = true; }
    [[gnu::noinline]] void encode(std::size_t slot) noexcept {
        std::uint64_t& word = kept_[slot / 64];
        const std::uint64_t bit = std::uint64_t{1} << slot % 64;
        if ((word & bit) != 0) return;
        word |= bit;
        try {
            bytes_ += entries_->write(groups_, entries_->slot(slot), 1);
        } catch (...) {
            if (failure_ == nullptr) failure_ = std::current_exception();
        }
    }

    Owner<TableEntries> entries_;
    TablePlace place_;
    KeyGroupWriter groups_;
    Owner<std::uint64_t[]> kept_;  ///< a bit per slot
    std::size_t cursor_ = 0;       ///< all before it is encoded
    std::size_t bytes_ = 0;        ///< that have been encoded
    bool done_ = false;            ///< it is all encoded, or the table is gone
    std::exception_ptr failure_;   ///< of an entry that was about to change
};

MILLRACE_INLINE_COLD void DeferredSnapshot::writeTable(Owner<TableEntries> entries, const TablePlace& place,
                                                       std::size_t memoryBytes, bool isPlain, bool mayDefer) {
    if (FrozenMemory* const frozen = mayDefer ? entries->freeze() : nullptr) {
        return writeFrozen(std::move(entries), place, *frozen);
    }
    if (gradualFrom_ == SIZE_MAX || (isPlain && memoryBytes < gradualFrom_)) return writeAtOnce(*this, *entries, place);
    Owner<GradualState> state(new GradualTable(std::move(entries), place));
    // how much its values own is seen only when they are encoded
    if (memoryBytes < gradualFrom_ && !state->encodeSome(SIZE_MAX)) return state->writeTo(*this);
    GradualState& added = *state;
    later_.add(state.release());
    gradual_.add(added);
}

MILLRACE_INLINE_COLD void DeferredSnapshot::writeFrozen(Owner<TableEntries> entries, const TablePlace& place,
                                                        FrozenMemory& frozen) {
    Owner<DeferredState> state;
    try {
        state.reset(new DeferredTable(std::move(entries), frozen, place));
    } catch (...) {
        frozen.finishReading();
        throw;
    }
    writeLater(std::move(state));
}

}  // namespace millrace::detail

#endif  // MILLRACE_STATE_DEFERRED_SNAPSHOT_IPP
