#ifndef MILLRACE_BENCHMARKS_THROUGHPUT_BASELINES_HPP
#define MILLRACE_BENCHMARKS_THROUGHPUT_BASELINES_HPP

#include "records.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

#if defined(__linux__)
#include <sys/mman.h>
#endif

// What a careful engineer writes by hand for one workload and no other: the loops that millrace is measured against.
// For each row of the table the fastest of the known variants.

namespace bench::hand {

inline std::uint64_t hashOf(std::uint64_t key) {
    return key * kGolden;
}  // Fibonacci hashing: the high bits count

// ---- W1: generate into a batch, compact behind the filter without a branch, then the rest

inline Result mapFilterMap(std::uint64_t count) {
    static Event generated[kWatermarkEvery];
    static Event kept[kWatermarkEvery + 1];
    const EventGenerator generate{1000};
    Result result;
    for (std::uint64_t from = 0; from < count; from += kWatermarkEvery) {
        const std::uint64_t size = std::min(kWatermarkEvery, count - from);
        for (std::uint64_t i = 0; i < size; ++i) generated[i] = generate(from + i);
        std::uint64_t passed = 0;
        for (std::uint64_t i = 0; i < size; ++i) {
            Event event = generated[i];
            event.value *= 1.1;
            kept[passed] = event;
            passed += event.key % 3 != 0;
        }
        for (std::uint64_t i = 0; i < passed; ++i) result.sum += kept[i].value + 1.0;
        result.count += passed;
    }
    return result;
}

// ---- tables

/// Zeroed memory; with 2 MiB pages where that is more than a few of them.
template <class Slot>
class SlotMemory {
    static constexpr std::size_t kHugePage = std::size_t{2} << 20;

public:
    SlotMemory() = default;
    SlotMemory(std::size_t slots, bool hugePages) {
        std::size_t bytes = slots * sizeof(Slot);
        const bool huge = hugePages && slots > 4096;
        const std::size_t alignment = huge ? kHugePage : 64;
        bytes = (bytes + alignment - 1) / alignment * alignment;
        slots_ = static_cast<Slot*>(std::aligned_alloc(alignment, bytes));
        if (slots_ == nullptr) throw std::bad_alloc();
#if defined(__linux__)
        if (huge) ::madvise(slots_, bytes, MADV_HUGEPAGE);
#endif
        std::memset(static_cast<void*>(slots_), 0, slots * sizeof(Slot));
    }
    SlotMemory(SlotMemory&& other) noexcept : slots_(std::exchange(other.slots_, nullptr)) {}
    SlotMemory& operator=(SlotMemory&& other) noexcept {
        std::swap(slots_, other.slots_);
        return *this;
    }
    ~SlotMemory() { std::free(slots_); }
    Slot& operator[](std::size_t i) const { return slots_[i]; }
    Slot* data() const { return slots_; }

private:
    Slot* slots_ = nullptr;
};

/// Open addressing, linear probing, 24 bytes a key; records == 0 means free.
template <bool kHugePages>
class AggregateTable {
public:
    struct Slot {
        std::uint64_t key;
        double total;
        std::uint64_t records;
    };

    AggregateTable() { allocate(16); }

    void prefetch(std::uint64_t key) const { __builtin_prefetch(&slots_[hashOf(key) >> shift_], 1); }
    void add(std::uint64_t key, double value) {
        std::uint64_t at = hashOf(key) >> shift_;
        for (;;) {
            Slot& slot = slots_[at];
            if (slot.records != 0 && slot.key == key) [[likely]] {
                slot.total += value;
                ++slot.records;
                return;
            }
            if (slot.records == 0) {
                if (used_ * 10 >= capacity_ * 7) {
                    grow();
                    return add(key, value);
                }
                slot = {key, value, 1};
                ++used_;
                return;
            }
            at = (at + 1) & (capacity_ - 1);
        }
    }
    /// Adds what another table has of a key.
    void merge(const Slot& other) {
        std::uint64_t at = hashOf(other.key) >> shift_;
        while (slots_[at].records != 0 && slots_[at].key != other.key) at = (at + 1) & (capacity_ - 1);
        Slot& slot = slots_[at];
        if (slot.records != 0) {
            slot.total += other.total;
            slot.records += other.records;
        } else if (used_ * 10 >= capacity_ * 7) {
            grow();
            merge(other);
        } else {
            slot = other;
            ++used_;
        }
    }
    template <class Fn>
    void drain(Fn&& fn) {
        if (used_ == 0) return;
        for (std::uint64_t i = 0; i < capacity_; ++i) {
            if (slots_[i].records == 0) continue;
            fn(slots_[i]);
            slots_[i].records = 0;
        }
        used_ = 0;
    }

private:
    void allocate(std::uint64_t capacity) {
        slots_ = SlotMemory<Slot>(capacity, kHugePages);
        capacity_ = capacity;
        shift_ = 64 - std::countr_zero(capacity);
        used_ = 0;
    }
    [[gnu::noinline]] void grow() {
        const SlotMemory<Slot> old = std::move(slots_);
        const std::uint64_t oldCapacity = capacity_;
        allocate(capacity_ * 2);
        for (std::uint64_t i = 0; i < oldCapacity; ++i) {
            if (old[i].records == 0) continue;
            std::uint64_t at = hashOf(old[i].key) >> shift_;
            while (slots_[at].records != 0) at = (at + 1) & (capacity_ - 1);
            slots_[at] = old[i];
            ++used_;
        }
    }

