#include <millrace/functions/checkpointed_function.hpp>

#include <millrace/testing.hpp>

#include <support/catch.hpp>
#include <support/checkpointed_run.hpp>

#include <millrace/operators/filter.hpp>
#include <millrace/operators/map.hpp>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace {

using namespace millrace;
using namespace millrace::testsupport;
using Catch::Matchers::ContainsSubstring;
using Calls = std::vector<std::string>;
using Numbers = std::vector<int>;

// ---- listeners ----

struct Listener {
    std::shared_ptr<Calls> calls;
    std::string name;
    void notifyCheckpointComplete(std::int64_t id) { calls->push_back(name + " complete " + std::to_string(id)); }
    void notifyCheckpointAborted(std::int64_t id) { calls->push_back(name + " aborted " + std::to_string(id)); }
};
struct ListeningMap : Listener {
    int operator()(int value) { return value; }
};
struct ListeningFilter : Listener {
    bool operator()(int) { return true; }
};
struct ListeningProcess : Listener {
    void processElement(int value, ProcessContext&, Collector<int>& out) { out.collect(value); }
};
struct ListeningKeyedProcess : Listener {
    void processElement(int value, KeyedProcessContext<int>&, Collector<int>& out) { out.collect(value); }
};
struct ListeningSink : Listener {
    void operator()(int) {}
};
struct OnlyComplete {
    std::shared_ptr<Calls> calls;
    int operator()(int value) { return value; }
    void notifyCheckpointComplete(std::int64_t id) { calls->push_back("only " + std::to_string(id)); }
};
struct FailingListener {
    int operator()(int value) { return value; }
    void notifyCheckpointComplete(std::int64_t) { throw std::runtime_error("cannot"); }
};

TEST_CASE("functions that ask for it hear of completed and aborted checkpoints, in the order of the chain",
          "[operators][checkpoint]") {
    const auto calls = std::make_shared<Calls>();
    auto harness = testing::harnessFor<int>([&](DataStream<int> in) {
        return in.map(ListeningMap{{calls, "map"}})
            .filter(ListeningFilter{{calls, "filter"}})
            .map([](int value) { return value; })
            .process(ListeningProcess{{calls, "process"}})
            .map(OnlyComplete{calls})
            .keyBy([](int value) { return value; })
            .process(ListeningKeyedProcess{{calls, "keyed"}});
    });
    harness.snapshot(5);
    CHECK(calls->empty());
    harness.notifyOfCompletedCheckpoint(5);
    CHECK(std::exchange(*calls, {}) ==
          Calls{"map complete 5", "filter complete 5", "process complete 5", "only 5", "keyed complete 5"});
    harness.notifyOfAbortedCheckpoint(6);
    CHECK(*calls == Calls{"map aborted 6", "filter aborted 6", "process aborted 6", "keyed aborted 6"});
}

TEST_CASE("a function as a sink hears of checkpoints, too", "[operators][checkpoint]") {
    const auto calls = std::make_shared<Calls>();
    using Op = detail::FunctionSinkOperator<int, ListeningSink>;
    OperatorHarness<Op> harness(Op{ListeningSink{{calls, "sink"}}});
    harness.open();
    harness.stage().notifyCheckpointComplete(1);
    harness.stage().notifyCheckpointAborted(2);
    CHECK(*calls == Calls{"sink complete 1", "sink aborted 2"});
    CHECK_FALSE(harness.stage().awaitsFinalCheckpoint());
}

TEST_CASE("what a listener throws names its operator", "[operators][checkpoint]") {
    using Op = detail::MapOperator<int, FailingListener>;
    OperatorHarness<Op> harness(Op{});
    harness.open();
    CHECK_THROWS_WITH(harness.stage().notifyCheckpointComplete(1),
                      ContainsSubstring("(uid 'uid-1', subtask 0): notifyCheckpointComplete() threw"));
}

// ---- lists ----

/// Keeps the numbers that it has seen in a list, in a union those that are even, and how often it was saved.
struct Remembering {
    std::shared_ptr<Calls> calls = std::make_shared<Calls>();
    OperatorListState<int> seen;
    OperatorListState<std::string> evens;

