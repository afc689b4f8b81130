#include <millrace/runtime/channel.hpp>

namespace millrace::detail {

MILLRACE_INLINE void Channel::push(Batch* batch) {
    const std::uint64_t tail = tail_.load(std::memory_order_relaxed);
    slots_[tail % kMaxCapacity] = batch;
    tail_.store(tail + 1);
    consumer_.wake();
}

void Channel::send(Batch* batch) {
    const ControlKind control = batch->control;
    const std::int64_t checkpoint = batch->controlId;
    if (control == ControlKind::Idle) ++idlesSent_;
    enqueue(batch);  // from here on it is the consumer's
    if (control != ControlKind::Barrier && control != ControlKind::EndOfInput) return;
    announced_.store(control == ControlKind::Barrier ? checkpoint : kEnded);
    consumer_.wake();
}

MILLRACE_INLINE void Channel::enqueue(Batch* batch) {
    if (overflowFirst_ == overflow_.size() && hasRoom()) {
        push(batch);
        return;
    }
    if (overflowFirst_ == overflow_.size()) blocked_.add(*this);
    try {
        const std::lock_guard lock(overflowMutex_);
        overflow_.add(*batch);
    } catch (...) {
        batch->destroy();
        throw;
    }
}

MILLRACE_INLINE_COLD bool Channel::drainOverflow() {
    const std::lock_guard lock(overflowMutex_);
    while (overflowFirst_ < overflow_.size() && hasRoom()) push(&overflow_[overflowFirst_++]);
    if (overflowFirst_ < overflow_.size()) return false;
    overflow_.clear();  // keeps its room: no allocation per wait
    overflowFirst_ = 0;
    return true;
}

MILLRACE_INLINE_COLD void Channel::unread(std::int64_t barrier, PointerList<Batch>& batches) {
    const std::lock_guard lock(overflowMutex_);
    const auto isLast = [&](const Batch& batch) {
        return batch.control == ControlKind::EndOfInput ||
               (batch.control == ControlKind::Barrier && batch.controlId >= barrier);
    };
    const std::uint64_t tail = tail_.load();
    for (std::uint64_t at = head_.load(std::memory_order_relaxed); at != tail; ++at) {
        Batch& batch = *slots_[at % kMaxCapacity];
        batches.add(batch);
        if (isLast(batch)) return;
    }
    for (std::size_t i = overflowFirst_; i < overflow_.size(); ++i) {
        batches.add(overflow_[i]);
        if (isLast(overflow_[i])) return;
    }
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

MILLRACE_INLINE_COLD void Channel::clear() noexcept {
    std::uint64_t head = head_.load(std::memory_order_relaxed);
    for (const std::uint64_t tail = tail_.load(); head != tail; ++head) slots_[head % kMaxCapacity]->destroy();
    head_.store(head);
    knownTail_ = head;
    while (overflowFirst_ < overflow_.size()) overflow_[overflowFirst_++].destroy();
    overflow_.clear();
    overflowFirst_ = 0;
}

}  // namespace millrace::detail
