// Functions of the C library, defined in the program itself: so the calls of all libraries, SQLite's as well, come here.

#include "deaths.hpp"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

namespace {

enum Operation { Write, Sync, Rename, Remove, MakeDirectory, Truncate };
enum class Moment { Before, Within, After };

std::atomic<int> deadly{-1};
std::atomic<long> operationsLeft{0};
std::atomic<Moment> momentOfDeath{Moment::Before};

[[noreturn]] void die() {
    for (;;) ::kill(::getpid(), SIGKILL);
}

/// Performs an operation, if the process lives so long. `half`: the same cut short.
template <class Call, class Half>
auto perform(Operation operation, Call call, Half half) {
    const bool isLast = deadly.load(std::memory_order_relaxed) == operation &&
                        operationsLeft.fetch_sub(1, std::memory_order_relaxed) == 1;
    if (!isLast) return call();
    const Moment moment = momentOfDeath.load();
    if (moment == Moment::Within) half();
    if (moment == Moment::After) call();
    die();
}
template <class Call>
auto perform(Operation operation, Call call) {
    return perform(operation, call, [] {});
}

}  // namespace

namespace crash {

void dieAt(const std::string& death) {
    const std::size_t first = death.find(',');
    const std::size_t second = death.find(',', first + 1);
    if (second == std::string::npos) throw std::runtime_error("expected operation,number,moment, found " + death);
    const std::string moment = death.substr(second + 1);
    momentOfDeath = moment == "before" ? Moment::Before : moment == "within" ? Moment::Within : Moment::After;
    operationsLeft = std::stol(death.substr(first + 1, second - first - 1));
    for (std::size_t i = 0; i < std::size(kDeadlyOperations); ++i) {
        if (death.substr(0, first) == kDeadlyOperations[i]) deadly = static_cast<int>(i);
    }
    if (deadly < 0) throw std::runtime_error("no such operation: " + death);
}

}  // namespace crash

extern "C" {

ssize_t write(int file, const void* bytes, size_t size) {
    if (file <= STDERR_FILENO) return ::syscall(SYS_write, file, bytes, size);
    return perform(
        Write, [&] { return ::syscall(SYS_write, file, bytes, size); },
        [&] { ::syscall(SYS_write, file, bytes, size / 2); });
}
ssize_t pwrite64(int file, const void* bytes, size_t size, off64_t offset) {
    return perform(
        Write, [&] { return ::syscall(SYS_pwrite64, file, bytes, size, offset); },
        [&] { ::syscall(SYS_pwrite64, file, bytes, size / 2, offset); });
}
ssize_t pwrite(int file, const void* bytes, size_t size, off_t offset) {
    return pwrite64(file, bytes, size, offset);
}
int fsync(int file) {
    return perform(Sync, [&] { return static_cast<int>(::syscall(SYS_fsync, file)); });
}
int fdatasync(int file) {
    return perform(Sync, [&] { return static_cast<int>(::syscall(SYS_fdatasync, file)); });
}
int rename(const char* from, const char* to) noexcept {
    return perform(Rename, [&] { return static_cast<int>(::syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0)); });
}
int unlink(const char* path) noexcept {
    return perform(Remove, [&] { return static_cast<int>(::syscall(SYS_unlinkat, AT_FDCWD, path, 0)); });
}
int rmdir(const char* path) noexcept {
    return perform(Remove, [&] { return static_cast<int>(::syscall(SYS_unlinkat, AT_FDCWD, path, AT_REMOVEDIR)); });
}
int remove(const char* path) noexcept {
    if (unlink(path) == 0) return 0;
    return errno == EISDIR ? rmdir(path) : -1;
}
int mkdir(const char* path, mode_t mode) noexcept {
    return perform(MakeDirectory, [&] { return static_cast<int>(::syscall(SYS_mkdirat, AT_FDCWD, path, mode)); });
}
int ftruncate(int file, off_t size) noexcept {
    return perform(Truncate, [&] { return static_cast<int>(::syscall(SYS_ftruncate, file, size)); });
}
int ftruncate64(int file, off64_t size) noexcept {
    return ftruncate(file, size);
}

}  // extern "C"
