#ifndef MILLRACE_BENCHMARKS_THROUGHPUT_RECORDS_HPP
#define MILLRACE_BENCHMARKS_THROUGHPUT_RECORDS_HPP

#include <bit>
#include <cstdint>
#include <limits>

// The records of the workloads and the checksums over their results. Every record is a pure function of its index, so
// that each program generates the same stream; a checksum is a sum over all results modulo 2^64, in any order.

namespace bench {

inline constexpr std::uint64_t kGolden = 0x9E3779B97F4A7C15u;
inline constexpr std::uint64_t kMix = 0xD6E8FEB86659FD93u;
inline constexpr std::uint64_t kThird = 0xC2B2AE3D27D4EB4Fu;

/// A watermark with the time of the last record follows every 1000 records.
inline constexpr std::uint64_t kWatermarkEvery = 1000;
inline constexpr std::int64_t kLastWatermark = std::numeric_limits<std::int64_t>::max();

/// The random number of an index.
inline std::uint64_t randomOf(std::uint64_t index) {
    std::uint64_t x = index * kGolden;
    x = (x ^ (x >> 32)) * kMix;
    x = (x ^ (x >> 32)) * kMix;
    return x ^ (x >> 32);
}

struct Event {
    std::uint64_t key = 0;
    std::int64_t micros = 0;
    double value = 0;  ///< a whole number: sums are exact in any order
};

struct Trade {
    std::uint32_t symbol = 0;
    std::uint32_t industry = 0;
    double price = 0;  ///< in whole cents
    std::int64_t micros = 0;
};

/// Keys are uniform in [0, keys), one event every `kStepMicros`.
template <std::int64_t kStepMicros>
struct EventsEvery {
    static constexpr std::int64_t stepMicros = kStepMicros;
    std::uint64_t keys = 1;
    Event operator()(std::uint64_t index) const {
        const std::uint64_t h = randomOf(index);
        return {((h >> 32) * keys) >> 32, static_cast<std::int64_t>(index) * stepMicros,
                static_cast<double>(static_cast<std::int64_t>(h & 0x3fff))};
    }
};

using EventGenerator = EventsEvery<1>;

/// What a sum by key needs of an event.
struct Amount {
    std::uint64_t key = 0;
    double value = 0;
};
struct AmountGenerator {
    std::uint64_t keys = 1;
    Amount operator()(std::uint64_t index) const {
        const Event event = EventGenerator{keys}(index);
        return {event.key, event.value};
    }
};

/// The same records out of order: each up to 100 ms earlier than its place in the stream, and never before 0.
struct DelayedEvents {
    static constexpr std::int64_t stepMicros = 1;
    static constexpr std::int64_t maxDelayMicros = 100'000;  ///< watermarks keep this distance
    std::uint64_t keys = 1;
    Event operator()(std::uint64_t index) const {
        const std::uint64_t h = randomOf(index);
        const std::uint64_t delay = (((h >> 14) & 0x3ffff) * maxDelayMicros) >> 18;
        const std::int64_t micros = static_cast<std::int64_t>(index - delay);
        return {((h >> 32) * keys) >> 32, micros < 0 ? 0 : micros,
                static_cast<double>(static_cast<std::int64_t>(h & 0x3fff))};
    }
};

/// How far the watermarks of a generator's stream are behind its latest record.
template <class Generator>
constexpr std::int64_t maxDelayOf() {
    if constexpr (requires { Generator::maxDelayMicros; }) {
        return Generator::maxDelayMicros;
    } else {
        return 0;
    }
}

/// 5000 symbols in 50 industries, one trade every 100 us.
struct TradeGenerator {
    static constexpr std::int64_t stepMicros = 100;
    Trade operator()(std::uint64_t index) const {
        const std::uint64_t h = randomOf(index);
        const auto symbol = static_cast<std::uint32_t>(((h >> 32) * 5000) >> 32);
        return {symbol, symbol % 50, static_cast<double>(static_cast<std::int64_t>(1 + (h & 0xffff))),
                static_cast<std::int64_t>(index) * stepMicros};
    }
};

/// What a run has put out.
struct Result {
    std::uint64_t count = 0;
    std::uint64_t checksum = 0;
    double sum = 0;  ///< W1 only

    void addWindow(std::uint64_t key, std::int64_t endMicros, std::uint64_t records, double value) {
        checksum += ((key + 1) * kGolden) ^ (static_cast<std::uint64_t>(endMicros) * kMix) ^ (records * kThird) ^
                    std::bit_cast<std::uint64_t>(value);
        ++count;
    }
    void addWindow(std::uint64_t key, std::int64_t endMicros, std::uint64_t records, double total, double largest) {
        addWindow(key, endMicros, records, total);
        checksum += std::bit_cast<std::uint64_t>(largest);
    }
    void addRolling(std::uint64_t key, double total) {
        checksum += ((key + 1) * kGolden) ^ std::bit_cast<std::uint64_t>(total);
        ++count;
    }
};

/// W1's sum is the only one whose last digits depend on the order of addition.
inline bool agree(const Result& a, const Result& b) {
    const double difference = a.sum > b.sum ? a.sum - b.sum : b.sum - a.sum;
    return a.count == b.count && a.checksum == b.checksum && difference <= 1e-9 * (a.sum < 0 ? -a.sum : a.sum);
}

}  // namespace bench

#endif  // MILLRACE_BENCHMARKS_THROUGHPUT_RECORDS_HPP
