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

#endif  // MILLRACE_TESTS_SUPPORT_CATCH_HPP
