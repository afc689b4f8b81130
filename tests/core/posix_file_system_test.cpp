#include <millrace/core/posix_file_system.hpp>
// first: it stands alone
#include <checkpoint/checkpoint_fixtures.hpp>
#include <support/catch.hpp>

#include <csignal>
#include <cstdlib>
#include <string>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace millrace;
using checkpoint_fixtures::bytesOf;
using checkpoint_fixtures::errorOf;
using checkpoint_fixtures::TemporaryDirectory;

TEST_CASE("the file system of the machine writes, renames, lists, reads and removes", "[core]") {
    const TemporaryDirectory directory;
    const std::string& path = directory.path();
    const auto files = posixFileSystem();
    files->createDirectory(path + "/a");
    {
        const auto file = files->create(path + "/a/new");
        file->write(bytesOf("hello "));
        file->write({});
        file->write(bytesOf("world"));
        file->sync();
        file->close();
    }
    files->rename(path + "/a/new", path + "/a/old");
    files->syncDirectory(path + "/a");
    files->createDirectory(path + "/a/deep");

    std::string listed;
    for (const DirectoryEntry& entry : files->list(path + "/a")) {
        listed += entry.name + (entry.kind == FileKind::Directory ? "/ " : " ");
    }
    CHECK(listed == "deep/ old ");
    const auto file = files->open(path + "/a/old");
    CHECK(file->size() == 11);
    std::vector<std::byte> bytes(8);
    CHECK(file->readAt(6, bytes) == 5);
    bytes.resize(5);
    CHECK(bytes == bytesOf("world"));
    CHECK(files->kindOf(path + "/a/old") == FileKind::File);
    CHECK(files->kindOf(path + "/a") == FileKind::Directory);
    CHECK(files->kindOf(path + "/b") == FileKind::None);
    CHECK(files->kindOf(path + "/a/old/x") == FileKind::None);

    CHECK(errorOf([&] { files->remove(path + "/a"); }) == "cannot remove '" + path + "/a': Directory not empty");
    files->remove(path + "/a/old");
    files->remove(path + "/a/deep");
    files->remove(path + "/a");
    CHECK(files->kindOf(path + "/a") == FileKind::None);
}

TEST_CASE("errors of the file system name the path and what the system said", "[core]") {
    const TemporaryDirectory directory;
    const std::string missing = directory.path() + "/missing";
    const std::string inside = missing + "/file";
    const auto files = posixFileSystem();
    const std::string noSuch = "': No such file or directory";
    CHECK(errorOf([&] { (void)files->open(missing); }) == "cannot open '" + missing + noSuch);
    CHECK(errorOf([&] { (void)files->create(inside); }) == "cannot create '" + inside + noSuch);
    CHECK(errorOf([&] { files->rename(missing, inside); }) == "cannot rename '" + missing + "' to '" + inside + noSuch);
    CHECK(errorOf([&] { files->remove(missing); }) == "cannot remove '" + missing + noSuch);
    CHECK(errorOf([&] { files->createDirectory(inside); }) == "cannot create directory '" + inside + noSuch);
    CHECK(errorOf([&] { (void)files->list(missing); }) == "cannot read directory '" + missing + noSuch);
    CHECK(errorOf([&] { files->syncDirectory(missing); }) == "cannot open directory '" + missing + noSuch);
    CHECK(errorOf([&] { (void)files->open(directory.path()); }) ==
          "cannot open '" + directory.path() + "': it is not a file");
    if (files->kindOf("/dev/full") != FileKind::None) {
        const std::string full = "cannot write to '/dev/full': No space left on device";
        const auto file = files->create("/dev/full");
        file->write(bytesOf("x"));
        CHECK(errorOf([&] { file->sync(); }) == full);
        // what is missing stays missing
        file->write(bytesOf("x"));
        CHECK(errorOf([&] { file->sync(); }) == full);
        CHECK(errorOf([&] { file->close(); }) == full);
        const std::vector<std::byte> large(1 << 20);
        CHECK(errorOf([&] { files->create("/dev/full")->write(large); }) == full);
    }
    const auto closed = files->create(directory.path() + "/closed");
    closed->close();
    CHECK(errorOf([&] { closed->write(bytesOf("x")); }) ==
          "cannot write to '" + directory.path() + "/closed': Bad file descriptor");
}

