#ifndef MILLRACE_API_CHECKPOINTING_IPP
#define MILLRACE_API_CHECKPOINTING_IPP

#include <millrace/api/checkpointing.hpp>
#include <millrace/checkpoint/block_compression.hpp>
#include <millrace/checkpoint/file_checkpoint.hpp>
#include <millrace/checkpoint/file_checkpoint_store.hpp>
#include <millrace/checkpoint/memory_checkpoint_store.hpp>
#include <millrace/core/message.hpp>

#include <memory>
#include <utility>

namespace millrace {

namespace detail {

MILLRACE_INLINE_COLD void checkConfig(const CheckpointConfig& config) {
    const char* wrong = nullptr;
    if (config.interval && *config.interval <= Duration{0})
        wrong = "interval must be above 0; leave it unset to take none";
    if (config.timeout <= Duration{0}) wrong = "timeout must be above 0";
    if (config.minPause < Duration{0}) wrong = "minPause must not be negative";
    if (config.maxConcurrent < 1) wrong = "maxConcurrent must be at least 1";
    if (config.maxConcurrent > 1 && config.minPause > Duration{0}) wrong = "minPause needs maxConcurrent 1";
    if (config.tolerableFailures < 0) wrong = "tolerableFailures must not be negative";
    if (config.retained < 1) wrong = "retained must be at least 1";
    if (config.unaligned && config.mode != CheckpointingMode::ExactlyOnce) {
        wrong = "unaligned checkpoints need the mode ExactlyOnce: with AtLeastOnce barriers wait for nothing anyway";
    }
    if (config.unaligned && config.maxConcurrent > 1) wrong = "unaligned checkpoints need maxConcurrent 1";
    if (config.alignedCheckpointTimeout < Duration{0}) wrong = "alignedCheckpointTimeout must not be negative";
    if (config.alignedCheckpointTimeout > Duration{0} && !config.unaligned) {
        wrong = "alignedCheckpointTimeout is when barriers begin to overtake: it needs unaligned = true";
    }
    if (wrong != nullptr) raise<ConfigurationException>("enableCheckpointing: {}", {wrong});
    requireCompression(config.compression, "enableCheckpointing: ");
}

/// In the directory that the configuration names, or in memory.
[[gnu::cold]] inline std::shared_ptr<CheckpointStore> makeCheckpointStore(const CheckpointConfig& config) {
    if (config.directory.empty()) {
        return std::shared_ptr<CheckpointStore>(
            new MemoryCheckpointStore(FileCheckpointStore::forSavepoints(posixFileSystem(), config.compression)));
    }
    return std::shared_ptr<CheckpointStore>(
        new FileCheckpointStore(config.directory, posixFileSystem(), config.compression, config.incremental));
}
[[gnu::cold]] inline std::shared_ptr<const StoredCheckpoint> openCheckpoint(const std::string& directory) {
    return std::shared_ptr<const StoredCheckpoint>(new FileCheckpoint(posixFileSystem(), directory));
}

class CheckpointSupervision final : public JobSupervision {
public:
    CheckpointSupervision(CheckpointConfig config, CheckpointStoreFactory makeStore, CheckpointOpener open)
        : config_(std::move(config)), makeStore_(std::move(makeStore)), open_(std::move(open)) {}

    [[gnu::cold]] Owner<JobSupervisor> create(Job& job) const override {
        return Owner<JobSupervisor>(new CheckpointCoordinator(job, config_, makeStore_(config_), open_));
    }

private:
    CheckpointConfig config_;
    CheckpointStoreFactory makeStore_;
    CheckpointOpener open_;
};

MILLRACE_INLINE_COLD void enableCheckpointing(StreamEnvironment& env, const CheckpointConfig& config,
                                              CheckpointStoreFactory makeStore, CheckpointOpener open) {
    checkConfig(config);
    env.superviseWith(Shared<JobSupervision>(new CheckpointSupervision(config, std::move(makeStore), std::move(open))));
}

}  // namespace detail

MILLRACE_INLINE_COLD bool hasFinished(const std::string& checkpointDirectory) {
    const std::shared_ptr<FileSystem> files = posixFileSystem();
    if (files->kindOf(checkpointDirectory) == FileKind::None) return false;
    return detail::finishedIn(files->list(checkpointDirectory)) >= 0;
}

MILLRACE_INLINE_COLD StreamEnvironment& StreamEnvironment::enableCheckpointing(const CheckpointConfig& config) {
    detail::enableCheckpointing(*this, config, detail::makeCheckpointStore, detail::openCheckpoint);
    return *this;
}

}  // namespace millrace

#endif  // MILLRACE_API_CHECKPOINTING_IPP
