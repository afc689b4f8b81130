#ifndef MILLRACE_BENCHMARKS_THROUGHPUT_INTERVAL_JOIN_HPP
#define MILLRACE_BENCHMARKS_THROUGHPUT_INTERVAL_JOIN_HPP

#include "baselines.hpp"
#include "pipelines.hpp"
#include "records.hpp"

#include <millrace/api/interval_join.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <utility>
#include <vector>

// W9: the events with an even index are the left stream, those with an odd one the right stream; pairs of equal key at
// most 50 ms apart. By hand, as a pipeline, and by a slow reference.

namespace bench {

inline constexpr std::int64_t kJoinMicros = 50'000;

/// Every second event, from the first or the second one on.
template <std::uint64_t kFirst>
struct EverySecondEvent {
    static constexpr std::int64_t stepMicros = 2;
    static constexpr std::int64_t firstMicros = kFirst;
    std::uint64_t keys = 1;
    Event operator()(std::uint64_t index) const { return EventGenerator{keys}(2 * index + kFirst); }
};

inline void addPair(Result& result, std::uint64_t key, std::int64_t leftMicros, std::int64_t rightMicros, double sum) {
    result.checksum += ((key + 1) * kGolden) ^ (static_cast<std::uint64_t>(leftMicros) * kMix) ^
                       (static_cast<std::uint64_t>(rightMicros) * kThird) ^ std::bit_cast<std::uint64_t>(sum);
    ++result.count;
}

namespace hand {

/// All of a key in one cell of four cache lines: per side a ring of four entries, on the heap only when that is too few.
/// Keeps of a record only what the result needs.
class IntervalJoin {
    static constexpr std::size_t kPrefetchAhead = 24;

public:
    explicit IntervalJoin(std::size_t capacity)
        : cells_(capacity, true), mask_(capacity - 1), shift_(64 - std::countr_zero(capacity)) {}
    IntervalJoin(const IntervalJoin&) = delete;
    IntervalJoin& operator=(const IntervalJoin&) = delete;
    ~IntervalJoin() {
        for (std::size_t i = 0; i <= mask_; ++i) {
            std::free(cells_[i].sides[0].heap);
            std::free(cells_[i].sides[1].heap);
        }
    }

    void onBatch(const Event* events, std::uint64_t count) {
        for (std::uint64_t i = 0; i < count; ++i) {
            if (i + kPrefetchAhead < count) prefetch(events[i + kPrefetchAhead].key);
            join(events[i], events[i].micros & 1);
        }
    }
    void onWatermark(std::int64_t) {}

    Result result;

private:
    struct Entry {
        std::int64_t micros;
        double value;
    };
    struct Side {
        std::uint32_t first;
        std::uint32_t size;
        std::uint32_t heapCapacity;
        Entry* heap;
        Entry inlined[4];

        Entry* entries() { return heap != nullptr ? heap : inlined; }
        std::uint32_t capacity() const { return heap != nullptr ? heapCapacity : 4; }
        Entry& at(std::uint32_t i) { return entries()[(first + i) & (capacity() - 1)]; }
        void dropBefore(std::int64_t micros) {
            while (size > 0 && at(0).micros < micros) {
                first = (first + 1) & (capacity() - 1);
                --size;
            }
        }
        void push(const Entry& entry) {
            if (size == capacity()) [[unlikely]] {
                auto* const wider = static_cast<Entry*>(std::malloc(2 * sizeof(Entry) * size));
                for (std::uint32_t i = 0; i < size; ++i) wider[i] = at(i);
                std::free(heap);
                heap = wider;
                heapCapacity = 2 * size;
                first = 0;
            }
            at(size) = entry;
            ++size;
        }
    };
    struct alignas(64) Cell {
        std::uint64_t keyPlus1;
        Side sides[2];
    };
    static_assert(sizeof(Cell) <= 256);

    void prefetch(std::uint64_t key) const {
        const auto* const cell = reinterpret_cast<const char*>(&cells_[hashOf(key) >> shift_]);
        for (std::size_t line = 0; line < sizeof(Cell); line += 64) __builtin_prefetch(cell + line, 1);
    }
    void join(const Event& event, std::int64_t side) {
        std::uint64_t i = hashOf(event.key) >> shift_;
        while (cells_[i].keyPlus1 != event.key + 1) {
            if (cells_[i].keyPlus1 == 0) {
                cells_[i].keyPlus1 = event.key + 1;
                break;
            }
            i = (i + 1) & mask_;
        }
        Side& mine = cells_[i].sides[side];
        Side& other = cells_[i].sides[1 - side];
        other.dropBefore(event.micros - kJoinMicros);
        for (std::uint32_t k = 0; k < other.size; ++k) {
            const Entry& entry = other.at(k);
            addPair(result, event.key, side == 0 ? event.micros : entry.micros, side == 0 ? entry.micros : event.micros,
                    event.value + entry.value);
        }
        mine.dropBefore(event.micros - kJoinMicros);
        mine.push({event.micros, event.value});
    }

    SlotMemory<Cell> cells_;
    std::size_t mask_;
    int shift_;
};

}  // namespace hand

struct JoinedEvents {
    std::uint64_t key = 0;
    std::int64_t leftMicros = 0;
    std::int64_t rightMicros = 0;
    double sum = 0;
};

inline void intervalJoin(millrace::StreamEnvironment& env, std::uint64_t count, std::uint64_t keys, Result& result) {
    const auto left = env.fromSource(WorkloadSource(EverySecondEvent<0>{keys}, (count + 1) / 2),
                                     millrace::WatermarkStrategy::noWatermarks(), "left");
    const auto right = env.fromSource(WorkloadSource(EverySecondEvent<1>{keys}, count / 2),
                                      millrace::WatermarkStrategy::noWatermarks(), "right");
    left.keyBy(&Event::key)
        .intervalJoin(right.keyBy(&Event::key))
        .between(-std::chrono::microseconds(kJoinMicros), std::chrono::microseconds(kJoinMicros))
        .process([](const Event& l, const Event& r) {
            return JoinedEvents{l.key, l.micros, r.micros, l.value + r.value};
        })
        .addSink(Summing(result, [](Result& sum, const JoinedEvents& pair) {
            addPair(sum, pair.key, pair.leftMicros, pair.rightMicros, pair.sum);
        }));
}

namespace reference {

inline Result intervalJoin(std::uint64_t count, std::uint64_t keys) {
    std::map<std::uint64_t, std::vector<Event>> sides[2];
    const EventGenerator generate{keys};
    Result result;
    for (std::uint64_t i = 0; i < count; ++i) {
        const Event event = generate(i);
        const auto& others = sides[1 - i % 2][event.key];
        for (auto other = others.rbegin(); other != others.rend() && other->micros >= event.micros - kJoinMicros;
             ++other) {
            addPair(result, event.key, i % 2 == 0 ? event.micros : other->micros,
                    i % 2 == 0 ? other->micros : event.micros, event.value + other->value);
        }
        sides[i % 2][event.key].push_back(event);
    }
    return result;
}

}  // namespace reference
}  // namespace bench

#endif  // MILLRACE_BENCHMARKS_THROUGHPUT_INTERVAL_JOIN_HPP
