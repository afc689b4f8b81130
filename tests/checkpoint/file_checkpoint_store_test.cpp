#include <millrace/checkpoint/file_checkpoint_store.hpp>
// first: it stands alone
#include <millrace/checkpoint/memory_checkpoint_store.hpp>
#include <millrace/checkpoint/newest_intact.hpp>
#include <millrace/checkpoint/subtask_state.hpp>
#include <millrace/core/bytes.hpp>
#include <millrace/core/crc32c.hpp>
#include <millrace/testing/faulty_file_system.hpp>
#include <millrace/testing/memory_file_system.hpp>

#include <checkpoint/checkpoint_fixtures.hpp>
#include <support/catch.hpp>
#include <support/rounds.hpp>

#include <csignal>
#include <cstring>
#include <thread>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace checkpoint_fixtures;
using Catch::Matchers::ContainsSubstring;
using millrace::testing::FaultyFileSystem;
using millrace::testing::FileFault;
using millrace::testing::MemoryFileSystem;
using millrace::testing::Unsynced;

namespace {

/// What a checkpoint written by `write` holds, by a store that has no files.
std::string expectedOf(const CheckpointDescription& description) {
    MemoryCheckpointStore store;
    write(store, description);
    return contentsOf(*store.load(description.id));
}

/// All paths below a directory, sorted.
std::string treeOf(FileSystem& files, const std::string& directory) {
    std::string text;
    for (const DirectoryEntry& entry : files.list(directory)) {
        const std::string path = directory + "/" + entry.name;
        text += path + (entry.kind == FileKind::Directory ? "/\n" : "\n");
        if (entry.kind == FileKind::Directory) text += treeOf(files, path);
    }
    return text;
}

std::string idsOf(const CheckpointStore& store) {
    std::string text;
    for (const CheckpointInfo& info : store.completed()) text += std::to_string(info.id) + " ";
    return text;
}

void flipBit(MemoryFileSystem& files, const std::string& path, std::size_t byte) {
    std::vector<std::byte> bytes = files.contents(path);
    bytes.at(byte) ^= std::byte{0x10};
    files.setContents(path, std::move(bytes));
}

}  // namespace

TEST_CASE("checkpoints in files give back what checkpoints in memory do", "[checkpoint]") {
    const TemporaryDirectory directory;
    const std::string path = directory.path() + "/some/where";
    CheckpointInfo info;
    {
        FileCheckpointStore store(path + "//");
        CHECK(store.lastId() == 0);
        CHECK(store.completed().empty());
        info = write(store, describe(1));
        CHECK(info.id == 1);
        CHECK(info.path == path + "/chk-1");
        CHECK(info.triggered == describe(1).triggered);
        write(store, describe(4));
        CHECK(contentsOf(*store.load(1)) == expectedOf(describe(1)));
        CHECK(store.load(4)->place() == path + "/chk-4");
        CHECK(treeOf(*posixFileSystem(), path) == [&] {
            std::string text;
            for (const char* const id : {"1", "4"}) {
                text += path + "/chk-" + id + "/\n" + path + "/chk-" + id + "/manifest.json\n";
                for (const char* const part : {"1", "2", "3", "4"}) {
                    text += path + "/chk-" + id + "/part-" + part + ".state\n";
                }
            }
            return text + path + "/millrace.lock\n";
        }());
    }
    FileCheckpointStore store(path);
    CHECK(store.lastId() == 4);
    CHECK(idsOf(store) == "4 1 ");
    CHECK(store.completed()[1].bytes == info.bytes);
    CHECK(store.completed()[1].triggered == info.triggered);
    CHECK(store.completed()[1].path == info.path);
    CHECK(contentsOf(*store.load(1)) == expectedOf(describe(1)));
    CHECK(contentsOf(*store.load(4)) == expectedOf(describe(4)));
    CHECK(contentsOf(FileCheckpoint(posixFileSystem(), path + "/chk-4")) == expectedOf(describe(4)));

    store.discard(1);
    CHECK(idsOf(store) == "4 ");
    CHECK(posixFileSystem()->kindOf(path + "/chk-1") == FileKind::None);
    CHECK_THAT(errorOf([&] { (void)store.load(1); }),
               ContainsSubstring("there is no completed checkpoint 1 in '" + path + "'"));
}

