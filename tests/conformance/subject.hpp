#ifndef MILLRACE_TESTS_CONFORMANCE_SUBJECT_HPP
#define MILLRACE_TESTS_CONFORMANCE_SUBJECT_HPP

#include "vector.hpp"

#include <millrace/state/memory_snapshot.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace millrace::conformance {

/// What a vector drives: an operator of the library behind the format's input and output items.
class Subject {
public:
    virtual ~Subject() = default;
    /// Handles one input item with all its consequences. Throws where the operator reports an error.
    virtual void apply(const json& item) = 0;
    /// What has come out since the last call; `at` is filled in by the caller.
    virtual std::vector<OutputItem> take() = 0;

    /// Its state; none if it saves nothing.
    virtual std::optional<MemorySnapshot> snapshot() { return std::nullopt; }
    /// Begins anew with this state and without a watermark.
    virtual void restore(const MemorySnapshot&) {}
};

/// The job ends with a savepoint once the input item `after` has had its effect, and another one goes on with it.
struct EngineStop {
    int after = 0;
    int parallelism = 1;  ///< of the one that goes on
};

/// How a pipeline is run as a job.
struct EngineOptions {
    std::uint64_t seed = 0;
    int parallelism = 1;
    /// Each input item waits until everything that the one before it caused has happened. Otherwise records come in
    /// blocks, and no output item can tell what caused it.
    bool paced = true;
    std::vector<EngineStop> stops{};  ///< in order; needs `paced`
};

/// One way to build what a vector describes; a vector passes if all of them do.
struct Implementation {
    std::string name;
    std::function<std::unique_ptr<Subject>()> make;
    std::function<std::vector<OutputItem>(const Vector&, const EngineOptions&)> runInEngine{};  ///< empty: cannot
    bool twoInputs = false;
    bool answersQueries = true;  ///< of vectors that look into its state
    bool savesAll = true;        ///< all that it remembers is in its snapshot
    /// Only one subtask gives the vector's output: each of several emits for a broadcast record, or has a watermark of its own.
    bool oncePerSubtask = false;
};

/// The implementations of a configuration; none if this kind is not built. Throws for a configuration that makes no
/// sense in the format (an unknown trigger…); one that the operator itself rejects makes `make` throw.
using Kind = std::vector<Implementation> (*)(const json& op);

std::vector<Implementation> watermarkValve(const json& op);
std::vector<Implementation> watermarkCombine(const json& op);
std::vector<Implementation> watermarkMultiplexer(const json& op);
std::vector<Implementation> timestampsWatermarks(const json& op);
std::vector<Implementation> keyGroups(const json& op);
std::vector<Implementation> keyedReduce(const json& op);
std::vector<Implementation> process(const json& op);
std::vector<Implementation> coProcess(const json& op);
std::vector<Implementation> broadcastProcess(const json& op);
std::vector<Implementation> intervalJoin(const json& op);
std::vector<Implementation> windowJoin(const json& op);
std::vector<Implementation> windowCoGroup(const json& op);
std::vector<Implementation> window(const json& op);
std::vector<Implementation> windowAssign(const json& op);
std::vector<Implementation> windowMergeSet(const json& op);

}  // namespace millrace::conformance

#endif  // MILLRACE_TESTS_CONFORMANCE_SUBJECT_HPP
