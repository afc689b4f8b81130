#include <millrace/operators/partition_fold.hpp>

#include "support/catch.hpp"
#include "support/operator_harness.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

using namespace millrace;
using namespace millrace::detail;
using testsupport::OperatorHarness;

namespace {

struct Player {
    std::string name;
    int points = 0;
    bool operator==(const Player&) const = default;
};

constexpr std::int64_t kEnd = kMaxTimestamp.time_since_epoch().count();
constexpr std::int64_t kNone = kMinTimestamp.time_since_epoch().count();

auto total() {
    const auto add = [](std::span<const int> all, Collector<std::string>& out) {
        int sum = 0;
        for (const int each : all) sum += each;
        out.collect(std::to_string(all.size()) + ":" + std::to_string(sum));
    };
    using Fold = MapPartitionFold<int, std::string, decltype(add)>;
    return PartitionFoldOperator<int, Fold>{Fold(add)};
}

}  // namespace

TEST_CASE("partition: the function gets everything once, at the end of event time and before its watermark",
          "[operators]") {
    OperatorHarness harness(total());
    harness.open();
    harness.element(1, 10);
    harness.element(2, 20);
    harness.watermark(15);
    CHECK(harness.take().empty());
    harness.watermark(kEnd);
    using Emitted = testsupport::Emitted<std::string>;
    CHECK(harness.take() == std::vector<Emitted>{{"2:3", kNone}});
    using Mark = testsupport::RecordingPort<std::string>::Watermark;
    CHECK(harness.output.watermarks == std::vector<Mark>{{15, 0}, {kEnd, 1}});
    harness.watermark(kEnd);
    CHECK(harness.take().empty());
}

TEST_CASE("partition: an empty one still calls the function, and a stop without draining does not", "[operators]") {
    OperatorHarness harness(total());
    harness.open();
    harness.watermark(kEnd);
    CHECK(harness.take() == std::vector<testsupport::Emitted<std::string>>{{"0:0", kNone}});

    OperatorHarness stopped(total());
    stopped.open();
    stopped.element(1, 10);
    stopped.stage().endInput(0);
    CHECK(stopped.take().empty());
    CHECK(stopped.output.controls == std::vector<std::string>{"end"});
}

TEST_CASE("sortPartition: stable, in both orders, over many blocks and with back pressure in between", "[operators]") {
    using Fold = SortPartitionFold<Player, int Player::*>;
    const auto order = GENERATE(SortOrder::Ascending, SortOrder::Descending);
    OperatorHarness harness(PartitionFoldOperator<Player, Fold>{Fold(&Player::points, order)});
    harness.open();
    std::vector<testsupport::Emitted<Player>> expected;
    for (int i = 0; i < 5000; ++i) {
        Player player{std::to_string(i), i * 7919 % 100};
        expected.push_back({player, kNone});
        harness.element(std::move(player), i);
    }
    std::stable_sort(expected.begin(), expected.end(), [&](const auto& a, const auto& b) {
        return order == SortOrder::Ascending ? a.value.points < b.value.points : a.value.points > b.value.points;
    });
    int stops = 0;
    harness.output.afterBlock = [&] { harness.context.outputBlocked = true; };
    for (auto progress = harness.watermark(kEnd); progress == Progress::Suspended;) {
        ++stops;
        harness.context.outputBlocked = false;
        progress = harness.stage().resume();
    }
    CHECK(stops > 3);
    CHECK(harness.take() == expected);
    CHECK(harness.output.watermarks.size() == 1);
}

namespace {

struct AddOffset {
    int offset = 0;
    void open(RuntimeContext&) { offset = 1000; }
    int operator()(int a, int b) const { return a + b + offset; }
};

}  // namespace

TEST_CASE("partition: the function of a reduce is opened", "[operators]") {
    using Fold = ReducePartitionFold<int, AddOffset>;
    OperatorHarness harness(PartitionFoldOperator<int, Fold>{Fold{AddOffset{}}});
    harness.open();
    harness.element(1, 1);
    harness.element(2, 2);
    harness.watermark(kEnd);
    CHECK(harness.take() == std::vector<testsupport::Emitted<int>>{{1003, kNone}});
}

TEST_CASE("partition: what has been collected survives a restore, and two subtasks' parts are joined", "[operators]") {
    const auto add = [](int a, int b) { return a + b; };
    using Fold = ReducePartitionFold<int, decltype(add)>;
    const PartitionFoldOperator<int, Fold> reduce{Fold{add}};
    MemorySnapshot both;
    for (const int first : {1, 10}) {
        OperatorHarness harness(reduce);
        harness.open();
        harness.element(first, 1);
        harness.element(first, 2);
        both.merge(harness.snapshot());
    }
    OperatorHarness restored(reduce);
    restored.openFrom(both);
    restored.element(100, 3);
    restored.watermark(kEnd);
    CHECK(restored.take() == std::vector<testsupport::Emitted<int>>{{122, kNone}});

    OperatorHarness lists(total());
    lists.open();
    lists.element(5, 1);
    const MemorySnapshot snapshot = lists.snapshot();
    OperatorHarness again(total());
    again.openFrom(snapshot);
    again.element(6, 1);
    again.watermark(kEnd);
    CHECK(again.take() == std::vector<testsupport::Emitted<std::string>>{{"2:11", kNone}});
}
