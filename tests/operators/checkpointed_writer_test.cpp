#include <millrace/committing_sink.hpp>

#include <millrace/core/log.hpp>

#include <support/catch.hpp>
#include <support/checkpointed_run.hpp>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace {

using namespace millrace;
using namespace millrace::testsupport;
using Catch::Matchers::ContainsSubstring;
using Numbers = std::vector<int>;

/// A system outside, which survives the job.
struct Ledger {
    std::map<std::string, Numbers> committed;
    int nextBatch = 0;
    std::vector<std::string> calls;
    std::function<void(CommitRequest<struct Batch>&)> onCommit;

    Numbers all() const {
        Numbers numbers;
        for (const auto& [id, batch] : committed) numbers.insert(numbers.end(), batch.begin(), batch.end());
        std::sort(numbers.begin(), numbers.end());
        return numbers;
    }
};

struct Batch {
    std::string id;
    Numbers numbers;
};

/// Commits batches of three; what does not fill one is state until the input ends.
struct BatchSink {
    std::shared_ptr<Ledger> ledger;

    class Writer {
    public:
        Writer(std::shared_ptr<Ledger> ledger, Numbers kept) : ledger_(std::move(ledger)), kept_(std::move(kept)) {}
        void write(int number, const SinkContext&) { kept_.push_back(number); }
        void flush(bool endOfInput) {
            ledger_->calls.push_back(endOfInput ? "flush at end" : "flush");
            while (kept_.size() >= 3 || (endOfInput && !kept_.empty())) {
                const auto end = kept_.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(3, kept_.size()));
                ready_.push_back({std::to_string(ledger_->nextBatch++), Numbers(kept_.begin(), end)});
                kept_.erase(kept_.begin(), end);
            }
        }
        std::vector<Batch> prepareCommit() {
            ledger_->calls.push_back("prepareCommit");
            return std::exchange(ready_, {});
        }
        Numbers snapshotState(std::int64_t checkpointId) {
            ledger_->calls.push_back("snapshotState " + std::to_string(checkpointId));
            return kept_;
        }
        void close() { ledger_->calls.push_back("close"); }

    private:
        std::shared_ptr<Ledger> ledger_;
        Numbers kept_;
        std::vector<Batch> ready_;
    };
    Writer createWriter(const WriterInitContext&) const { return {ledger, {}}; }
    Writer restoreWriter(const WriterInitContext&, const Numbers& states) const {
        ledger->calls.push_back("restoreWriter " + std::to_string(states.size()));
        return {ledger, states};
    }

    struct Committer {
        std::shared_ptr<Ledger> ledger;
        void commit(std::span<CommitRequest<Batch>> requests) {
            for (CommitRequest<Batch>& request : requests) {
                const Batch& batch = request.getCommittable();
                ledger->calls.push_back("commit " + batch.id + (request.isRecovered() ? " recovered" : ""));
                if (ledger->onCommit) {
                    ledger->onCommit(request);
                    if (request.state() != CommitRequest<Batch>::State::Committed) continue;
                }
                if (!ledger->committed.emplace(request.getCommittable().id, request.getCommittable().numbers).second) {
                    request.signalAlreadyCommitted();
                }
            }
        }
    };
    Committer createCommitter(const CommitterInitContext&) const { return {ledger}; }
};

using BatchOperator = detail::WriterSinkOperator<int, BatchSink>;
using Harness = OperatorHarness<BatchOperator>;

Numbers upTo(int count) {
    Numbers numbers;
    for (int i = 1; i <= count; ++i) numbers.push_back(i);
    return numbers;
}
void write(Harness& harness, const Numbers& numbers) {
    for (const int number : numbers) harness.element(number, 0);
}
MemorySnapshot checkpoint(Harness& harness, std::int64_t id) {
    harness.stage().prepareBarrier(id);
    return harness.snapshot();
}
std::vector<std::string> take(std::vector<std::string>& calls) {
    return std::exchange(calls, {});
}

TEST_CASE("a sink commits what a checkpoint covers when it is complete, and the rest at the last one", "[sink]") {
    const auto ledger = std::make_shared<Ledger>();
    Harness harness(BatchOperator{BatchSink{ledger}});
    harness.context.isCheckpointed = true;
    harness.open();
    write(harness, upTo(4));
    checkpoint(harness, 1);
    CHECK(ledger->all().empty());
    write(harness, {5, 6});
    harness.stage().notifyCheckpointComplete(1);
    CHECK(ledger->all() == upTo(3));
    CHECK(take(ledger->calls) == std::vector<std::string>{"flush", "prepareCommit", "snapshotState 1", "commit 0"});

    harness.stage().endInput(0);
    CHECK(harness.stage().awaitsFinalCheckpoint());
    CHECK(ledger->all() == upTo(3));
    checkpoint(harness, 2);
    CHECK(harness.stage().awaitsFinalCheckpoint());
    harness.stage().notifyCheckpointComplete(2);
    CHECK_FALSE(harness.stage().awaitsFinalCheckpoint());
    harness.stage().close();
    CHECK(ledger->all() == upTo(6));
    CHECK(take(ledger->calls) ==
          std::vector<std::string>{"flush at end", "prepareCommit", "snapshotState 2", "commit 1", "close"});
}

