#include <millrace/checkpoint/known_blocks.hpp>
// first: it stands alone
#include <millrace/checkpoint/checkpoint_summary.hpp>
#include <millrace/checkpoint/file_checkpoint_store.hpp>
#include <millrace/checkpoint/memory_checkpoint_store.hpp>
#include <millrace/checkpoint/newest_intact.hpp>
#include <millrace/state/deferred_snapshot.hpp>
#include <millrace/state/keyed_table.hpp>
#include <millrace/state/table_snapshot.hpp>
#include <millrace/testing/faulty_file_system.hpp>
#include <millrace/testing/memory_file_system.hpp>

#include <checkpoint/checkpoint_fixtures.hpp>
#include <support/catch.hpp>

#include <cstring>
#include <map>
#include <random>
#include <thread>
#include <tuple>

using namespace checkpoint_fixtures;
using Catch::Matchers::ContainsSubstring;
using millrace::testing::FaultyFileSystem;
using millrace::testing::FileFault;
using millrace::testing::MemoryFileSystem;
using millrace::testing::Unsynced;

namespace {

using Files = std::shared_ptr<FileSystem>;
using Contents = std::map<std::tuple<std::string, std::string, int, int>, std::string>;

constexpr int kGroups = 20;

FileCheckpointStore incrementalStore(const Files& files, SnapshotCompression compression = SnapshotCompression::None) {
    return FileCheckpointStore("/c", files, compression, true);
}

/// The latest checkpoint up to `id` that has changed this key group: each changes a fifth of them, the others stay.
std::int64_t changedBy(int group, std::int64_t id) {
    std::int64_t changed = id;
    while (changed > 1 && changed % 5 != group % 5) --changed;
    return changed;
}

/// Some 10 KB that nothing makes smaller, and that tell who wrote them.
std::string bytesFor(int subtask, int group, std::int64_t changed) {
    std::mt19937_64 random(static_cast<unsigned>(1000 * changed + 100 * subtask + group));
    std::string text(10'000, '\0');
    for (std::size_t at = 0; at < text.size(); at += sizeof(std::uint64_t)) {
        const std::uint64_t word = random();
        std::memcpy(text.data() + at, &word, sizeof word);
    }
    return text;
}

MemorySnapshot stateOf(int subtask, std::int64_t id) {
    MemorySnapshot part;
    part.setSchema("count", "totals", "value{key:i64,stamp:optional<i64>,value:i64}");
    for (int group = 10 * subtask; group < 10 * subtask + 10; ++group) {
        part.write("count", "totals", group, bytesOf(bytesFor(subtask, group, changedBy(group, id))));
    }
    part.write("source", "splits", kSplitState, bytesOf("split of " + std::to_string(id)));
    part.write("source", "splits", kSplitState, bytesOf(std::string(3'000, 's')));  // always the same
    return part;
}

void writeTo(CheckpointStore& store, const CheckpointDescription& description) {
    store.begin(description);
    for (const int subtask : {1, 0}) store.writePart(description.id, 0, subtask, stateOf(subtask, description.id));
}
CheckpointInfo writeChanged(CheckpointStore& store, const CheckpointDescription& description) {
    writeTo(store, description);
    return store.complete(description);
}

Contents contentsAsMap(const StoredCheckpoint& checkpoint) {
    Contents contents;
    for (const CheckpointedOperator& each : checkpoint.description().operators) {
        for (const std::string& state : checkpoint.statesOf(each.uid)) {
            contents[{each.uid, state, -1, 0}] = checkpoint.schemaOf(each.uid, state);
            checkpoint.read(each.uid, state, [&](int subtask, int keyGroup, std::span<const std::byte> bytes) {
                // keyed pieces come in any order, others in that in which they were written
                contents[{each.uid, state, subtask, keyGroup}] +=
                    std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()) + ";";
            });
        }
    }
    return contents;
}
const Contents& expectedContents(std::int64_t id) {
    static std::map<std::int64_t, Contents> known;
    Contents& contents = known[id];
    if (contents.empty()) {
        MemoryCheckpointStore store;
        writeChanged(store, describe(id));
        contents = contentsAsMap(*store.load(id));
    }
    return contents;
}

std::uint64_t bytesBelow(MemoryFileSystem& files, const std::string& directory) {
    std::uint64_t bytes = 0;
    for (const DirectoryEntry& entry : files.list(directory)) {
        const std::string path = directory + "/" + entry.name;
        bytes += entry.kind == FileKind::Directory ? bytesBelow(files, path) : files.contents(path).size();
    }
    return bytes;
}

/// A checkpoint per round, of which so many are kept.
std::int64_t work(FileCheckpointStore& store, std::int64_t rounds, int retained) {
    return runRounds(
        store, rounds, [&](std::int64_t id) { writeChanged(store, describe(id)); },
        [&](std::int64_t) { keepNewest(store, retained); });
}

/// The id of the checkpoint that a new job restores; it must be what was written.
std::int64_t restoredId(const Files& files, std::vector<SkippedCheckpoint>& skipped) {
    FileCheckpointStore store = incrementalStore(files);
    NewestIntact newest = loadNewestIntact(store, false);
    skipped = std::move(newest.skipped);
    if (newest.checkpoint == nullptr) return 0;
    const std::int64_t id = newest.checkpoint->description().id;
    if (contentsAsMap(*newest.checkpoint) != expectedContents(id)) FAIL("checkpoint " << id << " is wrong");
    return id;
}

}  // namespace

TEST_CASE("an incremental checkpoint writes what has changed, and is read as a whole", "[checkpoint]") {
    const auto disk = std::make_shared<MemoryFileSystem>();
    const auto compression = GENERATE(SnapshotCompression::None, SnapshotCompression::Zstd);
    if (!isAvailable(compression)) return;
    FileCheckpointStore store = incrementalStore(disk, compression);
    const CheckpointInfo first = writeChanged(store, describe(1));
    CHECK(first.writtenBytes == first.bytes);
    std::uint64_t written = 0;
    for (std::int64_t id = 2; id < 10; ++id) {
        CAPTURE(id);
        const CheckpointInfo info = writeChanged(store, describe(id));
        CHECK(info.bytes == first.bytes);
        // a fifth of the keyed state, and what has no key; later also what files hold that are mostly out of date
        if (id == 2) CHECK(info.writtenBytes == kGroups / 5 * 10'000 + 2 * (3000 + 10));
        CHECK(info.writtenBytes >= kGroups / 5 * 10'000);
        written += info.writtenBytes;
        const FileCheckpoint checkpoint(disk, "/c/chk-" + std::to_string(id));
        CHECK((contentsAsMap(checkpoint) == expectedContents(id)));
        CHECK(checkpoint.formatVersion() == 3);
        // which key groups are where is known: a subtask reads no more than it needs
        std::size_t pieces = 0;
        checkpoint.readKeyGroups("count", "totals", {0, 9},
                                 [&](int, int keyGroup, std::span<const std::byte>) { pieces += keyGroup <= 9; });
        CHECK(pieces == 10);
    }
    CHECK(written < 8 * first.bytes / 2);
    for (std::int64_t id = 1; id < 10; ++id) {
        CAPTURE(id);
        CHECK((contentsAsMap(FileCheckpoint(disk, "/c/chk-" + std::to_string(id))) == expectedContents(id)));
    }
    CHECK(FileCheckpoint(disk, "/c/chk-1").formatVersion() == 2);  // refers to nothing
    const CheckpointSummary summary = summarizeCheckpoint("/c/chk-9", disk);
    CHECK(summary.info.bytes == first.bytes);
    CHECK(summary.operators.at(1).states.at(0).subtasks == 2);
    CHECK(summary.operators.at(1).states.at(0).pieces == kGroups);
}

TEST_CASE("files that are referred to stay when their checkpoint is removed, and no longer", "[checkpoint]") {
    const auto disk = std::make_shared<MemoryFileSystem>();
    const int retained = GENERATE(1, 2, 3);
    CAPTURE(retained);
    std::uint64_t one = 0;
    {
        FileCheckpointStore store = incrementalStore(disk);
        work(store, 1, retained);
        one = bytesBelow(*disk, "/c");
        work(store, 1, retained);
        if (retained == 1) {
            CHECK(disk->kindOf("/c/chk-1/manifest.json") == FileKind::None);
            CHECK(disk->kindOf("/c/chk-1/part-1.state") == FileKind::File);
        }
        std::uint64_t most = 0;
        for (int round = 0; round < 40; ++round) {
            CAPTURE(round);
            const std::int64_t newest = work(store, 1, retained);
            CHECK(store.completed().size() == static_cast<std::size_t>(std::min<std::int64_t>(retained, newest)));
            for (const CheckpointInfo& info : store.completed()) {
                if (contentsAsMap(FileCheckpoint(disk, info.path)) != expectedContents(info.id)) FAIL(info.id);
            }
            most = std::max(most, bytesBelow(*disk, "/c"));
        }
        CHECK(most < 4 * one);
        if (retained == 1) CHECK(most > one);
        keepNewest(store, 0);
        CHECK(disk->list("/c").size() == 1);  // the lock
    }
    CHECK(disk->list("/c").size() == 1);
}

TEST_CASE("the first checkpoint of a run, and that after a restore, is full", "[checkpoint]") {
    const auto disk = std::make_shared<MemoryFileSystem>();
    {
        FileCheckpointStore store = incrementalStore(disk);
        CHECK(work(store, 3, 1) == 3);
        CHECK(store.completed()[0].writtenBytes < store.completed()[0].bytes);
    }
    FileCheckpointStore store = incrementalStore(disk);
    CHECK(disk->kindOf("/c/chk-1/part-1.state") == FileKind::File);  // of 3
    CHECK((contentsAsMap(*store.load(3)) == expectedContents(3)));
    const CheckpointInfo fourth = writeChanged(store, describe(4));
    CHECK(fourth.writtenBytes == fourth.bytes);
    CHECK((contentsAsMap(FileCheckpoint(disk, "/c/chk-3")) == expectedContents(3)));
    keepNewest(store, 1);
    CHECK(disk->list("/c").size() == 2);  // the lock and 4: nothing of 1, 2 and 3 is left
    // it has been loaded, so perhaps another one was damaged
    const CheckpointInfo fifth = writeChanged(store, describe(5));
    CHECK(fifth.writtenBytes < fifth.bytes);
    (void)store.load(5);
    const CheckpointInfo sixth = writeChanged(store, describe(6));
    CHECK(sixth.writtenBytes == sixth.bytes);
}

TEST_CASE("a file that is referred to and missing or damaged is named, and an older checkpoint is used",
          "[checkpoint]") {
    const auto disk = std::make_shared<MemoryFileSystem>();
    FileCheckpointStore store = incrementalStore(disk);
    writeChanged(store, describe(1));
    writeChanged(store, describe(2));
    writeChanged(store, describe(3));
    const FileCheckpoint third(disk, "/c/chk-3");
    std::string referred;
    for (const StateFileIndex& part : third.parts()) {
        if (part.owner.checkpoint == 2) referred = "/c/" + part.name;
    }
    REQUIRE_FALSE(referred.empty());
    SECTION("missing") {
        disk->remove(referred);
        CHECK(errorOf([&] { FileCheckpoint(disk, "/c/chk-3"); }) ==
              "the state file '" + referred +
                  "' is missing, though the manifest of the checkpoint '/c/chk-3' refers to it: an incremental "
                  "checkpoint "
                  "needs the directories beside it. Restore from another checkpoint, or from a copy of this one");
    }
    SECTION("damaged") {
        std::vector<std::byte> bytes = disk->contents(referred);
        bytes[bytes.size() / 2] ^= std::byte{1};
        disk->setContents(referred, bytes);
        CHECK_THAT(errorOf([&] { verifyCheckpoint(FileCheckpoint(disk, "/c/chk-3")); }),
                   ContainsSubstring("the state file '" + referred + "' is damaged at byte"));
    }
    SECTION("of another checkpoint") {
        disk->setContents(referred, disk->contents("/c/chk-3/part-1.state"));
        CHECK_THAT(errorOf([&] { FileCheckpoint(disk, "/c/chk-3"); }), ContainsSubstring(referred));
    }
    const NewestIntact newest = loadNewestIntact(store, false);
    REQUIRE(newest.checkpoint != nullptr);
    CHECK(newest.checkpoint->description().id == 1);
    CHECK((contentsAsMap(*newest.checkpoint) == expectedContents(1)));
    CHECK(newest.skipped.size() == 2);
}

TEST_CASE("savepoints are full and may be moved, also between incremental checkpoints", "[checkpoint]") {
    const auto disk = std::make_shared<MemoryFileSystem>();
    FileCheckpointStore store = incrementalStore(disk);
    writeChanged(store, describe(1));
    CheckpointDescription savepoint = describe(2, CheckpointKind::Savepoint);
    const CheckpointInfo second = writeChanged(store, savepoint);
    CHECK(second.writtenBytes == second.bytes);
    savepoint = describe(3, CheckpointKind::Savepoint);
    savepoint.target = "/elsewhere/mine";
    writeChanged(store, savepoint);
    const CheckpointInfo fourth = writeChanged(store, describe(4));
    CHECK(fourth.writtenBytes < fourth.bytes);
    const FileCheckpoint last(disk, "/c/chk-4");
    for (const StateFileIndex& part : last.parts()) {
        CHECK((part.owner.checkpoint == 1 || part.owner.checkpoint == 4));  // not to what is the user's
    }
    keepNewest(store, 0);
    disk->rename("/elsewhere", "/moved");
    disk->rename("/c/savepoint-2", "/moved/first");
    CHECK((contentsAsMap(FileCheckpoint(disk, "/moved/mine")) == expectedContents(3)));
    CHECK((contentsAsMap(FileCheckpoint(disk, "/moved/first")) == expectedContents(2)));
}

TEST_CASE("a checkpoint under way keeps the files that it may refer to", "[checkpoint]") {
    const auto disk = std::make_shared<MemoryFileSystem>();
    FileCheckpointStore store = incrementalStore(disk);
    writeChanged(store, describe(1));
    writeTo(store, describe(2));  // refers to 1
    writeTo(store, describe(3));  // the same
    store.complete(describe(3));
    keepNewest(store, 1);  // removes 1 before 2 has been completed
    SECTION("it is completed") {
        store.complete(describe(2));
        CHECK((contentsAsMap(FileCheckpoint(disk, "/c/chk-2")) == expectedContents(2)));
        store.discard(2);
    }
    SECTION("it is given up") {
        store.discard(2);
    }
    CHECK((contentsAsMap(FileCheckpoint(disk, "/c/chk-3")) == expectedContents(3)));
    store.discard(3);
    CHECK(disk->list("/c").size() == 1);
}

TEST_CASE("with a manifest that cannot be read nothing that it might refer to is removed", "[checkpoint]") {
    const auto disk = std::make_shared<MemoryFileSystem>();
    {
        FileCheckpointStore store = incrementalStore(disk);
        work(store, 3, 1);
    }
    const std::vector<std::byte> manifest = disk->contents("/c/chk-3/manifest.json");
    std::vector<std::byte> damaged = manifest;
    damaged[100] ^= std::byte{1};
    disk->setContents("/c/chk-3/manifest.json", damaged);
    {
        FileCheckpointStore store = incrementalStore(disk);
        CHECK(loadNewestIntact(store, false).checkpoint == nullptr);
    }
    disk->setContents("/c/chk-3/manifest.json", manifest);  // somebody had a copy
    std::vector<SkippedCheckpoint> skipped;
    CHECK(restoredId(disk, skipped) == 3);
}

TEST_CASE("a name in a manifest leads to no file but those of older checkpoints", "[checkpoint]") {
    const auto disk = std::make_shared<MemoryFileSystem>();
    FileCheckpointStore store = incrementalStore(disk);
    writeChanged(store, describe(1));
    writeChanged(store, describe(2));
    const auto bytes = disk->contents("/c/chk-2/manifest.json");
    const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    REQUIRE(text.find("chk-1/part-1.state") != std::string::npos);
    for (const char* const name :
         {"../1/part-1.state", "chk-2/part-1.state", "chk-3/part-1.state", "chk-01/part-1.state", "chk-1/part-01.state",
          "chk-1/../part-1.state", "/chk-1/part-1.state", "chk-1/"}) {
        CAPTURE(name);
        std::string changed = text.substr(0, text.rfind("\"checksum\""));
        const std::string_view old = "chk-1/part-1.state";
        for (std::size_t at = changed.find(old); at != std::string::npos;
             at = changed.find(old, at + std::string_view(name).size())) {
            changed.replace(at, old.size(), name);
        }
        changed += manifestEnd(changed);
        CHECK_THAT(errorOf([&] { (void)parseManifest(changed, "m"); }), ContainsSubstring("is not the name of a part"));
    }
}

TEST_CASE("whichever operation fails, or whenever the machine crashes, an incremental checkpoint that counts is intact",
          "[checkpoint][long]") {
    for (const bool isCrash : {false, true}) {
        std::uint64_t n = 1;
        for (bool hasFailed = true; hasFailed; ++n) {
            const auto disk = std::make_shared<MemoryFileSystem>();
            std::int64_t newest = 0;
            const auto files = std::make_shared<FaultyFileSystem>(disk);
            {
                FileCheckpointStore store = incrementalStore(files);
                work(store, 2, 1);
                isCrash ? files->crashAt(n) : files->failAt(n, n % 2 == 0 ? FileFault::NoSpace : FileFault::IoError);
                newest = work(store, 3, 1);
                hasFailed = files->hasFailed();
            }
            for (std::uint64_t seed = 0; seed < 6; ++seed) {
                CAPTURE(isCrash, n, seed);
                const auto copy = disk->clone();
                copy->crash(seed == 0 ? Unsynced::Kept : seed == 1 ? Unsynced::Lost : Unsynced::Some, seed);
                std::vector<SkippedCheckpoint> skipped;
                const std::int64_t restored = restoredId(copy, skipped);
                if (restored < newest || restored > newest + (isCrash ? 1 : 0))
                    FAIL(restored << " instead of " << newest);
                if (!skipped.empty()) FAIL(skipped[0].problem);
                // it goes on, and in the end nothing is left over
                FileCheckpointStore store = incrementalStore(copy);
                if (work(store, 3, 1) <= restored) FAIL("the next checkpoints fail");
                if (contentsAsMap(*store.load(store.completed()[0].id)) != expectedContents(store.completed()[0].id)) {
                    FAIL("the next checkpoint is wrong");
                }
                keepNewest(store, 0);
                if (copy->list("/c").size() != 1) FAIL("something is left");
            }
        }
        CHECK(n > 100);
    }
}

TEST_CASE("after any sequence of checkpoints, failures and restarts, those that are listed are what was written",
          "[checkpoint][long]") {
    for (unsigned seed = 0; seed < 40; ++seed) {
        CAPTURE(seed);
        std::mt19937 random(seed);
        const auto disk = std::make_shared<MemoryFileSystem>();
        auto store = std::make_unique<FileCheckpointStore>("/c", disk, SnapshotCompression::None, true);
        std::vector<std::int64_t> pending;
        for (int step = 0; step < 60; ++step) {
            const std::int64_t next = store->lastId() + 1;
            const auto anyPending = [&] {
                const std::size_t at = random() % pending.size();
                const std::int64_t id = pending[at];
                pending.erase(pending.begin() + static_cast<std::ptrdiff_t>(at));
                return id;
            };
            switch (random() % 10) {
                case 0:
                case 1:
                case 2:
                    if (pending.size() >= 3) break;
                    writeTo(*store, describe(next));
                    pending.push_back(next);
                    break;
                case 3:
                case 4:
                case 5:
                    if (!pending.empty()) store->complete(describe(anyPending()));
                    break;
                case 6:
                    if (!pending.empty()) store->discard(anyPending());
                    break;
                case 7:
                    keepNewest(*store, 1 + static_cast<int>(random() % 3));
                    break;
                case 8:
                    writeChanged(*store, describe(next, CheckpointKind::Savepoint));
                    break;
                default:
                    if (random() % 3 != 0) break;
                    pending.clear();
                    store.reset();
                    store = std::make_unique<FileCheckpointStore>("/c", disk, SnapshotCompression::None, true);
            }
            for (const CheckpointInfo& info : store->completed()) {
                if (contentsAsMap(FileCheckpoint(disk, info.path)) != expectedContents(info.id)) {
                    FAIL("step " << step << ", checkpoint " << info.id);
                }
            }
        }
        for (const std::int64_t id : pending) store->discard(id);
        for (const CheckpointInfo& info : store->completed()) store->discard(info.id);
        CHECK(disk->list("/c").size() == 1);
    }
}

TEST_CASE("parts of incremental checkpoints are written by several threads at once, and given up meanwhile",
          "[checkpoint][threads]") {
    const auto disk = std::make_shared<MemoryFileSystem>();
    FileCheckpointStore store = incrementalStore(disk);
    const auto writeAll = [&](std::int64_t id, auto meanwhile) {
        store.begin(describe(id));
        std::vector<std::thread> threads;
        for (const int subtask : {0, 1}) {
            threads.emplace_back([&store, id, subtask] { store.writePart(id, 0, subtask, stateOf(subtask, id)); });
        }
        meanwhile();
        for (std::thread& thread : threads) thread.join();
    };
    std::int64_t newest = 0;
    for (std::int64_t id = 1; id <= 20; ++id) {
        CAPTURE(id);
        if (id % 3 == 0) {
            writeAll(id, [&] { store.discard(id); });
            continue;
        }
        writeAll(id, [] {});
        store.complete(describe(id));
        keepNewest(store, 1);
        newest = id;
        CHECK((contentsAsMap(FileCheckpoint(disk, "/c/chk-" + std::to_string(id))) == expectedContents(id)));
    }
    store.discard(newest);
    CHECK(disk->list("/c").size() == 1);
}

TEST_CASE("of a large table an incremental checkpoint writes the places that have changed", "[checkpoint]") {
    using Table = KeyedTable<std::int64_t, std::int64_t>;
    static constexpr StateLayout kLayout{"reduced",
                                         {{"key", &kTypeInfo<std::int64_t>}, {"value", &kTypeInfo<std::int64_t>}}};
    Table table;
    for (std::int64_t key = 0; key < 200'000; ++key) table.findOrInsert(key, [&] { return key; });
    const auto disk = std::make_shared<MemoryFileSystem>();
    FileCheckpointStore store = incrementalStore(disk);
    const auto take = [&](std::int64_t id) {
        store.begin(describe(id));
        DeferredSnapshot part;
        writeTable(part, table, true, {"count", "reduce", 64, 1}, kLayout,
                   [](ByteWriter& group, std::int64_t key, std::int64_t value) {
                       group.write(key);
                       group.write(value);
                   });
        store.writePart(id, 0, 0, part);
        return store.complete(describe(id));
    };
    const auto sumOf = [&](std::int64_t id) {
        std::int64_t sum = 0;
        std::int64_t count = 0;
        FileCheckpoint(disk, "/c/chk-" + std::to_string(id))
            .read("count", "reduce", [&](int, int, std::span<const std::byte> bytes) {
                ByteReader reader(bytes);
                (void)reader.read<std::uint8_t>();
                for (; reader.remaining() > 0; ++count) {
                    (void)reader.read<std::int64_t>();
                    sum += reader.read<std::int64_t>();
                }
            });
        CHECK(count == static_cast<std::int64_t>(table.size()));
        return sum;
    };
    const CheckpointInfo first = take(1);
    CHECK(first.writtenBytes == first.bytes);
    const std::int64_t sum = std::int64_t{200'000} * 199'999 / 2;
    CHECK(sumOf(1) == sum);

    CHECK(take(2).writtenBytes == 0);  // nothing has changed
    CHECK(sumOf(2) == sum);

    for (const std::int64_t key : {17, 4711, 150'000}) *table.find(key) += 1'000'000;
    const CheckpointInfo third = take(3);
    CHECK(third.writtenBytes > 0);
    CHECK(third.writtenBytes < 3 * 16'000);  // a block each
    CHECK(sumOf(3) == sum + 3'000'000);
    CHECK(sumOf(2) == sum);

    for (std::int64_t key = 0; key < 200'000; ++key) *table.find(key) += 1;
    const CheckpointInfo fourth = take(4);
    CHECK(fourth.writtenBytes == fourth.bytes);
    CHECK(sumOf(4) == sum + 3'200'000);

    for (std::int64_t key = 200'000; key < 900'000; ++key) table.findOrInsert(key, [&] { return 0; });  // it grows
    CHECK(take(5).bytes > 4 * fourth.bytes);
    CHECK(sumOf(5) == sum + 3'200'000);
    keepNewest(store, 1);
    CHECK(sumOf(5) == sum + 3'200'000);
}
