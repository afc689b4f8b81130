#ifndef MILLRACE_API_COLLECT_HPP
#define MILLRACE_API_COLLECT_HPP

#include <millrace/core/functional.hpp>

#include <atomic>
#include <cstddef>
#include <limits>
#include <memory>
#include <mutex>
#include <vector>

namespace millrace::detail {

/// What `executeAndCollect` gathers from all subtasks.
template <class T>
struct CollectedElements {
    std::mutex mutex;
    std::vector<T> elements;
    std::function<void()> whenFull;

    bool full(std::size_t limit) {
        const std::lock_guard lock(mutex);
        return elements.size() >= limit;
    }
};

template <class T>
struct CollectFunction {
    std::shared_ptr<CollectedElements<T>> collected;
    std::size_t limit = std::numeric_limits<std::size_t>::max();

    void operator()(const T& element) const {
        const std::lock_guard lock(collected->mutex);
        if (collected->elements.size() < limit) collected->elements.push_back(element);
        if (collected->elements.size() == limit && collected->whenFull) collected->whenFull();
    }
};

}  // namespace millrace::detail

#endif  // MILLRACE_API_COLLECT_HPP