TEST_CASE("without checkpoints, and in batch, a sink commits when the input ends", "[sink]") {
    const bool isBatch = GENERATE(false, true);
    const auto ledger = std::make_shared<Ledger>();
    Harness harness(BatchOperator{BatchSink{ledger}});
    harness.context.isBatch = isBatch;
    harness.context.isCheckpointed = isBatch;
    harness.open();
    write(harness, upTo(4));
    CHECK(ledger->all().empty());
    harness.stage().endInput(0);
    CHECK(ledger->all() == upTo(4));
    CHECK_FALSE(harness.stage().awaitsFinalCheckpoint());
}

TEST_CASE(
    "what an aborted checkpoint would have committed goes with the next, and a skipped notification is made up for",
    "[sink]") {
    const auto ledger = std::make_shared<Ledger>();
    Harness harness(BatchOperator{BatchSink{ledger}});
    harness.context.isCheckpointed = true;
    harness.open();
    write(harness, upTo(3));
    checkpoint(harness, 1);
    harness.stage().notifyCheckpointAborted(1);
    write(harness, {4, 5, 6});
    checkpoint(harness, 2);
    write(harness, {7, 8, 9});
    checkpoint(harness, 3);
    write(harness, {10, 11, 12});
    checkpoint(harness, 4);
    CHECK(ledger->all().empty());
    harness.stage().notifyCheckpointComplete(3);
    CHECK(ledger->all() == upTo(9));
    harness.stage().notifyCheckpointComplete(4);
    CHECK(ledger->all() == upTo(12));
}

TEST_CASE("a restored sink commits what was pending before it writes, whether or not that had been done", "[sink]") {
    const auto ledger = std::make_shared<Ledger>();
    MemorySnapshot snapshot;
    const bool wasCommitted = GENERATE(false, true);
    {
        Harness harness(BatchOperator{BatchSink{ledger}});
        harness.context.isCheckpointed = true;
        harness.open();
        write(harness, upTo(4));
        snapshot = checkpoint(harness, 1);
        if (wasCommitted) harness.stage().notifyCheckpointComplete(1);
        write(harness, {100, 101, 102});
        checkpoint(harness, 2);  // never complete
    }
    ledger->calls.clear();
    Harness harness(BatchOperator{BatchSink{ledger}});
    harness.context.isCheckpointed = true;
    harness.openFrom(snapshot);
    CHECK(ledger->all() == upTo(3));
    CHECK(take(ledger->calls) == std::vector<std::string>{"commit 0 recovered", "restoreWriter 1"});
    write(harness, {5, 6});
    checkpoint(harness, 2);
    harness.stage().notifyCheckpointComplete(2);
    CHECK(ledger->all() == upTo(6));
    CHECK(take(ledger->calls) == std::vector<std::string>{"flush", "prepareCommit", "snapshotState 2", "commit 2"});
}

TEST_CASE("a sink that crashes at any step, or at two, commits every record once", "[sink]") {
    const std::vector<int> input = upTo(11);
    bool more = true;
    std::size_t runs = 0;
    for (std::size_t first = 0; more; ++first) {
        for (const std::size_t apart : {0, 1, 2, 3, 7}) {
            const auto ledger = std::make_shared<Ledger>();
            CheckpointedRun<BatchOperator> run(BatchOperator{BatchSink{ledger}}, input, 4);
            const std::set<std::size_t> crashes =
                apart == 0 ? std::set<std::size_t>{first} : std::set<std::size_t>{first, first + apart};
            const bool crashed = run.run(crashes);
            CAPTURE(first, apart);
            CHECK(ledger->all() == input);
            CHECK(run.ended());
            if (apart == 0) more = crashed;
            ++runs;
        }
    }
    CHECK(runs > 100);
}

