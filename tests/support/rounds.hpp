#ifndef MILLRACE_TESTS_SUPPORT_ROUNDS_HPP
#define MILLRACE_TESTS_SUPPORT_ROUNDS_HPP

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MILLRACE_TESTS_SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define MILLRACE_TESTS_SANITIZED
#endif
#endif

#include <algorithm>

namespace millrace::testsupport {

#ifdef MILLRACE_TESTS_SANITIZED
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

/// How many rounds a test takes that is there to count allocations or bytes: all of them, and a tenth under a sanitizer, which is
/// as many as it needs to have been everywhere.
template <class Number>
constexpr Number roundsToCount(Number rounds) noexcept {
    return kSanitized ? rounds / 10 : rounds;
}

/// How many seeds or failures a test tries that takes long with a sanitizer: a tenth there, and at least so many as
/// there are kinds of them (`least`). The others are tried where results, not memory and threads, are what may be wrong.
template <class Number>
constexpr Number roundsToTry(Number rounds, Number least = 1) noexcept {
    return kSanitized ? std::max<Number>(least, (rounds + 9) / 10) : rounds;
}

}  // namespace millrace::testsupport

#endif  // MILLRACE_TESTS_SUPPORT_ROUNDS_HPP