    SlotMemory<Slot> slots_;
    std::uint64_t capacity_ = 0;
    std::uint64_t used_ = 0;
    int shift_ = 60;
};

// ---- W2, W7, W8: tumbling windows, a ring of panes with a table each

template <bool kHugePages, int kPrefetchAhead>
class TumblingAverage {
    static constexpr int kPanes = 2;  // records and watermark are never a whole window apart in these workloads

public:
    explicit TumblingAverage(std::int64_t sizeMicros) : size_(sizeMicros), current_(&panes_[0]) {}
    TumblingAverage(const TumblingAverage&) = delete;
    TumblingAverage& operator=(const TumblingAverage&) = delete;

    void add(std::uint64_t key, std::int64_t micros, double value) {
        if (static_cast<std::uint64_t>(micros - paneStart_) >= static_cast<std::uint64_t>(size_)) [[unlikely]] {
            const std::int64_t pane = micros / size_;
            paneStart_ = pane * size_;
            current_ = &panes_[pane % kPanes];
            latest_ = std::max(latest_, pane);
        }
        current_->add(key, value);
    }
    void add(const Event& event) { add(event.key, event.micros, event.value); }
    void add(const Trade& trade) { add(trade.industry, trade.micros, trade.price); }
    void onBatch(const Event* events, std::uint64_t count) {
        for (std::uint64_t i = 0; i < count; ++i) {
            if constexpr (kPrefetchAhead > 0) {
                if (i + kPrefetchAhead < count) current_->prefetch(events[i + kPrefetchAhead].key);
            }
            add(events[i]);
        }
    }
    void onBatch(const Trade* trades, std::uint64_t count) {
        for (std::uint64_t i = 0; i < count; ++i) add(trades[i]);
    }
    void onWatermark(std::int64_t micros) {
        while (fired_ <= latest_ && (fired_ + 1) * size_ - 1 <= micros) {
            const std::int64_t end = (fired_ + 1) * size_;
            panes_[fired_ % kPanes].drain([&](const auto& slot) {
                result.addWindow(slot.key, end, slot.records, slot.total / static_cast<double>(slot.records));
            });
            ++fired_;
        }
    }

    Result result;

private:
    std::int64_t size_;
    AggregateTable<kHugePages> panes_[kPanes];
    std::int64_t paneStart_ = 0;
    AggregateTable<kHugePages>* current_;
    std::int64_t fired_ = 0;  ///< the first pane that has not fired
    std::int64_t latest_ = 0;
};

// ---- W2 with nearly as many keys as records in a window: nothing is aggregated before the window fires. Its records are in
// 256 logs by the hash of the key, which are written front to back; each is then aggregated in a table that stays in L2

class LoggedAverage {
    static constexpr int kLogBits = 8;
    static constexpr std::int64_t kPanes = 2;

public:
    explicit LoggedAverage(std::int64_t sizeMicros) : size_(sizeMicros), current_(panes_[0]) {}
    LoggedAverage(const LoggedAverage&) = delete;
    LoggedAverage& operator=(const LoggedAverage&) = delete;

