// EXPECT: millrace: checkEquivalent(first, second, …): the two pipelines must give streams of the same type
#include <millrace/millrace.hpp>
#include <millrace/testing.hpp>

int main() {
    const auto result = millrace::testing::checkEquivalent<int>(
        [](millrace::DataStream<int> numbers) { return numbers.map([](int n) { return n; }); },
        [](millrace::DataStream<int> numbers) { return numbers.map([](int n) { return 1.0 * n; }); },
        [](millrace::testing::Random& random) { return static_cast<int>(random.below(9)); });
    return result ? 0 : 1;
}