TEST_CASE("a file has what was written in pieces of any size, closed or destroyed", "[core]") {
    const TemporaryDirectory directory;
    const std::string path = directory.path() + "/file";
    const auto files = posixFileSystem();
    for (const bool isClosed : {true, false}) {
        std::vector<std::byte> expected;
        {
            const auto file = files->create(path);
            for (const std::size_t size : {1, 100'000, 262'144, 70'000, 0, 1'000'000, 17}) {
                std::vector<std::byte> piece(size);
                for (std::size_t i = 0; i < size; ++i) piece[i] = static_cast<std::byte>((expected.size() + i) % 251);
                file->write(piece);
                expected.insert(expected.end(), piece.begin(), piece.end());
            }
            if (isClosed) file->close();
        }
        const auto file = files->open(path);
        std::vector<std::byte> bytes(file->size());
        CHECK(file->readAt(0, bytes) == expected.size());
        CHECK(bytes == expected);
    }
}

TEST_CASE("a pipe is not waited for", "[core]") {
    const TemporaryDirectory directory;
    const std::string path = directory.path() + "/pipe";
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    CHECK(errorOf([&] { (void)posixFileSystem()->open(path); }) == "cannot open '" + path + "': it is not a file");
    CHECK(posixFileSystem()->kindOf(path) == FileKind::Other);
}

TEST_CASE("a lock is held against this process and others, and goes with its owner", "[core]") {
    const TemporaryDirectory directory;
    const std::string path = directory.path() + "/lock";
    const auto files = posixFileSystem();
    std::int64_t holder = 0;
    auto lock = files->tryLock(path, holder);
    REQUIRE(lock != nullptr);
    CHECK(files->tryLock(path, holder) == nullptr);
    CHECK(holder == ::getpid());
    lock.reset();
    lock = files->tryLock(path, holder);
    CHECK(lock != nullptr);
    lock.reset();

    int ready[2];
    REQUIRE(::pipe(ready) == 0);
    const pid_t child = ::fork();
    if (child == 0) {  // holds the lock until it is killed
        std::int64_t unused = 0;
        const auto held = files->tryLock(path, unused);
        const char c = held != nullptr ? 'y' : 'n';
        (void)!::write(ready[1], &c, 1);
        for (;;) ::pause();
    }
    char c = '?';
    REQUIRE(::read(ready[0], &c, 1) == 1);
    CHECK(c == 'y');
    CHECK(files->tryLock(path, holder) == nullptr);
    CHECK(holder == child);
    REQUIRE(::kill(child, SIGKILL) == 0);
    REQUIRE(::waitpid(child, nullptr, 0) == child);
    CHECK(files->tryLock(path, holder) != nullptr);
    (void)::close(ready[0]);
    (void)::close(ready[1]);
}

namespace {

/// The superuser may do anything; meanwhile this process is nobody.
class AsNobody {
public:
    AsNobody() : was_(::geteuid()), isOther_(was_ == 0 && ::seteuid(65534) == 0) {}
    AsNobody(const AsNobody&) = delete;
    AsNobody& operator=(const AsNobody&) = delete;
    ~AsNobody() {
        if (isOther_ && ::seteuid(was_) != 0) std::abort();
    }

private:
    ::uid_t was_;
    bool isOther_;
};

}  // namespace

TEST_CASE("a missing right is an error of its own", "[core]") {
    const TemporaryDirectory directory;
    const std::string closed = directory.path() + "/closed";
    const std::string file = closed + "/file";
    const auto files = posixFileSystem();
    files->createDirectory(closed);
    REQUIRE(::chmod(directory.path().c_str(), 0755) == 0);
    REQUIRE(::chmod(closed.c_str(), 0) == 0);
    const auto failsWith = [&](const std::string& what, auto use) {
        try {
            const AsNobody nobody;
            if (::geteuid() == 0) return;  // it cannot become nobody
            use();
            FAIL_CHECK("'" << what << "' is possible");
        } catch (const PermissionException& error) {
            CHECK(std::string(error.what()) == what + ": Permission denied");
        }
    };
    failsWith("cannot look at '" + file + "'", [&] { (void)files->kindOf(file); });
    failsWith("cannot open '" + file + "'", [&] { (void)files->open(file); });
    failsWith("cannot create '" + file + "'", [&] { (void)files->create(file); });
    failsWith("cannot read directory '" + closed + "'", [&] { (void)files->list(closed); });
    failsWith("cannot rename '" + file + "' to '" + file + "2'", [&] { files->rename(file, file + "2"); });
    REQUIRE(::chmod(closed.c_str(), 0700) == 0);
    bool isOfRights = false;  // that a file is not there is none
    try {
        (void)files->open(file);
    } catch (const IoException& error) {
        isOfRights = dynamic_cast<const PermissionException*>(&error) != nullptr;
        CHECK(std::string(error.what()) == "cannot open '" + file + "': No such file or directory");
    }
    CHECK_FALSE(isOfRights);
}
