#include <millrace/state_processor.hpp>
// first: it stands alone
#include <millrace/checkpoint/checkpoint_summary.hpp>
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

using namespace millrace;
using namespace millrace::testsupport;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

namespace {

struct Account {
    std::int64_t cents = 0;
    std::string owner;
    bool operator==(const Account&) const = default;
};
struct Sum {
    using Accumulator = std::pair<std::int64_t, std::int64_t>;
    Accumulator createAccumulator() const { return {}; }
    void add(std::int64_t value, Accumulator& acc) const {
        acc.first += value;
        ++acc.second;
    }
    std::int64_t getResult(const Accumulator& acc) const { return acc.first; }
};
struct Add {
    std::int64_t operator()(std::int64_t a, std::int64_t b) const { return a + b; }
};

/// Keeps a state of each kind, and tells all of it.
class Bank {
public:
    void open(KeyedRuntimeContext& context) {
        account_ = context.getState(ValueStateDescriptor<Account>{"account", StateTtlConfig(1h)});
        last_ = context.getListState(ListStateDescriptor<std::int64_t>{"last"});
        byShop_ = context.getMapState(MapStateDescriptor<std::string, std::int64_t>{"by shop"});
        sum_ = context.getReducingState(ReducingStateDescriptor<std::int64_t, Add>{"sum"});
        average_ = context.getAggregatingState(AggregatingStateDescriptor<std::int64_t, Sum>{"average"});
    }
    void processElement(std::int64_t value, KeyedProcessContext<std::string>& context, Collector<std::string>& out) {
        account_.mutate([&](Account& account) {
            account.cents += value;
            if (account.owner.empty()) account.owner = "new";
        });
        last_.add(value);
        byShop_.mutate(value % 2 == 0 ? "even" : "odd", [&](std::int64_t& cents) { cents += value; });
        sum_.add(value);
        average_.add(value);
        std::string text = context.currentKey() + ": " + std::to_string(account_.value()->cents) + " of " +
                           account_.value()->owner + ", last";
        for (const std::int64_t each : last_.get()) text += " " + std::to_string(each);
        text += ", even " + std::to_string(byShop_.getOr("even", -1)) + ", odd " +
                std::to_string(byShop_.getOr("odd", -1)) + ", sum " + std::to_string(*sum_.get()) + ", aggregated " +
                std::to_string(*average_.get());
        out.collect(std::move(text));
    }

private:
    ValueState<Account> account_;
    ListState<std::int64_t> last_;
    MapState<std::string, std::int64_t> byShop_;
    ReducingState<std::int64_t, Add> sum_;
    AggregatingState<std::int64_t, Sum> average_;
};

/// A list that belongs to no key.
class Seen {
public:
    void initializeState(FunctionInitializationContext& context) {
        seen_ = context.getOperatorStateStore().getListState(ListStateDescriptor<std::int64_t>{"seen"});
    }
    std::int64_t operator()(std::int64_t value) {
        seen_.add(value);
        return value;
    }

private:
    OperatorListState<std::int64_t> seen_;
};

std::string keyOf(std::int64_t value) {
    return "key " + std::to_string(value % 3);
}

/// The values from `from` to `to`, and the last line of each key.
std::map<std::string, std::string> run(std::int64_t from, std::int64_t to, const std::string& restoreFrom,
                                       const std::string& savepoint = {}) {
    std::map<std::string, std::string> newest;
    StreamExecutionEnvironment env{SimulatedRuntime(1)};
    env.setParallelism(2);
    auto [values, input] = env.fromChannel<std::int64_t>(100);
    values.uid("values")
        .map(Seen{})
        .uid("seen")
        .keyBy(keyOf)
        .process(Bank{})
        .uid("bank")
        .addSink([&](const std::string& line) { newest[line.substr(0, 5)] = line; })
        .setParallelism(1);
    CheckpointConfig config;
    config.restoreFrom = restoreFrom;
    env.enableCheckpointing(config);
    const auto job = env.executeAsync("bank");
    for (std::int64_t value = from; value <= to; ++value) REQUIRE(input.push(value));
    job->waitFor(10ms);
    if (!savepoint.empty()) {
        job->stopWithSavepoint(savepoint);
    } else {
        input.close();
    }
    job->result();
    return newest;
}

template <class Key, class Value>
std::map<Key, Value> mapOf(std::vector<KeyedEntry<Key, Value>> entries) {
    std::map<Key, Value> map;
    for (auto& each : entries) map.emplace(std::move(each.key), std::move(each.value));
    return map;
}

}  // namespace

