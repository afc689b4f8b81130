#ifndef MILLRACE_BENCHMARKS_THROUGHPUT_LATENCY_HISTOGRAM_HPP
#define MILLRACE_BENCHMARKS_THROUGHPUT_LATENCY_HISTOGRAM_HPP

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace bench {

/// How often which latency was seen; two figures of a latency are exact to 1.6 %.
class LatencyHistogram {
public:
    void add(std::int64_t nanos) {
        ++counts_[bucketOf(static_cast<std::uint64_t>(std::max<std::int64_t>(nanos, 0)))];
        ++total_;
    }
    void add(const LatencyHistogram& other) {
        for (std::size_t i = 0; i < kBuckets; ++i) counts_[i] += other.counts_[i];
        total_ += other.total_;
    }
    std::uint64_t total() const { return total_; }
    /// The latency, in microseconds, that this part of the results does not exceed.
    double quantile(double part) const {
        const auto wanted = static_cast<std::uint64_t>(part * static_cast<double>(total_));
        std::uint64_t seen = 0;
        std::size_t bucket = 0;
        while (bucket + 1 < kBuckets && (seen += counts_[bucket]) <= wanted) ++bucket;
        return static_cast<double>(upperEnd(bucket)) / 1000;
    }

private:
    static constexpr int kBits = 6;
    static constexpr std::size_t kParts = std::size_t{1} << kBits;  ///< of each power of two
    static constexpr std::size_t kBuckets = (64 - kBits + 1) * kParts;

    static std::size_t bucketOf(std::uint64_t nanos) {
        if (nanos < kParts) return nanos;
        const int shift = 63 - std::countl_zero(nanos) - kBits;
        return static_cast<std::size_t>(shift) * kParts + (nanos >> shift);
    }
    static std::uint64_t upperEnd(std::size_t bucket) {
        if (bucket < 2 * kParts) return bucket;
        const auto shift = bucket / kParts - 1;
        return ((bucket - shift * kParts + 1) << shift) - 1;
    }

    std::vector<std::uint64_t> counts_ = std::vector<std::uint64_t>(kBuckets);
    std::uint64_t total_ = 0;
};

}  // namespace bench

#endif  // MILLRACE_BENCHMARKS_THROUGHPUT_LATENCY_HISTOGRAM_HPP
