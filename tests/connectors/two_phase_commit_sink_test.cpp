#include <millrace/connectors/two_phase_commit_sink.hpp>

#include <support/catch.hpp>
#include <support/checkpointed_run.hpp>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace millrace;
using namespace millrace::testsupport;
using Catch::Matchers::ContainsSubstring;
using Calls = std::vector<std::string>;
using Numbers = std::vector<int>;

/// A system with transactions. They survive the one who began them.
struct Database {
    std::map<int, Numbers> open;
    std::map<int, Numbers> prepared;
    std::set<int> committed;
    Numbers visible;
    int next = 1;
    Calls calls;
    bool refuses = false;
};

struct Transaction {
    int id = 0;
};

struct WriteToDatabase {
    std::shared_ptr<Database> database;

    void open(RuntimeContext& context) { database->calls.push_back("open " + context.uid()); }
    Transaction beginTransaction() {
        database->open[database->next];
        return {database->next++};
    }
    void invoke(Transaction& transaction, int number) { database->open.at(transaction.id).push_back(number); }
    void preCommit(Transaction& transaction) {
        database->calls.push_back("preCommit " + std::to_string(transaction.id));
        database->prepared.insert(database->open.extract(transaction.id));
    }
    void commit(const Transaction& transaction) {
        if (database->refuses) throw std::runtime_error("the database is away");
        database->calls.push_back("commit " + std::to_string(transaction.id));
        if (!database->committed.insert(transaction.id).second) return;
        const Numbers numbers = database->prepared.extract(transaction.id).mapped();
        database->visible.insert(database->visible.end(), numbers.begin(), numbers.end());
    }
    void abort(const Transaction& transaction) {
        database->calls.push_back("abort " + std::to_string(transaction.id));
        database->open.erase(transaction.id);
    }
    void recoverAndAbort(const Transaction& transaction) {
        database->calls.push_back("recoverAndAbort " + std::to_string(transaction.id));
        database->open.erase(transaction.id);
        database->prepared.erase(transaction.id);  // it may have come further than the checkpoint knows
    }
    void close() { database->calls.push_back("close"); }
};
struct WithContext {
    std::shared_ptr<std::vector<std::int64_t>> times;
    int beginTransaction() { return 1; }
    void invoke(int&, int, const SinkContext& context) { times->push_back(ticks(context.timestamp)); }
    void preCommit(int&) {}
    void commit(const int&) {}
    void recoverAndCommit(const int& transaction) { times->push_back(-transaction); }
    void abort(const int&) {}
};

static_assert(TwoPhaseCommitFunction<WriteToDatabase>);
static_assert(SinkFor<TwoPhaseCommitSink<WriteToDatabase>, int>);
static_assert(!SinkFor<TwoPhaseCommitSink<WriteToDatabase>, std::string>);

template <class Fn>
using Op = detail::WriterSinkOperator<int, TwoPhaseCommitSink<Fn>>;
template <class Fn>
OperatorHarness<Op<Fn>> harnessOf(Fn fn) {
    return OperatorHarness<Op<Fn>>(Op<Fn>{TwoPhaseCommitSink<Fn>(std::move(fn))});
}
Numbers sorted(Numbers numbers) {
    std::sort(numbers.begin(), numbers.end());
    return numbers;
}

TEST_CASE("each checkpoint has a transaction: begun before, prepared with it, committed after it",
          "[connectors][sink]") {
    const auto database = std::make_shared<Database>();
    auto harness = harnessOf(WriteToDatabase{database});
    harness.context.isCheckpointed = true;
    harness.open();
    harness.element(1, 0);
    harness.stage().prepareBarrier(1);
    MemorySnapshot ignored = harness.snapshot();
    harness.element(2, 0);
    CHECK(database->visible.empty());
    CHECK(database->prepared == std::map<int, Numbers>{{1, {1}}});
    harness.stage().notifyCheckpointAborted(1);
    harness.stage().prepareBarrier(2);
    harness.stage().notifyCheckpointComplete(2);
    CHECK(database->visible == Numbers{1, 2});
    harness.element(3, 0);
    harness.stage().endInput(0);
    CHECK(harness.stage().awaitsFinalCheckpoint());
    harness.stage().prepareBarrier(3);
    harness.stage().notifyCheckpointComplete(3);
    CHECK_FALSE(harness.stage().awaitsFinalCheckpoint());
    harness.stage().close();
    CHECK(database->visible == Numbers{1, 2, 3});
    CHECK(database->open.empty());
    CHECK(database->calls == Calls{"open uid-1", "preCommit 1", "preCommit 2", "commit 1", "commit 2", "preCommit 3",
                                   "commit 3", "close"});
}

