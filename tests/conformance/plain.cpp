#include "plain.hpp"

#include <deque>
#include <map>

namespace millrace::conformance {

namespace {

struct Table {
    std::map<std::vector<std::byte>, std::uint32_t> numbers;
    std::deque<Value> values;  // references stay valid
};
Table& table() {
    static Table instance;
    return instance;
}

struct Tagged {
    Value value;
    std::string side;
};
struct Untag {
    void processElement(Tagged tagged, ProcessContext& context, Collector<Value>& out) const {
        if (tagged.side.empty()) {
            out.collect(std::move(tagged.value));
        } else {
            context.output(sideTag(tagged.side), std::move(tagged.value));
        }
    }
};
struct Tag {
    std::string side;
    Tagged operator()(const Plain& plain) const { return {recordOf(plain), side}; }
};

}  // namespace

std::uint32_t numberOf(const Value& value) {
    Table& all = table();
    const auto next = static_cast<std::uint32_t>(all.values.size());
    const auto [entry, isNew] = all.numbers.try_emplace(encodeToBytes(value), next);
    if (isNew) all.values.push_back(value);
    return entry->second;
}
const Value& valueOf(std::uint32_t number) {
    return table().values.at(number);
}

DataStream<Value> valuesOf(const DataStream<Plain>& out, const std::vector<std::string>& sides) {
    if (sides.empty()) {
        return out.map([](const Plain& plain) -> Value { return recordOf(plain); });
    }
    DataStream<Tagged> all = out.map(Tag{});
    for (const std::string& side : sides) {
        all = all.unionWith(DataStream<Tagged>(out.getSideOutput(plainTag(side)).map(Tag{side})));
    }
    return all.process(Untag{});
}

}  // namespace millrace::conformance
