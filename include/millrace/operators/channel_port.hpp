#ifndef MILLRACE_OPERATORS_CHANNEL_PORT_HPP
#define MILLRACE_OPERATORS_CHANNEL_PORT_HPP

#include <millrace/operators/stage.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace millrace::detail {

/// The producer's end of one channel with the batch that is being filled. A batch leaves when it is full, when it can
/// take no more watermarks, before a control event, and on `flush()`.
template <class T>
class Lane {
public:
    explicit Lane(ChannelWriter& writer) : writer_(&writer) {}
    Lane(Lane&& other) noexcept : writer_(other.writer_), batch_(std::exchange(other.batch_, nullptr)) {}
    Lane& operator=(Lane&&) = delete;
    ~Lane() {
        if (batch_ != nullptr) batch_->destroy();
    }

    /// Prepares for records with (without) timestamps and hashes: then `room() > 0`.
    void prepare(bool timed, bool hashed) {
        if (batch_ != nullptr && batch_->size > 0) {
            if (batch_->hasHashes != hashed) {
                send();
            } else if (batch_->hasTimestamps != timed) {
                // rare: timestamps begin or end in the middle of a batch
                if (timed) std::fill_n(batch_->timestamps(), batch_->size, kMinTimestamp);
                timed = true;
            }
        }
        if (batch_ == nullptr) batch_ = Batch<T>::create(writer_->pool());
        batch_->hasTimestamps = timed;
        batch_->hasHashes = hashed;
    }
    std::size_t room() const noexcept { return batch_->capacity - batch_->size; }

    /// Where the next record goes.
    T* values() noexcept { return batch_->values() + batch_->size; }
    Timestamp* timestamps() noexcept { return batch_->timestamps() + batch_->size; }
    std::uint32_t* hashes() noexcept { return batch_->hashes() + batch_->size; }

    /// Takes `count` records over that have been written behind the last one.
    void advance(std::size_t count) noexcept { batch_->size += static_cast<std::uint32_t>(count); }

    /// Appends one record; `prepare` has been called and there is room.
    template <class U>
    [[gnu::always_inline]] void put(U&& value, const Timestamp* timestamp, const std::uint32_t* hash) {
        Batch<T>& batch = *batch_;
        const std::uint32_t at = batch.size;
        ::new (static_cast<void*>(batch.values() + at)) T(std::forward<U>(value));
        if (batch.hasTimestamps) batch.timestamps()[at] = timestamp != nullptr ? *timestamp : kMinTimestamp;
        if (hash != nullptr) batch.hashes()[at] = *hash;
        batch.size = at + 1;
    }
    /// Sends a full batch and opens the next one.
    void turn(bool timed, bool hashed) {
        if (room() > 0) return;
        send();
        prepare(timed, hashed);
    }

    void mark(Timestamp watermark) {
        if (batch_ == nullptr) prepare(false, false);
        if (batch_->markCount > 0 && batch_->marks[batch_->markCount - 1u].position == batch_->size) {
            batch_->marks[batch_->markCount - 1u].watermark = watermark;
            return;
        }
        batch_->marks[batch_->markCount++] = {batch_->size, watermark};
        if (batch_->markCount == BatchBase::kMaxMarks) send();
    }
    void control(ControlKind kind) {
        if (batch_ == nullptr) prepare(false, false);
        batch_->control = kind;
        send();
    }
    void flush() {
        if (batch_ == nullptr) return;
        if (batch_->size > 0 || batch_->markCount > 0) {
            send();
        } else {
            std::exchange(batch_, nullptr)->destroy();  // an idle edge holds no memory
        }
    }
    void sendIfFull() {
        if (batch_ != nullptr && room() == 0) send();
    }

private:
    void send() { writer_->send(std::exchange(batch_, nullptr)); }

    ChannelWriter* writer_;
    Batch<T>* batch_ = nullptr;
};

/// What the ports over channels have in common: everything but the choice of the channel.
template <class T>
class ChannelPort : public Port {
public:
    explicit ChannelPort(std::span<ChannelWriter* const> channels) {
        lanes_.reserve(channels.size());
        for (ChannelWriter* channel : channels) lanes_.emplace_back(*channel);
    }