TEST_CASE(
    "a failure aborts the open transaction; a restore aborts the one of the checkpoint and commits what was prepared",
    "[connectors][sink]") {
    const auto database = std::make_shared<Database>();
    MemorySnapshot snapshot;
    {
        auto harness = harnessOf(WriteToDatabase{database});
        harness.open();
        harness.element(1, 0);
        harness.stage().prepareBarrier(1);
        snapshot = harness.snapshot();
        harness.element(2, 0);
        harness.stage().close();
    }
    CHECK(std::exchange(database->calls, {}) == Calls{"open uid-1", "preCommit 1", "abort 2", "close"});
    auto harness = harnessOf(WriteToDatabase{database});
    harness.openFrom(snapshot);
    CHECK(database->calls == Calls{"open uid-1", "commit 1", "recoverAndAbort 2"});
    CHECK(database->visible == Numbers{1});
    harness.element(2, 0);
    harness.stage().endInput(0);
    CHECK(database->visible == Numbers{1, 2});
}

TEST_CASE("a two-phase sink that crashes at any step makes every record visible once", "[connectors][sink]") {
    Numbers input;
    for (int i = 0; i < 10; ++i) input.push_back(i);
    bool more = true;
    for (std::size_t first = 0; more; ++first) {
        for (const std::size_t apart : {0, 1, 3, 6}) {
            CAPTURE(first, apart);
            const auto database = std::make_shared<Database>();
            CheckpointedRun<Op<WriteToDatabase>> run(
                Op<WriteToDatabase>{TwoPhaseCommitSink<WriteToDatabase>(WriteToDatabase{database})}, input, 3);
            const bool crashed =
                run.run(apart == 0 ? std::set<std::size_t>{first} : std::set<std::size_t>{first, first + apart});
            CHECK(sorted(database->visible) == input);
            CHECK(run.ended());
            if (apart == 0) more = crashed;
        }
    }
}

TEST_CASE("transactions are shared out when the parallelism changes", "[connectors][sink]") {
    const auto [from, to] = GENERATE(std::pair(2, 3), std::pair(3, 1));
    CAPTURE(from, to);
    const auto database = std::make_shared<Database>();
    std::vector<MemorySnapshot> taken;
    Numbers expected;
    for (int subtask = 0; subtask < from; ++subtask) {
        auto harness = harnessOf(WriteToDatabase{database});
        harness.open();
        harness.element(subtask, 0);
        expected.push_back(subtask);
        harness.stage().prepareBarrier(1);
        taken.push_back(harness.snapshot());
        harness.element(100, 0);
    }
    for (const auto& state : rescaled(taken, to)) {
        auto harness = harnessOf(WriteToDatabase{database});
        harness.openFrom(*state);
        harness.stage().endInput(0);
    }
    CHECK(sorted(database->visible) == expected);
    CHECK(database->open.empty());
}

TEST_CASE("a commit that fails fails the job, and is done after the restart", "[connectors][sink]") {
    const auto database = std::make_shared<Database>();
    auto harness = harnessOf(WriteToDatabase{database});
    harness.context.isCheckpointed = true;
    harness.open();
    harness.element(1, 0);
    harness.stage().prepareBarrier(1);
    const MemorySnapshot snapshot = harness.snapshot();
    database->refuses = true;
    CHECK_THROWS_WITH(harness.stage().notifyCheckpointComplete(1), ContainsSubstring("the committer threw"));
    harness.stage().close();
    database->refuses = false;
    auto restored = harnessOf(WriteToDatabase{database});
    restored.openFrom(snapshot);
    CHECK(database->visible == Numbers{1});
}

TEST_CASE("invoke may ask for the context, and a restore may commit in another way", "[connectors][sink]") {
    const auto times = std::make_shared<std::vector<std::int64_t>>();
    auto harness = harnessOf(WithContext{times});
    harness.open();
    harness.element(1, 77);
    harness.stage().prepareBarrier(1);
    const MemorySnapshot snapshot = harness.snapshot();
    auto restored = harnessOf(WithContext{times});
    restored.openFrom(snapshot);
    CHECK(*times == std::vector<std::int64_t>{77, -1});
}

}  // namespace
