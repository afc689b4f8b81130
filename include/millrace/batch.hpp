#ifndef MILLRACE_BATCH_HPP
#define MILLRACE_BATCH_HPP

// Batch execution of bounded inputs: `env.setRuntimeMode(RuntimeExecutionMode::Batch)`.

#include <millrace/api/batch.hpp>

#endif  // MILLRACE_BATCH_HPP