    void initializeState(FunctionInitializationContext& context) {
        calls->push_back(!context.isRestored() ? "new"
                         : context.getRestoredCheckpointId().has_value()
                             ? "restored " + std::to_string(*context.getRestoredCheckpointId())
                             : "restored");
        seen = context.getOperatorStateStore().getListState(ListStateDescriptor<int>("seen"));
        evens = context.getOperatorStateStore().getUnionListState(ListStateDescriptor<std::string>("evens"));
    }
    void open(RuntimeContext&) { calls->push_back("open"); }
    int operator()(int value) {
        seen.add(value);
        if (value % 2 == 0) evens.add(std::to_string(value));
        return value;
    }
    void snapshotState(FunctionSnapshotContext& context) {
        calls->push_back("snapshot " + std::to_string(context.getCheckpointId()));
    }
};

/// The lists of a restored function: it lets the test look into them.
struct Showing : Remembering {
    std::shared_ptr<Numbers> shownSeen;
    std::shared_ptr<Calls> shownEvens;
    void open(RuntimeContext&) {
        *shownSeen = seen.get();
        *shownEvens = evens.get();
    }
};

MemorySnapshot stateAfter(const Numbers& numbers, std::int64_t checkpointId = 1) {
    using Op = detail::MapOperator<int, Remembering>;
    OperatorHarness<Op> harness(Op{});
    harness.open();
    for (const int number : numbers) harness.element(number, 0);
    harness.stage().prepareBarrier(checkpointId);
    return harness.snapshot();
}

TEST_CASE("a function keeps lists that belong to no key, and is told of its life in this order",
          "[operators][checkpoint]") {
    using Op = detail::MapOperator<int, Showing>;
    Showing prototype;
    prototype.shownSeen = std::make_shared<Numbers>();
    prototype.shownEvens = std::make_shared<Calls>();
    OperatorHarness<Op> harness(Op{prototype});
    harness.open();
    harness.element(1, 0);
    harness.element(2, 0);
    harness.stage().prepareBarrier(7);
    const MemorySnapshot snapshot = harness.snapshot();
    harness.element(3, 0);

    OperatorHarness<Op> restored(Op{prototype});
    restored.openFrom(snapshot);
    CHECK(*prototype.shownSeen == Numbers{1, 2});
    CHECK(*prototype.shownEvens == Calls{"2"});
    CHECK(*prototype.calls == Calls{"new", "snapshot 7", "restored"});
    restored.element(9, 0);
    restored.stage().prepareBarrier(8);
    const MemorySnapshot second = restored.snapshot();
    OperatorHarness<Op> again(Op{prototype});
    again.openFrom(second);
    CHECK(*prototype.shownSeen == Numbers{1, 2, 9});
}

TEST_CASE("lists are shared out, unions copied, when the parallelism changes; nothing is lost or doubled",
          "[operators][checkpoint]") {
    const auto [from, to] = GENERATE(std::pair(2, 3), std::pair(3, 1), std::pair(1, 4), std::pair(2, 2));
    CAPTURE(from, to);
    std::vector<MemorySnapshot> taken;
    Numbers all;
    Calls evens;
    for (int subtask = 0; subtask < from; ++subtask) {
        Numbers numbers;
        for (int i = 0; i < 5; ++i) numbers.push_back(10 * subtask + i);
        for (const int number : numbers) {
            if (number % 2 == 0) evens.push_back(std::to_string(number));
        }
        all.insert(all.end(), numbers.begin(), numbers.end());
        taken.push_back(stateAfter(numbers, 3));
    }
    Numbers found;
    for (const auto& state : rescaled(taken, to, 3)) {
        using Op = detail::MapOperator<int, Showing>;
        Showing prototype;
        prototype.shownSeen = std::make_shared<Numbers>();
        prototype.shownEvens = std::make_shared<Calls>();
        OperatorHarness<Op> harness(Op{prototype});
        harness.openFrom(*state);
        CHECK(*prototype.calls == Calls{"restored 3"});
        CHECK(*prototype.shownEvens == evens);
        CHECK(prototype.shownSeen->size() >= all.size() / static_cast<std::size_t>(to));
        CHECK(prototype.shownSeen->size() <= all.size() / static_cast<std::size_t>(to) + 1);
        found.insert(found.end(), prototype.shownSeen->begin(), prototype.shownSeen->end());
    }
    std::sort(found.begin(), found.end());
    CHECK(found == all);
}

