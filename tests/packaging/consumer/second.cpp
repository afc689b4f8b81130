#include <millrace/millrace.hpp>

millrace::DataStream<int> withoutEight(millrace::DataStream<int> numbers) {
    return numbers.filter([](int x) { return x != 8; });
}
