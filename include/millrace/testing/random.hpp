#ifndef MILLRACE_TESTING_RANDOM_HPP
#define MILLRACE_TESTING_RANDOM_HPP

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <utility>
#include <vector>

namespace millrace::testing {

/// Random numbers from a seed, the same on every machine (the distributions of the standard library are not). @public
class Random {
public:
    explicit Random(std::uint64_t seed) noexcept : state_(seed) {}

    std::uint64_t next() noexcept {  // SplitMix64, by Sebastiano Vigna, public domain
        std::uint64_t z = state_ += 0x9e3779b97f4a7c15U;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
        return z ^ (z >> 31);
    }
    /// 0 … count - 1; 0 if there is no such number.
    std::int64_t below(std::int64_t count) noexcept {
        return count > 0 ? static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(count)) : 0;
    }
    /// first … last, both included.
    std::int64_t between(std::int64_t first, std::int64_t last) noexcept { return first + below(last - first + 1); }
    /// True in so many cases of a hundred.
    bool chance(int percent) noexcept { return below(100) < percent; }
    template <class T>
    T oneOf(std::initializer_list<T> values) {
        return values.begin()[below(static_cast<std::int64_t>(values.size()))];
    }
    template <class T>
    void shuffle(std::vector<T>& values) {
        for (std::size_t i = values.size(); i > 1; --i) {
            std::swap(values[i - 1], values[static_cast<std::size_t>(below(static_cast<std::int64_t>(i)))]);
        }
    }

private:
    std::uint64_t state_;
};

}  // namespace millrace::testing

#endif  // MILLRACE_TESTING_RANDOM_HPP