TEST_CASE("a subtask that restores reads only the files that have its key groups", "[checkpoint]") {
    const auto disk = std::make_shared<MemoryFileSystem>();
    const auto files = std::make_shared<FaultyFileSystem>(disk);
    FileCheckpointStore store("/c", files);
    MemoryCheckpointStore expected;
    for (CheckpointStore* const each :
         {static_cast<CheckpointStore*>(&store), static_cast<CheckpointStore*>(&expected)}) {
        each->begin(describe(1));
        for (int subtask = 0; subtask < 4; ++subtask) {
            const std::string mark = std::to_string(subtask);
            each->writePart(1, 0, subtask,
                            snapshotOf({{"count", "panes", 16 * subtask, mark + "first"},
                                        {"count", "panes", 16 * subtask + 15, mark + "last"},
                                        {"count", "list", kSplitState, mark + "list"},
                                        {"count", "mixed", kUnionState, mark + "union"},
                                        {"count", "mixed", 16 * subtask, mark + "keyed"}}));
        }
        each->complete(describe(1));
    }
    for (const int parallelism : {1, 2, 3, 4, 5}) {
        std::uint64_t opened = 0;
        for (int subtask = 0; subtask < parallelism; ++subtask) {
            CAPTURE(parallelism, subtask);
            const auto textOf = [&](const CheckpointStore& from) {
                const SubtaskState state(from.load(1), subtask, parallelism);
                files->restart();
                std::string text;
                for (const char* const name : {"panes", "list", "mixed"}) {
                    state.read("count", name, [&](int keyGroup, std::span<const std::byte> bytes) {
                        text += std::string(name) + std::to_string(keyGroup) + "=";
                        text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
                        text += " ";
                    });
                    if (name != std::string_view("panes")) continue;
                    for (const std::string& each : files->trace()) opened += each.starts_with("open") ? 1 : 0;
                }
                return text;
            };
            const std::string text = textOf(store);
            CHECK(text == textOf(expected));
        }
        CHECK(opened == (parallelism == 3 ? 6 : parallelism == 5 ? 8 : 4));  // and not 4 * parallelism
    }
}

TEST_CASE("a subtask knows before it restores about how much that will be", "[checkpoint]") {
    const auto files = std::make_shared<MemoryFileSystem>();
    FileCheckpointStore store("/c", files);
    const CheckpointDescription description = describe(1);
    store.begin(description);
    MemorySnapshot lower;
    for (int group = 0; group < 32; ++group) lower.write("count", "panes", group, bytesOf("0123456789"));
    lower.write("count", "timers", 7, bytesOf("01234"));
    lower.write("count", "list", kSplitState, bytesOf("belongs to no key"));
    store.writePart(1, 0, 0, lower);
    MemorySnapshot upper;
    for (int group = 32; group < 64; group += 2) upper.write("count", "panes", group, bytesOf("0123456789"));
    store.writePart(1, 0, 1, upper);
    store.complete(description);

    const auto bytesAt = [&](int subtask, int parallelism, std::string_view state) {
        return SubtaskState(store.load(1), subtask, parallelism).bytesOf("count", state);
    };
    CHECK(bytesAt(0, 1, "panes") == 480);
    CHECK(bytesAt(0, 2, "panes") == 320);
    CHECK(bytesAt(1, 2, "panes") == 160);
    CHECK(bytesAt(1, 4, "panes") == 160);
    CHECK(bytesAt(0, 1, "timers") == 5);
    CHECK(bytesAt(1, 2, "timers") == 0);
    CHECK(bytesAt(0, 1, "list") == 0);
    CHECK(bytesAt(0, 1, "none of these") == 0);
    CHECK(SubtaskState(store.load(1), 0, 1).bytesOf("source", "panes") == 0);
}

TEST_CASE("a checkpoint is complete when everything it needs is on the disk", "[checkpoint]") {
    const auto disk = std::make_shared<MemoryFileSystem>();
    const auto files = std::make_shared<FaultyFileSystem>(disk);
    FileCheckpointStore store("/checkpoints", files);
    files->restart();
    store.begin(describe(1));
    store.writePart(1, 0, 0, snapshotOf({{"source", "splits", kSplitState, "one"}}));
    store.writePart(1, 1, 0, MemorySnapshot{});  // nothing to write
    store.complete(describe(1));
    std::vector<std::string> trace = files->trace();
    std::erase_if(trace, [](const std::string& each) { return each.starts_with("write") || each.starts_with("look"); });
    CHECK(trace == std::vector<std::string>{
                       "mkdir /checkpoints/chk-1", "create /checkpoints/chk-1/part-1.state",
                       "sync /checkpoints/chk-1/part-1.state", "close /checkpoints/chk-1/part-1.state",
                       "create /checkpoints/chk-1/manifest.json.new", "sync /checkpoints/chk-1/manifest.json.new",
                       "close /checkpoints/chk-1/manifest.json.new", "sync /checkpoints/chk-1", "sync /checkpoints",
                       "rename /checkpoints/chk-1/manifest.json.new /checkpoints/chk-1/manifest.json",
                       "sync /checkpoints/chk-1"});
    files->restart();
    store.discard(1);
    trace = files->trace();
    std::erase_if(trace, [](const std::string& each) { return each.starts_with("look") || each.starts_with("list"); });
    CHECK(trace == std::vector<std::string>{"remove /checkpoints/chk-1/manifest.json", "sync /checkpoints/chk-1",
                                            "remove /checkpoints/chk-1/part-1.state", "remove /checkpoints/chk-1"});
}

