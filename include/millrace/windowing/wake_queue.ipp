#ifndef MILLRACE_WINDOWING_WAKE_QUEUE_IPP
#define MILLRACE_WINDOWING_WAKE_QUEUE_IPP

#include <millrace/core/algorithm.hpp>
#include <millrace/windowing/wake_queue.hpp>

#include <utility>

namespace millrace::detail {

MILLRACE_INLINE_COLD void WakeList::grow(std::size_t size) {
    const std::size_t capacity = std::max(size, 2 * capacity_);
    auto* const wakes = static_cast<Wake*>(::operator new(capacity * sizeof(Wake)));
    if (size_ > 0) std::memcpy(static_cast<void*>(wakes), wakes_, size_ * sizeof(Wake));
    ::operator delete(wakes_);
    wakes_ = wakes;
    capacity_ = capacity;
}

MILLRACE_INLINE_COLD void WakeQueue::putIntoNewChunk(int level, unsigned index, Wake wake) {
    if (levels_[level] == nullptr) levels_[level].reset(new Level());
    if (free_ == nullptr) {
        const std::size_t more = std::max<std::size_t>(32, chunks_ / 2);
        memory_.emplace_back(new Chunk[more]);
        chunks_ += more;
        for (std::size_t i = 0; i < more; ++i) release(&memory_.back()[i]);
    }
    Level& slots = *levels_[level];
    slots.occupied[index / 64] |= std::uint64_t{1} << index % 64;
    occupied_ |= 1u << level;
    Chunk* const chunk = std::exchange(free_, free_->next);
    chunk->wakes[0] = wake;
    addChunk(slots.slots[index], chunk, 1);
}

/// Makes a chunk with that many wakes the first one; the one that was must be full.
MILLRACE_INLINE void WakeQueue::addChunk(Slot& slot, Chunk* chunk, std::uint32_t wakes) {
    if (slot.first != nullptr) slot.inOthers += Chunk::kWakes;
    chunk->next = slot.first;
    slot.first = chunk;
    slot.inFirst = wakes;
}

MILLRACE_INLINE void WakeQueue::release(Chunk* chunk) noexcept {
    chunk->next = free_;
    free_ = chunk;
}

MILLRACE_INLINE void WakeQueue::emptied(int level, unsigned index) noexcept {
    auto& occupied = levels_[level]->occupied;
    occupied[index / 64] &= ~(std::uint64_t{1} << index % 64);
    for (const std::uint64_t word : occupied) {
        if (word != 0) return;
    }
    occupied_ &= ~(1u << level);
}

MILLRACE_INLINE bool WakeQueue::earliest(int& level, unsigned& index, std::uint64_t& start) const noexcept {
    if (occupied_ == 0) return false;
    level = __builtin_ctz(occupied_);  // slots of higher levels begin later
    const auto& occupied = levels_[level]->occupied;
    unsigned word = 0;
    while (occupied[word] == 0) ++word;
    index = word * 64 + static_cast<unsigned>(__builtin_ctzll(occupied[word]));
    const int shift = level * kBits;
    const int above = shift + kBits;
    const std::uint64_t upper = above >= 64 ? 0 : current_ >> above << above;
    start = std::max(current_, upper | (std::uint64_t{index} << shift));
    return true;
}

/// Spreads a slot over the levels below; `current_` has moved into it.
MILLRACE_INLINE void WakeQueue::cascade(int level, unsigned index) {
    Slot slot = std::exchange(levels_[level]->slots[index], {});
    emptied(level, index);
    while (slot.first != nullptr) {
        Chunk* const chunk = slot.first;
        __builtin_prefetch(chunk->next);
        for (std::uint32_t i = 0; i < slot.inFirst; ++i) put(chunk->wakes[i]);
        takeFirst(slot);
        release(chunk);
    }
}

/// Takes the first chunk, which has been read, off a slot.
MILLRACE_INLINE void WakeQueue::takeFirst(Slot& slot) noexcept {
    slot.first = slot.first->next;
    slot.inFirst = Chunk::kWakes;
    if (slot.first != nullptr) slot.inOthers -= Chunk::kWakes;
}

MILLRACE_INLINE Timestamp WakeQueue::takeDue(Timestamp now, WakeList& due) {
    if (!isDue(now)) return now;
    const std::uint64_t until = ordered(now);
    const std::size_t before = due.size();
    std::uint64_t limit = until;
    int level = 0;
    unsigned index = 0;
    std::uint64_t start = 0;
    for (;;) {
        if (!earliest(level, index, start) || start > until) {
            current_ = std::max(current_, until);
            break;
        }
        Slot& slot = levels_[level]->slots[index];
        const int shift = level * kBits;
        const std::uint64_t width = std::uint64_t{1} << shift;
        const std::uint64_t end = (start >> shift << shift) + (width - 1);
        const std::size_t taken = due.size() - before;
        if (taken > 0 && taken + slot.count() > kBatch) {
            limit = start - 1;
            break;
        }
        if (level > 0 && end > until) {
            // where time moves in small steps, finer slots are better than looking through the whole slot each time
            const std::uint64_t step = until - std::min(until, std::max(start, taken_));
            if (slot.count() > kFew && (slot.count() > kBatch || (step > 0 && step < width / 16))) {
                current_ = start;
                cascade(level, index);
                continue;
            }
            takePart(level, index, now, due);
            break;
        }
        current_ = start;
        if (level > 0 && slot.count() > kBatch) {
            cascade(level, index);
            continue;
        }
        while (slot.first != nullptr && due.size() - before < kBatch) {
            Chunk* const chunk = slot.first;
            __builtin_prefetch(chunk->next);
            due.append(chunk->wakes, slot.inFirst);
            takeFirst(slot);
            release(chunk);
        }
        if (slot.first != nullptr) {  // a great many at one tick
            limit = start;
            break;
        }
        emptied(level, index);
    }
    taken_ = limit;
    size_ -= due.size() - before;
    next_ = earliest(level, index, start) ? timeOf(std::max(start, limit == until ? until + 1 : start)) : kMaxTimestamp;
    return timeOf(limit);
}

/// Takes what is due out of a slot that reaches beyond `now`.
MILLRACE_INLINE void WakeQueue::takePart(int level, unsigned index, Timestamp now, WakeList& due) {
    Slot& kept = levels_[level]->slots[index];
    Slot slot = std::exchange(kept, {});
    std::size_t found = due.size();
    due.resize(found + slot.count());
    while (slot.first != nullptr) {
        Chunk* const chunk = slot.first;
        __builtin_prefetch(chunk->next);
        // always write, advance by the comparison: no branch, since the order in which wakes came says nothing
        Wake* const into = due.data() + found;
        std::uint32_t taken = 0;
        for (std::uint32_t i = 0; i < slot.inFirst; ++i) {
            const Wake wake = chunk->wakes[i];
            into[taken] = wake;
            chunk->wakes[i - taken] = wake;
            taken += static_cast<std::uint32_t>(wake.time <= now);
        }
        found += taken;
        std::uint32_t left = slot.inFirst - taken;
        takeFirst(slot);
        if (kept.first != nullptr) {
            const std::uint32_t moved = std::min(left, Chunk::kWakes - kept.inFirst);
            left -= moved;
            std::copy(chunk->wakes + left, chunk->wakes + left + moved, kept.first->wakes + kept.inFirst);
            kept.inFirst += moved;
        }
        if (left > 0) {
            addChunk(kept, chunk, left);
        } else {
            release(chunk);
        }
    }
    due.resize(found);
    if (kept.first == nullptr) emptied(level, index);
}

MILLRACE_INLINE void WakeQueue::startOver() noexcept {
    int level = 0;
    unsigned index = 0;
    std::uint64_t start = 0;
    while (earliest(level, index, start)) {
        Slot& slot = levels_[level]->slots[index];
        while (slot.first != nullptr) {
            Chunk* const chunk = slot.first;
            takeFirst(slot);
            release(chunk);
        }
        emptied(level, index);
    }
    current_ = 0;
    taken_ = 0;
    size_ = 0;
    next_ = kMaxTimestamp;
}

MILLRACE_INLINE void sortWakes(WakeList& wakes, WakeList& room) {
    constexpr std::size_t kBuckets = 512;
    constexpr std::size_t kMost = 4096;
    const std::size_t count = wakes.size();
    if (count > kMost) {
        std::sort(wakes.data(), wakes.data() + count, [](const Wake& a, const Wake& b) { return a.time < b.time; });
        return;
    }
    if (count > 24) {
        // by place between the first and the last time, then by exchanging neighbours: hardly any branch goes astray
        const Wake* const all = wakes.data();
        Timestamp first = all[0].time;
        Timestamp last = first;
        for (std::size_t i = 1; i < count; ++i) {
            const Wake& wake = all[i];
            first = std::min(first, wake.time);
            last = std::max(last, wake.time);
        }
        const auto from = static_cast<std::uint64_t>(first.time_since_epoch().count());
        const std::uint64_t span = static_cast<std::uint64_t>(last.time_since_epoch().count()) - from;
        const int shift = span < kBuckets ? 0 : 64 - __builtin_clzll(span) - 9;
        const auto bucketOf = [from, shift](const Wake& wake) {
            return (static_cast<std::uint64_t>(wake.time.time_since_epoch().count()) - from) >> shift;
        };
        std::uint16_t places[kBuckets + 1] = {};
        for (std::size_t i = 0; i < count; ++i) ++places[bucketOf(all[i]) + 1];
        std::uint16_t place = 0;
        for (std::uint16_t& next : places) next = place = static_cast<std::uint16_t>(place + next);
        room.resize(count);
        Wake* const sorted = room.data();
        for (std::size_t i = 0; i < count; ++i) sorted[places[bucketOf(all[i])]++] = all[i];
        wakes.swap(room);
    }
    Wake* const begin = wakes.data();
    for (std::size_t i = 1; i < count; ++i) {
        const Wake wake = begin[i];
        std::size_t place = i;
        for (; place > 0 && wake.time < begin[place - 1].time; --place) begin[place] = begin[place - 1];
        begin[place] = wake;
    }
}

MILLRACE_INLINE void insertWake(WakeList& wakes, std::size_t from, const Wake& wake) {
    std::size_t place = wakes.size();
    wakes.resize(place + 1);
    Wake* const begin = wakes.data();
    for (; place > from && wake.time < begin[place - 1].time; --place) begin[place] = begin[place - 1];
    begin[place] = wake;
}

}  // namespace millrace::detail

#endif  // MILLRACE_WINDOWING_WAKE_QUEUE_IPP
