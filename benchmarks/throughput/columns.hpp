#ifndef MILLRACE_BENCHMARKS_THROUGHPUT_COLUMNS_HPP
#define MILLRACE_BENCHMARKS_THROUGHPUT_COLUMNS_HPP

#include "records.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#if defined(__AVX512F__) && defined(__AVX512DQ__)
#include <immintrin.h>

namespace bench::hand {

inline constexpr bool kHasColumns = true;

/// W1 over columns, with masks instead of a filter: eight records at a time, and no record as a whole anywhere. What a
/// program for this one machine and this one chain can reach.
inline Result mapFilterMapColumns(std::uint64_t count) {
    constexpr std::size_t kLanes = 8;
    constexpr std::size_t kRoom = (kWatermarkEvery + kLanes - 1) / kLanes * kLanes;
    alignas(64) static std::uint64_t keys[kRoom];
    alignas(64) static double values[kRoom];
    const EventGenerator generate{1000};
    // key % 3 != 0, as a product and a comparison
    const __m512i inverse = _mm512_set1_epi64(static_cast<long long>(0xAAAAAAAAAAAAAAABu));
    const __m512i third = _mm512_set1_epi64(0x5555555555555555);
    const __m512d factor = _mm512_set1_pd(1.1);
    const __m512d one = _mm512_set1_pd(1.0);
    __m512d sum = _mm512_setzero_pd();
    Result result;
    for (std::uint64_t from = 0; from < count; from += kWatermarkEvery) {
        const std::size_t size = std::min(kWatermarkEvery, count - from);
        const std::size_t padded = (size + kLanes - 1) / kLanes * kLanes;
        for (std::size_t i = 0; i < size; ++i) {
            const Event event = generate(from + i);
            keys[i] = event.key;
            values[i] = event.value;
        }
        for (std::size_t i = size; i < padded; ++i) keys[i] = 0;
        for (std::size_t i = 0; i < padded; i += kLanes) {
            const __m512i product = _mm512_mullo_epi64(_mm512_load_si512(keys + i), inverse);
            const __mmask8 kept = _mm512_cmpgt_epu64_mask(product, third);
            const __m512d value = _mm512_add_pd(_mm512_mul_pd(_mm512_load_pd(values + i), factor), one);
            sum = _mm512_mask_add_pd(sum, kept, sum, value);
            result.count += static_cast<unsigned>(__builtin_popcount(kept));
        }
    }
    alignas(64) double sums[kLanes];
    _mm512_store_pd(sums, sum);
    for (const double lane : sums) result.sum += lane;
    return result;
}

}  // namespace bench::hand

#else

namespace bench::hand {
inline constexpr bool kHasColumns = false;
inline Result mapFilterMapColumns(std::uint64_t) {
    return {};
}
}  // namespace bench::hand

#endif

#endif  // MILLRACE_BENCHMARKS_THROUGHPUT_COLUMNS_HPP