TEST_CASE("what is to be committed and the writer's state are shared out when the parallelism changes", "[sink]") {
    const auto [from, to] = GENERATE(std::pair(2, 3), std::pair(3, 1), std::pair(1, 4));
    CAPTURE(from, to);
    const auto ledger = std::make_shared<Ledger>();
    std::vector<MemorySnapshot> taken;
    for (int subtask = 0; subtask < from; ++subtask) {
        Harness harness(BatchOperator{BatchSink{ledger}});
        harness.context.subtaskIndex = subtask;
        harness.context.parallelism = from;
        harness.context.isCheckpointed = true;
        harness.open();
        const int base = 100 * subtask;
        write(harness, {base + 1, base + 2, base + 3, base + 4, base + 5});
        taken.push_back(checkpoint(harness, 1));
    }
    Numbers expected;
    for (int subtask = 0; subtask < from; ++subtask) {
        for (int i = 1; i <= 3; ++i) expected.push_back(100 * subtask + i);
    }
    std::vector<std::unique_ptr<Harness>> restored;
    for (const auto& state : rescaled(taken, to)) {
        restored.push_back(std::make_unique<Harness>(BatchOperator{BatchSink{ledger}}));
        restored.back()->openFrom(*state);
    }
    CHECK(ledger->all() == expected);
    for (const auto& harness : restored) harness->stage().endInput(0);  // no checkpoints any more: commits now
    for (int subtask = 0; subtask < from; ++subtask) {
        for (int i = 4; i <= 5; ++i) expected.push_back(100 * subtask + i);
    }
    std::sort(expected.begin(), expected.end());
    CHECK(ledger->all() == expected);
}

