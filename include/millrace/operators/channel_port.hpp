#ifndef MILLRACE_OPERATORS_CHANNEL_PORT_HPP
#define MILLRACE_OPERATORS_CHANNEL_PORT_HPP

#include <millrace/core/algorithm.hpp>
#include <millrace/core/config.hpp>
#include <millrace/core/list.hpp>
#include <millrace/operators/stage.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

namespace millrace::detail {

/// The producer's end of one channel with the batch that is being filled. A batch leaves when it is full, when it can
/// take no more watermarks, before a control event, and on `flush()`.
class Lane {
public:
    Lane(ChannelWriter& writer, const RecordLayout& layout) : writer_(&writer), layout_(&layout) {}
    Lane(Lane&& other) noexcept
        : writer_(other.writer_), layout_(other.layout_), batch_(std::exchange(other.batch_, nullptr)) {}
    Lane& operator=(Lane&&) = delete;
    ~Lane() {
        if (batch_ != nullptr) batch_->destroy();
    }

    /// Prepares for records with (without) timestamps and hashes: then `room() > 0`.
    void prepare(bool timed, bool hashed);
    std::size_t room() const noexcept { return batch_->capacity - batch_->size; }

    /// Where the next record goes.
    template <class T>
    T* values() noexcept {
        return batch_->values<T>() + batch_->size;
    }
    Timestamp* timestamps() noexcept { return batch_->timestamps() + batch_->size; }
    std::uint32_t* hashes() noexcept { return batch_->hashes() + batch_->size; }

    void* valuesAt() noexcept { return batch_->valuesAt(batch_->size); }

    /// Takes `count` records over that have been written behind the last one.
    void advance(std::size_t count) noexcept { batch_->size += static_cast<std::uint32_t>(count); }

    /// Appends one record; `prepare` has been called and there is room.
    template <class T, class U>
    [[gnu::always_inline]] void put(U&& value, const Timestamp* timestamp, const std::uint32_t* hash) {
        Batch& batch = *batch_;
        const std::uint32_t at = batch.size;
        ::new (static_cast<void*>(batch.values<T>() + at)) T(std::forward<U>(value));
        take(batch, at, timestamp, hash);
    }
    /// The same for a copy of `*value`: by way of the layout, since making it takes longer than the call.
    /// *Failure:* GraphException for records that cannot be copied.
    void putCopy(void* value, const Timestamp* timestamp, const std::uint32_t* hash);
    /// Sends a full batch and opens the next one.
    void turn(bool timed, bool hashed) {
        if (room() > 0) return;
        send();
        prepare(timed, hashed);
    }
    void sendIfFull() {
        if (batch_ != nullptr && room() == 0) send();
    }

    void mark(Timestamp watermark);
    void control(ControlKind kind, std::int64_t checkpointId);
    void flush();
    bool isWaitedFor() const noexcept { return writer_->isWaitedFor(); }

private:
    /// The record at `at`, whose value is there.
    [[gnu::always_inline]] static void take(Batch& batch, std::uint32_t at, const Timestamp* timestamp,
                                            const std::uint32_t* hash) {
        if (batch.hasTimestamps) batch.timestamps()[at] = timestamp != nullptr ? *timestamp : kMinTimestamp;
        if (hash != nullptr) batch.hashes()[at] = *hash;
        batch.size = at + 1;
    }
    void send() { writer_->send(std::exchange(batch_, nullptr)); }

    ChannelWriter* writer_;
    const RecordLayout* layout_;
    Batch* batch_ = nullptr;
};

/// Sends record i to lane `laneOf[i]`: `scatterRecords` of their type.
using ScatterRecords = void(List<Lane>& lanes, BlockRef block, bool mayMove, const std::uint16_t* laneOf);

/// What ports over channels have in common, whatever the records are.
class ChannelPort : public Port {
public:
    MILLRACE_INLINE Progress onWatermark(Timestamp watermark) override;
    MILLRACE_INLINE void onIdle() override;
    MILLRACE_INLINE void onActive() override;
    MILLRACE_INLINE Progress endInput() override;
    MILLRACE_INLINE void onBarrier(std::int64_t checkpointId) override;
    MILLRACE_INLINE void flush() override;
    bool wantsOwnership() const noexcept override { return false; }
    bool isWaitedFor() const noexcept override {
        for (const Lane& lane : lanes_) {
            if (!lane.isWaitedFor()) return false;
        }
        return true;
    }

protected:
    ChannelPort(const PointerList<ChannelWriter>& channels, const RecordLayout& layout, ScatterRecords& scatter);
    MILLRACE_INLINE ~ChannelPort() override;