TEST_CASE("the states of a savepoint are read by uid and name", "[api][checkpoint]") {
    const testing::TempDirectory directory(testing::inMemoryDirectory());
    run(1, 7, {}, directory.path("saved"));
    const SavepointReader savepoint(directory.path("saved"));
    CHECK(savepoint.uids() == std::vector<std::string>{"values", "seen", "bank", savepoint.uids().back()});
    CHECK(savepoint.states("bank") ==
          std::vector<std::string>{"state/account", "state/average", "state/by shop", "state/last", "state/sum"});
    CHECK(savepoint.schema("bank", "state/account") ==
          "value{key:string,stamp:optional<i64>,value:{cents:i64,owner:string}}");

    CHECK(mapOf(savepoint.readValueState<std::string, Account>("bank", "account")) ==
          std::map<std::string, Account>{{"key 0", {9, "new"}}, {"key 1", {12, "new"}}, {"key 2", {7, "new"}}});
    CHECK(mapOf(savepoint.readListState<std::string, std::int64_t>("bank", "last")) ==
          std::map<std::string, std::vector<std::int64_t>>{{"key 0", {3, 6}}, {"key 1", {1, 4, 7}}, {"key 2", {2, 5}}});
    using Shops = std::vector<std::pair<std::string, std::int64_t>>;
    CHECK(mapOf(savepoint.readMapState<std::string, std::string, std::int64_t>("bank", "by shop")) ==
          std::map<std::string, Shops>{{"key 0", {{"odd", 3}, {"even", 6}}},
                                       {"key 1", {{"odd", 8}, {"even", 4}}},
                                       {"key 2", {{"even", 2}, {"odd", 5}}}});
    CHECK(mapOf(savepoint.readReducingState<std::string, std::int64_t>("bank", "sum")) ==
          std::map<std::string, std::int64_t>{{"key 0", 9}, {"key 1", 12}, {"key 2", 7}});
    CHECK(mapOf(savepoint.readAggregatingState<std::string, Sum::Accumulator>("bank", "average")) ==
          std::map<std::string, Sum::Accumulator>{{"key 0", {9, 2}}, {"key 1", {12, 3}}, {"key 2", {7, 2}}});
    CHECK(sorted(savepoint.readOperatorList<std::int64_t>("seen", "seen")) ==
          std::vector<std::int64_t>{1, 2, 3, 4, 5, 6, 7});

    struct Later {  // as a later version of the program has it
        std::string owner;
        double cents = 0;
        int added = 5;
    };
    struct Wider {
        std::optional<std::int64_t> cents;
        int added = 5;
    };
    std::map<std::string, std::int64_t> visited;
    savepoint.readValueState<std::string, Wider>("bank", "account", [&](const std::string& key, const Wider& value) {
        visited[key] = *value.cents + value.added;
    });
    CHECK(visited == std::map<std::string, std::int64_t>{{"key 0", 14}, {"key 1", 17}, {"key 2", 12}});

    CHECK_THAT(messageOf([&] { savepoint.readValueState<std::string, Later>("bank", "account"); }),
               ContainsSubstring("state 'state/account' of operator uid 'bank' cannot be restored: field value.cents"));
    CHECK_THAT(messageOf([&] { savepoint.readValueState<std::int64_t, Account>("bank", "account"); }),
               ContainsSubstring("field key: saved as string, now i64"));
    CHECK_THAT(messageOf([&] { savepoint.readListState<std::string, Account>("bank", "account"); }),
               ContainsSubstring("it was saved by another kind of operator or state: value, now list"));
    CHECK_THAT(messageOf([&] { savepoint.readValueState<std::string, Account>("bank", "acount"); }),
               ContainsSubstring("has no 'state/acount' of the operator uid 'bank'; it has 'state/account', "));
    CHECK_THAT(messageOf([&] { savepoint.readValueState<std::string, Account>("banc", "account"); }),
               ContainsSubstring("has no operator of uid 'banc'; it has 'values', 'seen', 'bank', "));
}

