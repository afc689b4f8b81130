#ifndef MILLRACE_CORE_ALGORITHM_HPP
#define MILLRACE_CORE_ALGORITHM_HPP

// The iterator algorithms of <algorithm>, and heapSort. libstdc++'s also brings the ranges, the parallel ones and through them hash
// tables: 0.15 s for every file that includes it.

#include <version>

#if defined(__GLIBCXX__) && __has_include(<bits/stl_algo.h>)
#include <bits/stl_algo.h>
#include <bits/stl_algobase.h>
#else
#include <algorithm>
#endif

#include <cstddef>
#include <utility>

namespace millrace::detail {

/// Heapsort (Williams, 1964; Floyd's construction), for what is sorted once in a while: one function for each type, where
/// std::sort is some fifteen that every file with such a call compiles.
template <class T, class Less>
void heapSort(T* values, std::size_t count, Less less) {
    for (std::size_t start = count / 2, end = count; end > 1;) {
        if (start > 0) {
            --start;
        } else {
            std::swap(values[0], values[--end]);
        }
        for (std::size_t parent = start, child = 2 * start + 1; child < end; parent = child, child = 2 * child + 1) {
            if (child + 1 < end && less(values[child], values[child + 1])) ++child;
            if (!less(values[parent], values[child])) break;
            std::swap(values[parent], values[child]);
        }
    }
}

}  // namespace millrace::detail

#endif  // MILLRACE_CORE_ALGORITHM_HPP
