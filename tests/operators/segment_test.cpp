#include <millrace/operators/segment.hpp>

#include <millrace/operators/filter.hpp>
#include <millrace/operators/map.hpp>

#include "support/catch.hpp"
#include "support/operator_harness.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

using namespace millrace;
using namespace millrace::testsupport;

namespace {

using Number = std::int64_t;

/// What each record becomes: one in place, others of another size, or that own memory.
template <class Out>
Out made(Number number) {
    if constexpr (std::is_same_v<Out, std::string>) {
        return "the number " + std::to_string(number);
    } else {
        return static_cast<Out>(number + 1);
    }
}

/// Numbers from 0, ten ticks apart or without timestamps, in one block through `filters` filters, a map and perhaps one more
/// filter; the sources of the library make no such long blocks.
template <class Out>
void checkSegments(int filters, bool endsInFilter, std::size_t count, bool timed) {
    CAPTURE(filters, endsInFilter, count, timed);
    const auto third = [](Number number) { return number % 3 != 0; };
    const auto fifth = [](Number number) { return number % 5 != 0; };
    const auto seventh = [](const Out& out) { return out != made<Out>(7); };
    const auto toOut = [](Number number) { return made<Out>(number); };
    std::vector<Emitted<Out>> expected;
    for (std::size_t i = 0; i < count; ++i) {
        const auto number = static_cast<Number>(i);
        if ((filters > 0 && !third(number)) || (filters > 1 && !fifth(number))) continue;
        if (endsInFilter && number == 7) continue;
        expected.push_back({made<Out>(number), timed ? number * 10 : ticks(kMinTimestamp)});
    }
    const auto run = [&](auto chain) {
        detail::ChainStage<decltype(chain)> stage(
            chain, detail::List<detail::OperatorId>{{"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", "4"}});
        FakeStageContext context;
        RecordingPort<Out> output;
        stage.addOutput("", output);
        stage.open(context);
        std::vector<Number> numbers(count);
        std::vector<Timestamp> times(count);
        for (std::size_t i = 0; i < count; ++i) {
            numbers[i] = static_cast<Number>(i);
            times[i] = at(numbers[i] * 10);
        }
        stage.onBlock(0, detail::Block<Number>{numbers.data(), timed ? times.data() : nullptr, nullptr, count});
        stage.close();
        CHECK(output.elements.size() == expected.size());
        CHECK((output.elements == expected));
    };
    using detail::FilterOperator, detail::Input, detail::Link, detail::MapOperator;
    using First = FilterOperator<Number, decltype(third)>;
    using Second = FilterOperator<Number, decltype(fifth)>;
    using Map = MapOperator<Number, decltype(toOut)>;
    using Last = FilterOperator<Out, decltype(seventh)>;
    const auto behind = [&](auto before) {
        const Link<decltype(before), Map> mapped{before, Map{toOut}};
        if (endsInFilter) {
            run(Link<Link<decltype(before), Map>, Last>{mapped, Last{seventh}});
        } else {
            run(mapped);
        }
    };
    const Link<Input<Number>, First> one{{}, First{third}};
    if (filters == 0) behind(Input<Number>{});
    if (filters == 1) behind(one);
    if (filters == 2) behind(Link<Link<Input<Number>, First>, Second>{one, Second{fifth}});
}

}  // namespace

TEMPLATE_TEST_CASE("a block that is longer than a stage's own goes through filters and maps whole", "[operators]",
                   std::int64_t, std::int32_t, std::string) {
    constexpr std::size_t kBlock = detail::kBlockRecords<Number>;
    for (const int filters : {0, 1, 2}) {
        for (const bool endsInFilter : {false, true}) {
            for (const bool timed : {false, true}) {
                for (const std::size_t count : {std::size_t{0}, std::size_t{1}, kBlock, kBlock + 1, 5 * kBlock - 1}) {
                    checkSegments<TestType>(filters, endsInFilter, count, timed);
                }
            }
        }
    }
}
