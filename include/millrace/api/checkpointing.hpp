#ifndef MILLRACE_API_CHECKPOINTING_HPP
#define MILLRACE_API_CHECKPOINTING_HPP

#include <millrace/api/stream_environment.hpp>
#include <millrace/checkpoint/checkpoint_config.hpp>
#include <millrace/runtime/checkpoint_coordinator.hpp>

namespace millrace::detail {

/// Checks the values of a configuration. *Failure:* ConfigurationException naming the field.
void checkConfig(const CheckpointConfig& config);

/// `enableCheckpointing` with another store than the configuration's directory, or the memory: for tests.
/// `open` reads what `restoreFrom` names.
void enableCheckpointing(StreamEnvironment& env, const CheckpointConfig& config, CheckpointStoreFactory makeStore,
                         CheckpointOpener open);

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/api/checkpointing.ipp>
#endif

#endif  // MILLRACE_API_CHECKPOINTING_HPP