TEST_CASE("savepoints go where the user says, and belong to the user", "[checkpoint]") {
    const auto disk = std::make_shared<MemoryFileSystem>();
    const auto savepoint = [](std::int64_t id, std::string path) {
        CheckpointDescription description = describe(id, CheckpointKind::Savepoint);
        description.target = std::move(path);
        return description;
    };
    {
        FileCheckpointStore store("/checkpoints", disk);
        write(store, describe(1));
        CHECK(write(store, savepoint(2, "")).path == "/checkpoints/savepoint-2");
        CHECK(write(store, savepoint(3, "/backup/2024/before the update/")).path == "/backup/2024/before the update");
        disk->createDirectory("/empty");
        write(store, savepoint(4, "/empty"));
        CHECK(idsOf(store) == "4 3 2 1 ");
        CHECK(contentsOf(*store.load(3)) == expectedOf(savepoint(3, "")));
        CHECK(loadNewestIntact(store, false).checkpoint->description().id == 1);
        CHECK(loadNewestIntact(store, true).checkpoint->description().id == 4);
        CHECK(errorOf([&] { store.begin(savepoint(5, "/backup/2024")); }) ==
              "cannot write a savepoint to '/backup/2024': there are files in it. Name a directory that is empty or "
              "does not "
              "exist");
        store.begin(savepoint(6, "/given up"));
        store.discard(6);
        CHECK(disk->kindOf("/given up") == FileKind::None);
        disk->createDirectory("/mine");
        store.begin(savepoint(7, "/mine"));
        store.writePart(7, 0, 0, snapshotOf({{"u", "s", 0, "x"}}));
        store.discard(7);
        CHECK(disk->kindOf("/mine") == FileKind::Directory);
        CHECK(disk->list("/mine").empty());
    }
    FileCheckpointStore store("/checkpoints", disk);
    CHECK(idsOf(store) == "2 1 ");
    CHECK(store.completed()[0].kind == CheckpointKind::Savepoint);
    CHECK(contentsOf(*store.load(2)) == expectedOf(savepoint(2, "")));
    disk->rename("/backup/2024", "/moved");
    CHECK(contentsOf(FileCheckpoint(disk, "/moved/before the update")) == expectedOf(savepoint(3, "")));
}

TEST_CASE("a checkpoint whose compression the program does not have is no reason to take the one before",
          "[checkpoint]") {
    const auto disk = std::make_shared<MemoryFileSystem>();
    FileCheckpointStore store("/c", disk);
    write(store, describe(1));
    write(store, describe(2));
    const std::string path = "/c/chk-2/part-4.state";
    std::vector<std::byte> bytes = disk->contents(path);
    ByteWriter payload;
    payload.writeString("lz4");
    payload.write(std::uint64_t{10});
    const auto put = [&](std::size_t at, const auto& value) { std::memcpy(bytes.data() + at, &value, sizeof value); };
    std::uint64_t length = 0;
    std::memcpy(&length, bytes.data() + 32 + 8, sizeof length);
    REQUIRE(length > payload.size());
    bytes[32 + 5] = std::byte{1};
    std::memcpy(bytes.data() + 32 + 24, payload.data(), payload.size());
    put(32 + 16, crc32c(std::span(bytes).subspan(32 + 24, static_cast<std::size_t>(length))));
    put(32 + 20, crc32c(std::span(bytes).subspan(32, 20)));
    disk->setContents(path, bytes);
    CHECK_THROWS_AS(loadNewestIntact(store, false), ConfigurationException);
    CHECK(
        errorOf([&] { loadNewestIntact(store, false); }) ==
        "the state file '/c/chk-2/part-4.state' has a block at byte 32 that is compressed by 'lz4', which this version "
        "of millrace does not know. Restore it with the version that wrote it, or a later one");
}

TEST_CASE("compressed checkpoints are read by a store that does not compress, and the other way round",
          "[checkpoint]") {
    if (!isAvailable(SnapshotCompression::Zstd)) return;
    const auto disk = std::make_shared<MemoryFileSystem>();
    {
        FileCheckpointStore store("/c", disk, SnapshotCompression::Zstd);
        write(store, describe(1));
    }
    const std::size_t compressed = disk->contents("/c/chk-1/part-4.state").size();
    {
        FileCheckpointStore store("/c", disk);
        CHECK(contentsOf(*store.load(1)) == expectedOf(describe(1)));
        write(store, describe(2));
    }
    CHECK(compressed + 250 < disk->contents("/c/chk-2/part-4.state").size());  // 300 x
    FileCheckpointStore store("/c", disk, SnapshotCompression::Zstd);
    CHECK(contentsOf(*store.load(1)) == expectedOf(describe(1)));
    CHECK(contentsOf(*store.load(2)) == expectedOf(describe(2)));
    CHECK(store.completed()[0].bytes == store.completed()[1].bytes);  // of state, whatever the files have
}

TEST_CASE("what is no checkpoint is said in words that help", "[checkpoint]") {
    const auto disk = std::make_shared<MemoryFileSystem>();
    FileCheckpointStore store("/checkpoints", disk);
    write(store, describe(9));
    write(store, describe(10));
    store.begin(describe(11));
    store.writePart(11, 0, 0, snapshotOf({{"u", "s", 0, "x"}}));
    const auto error = [&](const std::string& path) { return errorOf([&] { FileCheckpoint(disk, path); }); };
    CHECK(error("/checkpoint") == "there is no checkpoint '/checkpoint': no such directory");
    CHECK(error("/checkpoints") ==
          "'/checkpoints' is not a checkpoint, but a directory of them: give one of them, such as "
          "'/checkpoints/chk-11'");
    CHECK(error("/checkpoints/chk-11") ==
          "'/checkpoints/chk-11' is not a completed checkpoint: it has no 'manifest.json', which is written last. Give "
          "another one");
    CHECK(error("/checkpoints/chk-9/manifest.json") ==
          "'/checkpoints/chk-9/manifest.json' is not a checkpoint: give the directory that holds 'manifest.json'");
}

