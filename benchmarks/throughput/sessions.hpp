#ifndef MILLRACE_BENCHMARKS_THROUGHPUT_SESSIONS_HPP
#define MILLRACE_BENCHMARKS_THROUGHPUT_SESSIONS_HPP

#include "baselines.hpp"
#include "pipelines.hpp"
#include "records.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

// W4: sessions of each key, with a gap of 100 ms.

namespace bench {

inline constexpr std::int64_t kSessionGapMicros = 100'000;

inline void addSession(Result& result, std::uint64_t key, std::int64_t startMicros, std::int64_t endMicros,
                       std::uint64_t records, double total) {
    result.addWindow(key, startMicros, records, total);
    result.checksum += static_cast<std::uint64_t>(endMicros) * kThird;
}

namespace hand {

/// One slot per key with its session, and a wheel of 1 ms for their ends; a session that has grown goes round again.
class Sessions {
public:
    explicit Sessions(std::uint64_t capacity = 16) { allocate(capacity); }

    void onBatch(const Event* events, std::uint64_t count) {
        constexpr std::uint64_t kAhead = 32;
        for (std::uint64_t i = 0; i < std::min(kAhead, count); ++i) prefetch(events[i].key);
        for (std::uint64_t i = 0; i < count; ++i) {
            if (i + kAhead < count) prefetch(events[i + kAhead].key);
            add(events[i]);
        }
    }
    void onWatermark(std::int64_t watermark) {
        if (watermark == kLastWatermark) {
            for (std::uint64_t i = 0; i < capacity_; ++i) {
                if (slots_[i].records != 0) emit(slots_[i]);
            }
            return;
        }
        for (; tick_ <= watermark / kTick; ++tick_) {
            due_.swap(wheel_[tick_ % kTicks]);
            const std::size_t count = due_.size();
            for (std::size_t i = 0; i < count; ++i) {
                if (i + 24 < count) prefetch(due_[i + 24]);
                Slot& slot = slots_[find(due_[i])];
                if (slot.records == 0) {
                    slot.armed = 0;
                } else if (slot.last + kSessionGapMicros <= watermark) {
                    emit(slot);
                    slot.armed = 0;
                } else {
                    arm(slot);
                }
            }
            due_.clear();
        }
    }

    Result result;

private:
    static constexpr std::int64_t kTick = 1'000;
    static constexpr std::int64_t kTicks = 512;
    struct Slot {
        std::uint64_t keyPlus1;
        std::int64_t start;
        std::int64_t last;
        double total;
        std::uint32_t records;
        std::uint32_t armed;
    };

    void prefetch(std::uint64_t key) const { __builtin_prefetch(&slots_[hashOf(key) >> shift_], 1); }
    /// Where the key is, or is to be put.
    std::uint64_t find(std::uint64_t key) const {
        std::uint64_t at = hashOf(key) >> shift_;
        while (slots_[at].keyPlus1 != key + 1 && slots_[at].keyPlus1 != 0) at = (at + 1) & (capacity_ - 1);
        return at;
    }
    void add(const Event& event) {
        std::uint64_t at = find(event.key);
        if (slots_[at].keyPlus1 == 0) [[unlikely]] {
            if (used_ * 10 >= capacity_ * 8) {
                grow();
                at = find(event.key);
            }
            slots_[at].keyPlus1 = event.key + 1;
            ++used_;
        }
        Slot& slot = slots_[at];
        if (slot.records != 0) {
            if (event.micros - slot.last <= kSessionGapMicros) {
                slot.last = event.micros;
                slot.total += event.value;
                ++slot.records;
                return;
            }
            emit(slot);
        }
        slot.start = slot.last = event.micros;
        slot.total = event.value;
        slot.records = 1;
        if (slot.armed == 0) {
            slot.armed = 1;
            arm(slot);
        }
    }
    void arm(const Slot& slot) {
        wheel_[((slot.last + kSessionGapMicros) / kTick + 1) % kTicks].push_back(slot.keyPlus1 - 1);
    }
    void emit(Slot& slot) {
        addSession(result, slot.keyPlus1 - 1, slot.start, slot.last + kSessionGapMicros, slot.records, slot.total);
        slot.records = 0;
    }
    void allocate(std::uint64_t capacity) {
        slots_ = SlotMemory<Slot>(capacity, true);
        capacity_ = capacity;
        shift_ = 64 - std::countr_zero(capacity);
    }
    [[gnu::noinline]] void grow() {
        const SlotMemory<Slot> old = std::move(slots_);
        const std::uint64_t oldCapacity = capacity_;
        allocate(capacity_ * 2);
        for (std::uint64_t i = 0; i < oldCapacity; ++i) {
            if (old[i].keyPlus1 != 0) slots_[find(old[i].keyPlus1 - 1)] = old[i];
        }
    }

