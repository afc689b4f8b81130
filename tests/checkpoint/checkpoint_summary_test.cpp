#include <millrace/checkpoint/checkpoint_summary.hpp>
// first: it stands alone
#include <millrace/checkpoint/file_checkpoint_store.hpp>
#include <millrace/testing/memory_file_system.hpp>

#include <checkpoint/checkpoint_fixtures.hpp>
#include <support/catch.hpp>

#include <cstddef>
#include <string>
#include <vector>

using namespace checkpoint_fixtures;
using Catch::Matchers::ContainsSubstring;
using millrace::testing::MemoryFileSystem;

TEST_CASE("a summary says what there is in a checkpoint", "[checkpoint]") {
    const auto disk = std::make_shared<MemoryFileSystem>();
    FileCheckpointStore store("/c", disk);
    const CheckpointInfo info = write(store, describe(3));

    const CheckpointSummary summary = summarizeCheckpoint("/c/chk-3", disk);
    CHECK(summary.info.id == 3);
    CHECK(summary.info.path == "/c/chk-3");
    CHECK(summary.info.bytes == info.bytes);
    CHECK(summary.info.triggered == info.triggered);
    CHECK(summary.jobName == "clicks \"per minute\"");
    CHECK(summary.fingerprint == "0123456789abcdef");
    CHECK(summary.maxParallelism == 64);
    CHECK(summary.files == 4);
    CHECK(summary.formatVersion == 2);
    CHECK(summary.references.empty());
    CHECK(summary.damage.empty());
    std::string text;
    for (const OperatorSummary& each : summary.operators) {
        text += each.uid + " " + each.name + " " + each.kind + " " + std::to_string(each.parallelism) + " " +
                std::to_string(each.finishedSubtasks) + " " + std::to_string(each.bytes) + "\n";
        for (const StateSummary& state : each.states) {
            text += "  " + state.name;
            for (const std::uint64_t number :
                 {state.pieces, state.bytes, static_cast<std::uint64_t>(state.subtasks), state.largestSubtaskBytes}) {
                text += " " + std::to_string(number);
            }
            text += " [" + std::to_string(state.firstKeyGroup) + ", " + std::to_string(state.lastKeyGroup) + "]\n";
        }
    }
    CHECK(text ==
          "source clicks Source 2 1 63\n"
          "  pending 1 21 1 21 [-4, -4]\n"
          "  splits 2 42 2 21 [-1, -1]\n"
          "count count per page Window 2 0 340\n"
          "  panes 4 337 2 318 [0, 63]\n"
          "  timers 1 3 1 3 [7, 7]\n");
}

TEST_CASE("a summary shows the types of what is in states", "[checkpoint]") {
    const auto disk = std::make_shared<MemoryFileSystem>();
    FileCheckpointStore store("/c", disk);
    store.begin(describe(3));
    MemorySnapshot part =
        snapshotOf({{"source", "splits", kSplitState, "x"}, {"count", "panes", 3, "x"}, {"count", "timers", 3, "x"}});
    part.setSchema("source", "splits", "splits{split:{path:string,at:{line:u64}},watermark:i64}");
    part.setSchema(
        "count", "panes",
        "keyed windows{key:string,window:{start:i64},value:flagged<list<{money:shop.Money@2,by:map<i32,{x:f64}>}>>}");
    part.setSchema("count", "timers", "odd{key:x<}");
    store.writePart(3, 0, 0, part);
    store.complete(describe(3));
    std::string text;
    for (const OperatorSummary& each : summarizeCheckpoint("/c/chk-3", disk).operators) {
        for (const StateSummary& state : each.states) {
            text += state.name + " " + state.kind + "\n";
            for (const FieldSummary& field : state.fields) text += "  " + field.field + " " + field.type + "\n";
        }
    }
    CHECK(
        text ==
        "splits splits\n  split.path string\n  split.at.line u64\n  watermark i64\n"
        "panes keyed windows\n  key string\n  window.start i64\n  value[].money shop.Money@2\n  value[].by[].key i32\n"
        "  value[].by[].value.x f64\n"
        "timers odd\n   odd{key:x<}\n");
}

TEST_CASE("a checkpoint is verified without a job", "[checkpoint]") {
    const auto disk = std::make_shared<MemoryFileSystem>();
    FileCheckpointStore store("/c", disk);
    write(store, describe(3));
    CHECK_NOTHROW(millrace::verifyCheckpoint("/c/chk-3", disk));
    std::vector<std::byte> bytes = disk->contents("/c/chk-3/part-4.state");
    bytes[100] ^= std::byte{1};
    disk->setContents("/c/chk-3/part-4.state", bytes);
    CHECK(summarizeCheckpoint("/c/chk-3", disk).files == 4);
    CHECK_THAT(errorOf([&] { millrace::verifyCheckpoint("/c/chk-3", disk); }),
               ContainsSubstring("the state file '/c/chk-3/part-4.state' is damaged at byte 32 of"));
}

TEST_CASE("what is left of a damaged checkpoint is shown, with what is wrong", "[checkpoint]") {
    const auto disk = std::make_shared<MemoryFileSystem>();
    FileCheckpointStore store("/c", disk);
    write(store, describe(3));
    std::vector<std::byte> bytes = disk->contents("/c/chk-3/part-2.state");
    const std::size_t size = bytes.size();
    bytes.resize(size - 1);
    disk->setContents("/c/chk-3/part-2.state", bytes);
    disk->remove("/c/chk-3/part-3.state");

    const CheckpointSummary summary = summarizeCheckpoint("/c/chk-3", disk);
    CHECK(summary.files == 4);
    REQUIRE(summary.operators.size() == 2);
    CHECK(summary.operators[1].bytes == 340);
    REQUIRE(summary.damage.size() == 2);
    std::string damage = summary.damage[0] + "\n" + summary.damage[1];
    CHECK_THAT(damage, ContainsSubstring("the state file '/c/chk-3/part-2.state' is damaged at byte " +
                                         std::to_string(size - 1)));
    CHECK_THAT(damage, ContainsSubstring("the state file '/c/chk-3/part-3.state' is missing"));
    CHECK_THROWS_AS(millrace::verifyCheckpoint("/c/chk-3", disk), CodecException);

    disk->remove("/c/chk-3/manifest.json");
    CHECK_THAT(errorOf([&] { summarizeCheckpoint("/c/chk-3", disk); }), ContainsSubstring("it has no 'manifest.json'"));
}

TEST_CASE("a summary names the checkpoints that an incremental one needs", "[checkpoint]") {
    const CheckpointSummary summary = summarizeCheckpoint(MILLRACE_TEST_DATA "/checkpoints/version_3_referring/chk-9");
    CHECK(summary.formatVersion == 3);
    CHECK(summary.references == std::vector<std::string>{"chk-8"});
    CHECK(summary.damage.empty());
    CHECK(summarizeCheckpoint(MILLRACE_TEST_DATA "/checkpoints/version_1/chk-7").formatVersion == 1);
}