    /// Copies (moves) a run of records to one channel.
    void append(Lane& lane, BlockRef block, bool mayMove);
    /// Each record, with its hash if it has one, to the channel that `chooseLanes` gives.
    void scatter(BlockRef block, bool mayMove);

    /// Channels are chosen for at most so many records at a time.
    static constexpr std::size_t kChunk = 512;
    /// Sets the channel of each record of the block, at most `kChunk`, and which hashes travel along.
    virtual void chooseLanes(BlockRef& block, std::uint16_t* laneOf) = 0;

    List<Lane> lanes_;

private:
    void control(ControlKind kind, std::int64_t checkpointId = 0);

    const RecordLayout& layout_;
    ScatterRecords& scatter_;
};

/// The most frequent case without a branch, and with both positions in registers: not one instruction of it waits
/// for a store of the record before.
template <class T>
void splitInTwo(Lane& first, Lane& second, Block<T> block, const std::uint16_t* laneOf) {
    for (std::size_t from = 0; from < block.size;) {
        first.prepare(true, false);
        second.prepare(true, false);
        const std::size_t end = from + std::min({block.size - from, first.room(), second.room()});
        // arithmetic on addresses: from a choice the compiler would make a branch, wrong every other time
        const auto valuesOfFirst = reinterpret_cast<std::uintptr_t>(first.values<T>());
        const auto timesOfFirst = reinterpret_cast<std::uintptr_t>(first.timestamps());
        const std::uintptr_t valuesApart = reinterpret_cast<std::uintptr_t>(second.values<T>()) - valuesOfFirst;
        const std::uintptr_t timesApart = reinterpret_cast<std::uintptr_t>(second.timestamps()) - timesOfFirst;
        const std::size_t count = end - from;
        std::size_t inSecond = 0;
        for (std::size_t i = 0; i < count; ++i) {
            const std::size_t lane = laneOf[from + i];  // 0 or 1
            const std::uintptr_t mask = std::uintptr_t{0} - lane;
            const std::size_t inFirst = i - inSecond;
            const std::size_t at = inFirst + ((inSecond - inFirst) & mask);
            std::memcpy(reinterpret_cast<void*>(valuesOfFirst + (valuesApart & mask) + at * sizeof(T)),
                        block.values + from + i, sizeof(T));
            std::memcpy(reinterpret_cast<void*>(timesOfFirst + (timesApart & mask) + at * sizeof(Timestamp)),
                        block.timestamps + from + i, sizeof(Timestamp));
            inSecond += lane;
        }
        first.advance(count - inSecond);
        second.advance(inSecond);
        first.sendIfFull();
        second.sendIfFull();
        from = end;
    }
}

/// Sends record i to lane `laneOf[i]`.
template <class T>
void scatterRecords(List<Lane>& lanes, BlockRef erased, bool mayMove, const std::uint16_t* laneOf) {
    static_assert(alignof(T) <= 64, "millrace: records must not be aligned to more than 64 bytes");
    const auto block = erased.as<T>();
    const bool timed = block.timestamps != nullptr;
    const bool hashed = block.hashes != nullptr;
    if constexpr (std::is_trivially_copyable_v<T>) {
        if (lanes.size() == 2 && timed && !hashed) {
            splitInTwo(lanes[0], lanes[1], block, laneOf);
            return;
        }
    }
    for (Lane& lane : lanes) lane.prepare(timed, hashed);
    for (std::size_t i = 0; i < block.size; ++i) {
        Lane& lane = lanes[laneOf[i]];
        const Timestamp* const timestamp = timed ? block.timestamps + i : nullptr;
        const std::uint32_t* const hash = hashed ? block.hashes + i : nullptr;
        if constexpr (std::is_trivially_copyable_v<T>) {
            lane.put<T>(block.values[i], timestamp, hash);
        } else if (mayMove) {
            lane.put<T>(std::move(block.values[i]), timestamp, hash);
        } else {
            lane.putCopy(&block.values[i], timestamp, hash);
        }
        lane.turn(timed, hashed);
    }
}

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/operators/channel_port.ipp>
#endif

#endif  // MILLRACE_OPERATORS_CHANNEL_PORT_HPP