TEST_CASE("what unfinished checkpoints have left is removed at the next start, and nothing else", "[checkpoint]") {
    const auto disk = std::make_shared<MemoryFileSystem>();
    {
        FileCheckpointStore store("/checkpoints", disk);
        write(store, describe(1));
        for (const std::int64_t id : {2, 3}) {
            store.begin(describe(id));
            store.writePart(id, 0, 0, snapshotOf({{"u", "s", 0, "x"}}));
        }
    }
    const std::vector<std::byte> bytes = bytesOf("mine");
    for (const char* const path : {"/checkpoints/notes.txt", "/checkpoints/chk-3/part-x.state",
                                   "/checkpoints/chk-3/core", "/checkpoints/chk-7"}) {
        disk->setContents(path, bytes);
    }
    for (const char* const path :
         {"/checkpoints/chk-05", "/checkpoints/checkpoint-6", "/checkpoints/chk-4", "/checkpoints/savepoint-12"}) {
        disk->createDirectory(path);
    }
    disk->setContents("/checkpoints/chk-05/part-1.state", bytes);
    disk->setContents("/checkpoints/savepoint-12/manifest.json.new", bytes);
    disk->createDirectory("/checkpoints/chk-3/part-5.state");

    FileCheckpointStore store("/checkpoints", disk);
    CHECK(idsOf(store) == "1 ");
    CHECK(store.lastId() == 12);
    CHECK(treeOf(*disk, "/checkpoints") ==
          "/checkpoints/checkpoint-6/\n"
          "/checkpoints/chk-05/\n"
          "/checkpoints/chk-05/part-1.state\n"
          "/checkpoints/chk-1/\n"
          "/checkpoints/chk-1/manifest.json\n"
          "/checkpoints/chk-1/part-1.state\n"
          "/checkpoints/chk-1/part-2.state\n"
          "/checkpoints/chk-1/part-3.state\n"
          "/checkpoints/chk-1/part-4.state\n"
          "/checkpoints/chk-3/\n"
          "/checkpoints/chk-3/core\n"
          "/checkpoints/chk-3/part-5.state/\n"
          "/checkpoints/chk-3/part-x.state\n"
          "/checkpoints/chk-7\n"
          "/checkpoints/millrace.lock\n"
          "/checkpoints/notes.txt\n");
}

TEST_CASE("two jobs cannot use one directory", "[checkpoint]") {
    const TemporaryDirectory directory;
    const std::string path = directory.path() + "/checkpoints";
    {
        const FileCheckpointStore store(path);
        CHECK(errorOf([&] { FileCheckpointStore second(path); }) ==
              "the directory '" + path + "' cannot be used for checkpoints: a job in process " +
                  std::to_string(::getpid()) + " keeps its checkpoints there, and holds '" + path +
                  "/millrace.lock'. Name a directory in which this process may create files, and no other job keeps "
                  "its own");
    }
    const FileCheckpointStore again(path);
}

TEST_CASE("a directory that cannot be used is an error that says why", "[checkpoint]") {
    const TemporaryDirectory directory;
    posixFileSystem()->create(directory.path() + "/file")->write(bytesOf("x"));
    const std::string hint =
        ". Name a directory in which this process may create files, and no other job keeps its own";
    const std::string path = directory.path() + "/file/checkpoints";
    CHECK(errorOf([&] { FileCheckpointStore store(path); }) ==
          "the directory '" + path + "' cannot be used for checkpoints: cannot create directory '" + path +
              "': Not a directory" + hint);
    CHECK_THAT(errorOf([&] { FileCheckpointStore store(directory.path() + "/file"); }),
               ContainsSubstring("Not a directory" + hint));
    CHECK(errorOf([] { FileCheckpointStore store(""); }) == "the directory for checkpoints is empty; name one");
    if (::geteuid() != 0) {  // the superuser may do anything
        posixFileSystem()->createDirectory(directory.path() + "/closed");
        REQUIRE(::chmod((directory.path() + "/closed").c_str(), 0500) == 0);
        const std::string closed = directory.path() + "/closed/checkpoints";
        CHECK(errorOf([&] { FileCheckpointStore store(closed); }) ==
              "the directory '" + closed + "' cannot be used for checkpoints: cannot create directory '" + closed +
                  "': Permission denied" + hint);
    }
}