TEST_CASE("entries of a savepoint are a stream", "[api][checkpoint]") {
    const testing::TempDirectory directory(testing::inMemoryDirectory());
    run(1, 7, {}, directory.path("saved"));
    StreamExecutionEnvironment env{SimulatedRuntime(1)};
    using Entry = KeyedEntry<std::string, Account>;
    const auto cents =
        env.fromCollection(
               SavepointReader(directory.path("saved")).readValueState<std::string, Account>("bank", "account"))
            .map([](const Entry& entry) { return entry.value.cents; })
            .executeAndCollect();
    CHECK(sorted(cents) == std::vector<std::int64_t>{7, 9, 12});
}

TEST_CASE("a job begins with a savepoint that was made from nothing", "[api][checkpoint]") {
    const testing::TempDirectory directory(testing::inMemoryDirectory());
    SavepointWriter writer;
    writer
        .writeValueState<std::string, Account>(
            "bank", "account", std::map<std::string, Account>{{"key 0", {1000, "Ada"}}, {"key 5", {1, "nobody"}}})
        .writeListState<std::string, std::int64_t>(
            "bank", "last", std::vector<KeyedEntry<std::string, std::vector<std::int64_t>>>{{"key 0", {-1, -2}}})
        .writeMapState<std::string, std::string, std::int64_t>(
            "bank", "by shop",
            std::map<std::string, std::vector<std::pair<std::string, std::int64_t>>>{{"key 0", {{"even", 50}}}})
        .writeReducingState<std::string, std::int64_t>("bank", "sum",
                                                       std::map<std::string, std::int64_t>{{"key 0", 100}})
        .writeAggregatingState<std::string, Sum::Accumulator>(
            "bank", "average", std::map<std::string, Sum::Accumulator>{{"key 0", {200, 3}}});
    const CheckpointInfo info = writer.write(directory.path("made"));
    CHECK(info.kind == CheckpointKind::Savepoint);
    CHECK(info.path == directory.path("made"));

    const auto newest = run(1, 3, directory.path("made"));
    CHECK(newest == std::map<std::string, std::string>{
                        {"key 0", "key 0: 1003 of Ada, last -1 -2 3, even 50, odd 3, sum 103, aggregated 203"},
                        {"key 1", "key 1: 1 of new, last 1, even -1, odd 1, sum 1, aggregated 1"},
                        {"key 2", "key 2: 2 of new, last 2, even 2, odd -1, sum 2, aggregated 2"}});

    CHECK_THROWS_AS(writer.write(directory.path("made")), IoException);  // it is there already
    CHECK_THROWS_AS(SavepointWriter(0), ConfigurationException);
    CHECK_THROWS_AS(SavepointWriter(32769), ConfigurationException);
}

TEST_CASE("a map that would have a key twice is refused, and the message says where", "[api][checkpoint]") {
    SavepointWriter writer;
    using Shops = std::vector<std::pair<std::string, std::int64_t>>;
    const auto write = [&](const Shops& shops) {
        writer.writeMapState<std::string, std::string, std::int64_t>("bank", "by shop",
                                                                     std::map<std::string, Shops>{{"Ada", shops}});
    };
    const std::string message =
        "SavepointWriter: in state 'by shop' of the operator uid 'bank' a map has the key 'bakery' twice, that of "
        "'Ada'; give each key of a map once";
    write({{"bakery", 50}, {"butcher", 50}});
    CHECK(messageOf([&] { write({{"bakery", 50}, {"butcher", 1}, {"bakery", 2}}); }) == message);
    CHECK(messageOf([&] {
              writer.modifyMapState<std::string, std::string, std::int64_t>(
                  "bank", "by shop", [](const std::string&, Shops& shops) { shops.push_back(shops.front()); });
          }) == message);

    // equal for a map, though their bytes differ
    using Sums = std::vector<std::pair<double, int>>;
    CHECK(messageOf([&] {
              writer.writeBroadcastState<double, int>("prices", "rules", Sums{{0.0, 1}, {1.0, 2}, {-0.0, 3}});
          }) ==
          "SavepointWriter: in state 'rules' of the operator uid 'prices' a map has the key '-0' twice; give each key "
          "of a map once");
}