    void add(std::uint64_t key, std::int64_t micros, double value) {
        if (static_cast<std::uint64_t>(micros - paneStart_) >= static_cast<std::uint64_t>(size_)) [[unlikely]] {
            const std::int64_t pane = micros / size_;
            paneStart_ = pane * size_;
            current_ = panes_[pane % kPanes];
            latest_ = std::max(latest_, pane);
        }
        Log& log = current_[(key * kThird) >> (64 - kLogBits)];
        if (log.size == log.capacity) [[unlikely]]
            log.grow();
        log.entries[log.size++] = {key, value};
    }
    void onBatch(const Event* events, std::uint64_t count) {
        for (std::uint64_t i = 0; i < count; ++i) add(events[i].key, events[i].micros, events[i].value);
    }
    void onWatermark(std::int64_t micros) {
        for (; fired_ <= latest_ && (fired_ + 1) * size_ - 1 <= micros; ++fired_) {
            const std::int64_t end = (fired_ + 1) * size_;
            for (Log& log : panes_[fired_ % kPanes]) {
                for (std::size_t i = 0; i < log.size; ++i) table_.add(log.entries[i].key, log.entries[i].value);
                log.size = 0;
                table_.drain([&](const auto& slot) {
                    result.addWindow(slot.key, end, slot.records, slot.total / static_cast<double>(slot.records));
                });
            }
        }
    }

    Result result;

private:
    struct Entry {
        std::uint64_t key;
        double value;
    };
    struct Log {
        Entry* entries = nullptr;
        std::size_t size = 0;
        std::size_t capacity = 0;

        Log() = default;
        Log(const Log&) = delete;
        Log& operator=(const Log&) = delete;
        ~Log() { std::free(entries); }
        [[gnu::noinline]] void grow() {
            const std::size_t wanted = capacity == 0 ? 256 : 2 * capacity;
            void* const memory = std::realloc(entries, wanted * sizeof(Entry));
            if (memory == nullptr) throw std::bad_alloc();
            entries = static_cast<Entry*>(memory);
            capacity = wanted;
        }
    };

    std::int64_t size_;
    Log panes_[kPanes][1 << kLogBits];
    AggregateTable<false> table_;
    Log* current_;
    std::int64_t paneStart_ = 0;
    std::int64_t fired_ = 0;
    std::int64_t latest_ = 0;
};

// ---- W3: sliding windows, one slice per slide, columns over dense key ids; when a slice ends, sum and count of all keys
// are carried on (add the new slice, subtract the one that leaves), the maximum goes over two stacks of whole columns

/// key -> 0, 1, 2, …
class KeyIds {
public:
    KeyIds() : slots_(16) {}

    std::uint32_t idOf(std::uint64_t key) {
        std::uint64_t at = hashOf(key) >> shift_;
        for (;;) {
            Slot& slot = slots_[at];
            if (slot.idPlus1 != 0 && slot.key == key) [[likely]]
                return slot.idPlus1 - 1;
            if (slot.idPlus1 == 0) {
                if (keys_.size() * 10 >= slots_.size() * 7) {
                    grow();
                    return idOf(key);
                }
                keys_.push_back(key);
                slot = {key, static_cast<std::uint32_t>(keys_.size())};
                return slot.idPlus1 - 1;
            }
            at = (at + 1) & (slots_.size() - 1);
        }
    }
    std::uint64_t capacity() const { return slots_.size(); }
    const std::vector<std::uint64_t>& keys() const { return keys_; }

private:
    struct Slot {
        std::uint64_t key = 0;
        std::uint32_t idPlus1 = 0;
    };
    [[gnu::noinline]] void grow() {
        const std::uint64_t capacity = slots_.size() * 2;
        slots_.assign(capacity, Slot{});
        shift_ = 64 - std::countr_zero(capacity);
        for (std::uint32_t id = 0; id < keys_.size(); ++id) {
            std::uint64_t at = hashOf(keys_[id]) >> shift_;
            while (slots_[at].idPlus1 != 0) at = (at + 1) & (capacity - 1);
            slots_[at] = {keys_[id], id + 1};
        }
    }

    std::vector<Slot> slots_;
    std::vector<std::uint64_t> keys_;
    int shift_ = 60;
};

class SlidingStatistics {
    struct Cell {
        double total = 0;
        double largest = kLowest;
        std::uint64_t records = 0;
    };
    using Slice = std::vector<Cell>;

public:
    SlidingStatistics(std::int64_t sizeMicros, std::int64_t slideMicros)
        : slide_(slideMicros), perWindow_(sizeMicros / slideMicros), ring_(static_cast<std::size_t>(perWindow_ + 8)),
          back_(static_cast<std::size_t>(perWindow_)), current_(&ring_[0]) {}
    SlidingStatistics(const SlidingStatistics&) = delete;
    SlidingStatistics& operator=(const SlidingStatistics&) = delete;

