#ifndef MILLRACE_BENCHMARKS_NEXMARK_VERIFY_HPP
#define MILLRACE_BENCHMARKS_NEXMARK_VERIFY_HPP

#include "query.hpp"

#include <cstdint>
#include <vector>

namespace nexmark {

/// Compares the results of each query, run in several ways, with those of the reference. Prints what differs, and at the
/// end "N passed, N failed". Returns whether all agree. `directory` is for files, and is made and removed.
bool verify(const std::vector<Query>& queries, std::uint64_t events, const std::string& directory);

}  // namespace nexmark

#endif  // MILLRACE_BENCHMARKS_NEXMARK_VERIFY_HPP
