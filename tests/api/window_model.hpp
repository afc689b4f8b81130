#ifndef MILLRACE_TESTS_API_WINDOW_MODEL_HPP
#define MILLRACE_TESTS_API_WINDOW_MODEL_HPP

#include "api/random_step.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

// What windows compute in the tests of whole pipelines, and which windows a time belongs to.

namespace millrace::testsupport {

struct Totals {
    std::int64_t count = 0;
    std::int64_t sum = 0;
    std::int64_t max = INT64_MIN;
};
/// One number of what is in a window.
inline std::int64_t mixed(const Totals& totals) {
    return (totals.sum + 7 * totals.count + 13 * totals.max) % 1000;
}
struct Total {
    Totals createAccumulator() const { return {}; }
    void add(const Row& row, Totals& acc) const {
        ++acc.count;
        acc.sum += row.value;
        acc.max = std::max(acc.max, row.value);
    }
    std::int64_t getResult(const Totals& acc) const { return mixed(acc); }
};
struct MergingTotal : Total {
    void merge(Totals& into, const Totals& other) const {
        into = {into.count + other.count, into.sum + other.sum, std::max(into.max, other.max)};
    }
};
/// Without the largest value, which cannot be subtracted.
struct SubtractingTotal {
    Totals createAccumulator() const { return {0, 0, 0}; }
    void add(const Row& row, Totals& acc) const { acc = {acc.count + 1, acc.sum + row.value, 0}; }
    std::int64_t getResult(const Totals& acc) const { return mixed(acc); }
    void merge(Totals& into, const Totals& other) const { into = {into.count + other.count, into.sum + other.sum, 0}; }
    void subtract(Totals& from, const Totals& other) const {
        from = {from.count - other.count, from.sum - other.sum, 0};
    }
};
inline constexpr auto toRow = [](const std::int32_t& key, const TimeWindow&, std::int64_t result) {
    return Row{key, result};
};

using Bounds = std::pair<std::int64_t, std::int64_t>;  // start and end of a window

inline std::vector<Bounds> slidingBounds(std::int64_t time, std::int64_t size, std::int64_t slide,
                                         std::int64_t offset) {
    std::vector<Bounds> bounds;
    std::int64_t into = (time - offset) % slide;
    if (into < 0) into += slide;
    for (std::int64_t start = time - into; start > time - size; start -= slide) bounds.push_back({start, start + size});
    return bounds;
}

/// The windows [start, start + n * step) that contain the time.
inline std::vector<Bounds> cumulatingBounds(std::int64_t time, std::int64_t step, std::int64_t size) {
    const std::int64_t start = slidingBounds(time, size, size, 0).front().first;
    std::vector<Bounds> bounds;
    for (std::int64_t end = start + step; end <= start + size; end += step) {
        if (time < end) bounds.push_back({start, end});
    }
    return bounds;
}

}  // namespace millrace::testsupport

#endif  // MILLRACE_TESTS_API_WINDOW_MODEL_HPP
