#include <millrace/runtime/channel.hpp>

namespace millrace::detail {

MILLRACE_INLINE void Channel::push(Batch* batch) {
    const std::uint64_t tail = tail_.load(std::memory_order_relaxed);
    slots_[tail % kMaxCapacity] = batch;
    tail_.store(tail + 1);
    consumer_.wake();
}

MILLRACE_INLINE void Channel::send(Batch* batch) {
    if (overflowFirst_ == overflow_.size() && hasRoom()) {
        push(batch);
        return;
    }
    if (overflowFirst_ == overflow_.size()) blocked_.add(*this);
    try {
        overflow_.add(*batch);
    } catch (...) {
        batch->destroy();
        throw;
    }
}

MILLRACE_INLINE bool Channel::drainOverflow() {
    while (overflowFirst_ < overflow_.size() && hasRoom()) push(&overflow_[overflowFirst_++]);
    if (overflowFirst_ < overflow_.size()) return false;
    overflow_.clear();  // keeps its room: no allocation per wait
    overflowFirst_ = 0;
    return true;
}

MILLRACE_INLINE Batch* Channel::receive() {
    const std::uint64_t head = head_.load(std::memory_order_relaxed);
    if (head == knownTail_) {
        knownTail_ = tail_.load();
        if (head == knownTail_) return nullptr;
    }
    Batch* const batch = slots_[head % kMaxCapacity];
    head_.store(head + 1);
    // not at the first free slot: a producer that is woken for one batch at a time pays a wake-up per batch
    if (producerWaits_.load() && tail_.load() - (head + 1) <= capacity_ / 2 && producerWaits_.exchange(false))
        producer_.wake();
    return batch;
}

MILLRACE_INLINE void Channel::clear() noexcept {
    std::uint64_t head = head_.load(std::memory_order_relaxed);
    for (const std::uint64_t tail = tail_.load(); head != tail; ++head) slots_[head % kMaxCapacity]->destroy();
    head_.store(head);
    knownTail_ = head;
    while (overflowFirst_ < overflow_.size()) overflow_[overflowFirst_++].destroy();
    overflow_.clear();
    overflowFirst_ = 0;
}

}  // namespace millrace::detail
