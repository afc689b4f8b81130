#ifndef MILLRACE_BENCHMARKS_NEXMARK_RANDOM_HPP
#define MILLRACE_BENCHMARKS_NEXMARK_RANDOM_HPP

#include <cstdint>

namespace nexmark {

/// The finaliser of splitmix64.
constexpr std::uint64_t mix(std::uint64_t z) noexcept {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
}

/// The random numbers of one event: splitmix64, begun anew for each seed. What `docs/nexmark.md` calls `R(seed)`.
class Random {
public:
    explicit constexpr Random(std::uint64_t seed) noexcept : state_(mix(seed + 0x4E65786D61726B)) {}

    constexpr std::uint64_t next() noexcept {
        state_ += 0x9E3779B97F4A7C15;
        return mix(state_);
    }
    /// Uniform in [0, n); n below 2^31.
    constexpr std::uint64_t below(std::uint64_t n) noexcept { return ((next() >> 32) * n) >> 32; }

private:
    std::uint64_t state_;
};

}  // namespace nexmark

#endif  // MILLRACE_BENCHMARKS_NEXMARK_RANDOM_HPP
