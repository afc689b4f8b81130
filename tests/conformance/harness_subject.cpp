#include "harness_subject.hpp"

#include <millrace/testing/operator_harness.hpp>

#include <algorithm>
#include <stdexcept>

namespace millrace::conformance {

namespace {

std::vector<OutputItem> outputItems(testing::Trace<Value> trace) {
    std::vector<OutputItem> items;
    for (auto& item : trace) {
        OutputItem output;
        if (item.time != kMinTimestamp) output.time = ticksOf(item.time);
        switch (item.kind) {
            case testing::TraceKind::Element:
            case testing::TraceKind::SideElement:
                output.name = item.tag;
                output.value = std::move(*item.value);
                break;
            case testing::TraceKind::Watermark:
                output.kind = OutputItem::Kind::Watermark;
                break;
            case testing::TraceKind::Idle:
            case testing::TraceKind::Active:
                output.kind = OutputItem::Kind::Status;
                output.name = item.kind == testing::TraceKind::Idle ? "idle" : "active";
                output.time = {};
                break;
            case testing::TraceKind::EndOfInput:
                continue;
        }
        items.push_back(std::move(output));
    }
    return items;
}

/// Items that concern the whole operator; false if it is none of them.
template <class Harness>
bool applyCommon(Harness& harness, const json& item) {
    if (item.contains("proctime")) {
        harness.setProcessingTime(timeOf(item.at("proctime")));
    } else if (item.contains("snapshot_restore")) {
        harness.restoreFromOwnSnapshot();
    } else {
        return false;
    }
    return true;
}

class OneInputSubject final : public Subject {
public:
    OneInputSubject(const OneInputPipeline& pipeline, const std::vector<std::string>& sides)
        : harness_(testing::harnessFor<Value>(pipeline)) {
        for (const std::string& side : sides) harness_.sideOutput(sideTag(side));
        harness_.open();
    }
    void apply(const json& item) override {
        if (applyCommon(harness_, item)) return;
        if (item.contains("elem")) {
            harness_.processElement(fromJson(item.at("elem")), timeOf(item.value("ts", json())));
        } else if (item.contains("watermark")) {
            harness_.processWatermark(timeOf(item.at("watermark")));
        } else if (item.contains("status")) {
            item.at("status") == "idle" ? harness_.processIdle() : harness_.processActive();
        } else if (item.contains("end_input")) {
            harness_.endInput();
        } else {
            throw std::invalid_argument("this operator has no input item " + item.dump());
        }
    }
    std::vector<OutputItem> take() override { return outputItems(harness_.takeOutput()); }
    std::optional<MemorySnapshot> snapshot() override { return harness_.snapshot(); }
    void restore(const MemorySnapshot& snapshot) override { harness_.restore(snapshot); }

private:
    testing::OneInputHarness<Value, Value> harness_;
};

class TwoInputSubject final : public Subject {
public:
    TwoInputSubject(const TwoInputPipeline& pipeline, const std::vector<std::string>& sides, StageQuery query)
        : harness_(testing::harnessFor<Value, Value>(pipeline)), query_(std::move(query)) {
        for (const std::string& side : sides) harness_.sideOutput(sideTag(side));
        harness_.open();
    }
    void apply(const json& item) override {
        if (applyCommon(harness_, item)) return;
        if (item.contains("end_input") && !item.contains("input")) {
            harness_.endInput1();
            harness_.endInput2();
            return;
        }
        if (item.contains("query") && query_) {
            OutputItem answer;
            answer.kind = OutputItem::Kind::Query;
            answer.name = item.at("query").get<std::string>();
            answer.value = query_(harness_.lastStage(), answer.name);
            answers_.push_back(std::move(answer));
            return;
        }
        const bool first = item.at("input").get<int>() == 1;
        if (item.contains("elem")) {
            Value value = fromJson(item.at("elem"));
            const Timestamp time = timeOf(item.value("ts", json()));
            first ? harness_.processElement1(std::move(value), time) : harness_.processElement2(std::move(value), time);
        } else if (item.contains("watermark")) {
            const Timestamp time = timeOf(item.at("watermark"));
            first ? harness_.processWatermark1(time) : harness_.processWatermark2(time);
        } else if (item.contains("status")) {
            if (item.at("status") == "idle") {
                first ? harness_.processIdle1() : harness_.processIdle2();
            } else {
                first ? harness_.processActive1() : harness_.processActive2();
            }
        } else if (item.contains("end_input")) {
            first ? harness_.endInput1() : harness_.endInput2();
        } else {
            throw std::invalid_argument("this operator has no input item " + item.dump());
        }
    }
    std::vector<OutputItem> take() override {
        if (!answers_.empty()) return std::exchange(answers_, {});
        return outputItems(harness_.takeOutput());
    }
    std::optional<MemorySnapshot> snapshot() override { return harness_.snapshot(); }
    void restore(const MemorySnapshot& snapshot) override { harness_.restore(snapshot); }

private:
    testing::TwoInputHarness<Value, Value, Value> harness_;
    StageQuery query_;
    std::vector<OutputItem> answers_;
};

}  // namespace

OutputTag<Value> sideTag(const std::string& name) {
    return OutputTag<Value>(name);
}

std::unique_ptr<Subject> harnessed(const OneInputPipeline& pipeline, const std::vector<std::string>& sides) {
    return std::make_unique<OneInputSubject>(pipeline, sides);
}
std::unique_ptr<Subject> harnessed(const TwoInputPipeline& pipeline, const std::vector<std::string>& sides,
                                   StageQuery query) {
    return std::make_unique<TwoInputSubject>(pipeline, sides, std::move(query));
}

Implementation pipelineImplementation(std::string name, OneInputPipeline pipeline, std::vector<std::string> sides) {
    return {std::move(name), [=] { return harnessed(pipeline, sides); },
            [=](const Vector& vector, const EngineOptions& options) {
                return runInEngine(pipeline, sides, vector, options);
            }};
}
Implementation pipelineImplementation(std::string name, TwoInputPipeline pipeline, std::vector<std::string> sides,
                                      StageQuery query) {
    return {std::move(name), [=] { return harnessed(pipeline, sides, query); },
            [=](const Vector& vector, const EngineOptions& options) {
                return runInEngine(pipeline, sides, vector, options);
            },
            true};
}

std::vector<std::string> sideTagsIn(const json& part) {
    std::vector<std::string> tags;
    if (part.is_object() && part.size() == 1 && part.contains("side")) {
        tags.push_back(part.at("side").at(0).get<std::string>());
    }
    if (part.is_structured()) {
        for (const json& inner : part) {
            for (std::string& tag : sideTagsIn(inner)) {
                if (std::find(tags.begin(), tags.end(), tag) == tags.end()) tags.push_back(std::move(tag));
            }
        }
    }
    return tags;
}

KeyOfRecord::KeyOfRecord(const json& selector) {
    if (selector.is_null()) return;
    if (selector.is_object()) {
        form_ = Form::Field;
        field_ = selector.at("field").get<std::size_t>();
    } else if (selector == "self") {
        form_ = Form::Self;
    } else if (selector == "self_as_string") {
        form_ = Form::SelfAsString;
    } else {
        throw std::invalid_argument("unknown key selector " + selector.dump());
    }
}
Value KeyOfRecord::operator()(const Value& record) const {
    switch (form_) {
        case Form::None:
            return {};
        case Form::Field:
            return record.at(field_);
        case Form::Self:
            return record;
        case Form::SelfAsString:
            return record.isString() ? record : Value(record.text());
    }
    return {};
}

}  // namespace millrace::conformance
