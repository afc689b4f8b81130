#ifndef MILLRACE_TESTING_FAULTY_CHECKPOINT_STORE_HPP
#define MILLRACE_TESTING_FAULTY_CHECKPOINT_STORE_HPP

#include <millrace/checkpoint/checkpoint_store.hpp>
#include <millrace/core/config.hpp>
#include <millrace/testing/fault_injector.hpp>
#include <millrace/testing/fault_plan.hpp>

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace millrace::detail {

/// Counts the operations of all stores of a trial.
struct StoreFaults {
    std::vector<testing::Fault> faults;
    testing::FaultInjector injector;
    std::uint64_t operations = 0;
    std::size_t checkpoints = 0;  ///< completed ones in the store that was used last
    bool leftOver = false;        ///< what was to be removed from it has stayed
};

/// A checkpoint store in front of another one whose operations fail, or in which the process ends, as a plan says. Once it has
/// ended, nothing reaches the store behind it.
class FaultyCheckpointStore final : public CheckpointStore {
public:
    FaultyCheckpointStore(std::shared_ptr<CheckpointStore> behind, std::shared_ptr<StoreFaults> faults)
        : behind_(std::move(behind)), faults_(std::move(faults)) {}

    std::int64_t lastId() const override { return behind_->lastId(); }
    MILLRACE_INLINE void begin(const CheckpointDescription& description) override;
    MILLRACE_INLINE void writePart(std::int64_t id, int task, int subtask, const SnapshotPart& part) override;
    MILLRACE_INLINE CheckpointInfo complete(const CheckpointDescription& description) override;
    MILLRACE_INLINE void discard(std::int64_t id) noexcept override;
    void setFinished(std::int64_t lastId) override { behind_->setFinished(lastId); }
    std::int64_t finishedWith() const override { return behind_->finishedWith(); }
    MILLRACE_INLINE std::vector<CheckpointInfo> completed() const override;
    MILLRACE_INLINE std::shared_ptr<const StoredCheckpoint> load(std::int64_t id) const override;

private:
    template <class Operation>
    auto run(const char* name, Operation operation) const;

    std::shared_ptr<CheckpointStore> behind_;
    std::shared_ptr<StoreFaults> faults_;
};

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/testing/faulty_checkpoint_store.ipp>
#endif

#endif  // MILLRACE_TESTING_FAULTY_CHECKPOINT_STORE_HPP
