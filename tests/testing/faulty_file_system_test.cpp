#include <millrace/testing/faulty_file_system.hpp>
// first: it stands alone
#include <millrace/core/errors.hpp>
#include <millrace/testing/memory_file_system.hpp>

#include <support/catch.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

using namespace millrace;
using namespace millrace::testing;

namespace {

std::span<const std::byte> bytesOf(std::string_view text) {
    return std::as_bytes(std::span(text));
}

std::string textOf(MemoryFileSystem& disk, const std::string& path) {
    if (disk.kindOf(path) != FileKind::File) return "none";
    const std::vector<std::byte> bytes = disk.contents(path);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <class Fn>
std::string errorOf(Fn fn) {
    try {
        fn();
    } catch (const IoException& error) {
        return error.what();
    }
    return {};
}

}  // namespace

TEST_CASE("a disk in memory loses what was not synced when the power fails", "[testing]") {
    MemoryFileSystem disk;
    disk.createDirectory("/a");
    disk.createDirectory("/gone");
    const auto synced = disk.create("/a/synced");
    synced->write(bytesOf("safe"));
    synced->sync();
    synced->write(bytesOf(" and not"));
    disk.create("/a/empty")->write(bytesOf("not synced"));
    disk.syncDirectory("/a");
    const auto unnamed = disk.create("/a/unnamed");
    unnamed->write(bytesOf("bytes without a name"));
    unnamed->sync();
    disk.rename("/a/empty", "/a/renamed");

    SECTION("and keeps it when only the process ends") {
        disk.syncDirectory("/");
        disk.crash(Unsynced::Kept);
        CHECK(textOf(disk, "/a/synced") == "safe and not");
        CHECK(textOf(disk, "/a/renamed") == "not synced");
        CHECK(textOf(disk, "/a/unnamed") == "bytes without a name");
        CHECK(disk.kindOf("/gone") == FileKind::Directory);
    }
    SECTION("in a directory whose name is safe") {
        disk.remove("/gone");
        disk.syncDirectory("/");
        disk.crash(Unsynced::Lost);
        CHECK(textOf(disk, "/a/synced") == "safe");
        CHECK(textOf(disk, "/a/empty").empty());
        CHECK(textOf(disk, "/a/renamed") == "none");
        CHECK(textOf(disk, "/a/unnamed") == "none");
        CHECK(disk.kindOf("/gone") == FileKind::None);
        synced->write(bytesOf("from before the crash"));
        CHECK(textOf(disk, "/a/synced") == "safe");
    }
    SECTION("in a directory whose name is not") {
        disk.crash(Unsynced::Lost);
        CHECK(disk.list("/").empty());
    }
    SECTION("or by chance some of it") {
        disk.syncDirectory("/");
        std::vector<std::string> outcomes;
        for (std::uint64_t seed = 0; seed < 200; ++seed) {
            const auto copy = disk.clone();
            copy->crash(Unsynced::Some, seed);
            const std::string text = textOf(*copy, "/a/synced");
            CAPTURE(seed, text);
            CHECK(text.starts_with("safe"));
            CHECK(text.size() <= 12);
            outcomes.push_back(text + "," + textOf(*copy, "/a/unnamed").substr(0, 5));
        }
        const auto count = [&](const std::string& outcome) {
            return std::count(outcomes.begin(), outcomes.end(), outcome);
        };
        CHECK(count("safe,none") > 0);
        CHECK(count("safe and not,bytes") > 0);
        CHECK(count("safe and" + std::string(4, '\0') + ",none") > 0);
        CHECK(textOf(disk, "/a/synced") == "safe and not");  // the copies are copies
    }
}

TEST_CASE("a lock of a disk in memory goes with its owner and with a crash", "[testing]") {
    MemoryFileSystem disk;
    std::int64_t holder = -1;
    auto lock = disk.tryLock("/lock", holder);
    CHECK(disk.tryLock("/lock", holder) == nullptr);
    CHECK(holder == 0);
    lock.reset();
    lock = disk.tryLock("/lock", holder);
    disk.crash(Unsynced::Kept);
    const auto after = disk.tryLock("/lock", holder);
    CHECK(after != nullptr);
    lock.reset();  // of before the crash: takes nothing away
    CHECK(disk.tryLock("/lock", holder) == nullptr);
}

TEST_CASE("a disk in memory says what is wrong as the machine's does", "[testing]") {
    MemoryFileSystem disk;
    disk.createDirectory("/a");
    disk.create("/a/file");
    CHECK(errorOf([&] { (void)disk.open("/b"); }) == "cannot open '/b': No such file or directory");
    CHECK(errorOf([&] { (void)disk.open("/a"); }) == "cannot open '/a': Is a directory");
    CHECK(errorOf([&] { (void)disk.create("/b/c"); }) == "cannot create '/b/c': No such file or directory");
    CHECK(errorOf([&] { (void)disk.create("/a/file/x"); }) == "cannot create '/a/file/x': Not a directory");
    CHECK(errorOf([&] { disk.createDirectory("/a"); }) == "cannot create directory '/a': File exists");
    CHECK(errorOf([&] { disk.remove("/a"); }) == "cannot remove '/a': Directory not empty");
    CHECK(errorOf([&] { disk.rename("/a/x", "/a/y"); }) == "cannot rename '/a/x': No such file or directory");
    CHECK(errorOf([&] { (void)disk.create("relative"); }) ==
          "cannot create 'relative': in memory, paths begin with '/'");
}

TEST_CASE("operations fail when they are told to", "[testing]") {
    const auto disk = std::make_shared<MemoryFileSystem>();
    FaultyFileSystem files(disk);
    const auto writeFile = [&] {
        const auto file = files.create("/f");
        file->write(bytesOf("0123456789"));
        file->sync();
        file->close();
    };
    writeFile();
    CHECK(files.trace() == std::vector<std::string>{"create /f", "write 10 /f", "sync /f", "close /f"});

    files.failAt(1, FileFault::NoSpace);
    CHECK(errorOf(writeFile) == "cannot create /f: No space left on device (injected)");
    CHECK(files.hasFailed());
    CHECK(errorOf(writeFile).empty());  // once

    files.failAt(2, FileFault::ShortWrite);
    CHECK(errorOf(writeFile) == "cannot write to '/f': No space left on device (injected)");
    CHECK(textOf(*disk, "/f") == "01234");

    files.failAt(1, FileFault::Permission);
    CHECK_THROWS_AS(writeFile(), PermissionException);
    files.failAt(2, FileFault::Permission);
    CHECK(errorOf(writeFile) == "cannot write to '/f': Permission denied (injected)");

    files.failFrom(3, FileFault::IoError);
    CHECK(errorOf(writeFile) == "cannot sync /f: Input/output error (injected)");
    CHECK(errorOf([&] { (void)files.list("/"); }) == "cannot list /: Input/output error (injected)");
    CHECK(files.operations() == 4);
    files.restart();
    CHECK_FALSE(files.hasFailed());
    CHECK(errorOf(writeFile).empty());
}

TEST_CASE("after a crash nothing reaches the disk", "[testing]") {
    const auto disk = std::make_shared<MemoryFileSystem>();
    FaultyFileSystem files(disk);
    const auto file = files.create("/f");
    SECTION("from an operation on") {
        files.crashAt(2);
        file->write(bytesOf("0123456789"));
        CHECK(errorOf([&] { file->write(bytesOf("0123456789")); }) ==
              "cannot write to '/f': the machine has crashed (injected)");
        CHECK_FALSE(errorOf([&] { file->write(bytesOf("x")); }).empty());
        CHECK_FALSE(errorOf([&] { files.createDirectory("/d"); }).empty());
        CHECK(textOf(*disk, "/f") == "012345678901234");
        CHECK(disk->kindOf("/d") == FileKind::None);
    }
    SECTION("after some bytes") {
        files.crashAfterBytes(13);
        file->write(bytesOf("0123456789"));
        file->sync();
        CHECK_FALSE(errorOf([&] { file->write(bytesOf("0123456789")); }).empty());
        CHECK(textOf(*disk, "/f") == "0123456789012");
        CHECK_FALSE(errorOf([&] { file->sync(); }).empty());
        disk->crash(Unsynced::Lost);
        CHECK(disk->list("/").empty());  // its name was not synced
    }
}
