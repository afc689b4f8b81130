#ifndef MILLRACE_TESTS_SUPPORT_CATCH_HPP
#define MILLRACE_TESTS_SUPPORT_CATCH_HPP

// Catch2 in either version, under the names of version 3. Write `Catch::Approx`, `Catch::Matchers::ContainsSubstring`.

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>

#include <string>

namespace Catch {

using Detail::Approx;

namespace Matchers {

inline auto ContainsSubstring(const std::string& part, CaseSensitive::Choice caseSensitivity = CaseSensitive::Yes) {
    return Contains(part, caseSensitivity);
}

}  // namespace Matchers
}  // namespace Catch
#endif

// For ThreadSanitizer test cases without the tag [threads] are left out: they are read, but as nothing refers to them they are not
// compiled, nor what only they use.
#ifdef MILLRACE_TESTS_WITH_THREADS_ONLY
#include <string_view>

namespace millrace::testsupport {

constexpr bool runsThreads(std::string_view /*name*/, std::string_view tags = {}) {
    return tags.find("[threads]") != std::string_view::npos;
}

}  // namespace millrace::testsupport

#undef TEST_CASE
#define TEST_CASE(...) MILLRACE_NUMBERED_TEST_CASE(__COUNTER__, __VA_ARGS__)
#define MILLRACE_NUMBERED_TEST_CASE(number, ...) MILLRACE_NAMED_TEST_CASE(number, __VA_ARGS__)
#define MILLRACE_NAMED_TEST_CASE(number, ...)                              \
    [[maybe_unused]] static void testCase##number();                       \
    [[maybe_unused]] static const bool isTestCase##number = [] {           \
        if constexpr (::millrace::testsupport::runsThreads(__VA_ARGS__)) { \
            REGISTER_TEST_CASE(testCase##number, __VA_ARGS__);             \
        }                                                                  \
        return true;                                                       \
    }();                                                                   \
    static void testCase##number()
#endif

#endif  // MILLRACE_TESTS_SUPPORT_CATCH_HPP
