#include <millrace/metrics/accumulators.hpp>

#include "support/catch.hpp"

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

using namespace millrace;

namespace {

std::vector<std::string> namesOf(const AccumulatorValues& values) {
    std::vector<std::string> names;
    for (const auto& [name, value] : values) names.push_back(name);
    return names;
}

}  // namespace

TEST_CASE("the values of accumulators are a map by their names, and stay as they were when it was asked for them",
          "[runtime]") {
    Accumulators accumulators;
    auto& counter = accumulators.create<LongCounter>("seen");
    counter.add();
    counter.add(41);
    accumulators.create<DoubleCounter>("sum").add(1.5);
    auto& average = accumulators.create<AverageAccumulator>("average");
    average.add(1);
    average.add(2);
    accumulators.create<ListAccumulator>("texts").add("a");
    accumulators.create<ListAccumulator>("texts").add("b");

    AccumulatorValues values = accumulators.values();
    const AccumulatorValues copy = values;
    counter.add(100);
    values = accumulators.values();

    CHECK(namesOf(copy) == std::vector<std::string>{"average", "seen", "sum", "texts"});
    CHECK(copy.size() == 4);
    CHECK_FALSE(copy.empty());
    CHECK(copy.contains("seen"));
    CHECK_FALSE(copy.contains("unseen"));
    CHECK(copy.find("unseen") == copy.end());
    CHECK(copy.find("seen")->second == AccumulatorValue(std::int64_t{42}));
    CHECK(values.at("seen") == AccumulatorValue(std::int64_t{142}));
    CHECK(copy.at("sum") == AccumulatorValue(1.5));
    CHECK(copy.at("average") == AccumulatorValue(1.5));
    CHECK(copy.at("texts") == AccumulatorValue(std::vector<std::string>{"a", "b"}));
    CHECK(copy.map() == AccumulatorValues::Map(copy.begin(), copy.end()));
    CHECK_THROWS_AS(copy.at("unseen"), std::out_of_range);
}

TEST_CASE("where there are no accumulators, or none any more, the values are empty", "[runtime]") {
    const AccumulatorValues made;
    CHECK(made.empty());
    CHECK(made.begin() == made.end());
    CHECK_THROWS_AS(made.at("seen"), std::out_of_range);

    Accumulators accumulators;
    const AccumulatorValues none = accumulators.values();
    CHECK(none.empty());
    CHECK(none.size() == 0);
    CHECK(namesOf(none).empty());
    CHECK_FALSE(none.contains("seen"));

    accumulators.create<LongCounter>("seen").add();
    accumulators.clear();
    CHECK(accumulators.values().empty());
}

TEST_CASE("the values of accumulators may outlive them", "[runtime]") {
    const std::string text = "a text that is too long for a string to keep in itself";
    AccumulatorValues values;
    {
        Accumulators accumulators;
        accumulators.create<ListAccumulator>("texts").add(text);
        values = accumulators.values();
    }
    CHECK(values.at("texts") == AccumulatorValue(std::vector<std::string>{text}));
}

TEST_CASE("the accumulators of one part go, and those of the others stay", "[runtime]") {
    Accumulators accumulators;
    accumulators.part(0).create<LongCounter>("seen").add(1);
    accumulators.part(1).create<LongCounter>("seen").add(2);
    accumulators.part(0).create<LongCounter>("seen").add(4);
    accumulators.part(2).create<LongCounter>("seen").add(8);
    accumulators.clearPart(0);
    CHECK(accumulators.values().at("seen") == AccumulatorValue(std::int64_t{10}));
    accumulators.clearPart(2);
    CHECK(accumulators.values().at("seen") == AccumulatorValue(std::int64_t{2}));
    accumulators.clearPart(1);
    CHECK(accumulators.values().empty());
}
