#ifndef MILLRACE_WINDOWING_KEY_PARTITION_FUNCTIONS_HPP
#define MILLRACE_WINDOWING_KEY_PARTITION_FUNCTIONS_HPP

#include <millrace/operators/partition_fold.hpp>
#include <millrace/windowing/group_reduce_function.hpp>

#include <span>
#include <vector>

namespace millrace::detail {

/// A window function for `sortPartition` of a key.
template <class T, class Field>
struct SortKeyPartition {
    Field field;
    SortOrder order;

    template <class Key, class Context>
    void operator()(const Key&, Context&, std::span<const T> elements, Collector<T>& out) const {
        std::vector<const T*> sorted;  // not copies: each is copied once, into the output
        sorted.reserve(elements.size());
        for (const T& element : elements) sorted.push_back(&element);
        std::stable_sort(sorted.begin(), sorted.end(), ByField<T, Field>{field, order});
        for (const T* element : sorted) out.collect(*element);
    }
};

}  // namespace millrace::detail

#endif  // MILLRACE_WINDOWING_KEY_PARTITION_FUNCTIONS_HPP
