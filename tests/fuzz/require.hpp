#ifndef MILLRACE_TESTS_FUZZ_REQUIRE_HPP
#define MILLRACE_TESTS_FUZZ_REQUIRE_HPP

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>

namespace fuzz {

/// What a decoder must do with any input. An exception ends libFuzzer, and fails the test of the corpus.
inline void require(bool holds) {
    if (!holds) throw std::logic_error("a promise of a decoder does not hold");
}

/// Input whose first byte chooses one of `count` things to do with the rest.
inline std::size_t choose(std::span<const std::uint8_t>& data, std::size_t count) {
    if (data.empty()) return 0;
    const std::size_t choice = data[0] % count;
    data = data.subspan(1);
    return choice;
}

}  // namespace fuzz

#endif  // MILLRACE_TESTS_FUZZ_REQUIRE_HPP