TEST_CASE("a committer can ask for another try, for all or for what is left", "[sink]") {
    const auto ledger = std::make_shared<Ledger>();
    Harness harness(BatchOperator{BatchSink{ledger}});
    harness.context.isCheckpointed = true;
    harness.open();
    std::vector<int> retries;
    ledger->onCommit = [&](CommitRequest<Batch>& request) {
        retries.push_back(request.getNumberOfRetries());
        if (retries.size() == 1) request.retryLater();
        if (retries.size() == 2) request.updateAndRetryLater({"rest", {2, 3}});
    };
    write(harness, upTo(3));
    checkpoint(harness, 1);
    harness.stage().notifyCheckpointComplete(1);
    CHECK(ledger->all().empty());
    CHECK(harness.context.requested == std::vector<std::int64_t>{1'000'000'000});
    harness.context.now = at(999'999'999);
    harness.stage().onProcessingTime(harness.context.now);
    CHECK(retries == std::vector{0});
    harness.context.now = at(1'000'000'000);
    harness.stage().onProcessingTime(harness.context.now);
    CHECK(retries == std::vector{0, 1});
    CHECK(ledger->all().empty());
    checkpoint(harness, 2);
    harness.stage().notifyCheckpointComplete(2);  // sooner than the clock
    CHECK(retries == std::vector{0, 1, 2});
    CHECK(ledger->committed == std::map<std::string, Numbers>{{"rest", {2, 3}}});
}

TEST_CASE("what waits for another try is saved, and tried again after a restore", "[sink]") {
    const auto ledger = std::make_shared<Ledger>();
    MemorySnapshot snapshot;
    {
        Harness harness(BatchOperator{BatchSink{ledger}});
        harness.context.isCheckpointed = true;
        harness.open();
        ledger->onCommit = [&](CommitRequest<Batch>& request) { request.retryLater(); };
        write(harness, upTo(3));
        checkpoint(harness, 1);
        harness.stage().notifyCheckpointComplete(1);
        snapshot = checkpoint(harness, 2);
    }
    Harness harness(BatchOperator{BatchSink{ledger}});
    harness.context.isCheckpointed = true;
    harness.openFrom(snapshot);
    CHECK(ledger->all().empty());
    ledger->onCommit = nullptr;
    harness.context.now = at(1'000'000'000);
    harness.stage().onProcessingTime(harness.context.now);
    CHECK(ledger->all() == upTo(3));
}

TEST_CASE("a commit that fails for no known reason fails the job; one for a known reason is logged and dropped",
          "[sink]") {
    const auto ledger = std::make_shared<Ledger>();
    Harness harness(BatchOperator{BatchSink{ledger}});
    harness.context.isCheckpointed = true;
    harness.open();
    write(harness, upTo(3));
    checkpoint(harness, 1);

    SECTION("unknown") {
        ledger->onCommit = [](auto& request) { request.signalFailedWithUnknownReason("the ledger is full"); };
        try {
            harness.stage().notifyCheckpointComplete(1);
            FAIL("no exception");
        } catch (const std::exception& error) {
            CHECK_THAT(describeException(error),
                       ContainsSubstring("operator 'window' (uid 'uid-1', subtask 0): the committer") &&
                           ContainsSubstring("cannot be committed: the ledger is full"));
        }
    }
    SECTION("an exception") {
        ledger->onCommit = [](auto&) { throw std::runtime_error("no connection"); };
        CHECK_THROWS_AS(harness.stage().notifyCheckpointComplete(1), UserFunctionException);
    }
    SECTION("known") {
        std::vector<std::string> logged;
        setLogCallback([&](LogLevel, std::string_view text) { logged.emplace_back(text); });
        ledger->onCommit = [](auto& request) { request.signalFailedWithKnownReason("refused"); };
        harness.stage().notifyCheckpointComplete(1);
        setLogCallback({});
        CHECK(logged ==
              std::vector<std::string>{"operator 'window' (uid 'uid-1', subtask 0): output was dropped, since it "
                                       "cannot be committed: refused"});
        CHECK(ledger->all().empty());
        CHECK_FALSE(harness.stage().awaitsFinalCheckpoint());
    }
    SECTION("too many tries") {
        int tries = 0;
        ledger->onCommit = [&](auto& request) {
            ++tries;
            request.retryLater("busy " + std::to_string(request.getNumberOfRetries()));
        };
        const auto messageOf = [&](auto call) -> std::string {
            try {
                call();
            } catch (const std::exception& error) {
                return describeException(error);
            }
            return "no exception";
        };
        SECTION("while the job goes on: with each checkpoint") {
            for (std::int64_t id = 1; id <= 10; ++id) harness.stage().notifyCheckpointComplete(id);
            CHECK(tries == 10);
            CHECK_THAT(messageOf([&] { harness.stage().notifyCheckpointComplete(11); }),
                       ContainsSubstring("asked for another try 11 times; last: busy 10"));
        }
        SECTION("at the end: at once") {
            harness.stage().endInput(0);
            CHECK_THAT(messageOf([&] { harness.stage().notifyCheckpointComplete(1); }),
                       ContainsSubstring("last: busy 10"));
            CHECK(tries == 11);
        }
    }
}

TEST_CASE("state of another type is refused by name", "[sink]") {
    MemorySnapshot snapshot;
    detail::OperatorListWriter(snapshot, "uid-1", "sink/writer", kSplitState, detail::kTypeInfo<std::string>)
        .add(std::string("x"));
    Harness harness(BatchOperator{BatchSink{std::make_shared<Ledger>()}});
    try {
        harness.openFrom(snapshot);
        FAIL("no exception");
    } catch (const std::exception& error) {
        CHECK_THAT(describeException(error),
                   ContainsSubstring("state 'sink/writer' of operator uid 'uid-1' cannot be restored: field element: "
                                     "saved as string, now i32: "));
    }
}

// ---- writers without state ----

struct FlushCounter {
    std::shared_ptr<std::vector<std::string>> calls;
    struct Writer {
        std::shared_ptr<std::vector<std::string>> calls;
        void write(int number, const SinkContext&) { calls->push_back(std::to_string(number)); }
        void flush(bool endOfInput) { calls->push_back(endOfInput ? "flush at end" : "flush"); }
        void close() {}
        void notifyCheckpointComplete(std::int64_t id) { calls->push_back("complete " + std::to_string(id)); }
        void notifyCheckpointAborted(std::int64_t id) { calls->push_back("aborted " + std::to_string(id)); }
        Timestamp onProcessingTime(Timestamp now) {
            calls->push_back("time " + std::to_string(ticks(now)));
            return ticks(now) < 20 ? now + Duration{10} : kMaxTimestamp;
        }
    };
    Writer createWriter(const WriterInitContext&) const { return {calls}; }
};

TEST_CASE("a plain writer is flushed before each checkpoint, hears of its end, and of the time it asks for", "[sink]") {
    using Op = detail::WriterSinkOperator<int, FlushCounter>;
    const auto calls = std::make_shared<std::vector<std::string>>();
    OperatorHarness<Op> harness(Op{FlushCounter{calls}});
    harness.context.now = at(5);
    harness.open();
    harness.element(1, 0);
    harness.stage().prepareBarrier(1);
    CHECK(harness.snapshot().empty());
    harness.stage().notifyCheckpointComplete(1);
    harness.stage().notifyCheckpointAborted(2);
    CHECK(take(*calls) == std::vector<std::string>{"time 5", "1", "flush", "complete 1", "aborted 2"});
    CHECK(harness.context.requested == std::vector<std::int64_t>{15});
    harness.stage().onProcessingTime(at(14));
    harness.stage().onProcessingTime(at(15));
    harness.stage().onProcessingTime(at(26));
    harness.stage().onProcessingTime(at(100));
    CHECK(take(*calls) == std::vector<std::string>{"time 15", "time 26"});
    harness.stage().endInput(0);
    harness.stage().prepareBarrier(3);
    CHECK(take(*calls) == std::vector<std::string>{"flush at end"});
    CHECK_FALSE(harness.stage().awaitsFinalCheckpoint());
}

}  // namespace
