#ifndef MILLRACE_TESTS_CRASH_DEATHS_HPP
#define MILLRACE_TESTS_CRASH_DEATHS_HPP

#include <string>

namespace crash {

/// Operations on files, as the C library names them, at which a process may die.
inline constexpr const char* kDeadlyOperations[] = {"write", "fsync", "rename", "remove", "mkdir", "truncate"};

/// Where the process shall die by SIGKILL: at the n-th operation of a kind from now on, `before`, `within` (a write: half of the
/// bytes) or `after` it. As text "rename,3,after".
void dieAt(const std::string& death);

}  // namespace crash

#endif  // MILLRACE_TESTS_CRASH_DEATHS_HPP
