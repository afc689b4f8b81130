#ifndef MILLRACE_TESTS_CONFORMANCE_HARNESS_SUBJECT_HPP
#define MILLRACE_TESTS_CONFORMANCE_HARNESS_SUBJECT_HPP

#include "subject.hpp"
#include "times.hpp"

#include <millrace/api/stream_types.hpp>
#include <millrace/operators/stage.hpp>
#include <millrace/record/output_tag.hpp>

#include <functional>
#include <memory>
#include <vector>

namespace millrace::conformance {

using OneInputPipeline = std::function<DataStream<Value>(DataStream<Value>)>;
using TwoInputPipeline = std::function<DataStream<Value>(DataStream<Value>, DataStream<Value>)>;

/// The tags of the side outputs that a vector names: created once, so that operators and readers mean the same.
OutputTag<Value> sideTag(const std::string& name);

/// A pipeline of the library's operators: under a test harness, and as a job. `sides`: the side outputs of its last
/// operator.
Implementation pipelineImplementation(std::string name, OneInputPipeline pipeline, std::vector<std::string> sides);
/// `query` answers input items that look into the state of the last stage.
using StageQuery = std::function<Value(detail::Stage&, const std::string& query)>;
Implementation pipelineImplementation(std::string name, TwoInputPipeline pipeline, std::vector<std::string> sides,
                                      StageQuery query = {});

/// The side outputs that the programs of a vector emit to.
std::vector<std::string> sideTagsIn(const json& programs);

// How the two work, on their own.
std::unique_ptr<Subject> harnessed(const OneInputPipeline& pipeline, const std::vector<std::string>& sides);
std::unique_ptr<Subject> harnessed(const TwoInputPipeline& pipeline, const std::vector<std::string>& sides,
                                   StageQuery query = {});
std::vector<OutputItem> runInEngine(const OneInputPipeline& pipeline, const std::vector<std::string>& sides,
                                    const Vector& vector, const EngineOptions& options);
std::vector<OutputItem> runInEngine(const TwoInputPipeline& pipeline, const std::vector<std::string>& sides,
                                    const Vector& vector, const EngineOptions& options);

/// A key selector of the format.
class KeyOfRecord {
public:
    KeyOfRecord() = default;
    explicit KeyOfRecord(const json& selector);
    Value operator()(const Value& record) const;

private:
    enum class Form { None, Field, Self, SelfAsString };
    Form form_ = Form::None;
    std::size_t field_ = 0;
};

}  // namespace millrace::conformance

#endif  // MILLRACE_TESTS_CONFORMANCE_HARNESS_SUBJECT_HPP
