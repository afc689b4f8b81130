// EXPECT: millrace: map(fn): fn must be copyable, callable with the stream's element, and return a value.
// One mistake is one error, whatever is called behind it.
#include <millrace/millrace.hpp>

#include <span>
#include <string>

int main() {
    millrace::StreamExecutionEnvironment env;
    const auto numbers = env.fromData({1, 2, 3});
    const auto same = [](int n) { return n; };
    env.fromData({1, 2, 3})
        .map([](const std::string& text) { return text; })
        .flatMap<std::string>([](const auto& each, auto& out) { out.collect(each); })
        .leftOuterJoin(numbers)
        .where(same)
        .equalTo(same)
        .apply<bool>([](const auto&, const auto*) { return true; })
        .distinct()
        .cross(numbers)
        .keyBy(same)
        .groupReduce<int>([](std::span<const int> all) { return all.front(); })
        .first(3)
        .rightOuterJoin(numbers)
        .fullOuterJoin(numbers)
        .countWindowAll(3)
        .process<int>([](const auto&, std::span<const int> all) { return all.front(); })
        .print();
    env.execute();
}
