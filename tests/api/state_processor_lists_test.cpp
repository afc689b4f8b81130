#include <millrace/state_processor.hpp>
// first: it stands alone
#include <millrace/checkpointing.hpp>
#include <millrace/functions/checkpointed_function.hpp>
#include <millrace/millrace.hpp>
#include <millrace/runtime/simulated_runtime.hpp>

#include "api/api_fixtures.hpp"
#include "connectors/temp_directory.hpp"
#include "support/catch.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

// States without a key, written and changed without a job, and what a job makes of them.

using namespace millrace;
using namespace millrace::testsupport;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

namespace {

using Strings = std::vector<std::string>;
using Rules = std::vector<std::pair<std::string, std::int64_t>>;

const MapStateDescriptor<std::string, std::int64_t>& rules() {
    static const MapStateDescriptor<std::string, std::int64_t> descriptor{"rules"};
    return descriptor;
}

std::string textOf(const std::vector<std::int64_t>& values) {
    std::string text;
    for (const std::int64_t value : values) text += " " + std::to_string(value);
    return text;
}

/// Adds what it sees to a list of either kind, and tells what it begins with.
class Lists {
public:
    explicit Lists(Strings& begun) : begun_(&begun) {}
    void initializeState(FunctionInitializationContext& context) {
        OperatorStateStore& store = context.getOperatorStateStore();
        split_ = store.getListState(ListStateDescriptor<std::int64_t>{"split"});
        union_ = store.getUnionListState(ListStateDescriptor<std::int64_t>{"union"});
    }
    void open(RuntimeContext& context) {
        begun_->push_back(std::to_string(context.subtaskIndex()) + ": split" + textOf(split_.get()) + ", union" +
                          textOf(sorted(union_.get())));
    }
    std::int64_t operator()(std::int64_t value) {
        split_.add(value);
        union_.add(-value);
        return value;
    }

private:
    Strings* begun_;
    OperatorListState<std::int64_t> split_;
    OperatorListState<std::int64_t> union_;
};

/// Numbers by the rule for their kind.
struct Apply {
    void processElement(std::int64_t value, BroadcastReadOnlyContext& context, Collector<std::int64_t>& out) {
        out.collect(value * context.getBroadcastState(rules()).getOr(value % 2 == 0 ? "even" : "odd", 1));
    }
    void processBroadcastElement(std::int64_t rule, BroadcastContext& context, Collector<std::int64_t>&) {
        context.getBroadcastState(rules()).put(rule % 2 == 0 ? "even" : "odd", rule);
    }
};

struct Outcome {
    Strings begun;  ///< of each subtask of `Lists`
    std::vector<std::int64_t> results;
    bool operator==(const Outcome&) const = default;
};

/// `given` are the rules that come before the numbers from `from` to `to`.
Outcome run(int parallelism, const std::vector<std::int64_t>& given, std::int64_t from, std::int64_t to,
            const std::string& restoreFrom, const std::string& savepoint = {}) {
    Outcome outcome;
    StreamExecutionEnvironment env{SimulatedRuntime(1)};
    env.setParallelism(parallelism);
    auto [values, input] = env.fromChannel<std::int64_t>(100);
    auto [ruleStream, ruleInput] = env.fromChannel<std::int64_t>(100);
    values.uid("values")
        .rebalance()
        .map(Lists{outcome.begun})
        .uid("lists")
        .connect(ruleStream.uid("given").broadcast(rules()))
        .process(Apply{})
        .uid("apply")
        .addSink([&](std::int64_t result) { outcome.results.push_back(result); })
        .setParallelism(1);
    CheckpointConfig config;
    config.restoreFrom = restoreFrom;
    env.enableCheckpointing(config);
    const auto job = env.executeAsync("lists");
    for (const std::int64_t rule : given) REQUIRE(ruleInput.push(rule));
    job->waitFor(10ms);
    for (std::int64_t value = from; value <= to; ++value) REQUIRE(input.push(value));
    job->waitFor(10ms);
    if (!savepoint.empty()) {
        job->stopWithSavepoint(savepoint);
    } else {
        input.close();
        ruleInput.close();
    }
    job->result();
    std::sort(outcome.begun.begin(), outcome.begun.end());
    std::sort(outcome.results.begin(), outcome.results.end());
    return outcome;
}

}  // namespace

TEST_CASE("lists and broadcast maps of a savepoint are read", "[api][checkpoint]") {
    const testing::TempDirectory directory(testing::inMemoryDirectory());
    const Outcome first = run(2, {10, 101}, 1, 4, {}, directory.path("saved"));
    CHECK(first == Outcome{{"0: split, union", "1: split, union"}, {20, 40, 101, 303}});
    const SavepointReader savepoint(directory.path("saved"));
    CHECK(savepoint.states("lists") == Strings{"operator/split", "operator/union"});
    CHECK(savepoint.states("apply") == Strings{"broadcast/rules"});
    CHECK(savepoint.schema("apply", "broadcast/rules") == "broadcast{entries:map<string,i64>}");
    CHECK(sorted(savepoint.readOperatorList<std::int64_t>("lists", "split")) == std::vector<std::int64_t>{1, 2, 3, 4});
    CHECK(sorted(savepoint.readOperatorList<std::int64_t>("lists", "union")) ==
          std::vector<std::int64_t>{-4, -3, -2, -1});
    // once, though both subtasks have saved it
    CHECK(sorted(savepoint.readBroadcastState<std::string, std::int64_t>("apply", "rules")) ==
          Rules{{"even", 10}, {"odd", 101}});
    // as the types of a later program
    using Later = std::pair<std::string, std::optional<std::int64_t>>;
    CHECK(sorted(savepoint.readBroadcastState<std::string, std::optional<std::int64_t>>("apply", "rules")) ==
          std::vector<Later>{{"even", 10}, {"odd", 101}});
    CHECK_THAT(messageOf([&] { savepoint.readBroadcastState<std::int64_t, std::int64_t>("apply", "rules"); }),
               ContainsSubstring("field entries[].key: saved as string, now i64"));
    CHECK_THAT(messageOf([&] { savepoint.readBroadcastState<std::string, std::int64_t>("apply", "rule"); }),
               ContainsSubstring("has no 'broadcast/rule' of the operator uid 'apply'; it has 'broadcast/rules'"));
}

