#ifndef MILLRACE_COMMITTING_SINK_HPP
#define MILLRACE_COMMITTING_SINK_HPP

// For sinks of one's own that commit with checkpoints: see docs/sources_and_sinks.md.

#include <millrace/functions/committer.hpp>
#include <millrace/functions/sink.hpp>
#include <millrace/operators/checkpointed_writer.hpp>

#endif  // MILLRACE_COMMITTING_SINK_HPP
