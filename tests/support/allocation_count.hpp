#ifndef MILLRACE_TESTS_SUPPORT_ALLOCATION_COUNT_HPP
#define MILLRACE_TESTS_SUPPORT_ALLOCATION_COUNT_HPP

#include <cstddef>

namespace millrace::testsupport {

/// How often this test binary has called `operator new` so far, from any thread. (Under a sanitizer: 0.)
std::size_t allocationCount() noexcept;

/// The next call of `operator new` on this thread throws std::bad_alloc. False under a sanitizer: it will not.
bool failNextAllocation() noexcept;

}  // namespace millrace::testsupport

#endif  // MILLRACE_TESTS_SUPPORT_ALLOCATION_COUNT_HPP
