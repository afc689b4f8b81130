#ifndef MILLRACE_API_CHECKPOINTING_HPP
#define MILLRACE_API_CHECKPOINTING_HPP

#include <millrace/api/stream_environment.hpp>
#include <millrace/checkpoint/checkpoint_config.hpp>
#include <millrace/runtime/checkpoint_coordinator.hpp>

#include <string>

namespace millrace {

/// Whether the job that keeps its checkpoints in this directory has finished, and no other run has begun since: then who
/// starts it again when its process dies need not. A job that was stopped, suspended or cancelled has not finished. @public
/// *Thread safety:* any thread. *Failure:* IoException for a directory that cannot be read; one that is not there is false.
bool hasFinished(const std::string& checkpointDirectory);

namespace detail {

/// Checks the values of a configuration. *Failure:* ConfigurationException naming the field.
void checkConfig(const CheckpointConfig& config);

/// `enableCheckpointing` with another store than the configuration's directory, or the memory: for tests.
/// `open` reads what `restoreFrom` names.
void enableCheckpointing(StreamEnvironment& env, const CheckpointConfig& config, CheckpointStoreFactory makeStore,
                         CheckpointOpener open);

}  // namespace detail
}  // namespace millrace

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/api/checkpointing.ipp>
#endif

#endif  // MILLRACE_API_CHECKPOINTING_HPP
