#ifndef MILLRACE_RUNTIME_REGIONS_HPP
#define MILLRACE_RUNTIME_REGIONS_HPP

#include <millrace/core/config.hpp>
#include <millrace/core/list.hpp>
#include <millrace/graph/job_graph.hpp>

namespace millrace::detail {

/// The number of the region of each node, from 0: regions are parts of a job between which nothing is exchanged, neither
/// records nor, in a group of aligned sources, how far they are.
List<int> regionsOf(const JobGraph& graph);

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/runtime/regions.ipp>
#endif

#endif  // MILLRACE_RUNTIME_REGIONS_HPP