TEST_CASE("where the right to use a file is missing, the message says what to do", "[checkpoint]") {
    const auto disk = std::make_shared<MemoryFileSystem>();
    const auto files = std::make_shared<FaultyFileSystem>(disk);
    {
        FileCheckpointStore store("/c", disk);
        write(store, describe(3));
    }
    disk->createDirectory("/empty");
    const std::string toRead =
        ". Run as the user that wrote it, or let this one read its files and enter the directories above them (chown, "
        "chmod)";
    const std::string toWrite =
        ". Name a directory in which this process may create files, or let it do so in this one (chown, chmod)";
    files->failAt(1, FileFault::Permission);
    CHECK(errorOf([&] { FileCheckpoint(files, "/c/chk-3"); }) ==
          "'/c/chk-3' cannot be read: cannot look /c/chk-3/manifest.json: Permission denied (injected)" + toRead);
    files->failAt(2, FileFault::Permission);  // what /empty is, as it has no manifest
    CHECK(errorOf([&] { FileCheckpoint(files, "/empty"); }) ==
          "'/empty' cannot be read: cannot look /empty: Permission denied (injected)" + toRead);
    std::uint64_t n = 1;
    for (;; ++n) {  // whichever operation it is
        CAPTURE(n);
        files->failAt(n, FileFault::Permission);
        const std::string error = errorOf([&] { FileCheckpoint(files, "/c/chk-3"); });
        if (!files->hasFailed()) break;
        CHECK(error ==
              "'/c/chk-3' cannot be read: cannot " + files->trace().back() + ": Permission denied (injected)" + toRead);
    }
    CHECK(n > 10);  // manifest and four parts

    CheckpointDescription savepoint = describe(3, CheckpointKind::Savepoint);
    int renamed = 0;
    std::uint64_t m = 1;
    for (;; ++m) {
        savepoint.target = "/s" + std::to_string(m) + "/below/new";
        CAPTURE(m);
        const auto store = FileCheckpointStore::forSavepoints(files);
        files->failAt(m, FileFault::Permission);
        std::string error;
        try {
            write(*store, savepoint);
        } catch (const PermissionException& caught) {
            error = caught.what();
        } catch (const IoException& caught) {
            error = caught.what();
            CHECK_THAT(error, ContainsSubstring("could not be completed: cannot "));
            ++renamed;
            continue;
        }
        if (!files->hasFailed()) break;
        CHECK_THAT(error, ContainsSubstring("'" + savepoint.target + "' cannot be written: cannot "));
        CHECK_THAT(error, ContainsSubstring(": Permission denied (injected)" + toWrite));
    }
    CHECK(m > 20);        // three directories, four parts and the manifest
    CHECK(renamed == 2);  // the manifest, and that made sure of: whoever could create files can do that
}

TEST_CASE("a damaged checkpoint is named, left as it is, and the one before it is used", "[checkpoint]") {
    const auto disk = std::make_shared<MemoryFileSystem>();
    {
        FileCheckpointStore store("/c", disk);
        for (const std::int64_t id : {1, 2, 3, 4, 5, 6}) write(store, describe(id));
    }
    flipBit(*disk, "/c/chk-6/manifest.json", 100);
    disk->remove("/c/chk-5/part-2.state");
    disk->rename("/c/chk-3/part-1.state", "/c/chk-4/part-1.state");
    flipBit(*disk, "/c/chk-2/part-3.state", 80);
    disk->createDirectory("/c/chk-8");
    disk->setContents("/c/chk-8/manifest.json", disk->contents("/c/chk-1/manifest.json"));
    for (const char* const part : {"1", "2", "3", "4"}) {
        const std::string name = std::string("/part-") + part + ".state";
        disk->setContents("/c/chk-8" + name, disk->contents("/c/chk-1" + name));
    }
    const std::string before = treeOf(*disk, "/c");

    FileCheckpointStore store("/c", disk);
    CHECK(idsOf(store) == "8 6 5 4 3 2 1 ");
    const NewestIntact newest = loadNewestIntact(store, false);
    REQUIRE(newest.checkpoint != nullptr);
    CHECK(contentsOf(*newest.checkpoint) == expectedOf(describe(1)));
    std::string skipped;
    for (const SkippedCheckpoint& each : newest.skipped) {
        skipped +=
            std::to_string(each.id) + " " + each.path + ": " + each.problem.substr(0, each.problem.rfind('.')) + "\n";
    }
    CHECK(skipped ==
          "8 /c/chk-8: the manifest '/c/chk-8/manifest.json' is of checkpoint 1, not 8: the directory was renamed\n"
          "6 /c/chk-6: the manifest '/c/chk-6/manifest.json' is damaged: its checksum, the last line but one, does not "
          "match "
          "(was it edited?)\n"
          "5 /c/chk-5: the state file '/c/chk-5/part-2.state' is missing, though the manifest of the checkpoint names "
          "it\n"
          "4 /c/chk-4: the state file '/c/chk-4/part-1.state' is damaged at byte 0 of 153: it is of checkpoint 3, task "
          "0, "
          "subtask 1 instead of checkpoint 4, task 0, subtask 1\n"
          "3 /c/chk-3: the state file '/c/chk-3/part-1.state' is missing, though the manifest of the checkpoint names "
          "it\n"
          "2 /c/chk-2: the state file '/c/chk-2/part-3.state' is damaged at byte 32 of 235: the checksum of a block "
          "does not "
          "match\n");
    CHECK(treeOf(*disk, "/c") == before);
    store.discard(1);
    CHECK(loadNewestIntact(store, false).checkpoint == nullptr);
}