struct ReplacingList {
    std::shared_ptr<Numbers> shown;
    OperatorListState<int> list;
    void initializeState(FunctionInitializationContext& context) {
        list = context.getOperatorStateStore().getListState(ListStateDescriptor<int>("list"));
        *shown = list.get();
    }
    void processElement(int value, KeyedProcessContext<int>&, Collector<int>&) {
        list.addAll(Numbers{value, value});
        *shown = list.get();
    }
    void snapshotState(FunctionSnapshotContext&) {
        if (list.get().size() > 4) list.clear();
        if (list.get().size() == 4) list.update({100});
    }
};

TEST_CASE("snapshotState may rewrite the lists; keyed functions have them, too", "[operators][checkpoint]") {
    const auto shown = std::make_shared<Numbers>();
    auto harness = testing::harnessForKeyedProcess<int>([](int value) { return value; }, ReplacingList{shown, {}});
    harness.processElement(1);
    harness.processElement(2);
    harness.restoreFromOwnSnapshot();
    CHECK(*shown == Numbers{100});
    harness.processElement(1);
    harness.processElement(2);
    harness.processElement(3);
    CHECK(*shown == Numbers{100, 1, 1, 2, 2, 3, 3});
    harness.restoreFromOwnSnapshot();
    CHECK(shown->empty());
}

struct TwiceTheSame {
    int operator()(int value) { return value; }
    void initializeState(FunctionInitializationContext& context) {
        context.getOperatorStateStore().getListState(ListStateDescriptor<int>("list"));
        context.getOperatorStateStore().getUnionListState(ListStateDescriptor<int>("list"));
    }
};
struct WithTtl {
    int operator()(int value) { return value; }
    void initializeState(FunctionInitializationContext& context) {
        context.getOperatorStateStore().getListState(
            ListStateDescriptor<int>("list", StateTtlConfig(std::chrono::hours(1))));
    }
};
struct OtherType {
    int operator()(int value) { return value; }
    void initializeState(FunctionInitializationContext& context) {
        context.getOperatorStateStore().getListState(ListStateDescriptor<std::string>("seen"));
    }
};

template <class Fn>
std::string failureOf(const SnapshotSource* source = nullptr) {
    using Op = detail::MapOperator<int, Fn>;
    OperatorHarness<Op> harness(Op{});
    try {
        if (source == nullptr) {
            harness.open();
        } else {
            harness.openFrom(*source);
        }
    } catch (const std::exception& error) {
        return describeException(error);
    }
    return "no exception";
}

TEST_CASE("a list that cannot be declared or restored is named", "[operators][checkpoint]") {
    CHECK_THAT(failureOf<TwiceTheSame>(),
               ContainsSubstring("the name 'list' is given to two lists of the operator uid 'uid-1'"));
    CHECK_THAT(failureOf<WithTtl>(), ContainsSubstring("only keyed state can have one"));
    const MemorySnapshot snapshot = stateAfter({1});
    CHECK_THAT(
        failureOf<OtherType>(&snapshot),
        ContainsSubstring("state 'operator/seen' of operator uid 'uid-1' cannot be restored: field element: saved "
                          "as i32, now string: "));
}

TEST_CASE("damaged bytes of a list are an exception, not a crash", "[operators][checkpoint]") {
    const MemorySnapshot snapshot = stateAfter({1, 2});
    MemorySnapshot damaged;
    snapshot.forEach(
        [&](const std::string& uid, const std::string& state, int keyGroup, const std::vector<std::byte>& bytes) {
            damaged.write(uid, state, keyGroup, std::span(bytes).first(bytes.size() - 1));
        });
    CHECK_THAT(failureOf<Remembering>(&damaged), ContainsSubstring("cannot be restored"));
}

}  // namespace
