#ifndef MILLRACE_API_CHECKPOINTING_IPP
#define MILLRACE_API_CHECKPOINTING_IPP

#include <millrace/api/checkpointing.hpp>
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
    if (wrong != nullptr) raise<ConfigurationException>({"enableCheckpointing: ", wrong});
}

class CheckpointSupervision final : public JobSupervision {
public:
    explicit CheckpointSupervision(CheckpointConfig config) : config_(std::move(config)) {}

    [[gnu::cold]] std::unique_ptr<JobSupervisor> create(Job& job) const override {
        std::shared_ptr<CheckpointStore> store;
        if (config_.directory.empty()) {
            store = std::shared_ptr<CheckpointStore>(new MemoryCheckpointStore(FileCheckpointStore::forSavepoints()));
        } else {
            store = std::shared_ptr<CheckpointStore>(new FileCheckpointStore(config_.directory));
        }
        return std::unique_ptr<JobSupervisor>(new CheckpointCoordinator(job, config_, std::move(store), open));
    }

private:
    [[gnu::cold]] static std::shared_ptr<const StoredCheckpoint> open(const std::string& directory) {
        return std::shared_ptr<const StoredCheckpoint>(new FileCheckpoint(posixFileSystem(), directory));
    }

    CheckpointConfig config_;
};

}  // namespace detail

MILLRACE_INLINE_COLD StreamEnvironment& StreamEnvironment::enableCheckpointing(const CheckpointConfig& config) {
    detail::checkConfig(config);
    settings_.supervision = std::make_shared<detail::CheckpointSupervision>(config);
    return *this;
}

}  // namespace millrace

#endif  // MILLRACE_API_CHECKPOINTING_IPP
