#include <millrace/core/algorithm.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <cstddef>
#include <random>
#include <string>
#include <vector>

TEST_CASE("heapSort brings any number of values into order", "[core]") {
    const auto seed = GENERATE(range(1U, 9U));
    CAPTURE(seed);
    std::mt19937 random(seed);
    for (std::size_t count = 0; count < 70; ++count) {
        std::vector<std::string> values(count);
        for (std::string& value : values) value = std::to_string(random() % (count + 1)) + " of some length";
        std::vector<std::string> expected = values;
        std::sort(expected.begin(), expected.end());
        millrace::detail::heapSort(values.data(), count,
                                   [](const std::string& a, const std::string& b) { return a < b; });
        REQUIRE(values == expected);
    }
}