    void onBatch(const Event* events, std::uint64_t count) {
        for (std::uint64_t i = 0; i < count; ++i) add(events[i]);
    }
    void add(const Event& event) {
        if (static_cast<std::uint64_t>(event.micros - sliceStart_) >= static_cast<std::uint64_t>(slide_)) [[unlikely]] {
            const std::int64_t slice = event.micros / slide_;
            sliceStart_ = slice * slide_;
            current_ = &at(slice);
            latest_ = std::max(latest_, slice);
        }
        const std::uint32_t id = ids_.idOf(event.key);
        if (id >= current_->size()) [[unlikely]]
            extend(*current_, id + 1);
        Cell& cell = (*current_)[id];
        cell.total += event.value;
        cell.largest = event.value > cell.largest ? event.value : cell.largest;
        ++cell.records;
    }
    void onWatermark(std::int64_t micros) {
        // the window that ends with a slice fires with it; behind the last slice with data, perWindow_ - 1 more
        while (fired_ <= latest_ + perWindow_ - 1 && (fired_ + 1) * slide_ - 1 <= micros) fire();
    }

    Result result;

private:
    static constexpr double kLowest = -1e300;

    Slice& at(std::int64_t slice) {
        const auto size = static_cast<std::int64_t>(ring_.size());
        return ring_[static_cast<std::size_t>((slice + size) % size)];
    }
    void extend(Slice& slice, std::uint64_t keys) {
        if (slice.size() < keys) slice.resize(std::max(keys, ids_.capacity()));
    }
    void fire() {
        const std::uint64_t keys = ids_.keys().size();
        total_.resize(keys);
        records_.resize(keys);
        front_.resize(keys, kLowest);
        if (backSize_ == 0) refillBack(keys);
        Slice& entering = at(fired_);
        extend(entering, keys);
        Slice* const leaving = fired_ >= perWindow_ ? &at(fired_ - perWindow_) : nullptr;
        if (leaving != nullptr) extend(*leaving, keys);
        const double* back = nullptr;
        if (backSize_ >= 2) {
            auto& column = back_[static_cast<std::size_t>(backSize_ - 2)];
            column.resize(keys, kLowest);
            back = column.data();
        }
        const std::int64_t end = (fired_ + 1) * slide_;
        for (std::uint64_t i = 0; i < keys; ++i) {
            total_[i] += entering[i].total;
            records_[i] += entering[i].records;
            front_[i] = std::max(front_[i], entering[i].largest);
            if (leaving != nullptr) {
                total_[i] -= (*leaving)[i].total;
                records_[i] -= (*leaving)[i].records;
            }
            const double largest = back != nullptr ? std::max(front_[i], back[i]) : front_[i];
            if (records_[i] != 0) result.addWindow(ids_.keys()[i], end, records_[i], total_[i], largest);
        }
        --backSize_;
        if (leaving != nullptr) std::fill(leaving->begin(), leaving->end(), Cell{});
        ++fired_;
    }
    /// back_[j] becomes the maximum over the j + 1 slices before this one.
    void refillBack(std::uint64_t keys) {
        for (std::int64_t j = 1; j < perWindow_; ++j) {
            Slice& slice = at(fired_ - j);
            extend(slice, keys);
            auto& column = back_[static_cast<std::size_t>(j - 1)];
            column.resize(keys);
            for (std::uint64_t i = 0; i < keys; ++i) {
                const double largest = fired_ >= j ? slice[i].largest : kLowest;
                column[i] = j > 1 ? std::max(largest, back_[static_cast<std::size_t>(j - 2)][i]) : largest;
            }
        }
        backSize_ = perWindow_;
        std::fill(front_.begin(), front_.end(), kLowest);
    }

    std::int64_t slide_;
    std::int64_t perWindow_;
    KeyIds ids_;
    std::vector<Slice> ring_;
    std::vector<std::vector<double>> back_;
    std::vector<double> front_;
    std::vector<double> total_;
    std::vector<std::uint64_t> records_;
    std::int64_t backSize_ = 0;
    std::int64_t sliceStart_ = 0;
    Slice* current_;
    std::int64_t fired_ = 0;
    std::int64_t latest_ = 0;
};

// ---- W6: rolling sum, one result per record

/// Of amounts or of events. Kept of each key: its sum, or (Event) its first record with the sum in it, as `sum` of a pipeline does.
template <bool kHugePages, int kPrefetchAhead, class Kept = double>
class RollingSum {
public:
    explicit RollingSum(std::uint64_t capacity = 16) { allocate(capacity); }

