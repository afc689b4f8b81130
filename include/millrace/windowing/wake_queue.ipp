#ifndef MILLRACE_WINDOWING_WAKE_QUEUE_IPP
#define MILLRACE_WINDOWING_WAKE_QUEUE_IPP

#include <millrace/core/algorithm.hpp>
#include <millrace/windowing/wake_queue.hpp>

#include <utility>

namespace millrace::detail {

MILLRACE_INLINE void WakeQueue::begin(int level) {
    if (levels_[level] == nullptr) levels_[level] = std::make_unique<Level>();
    occupied_ |= 1u << level;
}

MILLRACE_INLINE void WakeQueue::addChunk(int level, unsigned index) {
    if (free_ == nullptr) {
        const std::size_t more = std::max<std::size_t>(32, chunks_ / 2);
        memory_.emplace_back(new Chunk[more]);
        chunks_ += more;
        for (std::size_t i = 0; i < more; ++i) release(&memory_.back()[i]);
    }
    Slot& slot = levels_[level]->slots[index];
    levels_[level]->occupied[index / 64] |= std::uint64_t{1} << index % 64;
    Chunk* const chunk = free_;
    free_ = chunk->next;
    chunk->next = slot.first;
    slot.first = chunk;
    slot.inOthers += slot.inFirst;
    slot.inFirst = 0;
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
    slot.inFirst = slot.first != nullptr ? Chunk::kWakes : 0;
    slot.inOthers -= slot.inFirst;
}

MILLRACE_INLINE Timestamp WakeQueue::takeDue(Timestamp now, std::vector<Wake>& due) {
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
            due.insert(due.end(), chunk->wakes, chunk->wakes + slot.inFirst);
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
MILLRACE_INLINE void WakeQueue::takePart(int level, unsigned index, Timestamp now, std::vector<Wake>& due) {
    Slot& kept = levels_[level]->slots[index];
    Slot slot = std::exchange(kept, {});
    while (slot.first != nullptr) {
        Chunk* const chunk = slot.first;
        __builtin_prefetch(chunk->next);
        for (std::uint32_t i = 0; i < slot.inFirst; ++i) {
            const Wake wake = chunk->wakes[i];
            if (wake.time <= now) {
                due.push_back(wake);
                continue;
            }
            if (kept.first == nullptr || kept.inFirst == Chunk::kWakes) addChunk(level, index);
            kept.first->wakes[kept.inFirst++] = wake;
        }
        takeFirst(slot);
        release(chunk);
    }
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

MILLRACE_INLINE void sortWakes(std::vector<Wake>& wakes) {
    constexpr std::size_t kBuckets = 512;
    constexpr std::size_t kMost = 1100;
    const std::size_t count = wakes.size();
    Wake* const begin = wakes.data();
    if (count > 24 && count <= kMost) {
        // by place between the first and the last time, then by exchanging neighbours: hardly any branch goes astray
        const auto [first, last] =
            std::minmax_element(begin, begin + count, [](const Wake& a, const Wake& b) { return a.time < b.time; });
        const Timestamp from = first->time;
        const auto span = static_cast<std::uint64_t>((last->time - from).count());
        const int shift = span < kBuckets ? 0 : 64 - __builtin_clzll(span) - 9;
        const auto bucketOf = [from, shift](const Wake& wake) {
            return static_cast<std::uint64_t>((wake.time - from).count()) >> shift;
        };
        std::uint16_t places[kBuckets + 1] = {};
        for (std::size_t i = 0; i < count; ++i) ++places[bucketOf(begin[i]) + 1];
        for (std::size_t b = 0; b < kBuckets; ++b)
            places[b + 1] = static_cast<std::uint16_t>(places[b + 1] + places[b]);
        Wake sorted[kMost];
        for (std::size_t i = 0; i < count; ++i) sorted[places[bucketOf(begin[i])]++] = begin[i];
        std::copy(sorted, sorted + count, begin);
    } else if (count > kMost) {
        std::sort(begin, begin + count, [](const Wake& a, const Wake& b) { return a.time < b.time; });
        return;
    }
    for (std::size_t i = 1; i < count; ++i) {
        const Wake wake = begin[i];
        std::size_t place = i;
        for (; place > 0 && wake.time < begin[place - 1].time; --place) begin[place] = begin[place - 1];
        begin[place] = wake;
    }
}

MILLRACE_INLINE void insertWake(std::vector<Wake>& wakes, std::size_t from, const Wake& wake) {
    const auto place = std::upper_bound(wakes.begin() + static_cast<std::ptrdiff_t>(from), wakes.end(), wake,
                                        [](const Wake& a, const Wake& b) { return a.time < b.time; });
    wakes.insert(place, wake);
}

}  // namespace millrace::detail

#endif  // MILLRACE_WINDOWING_WAKE_QUEUE_IPP
