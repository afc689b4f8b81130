#ifndef MILLRACE_RUNTIME_CHANNEL_HPP
#define MILLRACE_RUNTIME_CHANNEL_HPP

#include <millrace/core/algorithm.hpp>
#include <millrace/core/config.hpp>
#include <millrace/core/pointer_list.hpp>
#include <millrace/operators/stage.hpp>
#include <millrace/runtime/actor.hpp>
#include <millrace/runtime/segment_pool.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <mutex>

namespace millrace::detail {

class Channel;

/// The full channels of one producer, and the flag by which its stages see that there are some.
struct BlockedOutputs {
    PointerList<Channel> channels;
    StageContext* context = nullptr;

    void add(Channel& channel) {
        channels.add(channel);
        context->outputBlocked = true;
    }
};

/// The way of batches from one producer subtask to one consumer subtask: a bounded ring, and behind it the producer's
/// overflow, which one call of user code may fill while the ring is full; its actor then waits until it has drained.
///
/// Why no wake-up is lost. Sender and receiver each store, then look at the other side, all sequentially consistent:
///   send: store tail, then look at the consumer's state     receive: set the own state, then look at the tail
///   wait: store waiting, then look at the head                   take: store head, then look at waiting
/// so of two that cross at least one sees the other.
class Channel final : public ChannelWriter {
public:
    static constexpr std::size_t kMaxCapacity = 16;
    static constexpr std::int64_t kEnded = std::numeric_limits<std::int64_t>::max();

    Channel(Actor& producer, BlockedOutputs& blocked, Actor& consumer, JobSegmentPool& pool, std::size_t capacity)
        : producer_(producer), consumer_(consumer), blocked_(blocked), pool_(pool),
          capacity_(std::clamp<std::size_t>(capacity, 1, kMaxCapacity)) {}
    [[gnu::cold]] ~Channel() override { clear(); }
    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;

    // ---- the producer's thread ----
    SegmentPool& pool() noexcept override { return pool_; }
    MILLRACE_INLINE_APART void send(Batch* batch) override;
    bool isWaitedFor() const noexcept override { return waitedFor_.load() == idlesSent_ + 1; }
    /// Moves what has room from the overflow into the ring; true when the overflow is empty.
    bool drainOverflow();
    /// Asks for a wake-up when there is room; true when there already is.
    bool waitForRoom() {
        producerWaits_.exchange(true);
        return hasRoom();
    }

    // ---- the consumer's thread ----
    Batch* receive();
    /// The checkpoint of the last barrier that was sent; `kEnded` once the end of input was. What is before it may still be here.
    std::int64_t announced() const noexcept { return announced_.load(); }
    /// From now on the consumer's event time waits for this channel, until `stopWaiting`, when idleness has been taken from it.
    void waitFor() noexcept {
        waits_ = true;
        waitedFor_.store(idlesTaken_ + 1);
    }
    void stopWaiting() noexcept {
        waits_ = false;
        ++idlesTaken_;
    }
    bool waits() const noexcept { return waits_; }
    /// What has been sent and not received, up to and including the barrier of this checkpoint or the end of input, which must
    /// have been announced. The batches stay where they are; what the producer has in its overflow is among them.
    void unread(std::int64_t barrier, PointerList<Batch>& batches);

    // ---- any thread ----
    std::size_t size() const noexcept {
        const std::uint64_t head = head_.load(std::memory_order_relaxed);
        const std::uint64_t tail = tail_.load(std::memory_order_relaxed);
        return tail > head ? static_cast<std::size_t>(tail - head) : 0;
    }
    std::size_t capacity() const noexcept { return capacity_; }
    const Actor& producer() const noexcept { return producer_; }

    /// Destroys all batches; only when neither side runs any more.
    void clear() noexcept;

private:
    bool hasRoom() noexcept {
        // one batch may always be on its way, however short the job is of memory: so its consumer can always go on
        if (pool_.exhausted()) return head_.load() == tail_.load(std::memory_order_relaxed);
        const std::uint64_t tail = tail_.load(std::memory_order_relaxed);
        if (tail - knownHead_ < capacity_) return true;
        knownHead_ = head_.load();
        return tail - knownHead_ < capacity_;
    }
    void push(Batch* batch);
    void enqueue(Batch* batch);

    // read by both
    Actor& producer_;
    Actor& consumer_;
    BlockedOutputs& blocked_;
    JobSegmentPool& pool_;
    const std::size_t capacity_;
    std::array<Batch*, kMaxCapacity> slots_{};
    // written by the producer
    alignas(64) std::atomic<std::uint64_t> tail_{0};
    std::uint64_t knownHead_ = 0;
    std::uint64_t idlesSent_ = 0;
    /// Held by the producer to change the overflow, and by the consumer to look at it: never while records just flow.
    std::mutex overflowMutex_;
    PointerList<Batch> overflow_;
    std::size_t overflowFirst_ = 0;
    std::atomic<std::int64_t> announced_{0};
    std::atomic<bool> producerWaits_{false};
    // written by the consumer
    alignas(64) std::atomic<std::uint64_t> head_{0};
    std::uint64_t knownTail_ = 0;
    std::uint64_t idlesTaken_ = 0;
    bool waits_ = false;
    std::atomic<std::uint64_t> waitedFor_{
        0};  ///< how often it was idle before event time began to wait for it, plus one
};

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/runtime/channel.ipp>
#endif

#endif  // MILLRACE_RUNTIME_CHANNEL_HPP
