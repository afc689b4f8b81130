#ifndef MILLRACE_BENCHMARKS_THROUGHPUT_EXCHANGE_BASELINE_HPP
#define MILLRACE_BENCHMARKS_THROUGHPUT_EXCHANGE_BASELINE_HPP

#include "records.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <type_traits>

// A hash exchange by hand, between two threads that each aggregate: rings of batches that are filled and read in place, and
// watermarks inside the batches. Both generate and split, neither far ahead of the other; or only the first one does, where the
// order of the whole stream counts.

namespace bench::hand {

inline constexpr std::size_t kBatchRecords = 512;

struct EventBatch {
    std::size_t size = 0;
    std::int64_t watermark = -1;  ///< behind the events; -1: none
    Event events[kBatchRecords];
};

/// One producer, one consumer.
class BatchRing {
    static constexpr std::uint64_t kSlots = 16;

public:
    EventBatch* room() {
        const std::uint64_t head = head_.load(std::memory_order_relaxed);
        if (head - knownTail_ >= kSlots) {
            knownTail_ = tail_.load(std::memory_order_acquire);
            if (head - knownTail_ >= kSlots) return nullptr;
        }
        return &slots_[head % kSlots];
    }
    void push() { head_.store(head_.load(std::memory_order_relaxed) + 1, std::memory_order_release); }
    EventBatch* front() {
        const std::uint64_t tail = tail_.load(std::memory_order_relaxed);
        if (tail == knownHead_) {
            knownHead_ = head_.load(std::memory_order_acquire);
            if (tail == knownHead_) return nullptr;
        }
        return &slots_[tail % kSlots];
    }
    void pop() { tail_.store(tail_.load(std::memory_order_relaxed) + 1, std::memory_order_release); }

private:
    alignas(64) std::atomic<std::uint64_t> head_{0};
    std::uint64_t knownTail_ = 0;
    alignas(64) std::atomic<std::uint64_t> tail_{0};
    std::uint64_t knownHead_ = 0;
    std::unique_ptr<EventBatch[]> slots_{new EventBatch[kSlots]};
};

inline void pauseOrYield(unsigned& waited) {
    if (++waited < 256) {
#if defined(__x86_64__)
        __builtin_ia32_pause();
#endif
    } else {
        std::this_thread::yield();
    }
}

/// One of the two workers.
template <class MakeOperator, class Generator>
class ExchangeWorker {
public:
    ExchangeWorker(unsigned index, unsigned sources, BatchRing& in, BatchRing& out, Generator generate,
                   std::int64_t stepMicros, MakeOperator makeOperator)
        : index_(index), sources_(sources), in_(in), out_(out), generate_(generate), step_(stepMicros),
          op_(makeOperator()), own_(index < sources ? -1 : kLastWatermark),
          other_(1 - index < sources ? -1 : kLastWatermark) {}

    Result run(std::uint64_t count) {
        if (index_ < sources_) produce(count);
        unsigned waited = 0;
        while (other_ != kLastWatermark) {
            if (receive()) {
                waited = 0;
            } else {
                pauseOrYield(waited);
            }
        }
        advance();
        return op_.result;
    }

private:
    void produce(std::uint64_t count) {
        const std::int64_t furthestAhead = static_cast<std::int64_t>(160 * kWatermarkEvery) * step_;
        const auto isAhead = [&] { return other_ < own_ - furthestAhead; };
        for (std::uint64_t block = index_; block * kWatermarkEvery < count; block += sources_) {
            unsigned waited = 0;
            if (isAhead() && open_ != nullptr && open_->size > 0) send(own_);
            while (isAhead()) receiveOr([&] { pauseOrYield(waited); });
            const std::uint64_t from = block * kWatermarkEvery;
            const std::uint64_t end = std::min(count, from + kWatermarkEvery);
            const std::size_t mine = split(from, end);
            const std::int64_t watermark = static_cast<std::int64_t>(end - 1) * step_ - maxDelayOf<Generator>();
            if (open_->size * 2 >= kBatchRecords) send(watermark);
            op_.onBatch(mine_, mine);
            own_ = watermark;
            advance();
            for (int i = 0; i < 2 && receive(); ++i) {}
        }
        if (open_ == nullptr) open();
        send(kLastWatermark);
        own_ = kLastWatermark;
    }
    /// Writes each event to both destinations and advances one of them: no branch to mispredict.
    std::size_t split(std::uint64_t from, std::uint64_t end) {
        if (open_ == nullptr) open();
        Event* theirs = open_->events;
        std::size_t theirSize = open_->size;
        std::size_t mySize = 0;
        for (std::uint64_t i = from; i < end; ++i) {
            const Event event = generate_(i);
            const std::size_t away = static_cast<unsigned>((event.key * kThird) >> 63) != index_;
            mine_[mySize] = event;
            theirs[theirSize] = event;
            mySize += 1 - away;
            theirSize += away;
            if (theirSize == kBatchRecords) [[unlikely]] {
                open_->size = theirSize;
                out_.push();
                open();
                theirs = open_->events;
                theirSize = 0;
            }
        }
        open_->size = theirSize;
        return mySize;
    }
    void open() {
        unsigned waited = 0;
        while ((open_ = out_.room()) == nullptr) receiveOr([&] { pauseOrYield(waited); });
        open_->size = 0;
        open_->watermark = -1;
    }
    void send(std::int64_t watermark) {
        if (open_ == nullptr) open();
        open_->watermark = watermark;
        out_.push();
        open_ = nullptr;
    }
    bool receive() {
        EventBatch* const batch = in_.front();
        if (batch == nullptr) return false;
        op_.onBatch(batch->events, batch->size);
        if (batch->watermark >= 0) other_ = batch->watermark;
        in_.pop();
        advance();
        return true;
    }
    template <class Wait>
    void receiveOr(Wait wait) {
        if (!receive()) wait();
    }
    void advance() {
        const std::int64_t watermark = std::min(own_, other_);
        if (watermark <= watermark_) return;
        watermark_ = watermark;
        op_.onWatermark(watermark);
    }

    const unsigned index_;
    const unsigned sources_;
    BatchRing& in_;
    BatchRing& out_;
    const Generator generate_;
    const std::int64_t step_;
    std::invoke_result_t<MakeOperator> op_;
    EventBatch* open_ = nullptr;
    Event mine_[kWatermarkEvery];
    std::int64_t own_;
    std::int64_t other_;
    std::int64_t watermark_ = -1;
};

template <class MakeOperator, class Generator>
Result runExchanged(std::uint64_t count, Generator generate, std::int64_t stepMicros, MakeOperator makeOperator,
                    unsigned sources = 2) {
    BatchRing toFirst, toSecond;
    Result results[2];
    using Worker = ExchangeWorker<MakeOperator, Generator>;
    const auto work = [&](unsigned index) {
        BatchRing& in = index == 0 ? toFirst : toSecond;
        BatchRing& out = index == 0 ? toSecond : toFirst;
        results[index] =
            std::make_unique<Worker>(index, sources, in, out, generate, stepMicros, makeOperator)->run(count);
    };
    std::thread second(work, 1u);
    work(0);
    second.join();
    return {results[0].count + results[1].count, results[0].checksum + results[1].checksum, 0};
}

}  // namespace bench::hand

#endif  // MILLRACE_BENCHMARKS_THROUGHPUT_EXCHANGE_BASELINE_HPP
