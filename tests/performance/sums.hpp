#ifndef MILLRACE_TESTS_PERFORMANCE_SUMS_HPP
#define MILLRACE_TESTS_PERFORMANCE_SUMS_HPP

#include <cstdint>

namespace millrace::testsupport {

// The sum of a field, for the ways in which windows can put it together: from elements alone, by adding up slices, and by a
// running total. Also those of benchmarks/switches.cpp.

template <class E>
struct Sum {
    std::int64_t createAccumulator() const { return 0; }
    void add(const E& event, std::int64_t& sum) const { sum += event.value; }
    std::int64_t getResult(std::int64_t sum) const { return sum; }
};
template <class E>
struct MergedSum : Sum<E> {
    void merge(std::int64_t& into, std::int64_t other) const { into += other; }
};
template <class E>
struct SubtractedSum : MergedSum<E> {
    void subtract(std::int64_t& from, std::int64_t other) const { from -= other; }
};

}  // namespace millrace::testsupport

#endif  // MILLRACE_TESTS_PERFORMANCE_SUMS_HPP
