#ifndef MILLRACE_TESTS_WINDOWING_WINDOW_FIXTURES_HPP
#define MILLRACE_TESTS_WINDOWING_WINDOW_FIXTURES_HPP

#include <millrace/windowing/aligned_window_operator.hpp>
#include <millrace/windowing/sliding_event_time_windows.hpp>
#include <millrace/windowing/tumbling_event_time_windows.hpp>

#include "support/catch.hpp"
#include "support/operator_harness.hpp"

#include <cstdint>
#include <ostream>
#include <string>

namespace millrace::testsupport {

struct Item {
    std::int32_t key;
    std::int64_t value;
    bool operator==(const Item&) const = default;
};

/// Count, sum, smallest and largest value of a window, with the key.
struct Summary {
    std::int32_t key;
    std::int64_t count;
    std::int64_t sum;
    std::int64_t min;
    std::int64_t max;
    auto operator<=>(const Summary&) const = default;
};
inline std::ostream& operator<<(std::ostream& out, const Summary& s) {
    return out << "{key " << s.key << ", count " << s.count << ", sum " << s.sum << ", " << s.min << ".." << s.max
               << "}";
}
inline std::ostream& operator<<(std::ostream& out, const Emitted<Summary>& e) {
    return out << e.value << "@" << e.time;
}

/// Without merge: one accumulator per window.
struct Summarise {
    Summary createAccumulator() const { return {0, 0, 0, INT64_MAX, INT64_MIN}; }
    void add(const Item& item, Summary& acc) const {
        acc.key = item.key;
        ++acc.count;
        acc.sum += item.value;
        acc.min = std::min(acc.min, item.value);
        acc.max = std::max(acc.max, item.value);
    }
    Summary getResult(const Summary& acc) const { return acc; }
};
/// With merge: two stacks over slices.
struct MergingSummarise : Summarise {
    void merge(Summary& into, const Summary& other) const {
        into = {other.key, into.count + other.count, into.sum + other.sum, std::min(into.min, other.min),
                std::max(into.max, other.max)};
    }
};
/// With subtract: a running total. (No extrema: they cannot be subtracted.)
struct SubtractingCount {
    Summary createAccumulator() const { return {0, 0, 0, 0, 0}; }
    void add(const Item& item, Summary& acc) const { acc = {item.key, acc.count + 1, acc.sum + item.value, 0, 0}; }
    Summary getResult(const Summary& acc) const { return acc; }
    void merge(Summary& into, const Summary& other) const {
        into = {other.key, into.count + other.count, into.sum + other.sum, 0, 0};
    }
    void subtract(Summary& from, const Summary& other) const {
        from.count -= other.count;
        from.sum -= other.sum;
    }
};

template <class Aggregate, class Assigner>
auto windowsOf(Assigner assigner, Duration lateness = {}, const std::optional<OutputTag<Item>>& late = {}) {
    using Op = detail::AlignedWindowOperator<Item, std::int32_t Item::*, Assigner, Aggregate>;
    return Op{&Item::key, assigner, Aggregate{}, {}, lateness, late ? late->key() : ""};
}

}  // namespace millrace::testsupport

#endif  // MILLRACE_TESTS_WINDOWING_WINDOW_FIXTURES_HPP
