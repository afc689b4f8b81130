#ifndef MILLRACE_BENCHMARKS_THROUGHPUT_TWO_PHASE_BASELINE_HPP
#define MILLRACE_BENCHMARKS_THROUGHPUT_TWO_PHASE_BASELINE_HPP

#include "baselines.hpp"
#include "records.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

// W2 on two threads without an exchange of records: each aggregates half of them in a table of its own, and once per
// window the one that is later merges the two. The best where keys are few.

namespace bench::hand {

class TwoPhaseAverage {
    using Table = AggregateTable<false>;

public:
    TwoPhaseAverage(std::uint64_t count, EventGenerator generate, std::int64_t sizeMicros)
        : count_(count), generate_(generate), size_(sizeMicros),
          windows_(static_cast<std::size_t>((count - 1) * EventGenerator::stepMicros) / sizeMicros + 1),
          finished_(windows_) {
        for (auto& each : partials_) each.resize(windows_);
    }

    Result run() {
        std::thread second([this] { work(1); });
        work(0);
        second.join();
        return result_;
    }

private:
    void work(unsigned index) {
        Table table, merged;
        std::size_t window = 0;
        for (std::uint64_t from = index * kWatermarkEvery; from < count_; from += 2 * kWatermarkEvery) {
            const std::uint64_t end = std::min(count_, from + kWatermarkEvery);
            // blocks do not cross the ends of windows
            const auto current = static_cast<std::size_t>(static_cast<std::int64_t>(from) / size_);
            while (window < current) close(index, window++, table, merged);
            for (std::uint64_t i = from; i < end; ++i) {
                const Event event = generate_(i);
                table.add(event.key, event.value);
            }
        }
        while (window < windows_) close(index, window++, table, merged);
    }
    void close(unsigned index, std::size_t window, Table& table, Table& merged) {
        auto& partial = partials_[index][window];
        if (finished_[window].load(std::memory_order_acquire) == 0) {
            table.drain([&](const Table::Slot& slot) { partial.push_back(slot); });
            if (finished_[window].fetch_add(1, std::memory_order_acq_rel) == 0) return;  // the other one merges
            for (const Table::Slot& slot : partial) merged.merge(slot);
        } else {
            table.drain([&](const Table::Slot& slot) { merged.merge(slot); });
        }
        for (const Table::Slot& slot : partials_[1 - index][window]) merged.merge(slot);
        partials_[0][window] = {};
        partials_[1][window] = {};
        const std::lock_guard lock(mutex_);
        const std::int64_t end = static_cast<std::int64_t>(window + 1) * size_;
        merged.drain([&](const Table::Slot& slot) {
            result_.addWindow(slot.key, end, slot.records, slot.total / static_cast<double>(slot.records));
        });
    }

    const std::uint64_t count_;
    const EventGenerator generate_;
    const std::int64_t size_;
    const std::size_t windows_;
    std::vector<std::atomic<int>> finished_;
    std::vector<std::vector<Table::Slot>> partials_[2];
    std::mutex mutex_;
    Result result_;
};

}  // namespace bench::hand

#endif  // MILLRACE_BENCHMARKS_THROUGHPUT_TWO_PHASE_BASELINE_HPP