TEST_CASE("a job begins with lists and broadcast maps that were made from nothing", "[api][checkpoint]") {
    const testing::TempDirectory directory(testing::inMemoryDirectory());
    SavepointWriter writer;
    writer.writeOperatorList<std::int64_t>("lists", "split", std::vector<std::int64_t>{1, 2, 3, 4, 5})
        .writeUnionList<std::int64_t>("lists", "union", std::vector<std::int64_t>{-7, -8})
        .writeBroadcastState<std::string, std::int64_t>("apply", "rules",
                                                        std::map<std::string, std::int64_t>{{"even", 10}});
    writer.write(directory.path("made"));
    CHECK(run(1, {}, 1, 4, directory.path("made")) == Outcome{{"0: split 1 2 3 4 5, union -8 -7"}, {1, 3, 20, 40}});
    CHECK(run(2, {}, 1, 4, directory.path("made")) ==
          Outcome{{"0: split 1 3 5, union -8 -7", "1: split 2 4, union -8 -7"}, {1, 3, 20, 40}});
    CHECK(run(3, {5}, 1, 4, directory.path("made")) ==
          Outcome{{"0: split 1 4, union -8 -7", "1: split 2 5, union -8 -7", "2: split 3, union -8 -7"},
                  {5, 15, 20, 40}});

    SECTION("what is written again replaces what was there") {
        writer.writeOperatorList<std::int64_t>("lists", "split", std::vector<std::int64_t>{6})
            .writeUnionList<std::int64_t>("lists", "union", std::vector<std::int64_t>{})
            .writeBroadcastState<std::string, std::int64_t>("apply", "rules", Rules{{"odd", 3}});
        writer.write(directory.path("again"));
        CHECK(run(2, {}, 1, 4, directory.path("again")) ==
              Outcome{{"0: split 6, union", "1: split, union"}, {2, 3, 4, 9}});
    }
}

TEST_CASE("lists and broadcast maps are modified in a savepoint, and the job sees it", "[api][checkpoint]") {
    const testing::TempDirectory directory(testing::inMemoryDirectory());
    run(2, {10, 101}, 1, 4, {}, directory.path("saved"));
    SavepointWriter writer(SavepointReader(directory.path("saved")));
    writer
        .modifyOperatorList<std::int64_t>("lists", "split",
                                          [](std::vector<std::int64_t>& list) {
                                              list = sorted(list);
                                              list.front() = 1000;  // instead of 1
                                          })
        .modifyOperatorList<std::int64_t>("lists", "union",
                                          [](std::vector<std::int64_t>& list) { list.push_back(-99); })
        .modifyBroadcastState<std::string, std::int64_t>("apply", "rules", [](Rules& entries) {
            std::erase_if(entries, [](const auto& entry) { return entry.first == "odd"; });
            for (auto& [name, factor] : entries) factor += 1;
        });
    writer.write(directory.path("changed"));
    const std::string all = ", union -99 -4 -3 -2 -1";
    CHECK(run(2, {}, 5, 6, directory.path("changed")) ==
          Outcome{{"0: split 1000 3" + all, "1: split 2 4" + all}, {5, 66}});
    CHECK(run(3, {}, 5, 6, directory.path("changed")) ==
          Outcome{{"0: split 1000 4" + all, "1: split 2" + all, "2: split 3" + all}, {5, 66}});
    CHECK(run(1, {}, 5, 6, directory.path("changed")) == Outcome{{"0: split 1000 2 3 4" + all}, {5, 66}});

    SECTION("an empty one is gone") {
        writer.modifyOperatorList<std::int64_t>("lists", "split", [](std::vector<std::int64_t>& list) { list.clear(); })
            .removeState("lists", "operator/union")
            .modifyBroadcastState<std::string, std::int64_t>("apply", "rules", [](Rules& entries) { entries.clear(); });
        writer.write(directory.path("emptied"));
        CHECK(run(2, {}, 5, 6, directory.path("emptied")) == Outcome{{"0: split, union", "1: split, union"}, {5, 6}});
    }
    SECTION("what is not there, or of another type, is refused") {
        const auto nothing = [](auto&) {};
        CHECK(messageOf([&] { writer.modifyOperatorList<std::int64_t>("lists", "spilt", nothing); }) ==
              "SavepointWriter: the operator uid 'lists' has no 'operator/spilt' to modify; it has 'operator/split', "
              "'operator/union'");
        CHECK(messageOf([&] { writer.modifyBroadcastState<std::string, std::int64_t>("lists", "split", nothing); }) ==
              "SavepointWriter: the operator uid 'lists' has no 'broadcast/split' to modify; it has 'operator/split', "
              "'operator/union'");
        CHECK_THAT(messageOf([&] { writer.modifyOperatorList<std::int64_t>("list", "split", nothing); }),
                   ContainsSubstring("there is no operator of uid 'list', but 'values', "));
        CHECK_THAT(messageOf([&] { writer.modifyOperatorList<std::string>("lists", "split", nothing); }),
                   ContainsSubstring("field element: saved as i64, now string"));
    }
}
