#ifndef MILLRACE_CHECKPOINTING_HPP
#define MILLRACE_CHECKPOINTING_HPP

// State that survives: `env.enableCheckpointing(CheckpointConfig{…})`, restarts after failures, savepoints; `checkRestore`.

#include <millrace/api/check_restore.hpp>
#include <millrace/api/checkpointing.hpp>

#endif  // MILLRACE_CHECKPOINTING_HPP