TEST_CASE("every bit and every byte of a whole checkpoint counts", "[checkpoint]") {
    const auto disk = std::make_shared<MemoryFileSystem>();
    {
        FileCheckpointStore store("/c", disk);
        write(store, describe(1));
    }
    const std::string expected = expectedOf(describe(1));
    std::size_t equal = 0;
    std::size_t damaged = 0;
    for (const DirectoryEntry& entry : disk->list("/c/chk-1")) {
        const std::string path = "/c/chk-1/" + entry.name;
        const std::vector<std::byte> whole = disk->contents(path);
        const auto check = [&](const std::vector<std::byte>& bytes, std::size_t position) {
            disk->setContents(path, bytes);
            std::string found;
            const std::string error = errorOf([&] { found = contentsOf(FileCheckpoint(disk, "/c/chk-1")); });
            ++(error.empty() ? equal : damaged);
            if (error.empty() ? found != expected : error.find(path) == std::string::npos) {
                FAIL(path << " at " << position << ": " << error << found);
            }
        };
        for (std::size_t size = 0; size < whole.size(); ++size) {
            check({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)}, size);
        }
        for (std::size_t bit = 0; bit < 8 * whole.size(); bit += millrace::testsupport::kSanitized ? 15 : 3) {
            std::vector<std::byte> bytes = whole;
            bytes[bit / 8] ^= static_cast<std::byte>(1 << (bit % 8));
            check(bytes, bit);
        }
        disk->setContents(path, whole);
    }
    CHECK(contentsOf(FileCheckpoint(disk, "/c/chk-1")) == expected);
    CHECK(damaged > 1000);
    CHECK(equal > 0);  // the end of a state file, which no operator asks for
}

