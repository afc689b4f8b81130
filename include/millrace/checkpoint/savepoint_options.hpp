#ifndef MILLRACE_CHECKPOINT_SAVEPOINT_OPTIONS_HPP
#define MILLRACE_CHECKPOINT_SAVEPOINT_OPTIONS_HPP

#include <millrace/checkpoint/checkpoint_config.hpp>
#include <millrace/core/config.hpp>

#include <string>

namespace millrace {

/// What a program with checkpoints lets be said of savepoints on its command line. @public
///
///     int main(int argc, char** argv) {
///         const auto savepoints = SavepointOptions::fromArguments(argc, argv);  // the rest is yours
///         CheckpointConfig config;
///         savepoints.applyTo(config);
struct SavepointOptions {
    std::string restoreFrom{};             ///< `--from-savepoint PATH`
    bool allowNonRestoredState = false;    ///< `--allow-non-restored-state`
    std::string directory = "savepoints";  ///< `--savepoints DIR`, for SavepointSignalGuard

    /// Takes these options out of the arguments, as `--name value` or `--name=value`; what comes behind a `--` is left alone.
    /// *Failure:* ConfigurationException for an option without its value.
    static SavepointOptions fromArguments(int& argc, char** argv);
    /// Lines for a program's `--help`.
    static const char* usage() noexcept;
    /// Puts what was given into a configuration; what was not stays as it is there.
    void applyTo(CheckpointConfig& config) const;
};

}  // namespace millrace

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/checkpoint/savepoint_options.ipp>
#endif

#endif  // MILLRACE_CHECKPOINT_SAVEPOINT_OPTIONS_HPP
