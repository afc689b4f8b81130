#ifndef MILLRACE_GRAPH_BATCH_STAGE_HPP
#define MILLRACE_GRAPH_BATCH_STAGE_HPP

#include <millrace/core/config.hpp>
#include <millrace/core/owner.hpp>
#include <millrace/graph/job_graph.hpp>

namespace millrace::detail {

/// The stage itself, or, for one with state by key, the stage behind a sorter of its keyed inputs.
/// *Failure:* GraphException where records cannot be sorted because their type has no codec.
Owner<Stage> makeBatchStage(Owner<Stage> stage, const GraphNode& node, const BatchOptions& options);

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/graph/batch_stage.ipp>
#endif

#endif  // MILLRACE_GRAPH_BATCH_STAGE_HPP
