#ifndef MILLRACE_METRICS_HISTOGRAM_HPP
#define MILLRACE_METRICS_HISTOGRAM_HPP

#include <millrace/metrics/accumulators.hpp>

#include <cstdint>
#include <map>
#include <mutex>
#include <vector>

namespace millrace {

/// Counts how often each number is added: of few different ones, such as sizes in powers of two. @public
/// Its value is a `std::vector<NumberCount>`, the smallest number first. Needs a header of its own, since it costs to compile.
class Histogram final : public Accumulator {
public:
    void add(std::int64_t number, std::int64_t times = 1) {
        const std::lock_guard lock(mutex_);
        counts_[number] += times;
    }
    AccumulatorValue value() const override {
        const std::lock_guard lock(mutex_);
        std::vector<NumberCount> counts;
        for (const auto& [number, count] : counts_) counts.push_back({number, count});
        return counts;
    }
    void mergeInto(Accumulator& total) const override {
        const std::lock_guard lock(mutex_);
        for (const auto& [number, count] : counts_) static_cast<Histogram&>(total).add(number, count);
    }

private:
    mutable std::mutex mutex_;
    std::map<std::int64_t, std::int64_t> counts_;
};

}  // namespace millrace

#endif  // MILLRACE_METRICS_HISTOGRAM_HPP