TEST_CASE("a value is modified in a savepoint, and the job sees it", "[api][checkpoint]") {
    const testing::TempDirectory directory(testing::inMemoryDirectory());
    run(1, 6, {}, directory.path("saved"));
    const auto undisturbed = run(7, 9, directory.path("saved"));
    SavepointWriter writer(SavepointReader(directory.path("saved")));
    writer
        .modifyValueState<std::string, Account>("bank", "account",
                                                [](const std::string& key, Account& account) {
                                                    if (key == "key 1") account.cents += 1'000'000;
                                                    account.owner = "owner of " + key;
                                                    return key != "key 2";  // whose account goes
                                                })
        .modifyListState<std::string, std::int64_t>(
            "bank", "last", [](const std::string&, std::vector<std::int64_t>& list) { list.resize(1); })
        .modifyMapState<std::string, std::string, std::int64_t>("bank", "by shop",
                                                                [](const std::string& key, auto& entries) {
                                                                    if (key == "key 0") entries.clear();
                                                                })
        .modifyReducingState<std::string, std::int64_t>("bank", "sum",
                                                        [](const std::string& key, std::int64_t& sum) {
                                                            if (key == "key 0") sum += 1000;
                                                        })
        .modifyAggregatingState<std::string, Sum::Accumulator>(
            "bank", "average", [](const std::string& key, Sum::Accumulator& accumulator) {
                accumulator.first += 2000;
                return key != "key 1";
            });
    writer.write(directory.path("changed"));
    CHECK(run(7, 9, directory.path("changed")) ==
          std::map<std::string, std::string>{
              {"key 0", "key 0: 18 of owner of key 0, last 3 9, even -1, odd 9, sum 1018, aggregated 2018"},
              {"key 1", "key 1: 1000012 of owner of key 1, last 1 7, even 4, odd 8, sum 12, aggregated 7"},
              {"key 2", "key 2: 8 of new, last 2 8, even 10, odd 5, sum 15, aggregated 2015"}});
    // what it was made from is as it was
    CHECK(run(7, 9, directory.path("saved")) == undisturbed);
    verifyCheckpoint(directory.path("saved"));
    // nothing else has changed
    CHECK(sorted(SavepointReader(directory.path("changed")).readOperatorList<std::int64_t>("seen", "seen")) ==
          std::vector<std::int64_t>{1, 2, 3, 4, 5, 6});
}

TEST_CASE("operators of a savepoint get other uids, and go", "[api][checkpoint]") {
    const testing::TempDirectory directory(testing::inMemoryDirectory());
    run(1, 6, {}, directory.path("saved"));
    SavepointWriter writer(SavepointReader(directory.path("saved")));
    writer.changeOperatorIdentifier("bank", "old bank").removeOperator("seen").removeState("old bank", "state/sum");
    writer.write(directory.path("changed"));
    const SavepointReader changed(directory.path("changed"));
    CHECK(changed.states("old bank") ==
          std::vector<std::string>{"state/account", "state/average", "state/by shop", "state/last"});
    CHECK(changed.readValueState<std::string, Account>("old bank", "account").size() == 3);
    CHECK(changed.uids().size() == 3);

    CHECK_THAT(messageOf([&] { writer.removeOperator("bank"); }),
               ContainsSubstring("there is no operator of uid 'bank', but 'values', 'old bank', "));
    CHECK_THAT(messageOf([&] { writer.changeOperatorIdentifier("old bank", "values"); }),
               ContainsSubstring("since there is an operator of that uid"));
    CHECK_THAT(messageOf([&] { writer.removeState("old bank", "state/sum"); }), ContainsSubstring("has no state"));
    CHECK_THAT(
        messageOf([&] { writer.modifyValueState<std::string, std::int64_t>("old bank", "sum", [](auto&&...) {}); }),
        ContainsSubstring("has no keyed state 'sum' to modify"));
}