    Progress onWatermark(Timestamp watermark) override {
        for (auto& lane : lanes_) lane.mark(watermark);
        return Progress::Done;
    }
    void onIdle() override { control(ControlKind::Idle); }
    void onActive() override { control(ControlKind::Active); }
    Progress endInput() override {
        control(ControlKind::EndOfInput);
        return Progress::Done;
    }
    void flush() override {
        for (auto& lane : lanes_) lane.flush();
    }
    bool wantsOwnership() const noexcept override { return false; }

protected:
    /// Copies (moves) a run of records to one channel.
    void append(Lane<T>& lane, Block<T> block, bool mayMove) {
        const bool hashed = block.hashes != nullptr;
        for (std::size_t from = 0; from < block.size;) {
            lane.prepare(block.timestamps != nullptr, hashed);
            const std::size_t count = std::min(lane.room(), block.size - from);
            if constexpr (std::is_trivially_copyable_v<T>) {
                std::memcpy(static_cast<void*>(lane.values()), block.values + from, count * sizeof(T));
            } else if (mayMove) {
                std::uninitialized_move_n(block.values + from, count, lane.values());
            } else {
                copyRecords(block.values + from, count, lane.values());
            }
            if (block.timestamps != nullptr) {
                std::copy_n(block.timestamps + from, count, lane.timestamps());
            } else {
                std::fill_n(lane.timestamps(), count, kMinTimestamp);
            }
            if (hashed) std::copy_n(block.hashes + from, count, lane.hashes());
            lane.advance(count);
            lane.sendIfFull();
            from += count;
        }
    }
    /// Sends record i to channel `laneOf(i)`.
    template <class LaneOf>
    void scatter(Block<T> block, bool mayMove, const std::uint32_t* hashes, LaneOf laneOf) {
        const bool timed = block.timestamps != nullptr;
        if constexpr (std::is_trivially_copyable_v<T>) {
            if (lanes_.size() == 2 && timed && hashes == nullptr) {
                splitInTwo(block, laneOf);
                return;
            }
        }
        const bool hashed = hashes != nullptr;
        for (auto& lane : lanes_) lane.prepare(timed, hashed);
        for (std::size_t i = 0; i < block.size; ++i) {
            Lane<T>& lane = lanes_[laneOf(i)];
            const Timestamp* const timestamp = timed ? block.timestamps + i : nullptr;
            const std::uint32_t* const hash = hashed ? hashes + i : nullptr;
            if constexpr (std::is_trivially_copyable_v<T>) {
                lane.put(block.values[i], timestamp, hash);
            } else if (mayMove) {
                lane.put(std::move(block.values[i]), timestamp, hash);
            } else {
                putCopy(lane, block.values[i], timestamp, hash);
            }
            lane.turn(timed, hashed);
        }
    }

    std::vector<Lane<T>> lanes_;

private:
    /// The most frequent case without a branch, and with both positions in registers: not one instruction of it waits
    /// for a store of the record before.
    template <class LaneOf>
    void splitInTwo(Block<T> block, LaneOf laneOf) {
        Lane<T>& first = lanes_[0];
        Lane<T>& second = lanes_[1];
        for (std::size_t from = 0; from < block.size;) {
            first.prepare(true, false);
            second.prepare(true, false);
            const std::size_t end = from + std::min({block.size - from, first.room(), second.room()});
            // arithmetic on addresses: from a choice the compiler would make a branch, wrong every other time
            const auto valuesOfFirst = reinterpret_cast<std::uintptr_t>(first.values());
            const auto timesOfFirst = reinterpret_cast<std::uintptr_t>(first.timestamps());
            const std::uintptr_t valuesApart = reinterpret_cast<std::uintptr_t>(second.values()) - valuesOfFirst;
            const std::uintptr_t timesApart = reinterpret_cast<std::uintptr_t>(second.timestamps()) - timesOfFirst;
            const std::size_t count = end - from;
            std::size_t inSecond = 0;
            for (std::size_t i = 0; i < count; ++i) {
                const std::size_t lane = laneOf(from + i);  // 0 or 1
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
    static void copyRecords(const T* from, std::size_t count, T* to) {
        if constexpr (std::is_copy_constructible_v<T>) {
            std::uninitialized_copy_n(from, count, to);
        } else {
            failCopy();
        }
    }
    static void putCopy(Lane<T>& lane, const T& value, const Timestamp* timestamp, const std::uint32_t* hash) {
        if constexpr (std::is_copy_constructible_v<T>) {
            lane.put(value, timestamp, hash);
        } else {
            failCopy();
        }
    }
    [[noreturn]] static void failCopy() {
        throw GraphException(
            "a stream whose records cannot be copied is read by two operators; make the record type copyable or share "
            "it "
            "by std::shared_ptr");
    }
    void control(ControlKind kind) {
        for (auto& lane : lanes_) lane.control(kind);
    }
};

}  // namespace millrace::detail

#endif  // MILLRACE_OPERATORS_CHANNEL_PORT_HPP