    SlotMemory<Slot> slots_;
    std::uint64_t capacity_ = 0;
    std::uint64_t used_ = 0;
    int shift_ = 60;
    std::vector<std::uint64_t> wheel_[kTicks];
    std::vector<std::uint64_t> due_;
    std::int64_t tick_ = 0;
};

}  // namespace hand

namespace reference {

inline Result sessions(std::uint64_t count, std::uint64_t keys) {
    struct Session {
        std::int64_t start, last;
        std::uint64_t records;
        double total;
    };
    const EventGenerator generate{keys};
    std::map<std::uint64_t, Session> open;
    Result result;
    const auto emit = [&](std::uint64_t key, const Session& s) {
        addSession(result, key, s.start, s.last + kSessionGapMicros, s.records, s.total);
    };
    for (std::uint64_t i = 0; i < count; ++i) {
        const Event event = generate(i);
        const auto [found, isNew] = open.try_emplace(event.key, Session{event.micros, event.micros, 0, 0});
        Session& session = found->second;
        if (!isNew && event.micros - session.last > kSessionGapMicros) {
            emit(event.key, session);
            session = {event.micros, event.micros, 0, 0};
        }
        session.last = event.micros;
        ++session.records;
        session.total += event.value;
    }
    for (const auto& [key, session] : open) emit(key, session);
    return result;
}

}  // namespace reference

struct SessionResult {
    std::uint64_t key = 0;
    std::int64_t startMicros = 0;
    std::int64_t endMicros = 0;
    std::uint64_t records = 0;
    double total = 0;
};
struct CountAndTotal {
    struct Accumulator {
        double total = 0;
        std::uint64_t records = 0;
    };
    Accumulator createAccumulator() const { return {}; }
    void add(const Event& event, Accumulator& acc) const {
        acc.total += event.value;
        ++acc.records;
    }
    Accumulator getResult(const Accumulator& acc) const { return acc; }
    void merge(Accumulator& into, const Accumulator& other) const {
        into.total += other.total;
        into.records += other.records;
    }
};

/// `sources`: subtasks of the source; 0 for the parallelism of the environment.
inline void sessions(millrace::StreamEnvironment& env, std::uint64_t count, std::uint64_t keys, Result& result,
                     int sources = 0) {
    millrace::DataStream<Event> events =
        env.fromSource(WorkloadSource(EventGenerator{keys}, count), millrace::WatermarkStrategy::noWatermarks());
    if (sources > 0) events = events.setParallelism(sources);
    events.keyBy(&Event::key)
        .window(millrace::EventTimeSessionWindows::withGap(std::chrono::microseconds(kSessionGapMicros)))
        .aggregate(CountAndTotal(),
                   [](std::uint64_t key, const millrace::TimeWindow& window, const CountAndTotal::Accumulator& acc) {
                       return SessionResult{key, microsOf(window.start), microsOf(window.end), acc.records, acc.total};
                   })
        .addSink(Summing(result, [](Result& sum, const SessionResult& session) {
            addSession(sum, session.key, session.startMicros, session.endMicros, session.records, session.total);
        }));
}

}  // namespace bench

#endif  // MILLRACE_BENCHMARKS_THROUGHPUT_SESSIONS_HPP