TEST_CASE("parts are written by several threads, also while the checkpoint is discarded", "[checkpoint][threads]") {
    const auto disk = std::make_shared<MemoryFileSystem>();
    FileCheckpointStore store("/c", disk);
    constexpr int kThreads = 4;
    constexpr int kTasks = 20;
    const auto writeAll = [&](std::int64_t id, auto between) {
        store.begin(describe(id));
        std::vector<std::thread> threads;
        for (int subtask = 0; subtask < kThreads; ++subtask) {
            threads.emplace_back([&store, id, subtask] {
                for (int task = 0; task < kTasks; ++task) {
                    MemorySnapshot part;
                    for (int group = 0; group < 20; ++group)
                        part.write("count", "s", group, bytesOf(std::to_string(task)));
                    store.writePart(id, task, subtask, part);
                }
            });
        }
        between();
        for (std::thread& thread : threads) thread.join();
    };
    writeAll(1, [] {});
    store.complete(describe(1));
    std::vector<std::pair<int, std::string>> found;
    store.load(1)->read("count", "s", [&](int subtask, int keyGroup, std::span<const std::byte> bytes) {
        if (keyGroup == 0)
            found.emplace_back(subtask, std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
    });
    std::vector<std::pair<int, std::string>> expected;
    for (int subtask = 0; subtask < kThreads; ++subtask) {
        for (int task = 0; task < kTasks; ++task) expected.emplace_back(subtask, std::to_string(task));
    }
    CHECK((found == expected));
    for (std::int64_t id = 2; id < 30; ++id) {
        writeAll(id, [&] { store.discard(id); });
        CHECK(disk->kindOf("/c/chk-" + std::to_string(id)) == FileKind::None);
        CHECK_THAT(errorOf([&] { (void)store.complete(describe(id)); }), ContainsSubstring("was discarded before"));
    }
    CHECK(idsOf(store) == "1 ");
}

namespace {

/// A checkpoint per round, of which the newest is kept.
std::int64_t work(FileCheckpointStore& store, std::int64_t rounds) {
    return runRounds(
        store, rounds, [&](std::int64_t id) { write(store, describe(id)); },
        [&](std::int64_t before) {
            if (before != 0) store.discard(before);
        });
}

/// A disk on which checkpoint 1 is complete.
std::shared_ptr<MemoryFileSystem> diskWithCheckpoint() {
    const auto disk = std::make_shared<MemoryFileSystem>();
    FileCheckpointStore store("/c", disk);
    write(store, describe(1));
    return disk;
}

/// The id of the checkpoint that a new job restores; it must be what was written, byte for byte.
std::int64_t restoredId(const std::shared_ptr<MemoryFileSystem>& disk, std::vector<SkippedCheckpoint>& skipped) {
    FileCheckpointStore store("/c", disk);
    NewestIntact newest = loadNewestIntact(store, false);
    skipped = std::move(newest.skipped);
    if (newest.checkpoint == nullptr) return 0;
    const std::int64_t id = newest.checkpoint->description().id;
    if (contentsOf(*newest.checkpoint) != expectedOf(describe(id))) FAIL("checkpoint " << id << " is wrong");
    if (store.lastId() < id) FAIL("an id would be used again");
    // nothing half-written stays
    std::string left = treeOf(*disk, "/c");
    for (const CheckpointInfo& info : store.completed()) {
        if (disk->kindOf(info.path + "/manifest.json.new") != FileKind::None) FAIL(left);
    }
    const std::size_t directories = disk->list("/c").size() - 1;
    if (directories != store.completed().size()) FAIL(left);
    return id;
}

}  // namespace

TEST_CASE("whichever operation fails, the newest completed checkpoint is intact", "[checkpoint]") {
    // under a sanitizer every fifth, of each kind of failure other ones
    const std::uint64_t apart = millrace::testsupport::kSanitized ? 5 : 1;
    std::uint64_t first = 0;
    for (const FileFault fault : {FileFault::NoSpace, FileFault::IoError, FileFault::ShortWrite}) {
        for (const bool isLasting : {false, true}) {
            std::uint64_t kept = 0;
            std::uint64_t n = 1 + first++ % apart;
            for (bool hasFailed = true; hasFailed; n += apart) {
                CAPTURE(static_cast<int>(fault), isLasting, n);
                const auto disk = diskWithCheckpoint();
                const auto files = std::make_shared<FaultyFileSystem>(disk);
                std::int64_t newest = 0;
                {
                    FileCheckpointStore store("/c", files);
                    isLasting ? files->failFrom(n, fault) : files->failAt(n, fault);
                    newest = work(store, 2);
                    hasFailed = files->hasFailed();
                    files->restart();
                    // in the running job
                    const NewestIntact running = loadNewestIntact(store, false);
                    if (running.checkpoint == nullptr) FAIL("no checkpoint is left");
                    if (running.checkpoint->description().id != newest || !running.skipped.empty()) FAIL("another one");
                    if (contentsOf(*running.checkpoint) != expectedOf(describe(newest))) FAIL("it is wrong");
                }
                // and after a restart, with and without a loss of power
                for (const auto unsynced : {Unsynced::Kept, Unsynced::Lost}) {
                    const auto copy = disk->clone();
                    copy->crash(unsynced);
                    std::vector<SkippedCheckpoint> skipped;
                    const std::int64_t restored = restoredId(copy, skipped);
                    // what failed may have become complete when not even its manifest could be withdrawn
                    if (restored < newest || (!isLasting && restored != newest))
                        FAIL(restored << " instead of " << newest);
                    if (!skipped.empty()) FAIL(skipped[0].problem);
                }
                kept += newest == 3 ? 1 : 0;
            }
            CHECK(n > 60);
            CHECK(kept > 0);
        }
    }
}

TEST_CASE("whenever the machine crashes, a completed checkpoint is intact", "[checkpoint][long]") {
    const auto crashed = [&](auto crash) {  // whether it came to the crash
        const auto disk = diskWithCheckpoint();
        const auto files = std::make_shared<FaultyFileSystem>(disk);
        std::int64_t newest = 0;
        {
            FileCheckpointStore store("/c", files);
            crash(*files);
            newest = work(store, 2);
        }
        const bool isCrashed = files->hasFailed();
        for (std::uint64_t seed = 0; seed < 10; ++seed) {
            CAPTURE(seed);
            const auto copy = disk->clone();
            copy->crash(seed == 0 ? Unsynced::Kept : seed == 1 ? Unsynced::Lost : Unsynced::Some, seed);
            std::vector<SkippedCheckpoint> skipped;
            const std::int64_t restored = restoredId(copy, skipped);
            if (restored < newest || restored > newest + 1) FAIL(restored << " instead of " << newest);
            if (!skipped.empty()) FAIL(skipped[0].problem);
            // and it goes on
            FileCheckpointStore store("/c", copy);
            if (work(store, 1) <= restored) FAIL("the next checkpoint fails");
        }
        return isCrashed;
    };
    std::uint64_t operations = 0;
    while (crashed([&](FaultyFileSystem& files) { files.crashAt(operations + 1); })) ++operations;
    CHECK(operations > 60);
    std::uint64_t bytes = 0;
    while (crashed([&](FaultyFileSystem& files) { files.crashAfterBytes(bytes); })) bytes += 7;
    CHECK(bytes > 3000);
}

TEST_CASE("whichever operation fails or whenever it crashes at the start, nothing is lost", "[checkpoint]") {
    for (const bool isCrash : {false, true}) {
        for (std::uint64_t n = 1;; ++n) {
            CAPTURE(isCrash, n);
            const auto disk = diskWithCheckpoint();
            {
                FileCheckpointStore store("/c", disk);
                store.begin(describe(2));
                store.writePart(2, 0, 0, snapshotOf({{"u", "s", 0, "x"}}));
            }
            const auto files = std::make_shared<FaultyFileSystem>(disk);
            isCrash ? files->crashAt(n) : files->failAt(n, FileFault::IoError);
            (void)errorOf([&] {
                FileCheckpointStore store("/c", files);
                // one that cannot be looked at may be complete, and is listed: loading it says what is wrong
                if (idsOf(store) != "1 " && idsOf(store) != "2 1 ") FAIL(idsOf(store));
            });
            const bool hasFailed = files->hasFailed();
            disk->crash(isCrash ? Unsynced::Lost : Unsynced::Kept);
            std::vector<SkippedCheckpoint> skipped;
            CHECK(restoredId(disk, skipped) == 1);
            CHECK(skipped.empty());
            if (!hasFailed) break;
        }
    }
}

TEST_CASE("whenever it crashes while old checkpoints are removed, what is left is the newest or nothing",
          "[checkpoint]") {
    for (const int kept : {0, 1, 2}) {
        bool crashed = true;
        int crashes = 0;
        for (std::uint64_t n = 1; crashed; ++n) {
            CAPTURE(kept, n);
            const auto disk = std::make_shared<MemoryFileSystem>();
            const auto files = std::make_shared<FaultyFileSystem>(disk);
            {
                FileCheckpointStore store("/c", files);
                for (const std::int64_t id : {1, 2, 4, 7}) write(store, describe(id));
                write(store, describe(9, CheckpointKind::Savepoint));
                files->crashAt(n);
                keepNewest(store, kept);
            }
            crashed = files->hasFailed();
            crashes += crashed;
            disk->crash(n % 2 == 0 ? Unsynced::Lost : Unsynced::Kept);
            FileCheckpointStore store("/c", disk);
            const std::vector<CheckpointInfo> infos = store.completed();
            REQUIRE_FALSE(infos.empty());
            CHECK(infos[0].id == 9);
            if (!crashed) CHECK(idsOf(store) == std::string(kept == 0 ? "9 " : kept == 1 ? "9 7 " : "9 7 4 "));
            if (infos.size() == 1) continue;
            CHECK(infos[1].id == 7);
            CHECK(contentsOf(*loadNewestIntact(store, false).checkpoint) == expectedOf(describe(7)));
        }
        CHECK(crashes > 10);
    }
}

// The only one that is intact would be removed for two that are not.
TEST_CASE("damaged checkpoints do not count among those that are kept", "[checkpoint]") {
    const auto disk = std::make_shared<MemoryFileSystem>();
    FileCheckpointStore store("/c", disk);
    for (const std::int64_t id : {1, 2, 3, 4}) write(store, describe(id));
    for (const char* const id : {"3", "4"}) flipBit(*disk, std::string("/c/chk-") + id + "/manifest.json", 100);
    const std::vector<std::int64_t> damaged{4, 3};
    keepNewest(store, 3, damaged);
    CHECK(idsOf(store) == "4 3 2 1 ");
    write(store, describe(5));
    keepNewest(store, 2, damaged);
    CHECK(idsOf(store) == "5 4 3 2 ");
    write(store, describe(6));
    keepNewest(store, 2, damaged);  // they go with what is older than those that are kept
    CHECK(idsOf(store) == "6 5 ");
    keepNewest(store, 0, damaged);
    CHECK(idsOf(store).empty());
}

// The one that was given up would be removed as well, and then there would be none.
TEST_CASE("a checkpoint that is not known to be complete does not count among those that are kept", "[checkpoint]") {
    FileCheckpointStore store("/c", std::make_shared<MemoryFileSystem>());
    for (const std::int64_t id : {1, 2, 3, 4}) write(store, describe(id));
    keepNewest(store, 1, {}, 2);
    CHECK(idsOf(store) == "4 3 2 ");
    store.discard(3);
    keepNewest(store, 1, {}, 4);
    CHECK(idsOf(store) == "4 ");
}

// Going back to an older checkpoint because of it, a job would write once more what its sinks have committed since.
TEST_CASE("a checkpoint that cannot be read now is not taken for a damaged one", "[checkpoint]") {
    const auto disk = std::make_shared<MemoryFileSystem>();
    const auto files = std::make_shared<FaultyFileSystem>(disk);
    FileCheckpointStore store("/c", files);
    for (const std::int64_t id : {1, 2, 3}) write(store, describe(id));
    files->restart();
    CHECK(loadNewestIntact(store, false).checkpoint->description().id == 3);
    const std::uint64_t operations = files->operations();
    CHECK(operations > 3);
    for (std::uint64_t n = 1; n <= operations; ++n) {
        CAPTURE(n);
        files->failAt(n, FileFault::IoError);
        CHECK_THROWS_AS(loadNewestIntact(store, false), IoException);
        CHECK(files->hasFailed());
        CHECK(loadNewestIntact(store, false).checkpoint->description().id == 3);
    }
}

TEST_CASE("a process that is killed leaves a checkpoint that is intact", "[checkpoint][no-tsan]") {
    const TemporaryDirectory directory;
    const std::string path = directory.path() + "/c";
    std::int64_t least = 0;
    for (int round = 0; round < 20; ++round) {
        CAPTURE(round);
        int reports[2];
        REQUIRE(::pipe(reports) == 0);
        const pid_t child = ::fork();
        if (child == 0) {
            try {
                FileCheckpointStore store(path);
                std::int64_t before =
                    loadNewestIntact(store, false).checkpoint == nullptr ? 0 : store.completed()[0].id;
                for (;;) {
                    const std::int64_t id = store.lastId() + 1;
                    write(store, describe(id));
                    (void)!::write(reports[1], &id, sizeof id);
                    if (before != 0) store.discard(before);
                    before = id;
                }
            } catch (...) {
                ::_exit(1);
            }
        }
        (void)::close(reports[1]);
        for (int report = 0; report <= round % 4; ++report) {
            std::int64_t id = 0;
            REQUIRE(::read(reports[0], &id, sizeof id) == sizeof id);
            least = id;
        }
        REQUIRE(::kill(child, SIGKILL) == 0);
        while (::read(reports[0], &least, sizeof least) == sizeof least) {}  // what it managed to report before
        REQUIRE(::waitpid(child, nullptr, 0) == child);
        (void)::close(reports[0]);

        FileCheckpointStore store(path);
        const NewestIntact newest = loadNewestIntact(store, false);
        REQUIRE(newest.checkpoint != nullptr);
        CHECK(newest.skipped.empty());
        const std::int64_t id = newest.checkpoint->description().id;
        CHECK(id >= least);
        CHECK(id <= least + 1);
        CHECK(contentsOf(*newest.checkpoint) == expectedOf(describe(id)));
    }
}
