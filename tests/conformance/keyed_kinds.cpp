#include "harness_subject.hpp"
#include "plain_kinds.hpp"

#include <millrace/api/data_stream.hpp>
#include <millrace/types/key_group.hpp>

#include <stdexcept>

// key_groups, keyed_reduce

namespace millrace::conformance {

namespace {

class KeyGroupSubject final : public Subject {
public:
    void apply(const json& item) override {
        OutputItem answer;
        answer.kind = OutputItem::Kind::Query;
        answer.name = item.at("query").get<std::string>();
        const int parallelism = item.at("parallelism").get<int>();
        if (answer.name == "default_max_parallelism") {
            answer.value = defaultMaxParallelism(parallelism);
        } else if (answer.name == "key_group_range") {
            const KeyGroupRange range =
                keyGroupRange(item.at("subtask").get<int>(), parallelism, item.at("max_parallelism").get<int>());
            answer.value = Value::Array{range.first, range.last};
        } else if (answer.name == "subtask_of_key_group") {
            answer.value =
                subtaskForKeyGroup(item.at("key_group").get<int>(), parallelism, item.at("max_parallelism").get<int>());
        } else {
            throw std::invalid_argument("unknown query '" + answer.name + "'");
        }
        items_.push_back(std::move(answer));
    }
    std::vector<OutputItem> take() override { return std::exchange(items_, {}); }

private:
    std::vector<OutputItem> items_;
};

/// Element 1 of a record, as a field that can be read and replaced.
struct SecondElement {
    Value& operator()(Value& record) const { return record.at(1); }
    const Value& operator()(const Value& record) const { return record.at(1); }
};

OneInputPipeline reducePipeline(const json& op) {
    const std::string function = op.at("function").get<std::string>();
    const KeyOfRecord key(op.at("key"));
    const SecondElement second;
    return [=](const DataStream<Value>& in) -> DataStream<Value> {
        const auto keyed = in.keyBy(key);
        if (function == "sum_scalar") return keyed.sum();
        if (function == "sum") return keyed.sum(second);
        if (function == "min") return keyed.min(second);
        if (function == "max") return keyed.max(second);
        if (function == "min_by") return keyed.minBy(second);
        if (function == "max_by") return keyed.maxBy(second);
        if (function == "min_by_last") return keyed.minBy(second, false);
        if (function == "max_by_last") return keyed.maxBy(second, false);
        throw std::invalid_argument("unknown function '" + function + "'");
    };
}

}  // namespace

std::vector<Implementation> keyGroups(const json&) {
    return {{"key groups", [] { return std::make_unique<KeyGroupSubject>(); }}};
}

std::vector<Implementation> keyedReduce(const json& op) {
    std::vector<Implementation> implementations{
        pipelineImplementation("KeyedStream::sum, min, max, minBy, maxBy", reducePipeline(op), {})};
    if (auto plain = plainReduce(op)) {
        implementations.push_back(pipelineImplementation("KeyedStream::reduce of plain records", *plain, {}));
    }
    return implementations;
}

}  // namespace millrace::conformance
