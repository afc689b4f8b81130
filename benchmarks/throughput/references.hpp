#ifndef MILLRACE_BENCHMARKS_THROUGHPUT_REFERENCES_HPP
#define MILLRACE_BENCHMARKS_THROUGHPUT_REFERENCES_HPP

#include "records.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

// Slow and simple: every record goes into every one of its windows, in an array over all windows and keys. For the
// sizes of --smoke; the results of the full sizes are constants, which the two limits programs agree on.

namespace bench::reference {

struct Cell {
    double total = 0;
    double largest = -1e300;
    std::uint64_t records = 0;
};

/// `emit(result, key, endMicros, cell)` for each window and key with records.
template <class Generator, class KeyOf, class ValueOf, class Emit>
Result windows(std::uint64_t count, Generator generate, KeyOf keyOf, ValueOf valueOf, std::uint64_t keys,
               std::int64_t sizeMicros, std::int64_t slideMicros, Emit emit) {
    // window w is [(w + 1) * slide - size, (w + 1) * slide): the first one is the earliest that holds time 0
    const std::int64_t perRecord = sizeMicros / slideMicros;
    const std::int64_t last =
        static_cast<std::int64_t>(count - 1) * Generator::stepMicros / slideMicros + perRecord - 1;
    std::vector<Cell> cells(static_cast<std::size_t>(last + 1) * keys);
    for (std::uint64_t i = 0; i < count; ++i) {
        const auto record = generate(i);
        const std::int64_t first = record.micros / slideMicros;
        for (std::int64_t w = first; w < first + perRecord; ++w) {
            Cell& cell = cells[static_cast<std::size_t>(w) * keys + keyOf(record)];
            cell.total += valueOf(record);
            cell.largest = std::max(cell.largest, valueOf(record));
            ++cell.records;
        }
    }
    Result result;
    for (std::size_t i = 0; i < cells.size(); ++i) {
        if (cells[i].records == 0) continue;
        emit(result, i % keys, static_cast<std::int64_t>(i / keys + 1) * slideMicros, cells[i]);
    }
    return result;
}

inline void emitAverage(Result& result, std::uint64_t key, std::int64_t endMicros, const Cell& cell) {
    result.addWindow(key, endMicros, cell.records, cell.total / static_cast<double>(cell.records));
}
inline void emitStatistics(Result& result, std::uint64_t key, std::int64_t endMicros, const Cell& cell) {
    result.addWindow(key, endMicros, cell.records, cell.total, cell.largest);
}

/// Count and average of tumbling windows.
template <class Generator>
Result averages(std::uint64_t count, Generator generate, std::int64_t sizeMicros) {
    return windows(
        count, generate, [](const Event& e) { return e.key; }, [](const Event& e) { return e.value; }, generate.keys,
        sizeMicros, sizeMicros, emitAverage);
}

inline Result mapFilterMap(std::uint64_t count) {
    const EventGenerator generate{1000};
    Result result;
    for (std::uint64_t i = 0; i < count; ++i) {
        const Event event = generate(i);
        if (event.key % 3 == 0) continue;
        result.sum += event.value * 1.1 + 1.0;
        ++result.count;
    }
    return result;
}

inline Result rollingSum(std::uint64_t count, std::uint64_t keys) {
    const EventGenerator generate{keys};
    std::vector<double> totals(keys);
    Result result;
    for (std::uint64_t i = 0; i < count; ++i) {
        const Event event = generate(i);
        result.addRolling(event.key, totals[event.key] += event.value);
    }
    return result;
}

}  // namespace bench::reference

#endif  // MILLRACE_BENCHMARKS_THROUGHPUT_REFERENCES_HPP