    template <class Record>
    void add(const Record& record) {
        result.addRolling(record.key, update(record));
    }
    template <class Record>
    void onBatch(const Record* records, std::uint64_t count) {
        for (std::uint64_t i = 0; i < count; ++i) {
            if constexpr (kPrefetchAhead > 0) {
                if (i + kPrefetchAhead < count) {
                    __builtin_prefetch(&slots_[hashOf(records[i + kPrefetchAhead].key) >> shift_], 1);
                }
            }
            add(records[i]);
        }
    }
    void onWatermark(std::int64_t) {}

    Result result;

private:
    struct Slot {
        std::uint64_t keyPlus1;
        Kept kept;
    };
    static double& totalOf(double& kept) { return kept; }
    static double& totalOf(Event& kept) { return kept.value; }
    template <class Record>
    static Kept firstOf(const Record& record) {
        if constexpr (std::is_same_v<Kept, Record>) {
            return record;
        } else {
            return record.value;
        }
    }

    template <class Record>
    double update(const Record& record) {
        const std::uint64_t key = record.key;
        std::uint64_t at = hashOf(key) >> shift_;
        for (;;) {
            Slot& slot = slots_[at];
            if (slot.keyPlus1 == key + 1) [[likely]]
                return totalOf(slot.kept) += record.value;
            if (slot.keyPlus1 == 0) {
                if (used_ * 10 >= capacity_ * 7) {
                    grow();
                    return update(record);
                }
                slot = {key + 1, firstOf(record)};
                ++used_;
                return record.value;
            }
            at = (at + 1) & (capacity_ - 1);
        }
    }
    void allocate(std::uint64_t capacity) {
        slots_ = SlotMemory<Slot>(capacity, kHugePages);
        capacity_ = capacity;
        shift_ = 64 - std::countr_zero(capacity);
    }
    [[gnu::noinline]] void grow() {
        const SlotMemory<Slot> old = std::move(slots_);
        const std::uint64_t oldCapacity = capacity_;
        allocate(capacity_ * 2);
        for (std::uint64_t i = 0; i < oldCapacity; ++i) {
            if (old[i].keyPlus1 == 0) continue;
            std::uint64_t at = hashOf(old[i].keyPlus1 - 1) >> shift_;
            while (slots_[at].keyPlus1 != 0) at = (at + 1) & (capacity_ - 1);
            slots_[at] = old[i];
        }
    }

    SlotMemory<Slot> slots_;
    std::uint64_t capacity_ = 0;
    std::uint64_t used_ = 0;
    int shift_ = 60;
};

// ---- the loops around them

/// One record at a time, generation fused in.
template <class Operator, class Generator>
Result runFused(std::uint64_t count, Generator generate, std::int64_t stepMicros, Operator&& op) {
    for (std::uint64_t from = 0; from < count; from += kWatermarkEvery) {
        const std::uint64_t end = std::min(count, from + kWatermarkEvery);
        for (std::uint64_t i = from; i < end; ++i) op.add(generate(i));
        op.onWatermark(static_cast<std::int64_t>(end - 1) * stepMicros - maxDelayOf<Generator>());
    }
    op.onWatermark(kLastWatermark);
    return op.result;
}

/// Generates into a batch that stays in L1, then probes.
template <class Operator, class Generator>
Result runBatched(std::uint64_t count, Generator generate, std::int64_t stepMicros, Operator&& op) {
    static decltype(generate(0)) batch[kWatermarkEvery];
    for (std::uint64_t from = 0; from < count; from += kWatermarkEvery) {
        const std::uint64_t size = std::min(kWatermarkEvery, count - from);
        for (std::uint64_t i = 0; i < size; ++i) batch[i] = generate(from + i);
        op.onBatch(batch, size);
        op.onWatermark(static_cast<std::int64_t>(from + size - 1) * stepMicros - maxDelayOf<Generator>());
    }
    op.onWatermark(kLastWatermark);
    return op.result;
}

}  // namespace bench::hand

#endif  // MILLRACE_BENCHMARKS_THROUGHPUT_BASELINES_HPP
