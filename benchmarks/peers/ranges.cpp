// W1 as a view of the standard library: one record at a time, one thread.

#include "peers/peer.hpp"

#include <ranges>

int main(int argc, char** argv) {
    return bench::runOnRequest("ranges", "W1", 1000, 1, argc, argv, [](std::uint64_t records) {
        const bench::EventGenerator generate{1000};
        auto passed = std::views::iota(std::uint64_t{0}, records) |
                      std::views::transform([generate](std::uint64_t index) {
                          bench::Event event = generate(index);
                          event.value *= 1.1;
                          return event;
                      }) |
                      std::views::filter([](const bench::Event& event) { return event.key % 3 != 0; }) |
                      std::views::transform([](bench::Event event) {
                          event.value += 1.0;
                          return event;
                      });
        bench::Result result;
        for (const bench::Event& event : passed) {
            result.sum += event.value;
            ++result.count;
        }
        return result;
    });
}
