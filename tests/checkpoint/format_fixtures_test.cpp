#include <millrace/checkpoint/file_checkpoint_store.hpp>
#include <millrace/checkpoint/memory_checkpoint_store.hpp>

#include <checkpoint/checkpoint_fixtures.hpp>
#include <support/catch.hpp>

#include <cstdlib>
#include <string>

// Checkpoints of every version of the format that there has been, in tests/data/checkpoints: each stays readable.

using namespace checkpoint_fixtures;

namespace {

const std::string kOddName("uid \xff\x00 \"\\\n", 10);

CheckpointDescription oddDescription() {
    CheckpointDescription description;
    description.id = 123456789012;
    description.kind = CheckpointKind::Savepoint;
    description.jobName = "größer";
    description.triggered = Timestamp(Duration(-1));
    description.maxParallelism = 32768;
    description.operators.add(new CheckpointedOperator{kOddName, "", "", 1, 0});
    return description;
}

MemorySnapshot oddState() {
    return snapshotOf({{kOddName, kOddName, kSharedState, ""},
                       {kOddName, kOddName, 32767, kOddName},
                       {kOddName, "broadcast", kBroadcastState, "b"},
                       {kOddName, "large", 0, std::string(20'000, 'a')},
                       {kOddName, "union", kUnionState, "u"}});
}

void writeOld(CheckpointStore& store) {
    write(store, describe(7));
    store.begin(oddDescription());
    store.writePart(oddDescription().id, 0, 0, oddState());
    store.complete(oddDescription());
}

/// Since version 2 states have schemas.
void writeFixtures(CheckpointStore& store) {
    store.begin(describe(8));
    store.writePart(8, 0, 0,
                    described(described(snapshotOf({{"source", "splits", kSplitState, "split"},
                                                    {"count", "panes", 3, "three"},
                                                    {"count", "timers", 4, "four"}}),
                                        "source", "splits", "splits{split:{path:string},watermark:i64}"),
                              "count", "panes", "windows{window:i64,fired:bool,key:i32,value:money@3}"));
    store.complete(describe(8));
    store.begin(oddDescription());
    store.writePart(oddDescription().id, 0, 0, described(oddState(), kOddName, kOddName, kOddName));
    store.complete(oddDescription());
}

/// Since version 3 checkpoints may refer to others: the second has the panes of the first.
void writeReferring(CheckpointStore& store) {
    for (const std::int64_t id : {8, 9}) {
        store.begin(describe(id));
        store.writePart(id, 0, 0,
                        described(snapshotOf({{"source", "splits", kSplitState, "split"},
                                              {"count", "panes", 3, std::string(3000, 'p')},
                                              {"count", "timers", 4, "timers of " + std::to_string(id)}}),
                                  "count", "panes", "windows{window:i64,fired:bool,key:i32,value:money@3}"));
        store.complete(describe(id));
    }
}

/// Version 3 is written only where barriers have overtaken records.
void writeOvertaken(CheckpointStore& store) {
    store.begin(describe(9));
    store.writePart(9, 0, 1,
                    described(snapshotOf({{"count", "in-flight/0", kChannelState, "channel 0"},
                                          {"count", "in-flight/0", kChannelState, "channel 1"},
                                          {"count", "panes", 3, "three"}}),
                              "count", "in-flight/0", "in-flight{event:u8,time:i64,record:optional<i32>}"));
    store.complete(describe(9));
    store.begin(describe(10));
    store.writePart(10, 0, 1, snapshotOf({{"count", "panes", 3, "three"}}));
    store.complete(describe(10));
}

}  // namespace

TEST_CASE("checkpoints of version 1 of the format are read", "[checkpoint]") {
    MemoryCheckpointStore expected;
    writeOld(expected);
    const std::string path = MILLRACE_TEST_DATA "/checkpoints/version_1";
    CHECK(contentsOf(FileCheckpoint(posixFileSystem(), path + "/chk-7")) == contentsOf(*expected.load(7)));
    CHECK((contentsOf(FileCheckpoint(posixFileSystem(), path + "/savepoint-123456789012")) ==
           contentsOf(*expected.load(oddDescription().id))));
}

TEST_CASE("checkpoints of version 2 of the format are read", "[checkpoint]") {
    MemoryCheckpointStore expected;
    writeFixtures(expected);
    const std::string path = MILLRACE_TEST_DATA "/checkpoints/version_2";
    CHECK(contentsOf(FileCheckpoint(posixFileSystem(), path + "/chk-8")) == contentsOf(*expected.load(8)));
    CHECK((contentsOf(FileCheckpoint(posixFileSystem(), path + "/savepoint-123456789012")) ==
           contentsOf(*expected.load(oddDescription().id))));
}

TEST_CASE("checkpoints of version 3 of the format are read", "[checkpoint]") {
    MemoryCheckpointStore expected;
    writeOvertaken(expected);
    const std::string path = MILLRACE_TEST_DATA "/checkpoints/version_3";
    const FileCheckpoint overtaken(posixFileSystem(), path + "/chk-9");
    CHECK(overtaken.formatVersion() == 3);
    CHECK(contentsOf(overtaken) == contentsOf(*expected.load(9)));
    const FileCheckpoint aligned(posixFileSystem(), path + "/chk-10");
    CHECK(aligned.formatVersion() == 2);  // programs of before may have it
    CHECK(contentsOf(aligned) == contentsOf(*expected.load(10)));
}

TEST_CASE("compressed checkpoints of version 2 of the format are read where zstd is", "[checkpoint]") {
    MemoryCheckpointStore expected;
    writeFixtures(expected);
    const FileCheckpoint found(posixFileSystem(),
                               MILLRACE_TEST_DATA "/checkpoints/version_2_zstd/savepoint-123456789012");
    if (isAvailable(SnapshotCompression::Zstd)) {
        CHECK((contentsOf(found) == contentsOf(*expected.load(oddDescription().id))));
    } else {
        const std::string error = errorOf([&] { (void)contentsOf(found); });
        CHECK(error.find("compressed by zstd, which this program was built without") != std::string::npos);
    }
}

TEST_CASE("checkpoints of version 3 of the format, which refer to others, are read", "[checkpoint]") {
    MemoryCheckpointStore expected;
    writeReferring(expected);
    const std::string path = MILLRACE_TEST_DATA "/checkpoints/version_3_referring";
    CHECK(FileCheckpoint(posixFileSystem(), path + "/chk-9").formatVersion() == 3);
    CHECK(contentsOf(FileCheckpoint(posixFileSystem(), path + "/chk-8")) == contentsOf(*expected.load(8)));
    CHECK(contentsOf(FileCheckpoint(posixFileSystem(), path + "/chk-9")) == contentsOf(*expected.load(9)));
}

// How the fixtures were made: MILLRACE_FIXTURES=tests/data/checkpoints/version_N build/tests/bin/millrace_tests_checkpoint
// '[.fixtures]', with MILLRACE_FIXTURES_ZSTD=1 the compressed ones, with MILLRACE_FIXTURES_REFERRING=1
// those that refer to others. For a new version of the format make new ones; those that are there are never made again.
TEST_CASE("fixtures of the format are made", "[.fixtures]") {
    const char* const path = std::getenv("MILLRACE_FIXTURES");
    REQUIRE(path != nullptr);
    const bool compressed = std::getenv("MILLRACE_FIXTURES_ZSTD") != nullptr;
    const bool referring = std::getenv("MILLRACE_FIXTURES_REFERRING") != nullptr;
    FileCheckpointStore store(path, posixFileSystem(),
                              compressed ? SnapshotCompression::Zstd : SnapshotCompression::None, referring);
    REQUIRE(store.lastId() == 0);
    referring ? writeReferring(store) : writeOvertaken(store);
}
