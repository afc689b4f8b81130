#ifndef MILLRACE_TESTS_SIMULATE_PLANTED_HPP
#define MILLRACE_TESTS_SIMULATE_PLANTED_HPP

#include <cstddef>
#include <string_view>

namespace millrace::simulate {

/// Number of the mistakes that are built into this program; 0 in the one without.
std::size_t plantedBugs();
/// Makes the engine commit one of them from here on; its name.
std::string_view plant(std::size_t number);

}  // namespace millrace::simulate

#endif  // MILLRACE_TESTS_SIMULATE_PLANTED_HPP
