#ifndef MILLRACE_TESTING_FAULTY_CHECKPOINT_STORE_IPP
#define MILLRACE_TESTING_FAULTY_CHECKPOINT_STORE_IPP

#include <millrace/core/errors.hpp>
#include <millrace/core/message.hpp>
#include <millrace/testing/faulty_checkpoint_store.hpp>

namespace millrace::detail {

[[gnu::cold]] inline std::size_t countCheckpoints(const CheckpointStore& store) {
    std::size_t count = 0;
    for (const CheckpointInfo& info : store.completed()) count += info.kind == CheckpointKind::Checkpoint ? 1 : 0;
    return count;
}

template <class Operation>
auto FaultyCheckpointStore::run(const char* name, Operation operation) const {
    using Kind = testing::Fault::Kind;
    if (faults_->injector.killed()) raise<IoException>("the process has ended ({})", {name});
    const std::uint64_t number = ++faults_->operations;
    bool failsAfter = false;
    for (const testing::Fault& each : faults_->faults) {
        if (each.at != number) continue;
        if (each.kind == Kind::KillStore) faults_->injector.kill();
        if (each.kind == Kind::KillStore || each.kind == Kind::FailStore) {
            raise<IoException>("injected at operation {} of the checkpoint store ({})", {number, name});
        }
        failsAfter = failsAfter || each.kind == Kind::FailStoreAfter || each.kind == Kind::KillStoreAfter;
    }
    struct After {
        const StoreFaults& faults;
        std::uint64_t number;
        const char* name;
        void operator()() const {
            for (const testing::Fault& each : faults.faults) {
                if (each.at != number) continue;
                if (each.kind == Kind::KillStoreAfter) testing::FaultInjector(faults.injector).kill();
            }
            raise<IoException>("injected after operation {} of the checkpoint store ({})", {number, name});
        }
    };
    const After after{*faults_, number, name};
    if constexpr (std::is_void_v<decltype(operation())>) {
        operation();
        if (failsAfter) after();
    } else {
        auto result = operation();
        if (failsAfter) after();
        return result;
    }
}

MILLRACE_INLINE_COLD void FaultyCheckpointStore::begin(const CheckpointDescription& description) {
    run("begin", [&] { behind_->begin(description); });
}

MILLRACE_INLINE_COLD void FaultyCheckpointStore::writePart(std::int64_t id, int task, int subtask,
                                                           const SnapshotPart& part) {
    run("writePart", [&] { behind_->writePart(id, task, subtask, part); });
}

MILLRACE_INLINE_COLD CheckpointInfo FaultyCheckpointStore::complete(const CheckpointDescription& description) {
    return run("complete", [&] {
        CheckpointInfo info = behind_->complete(description);
        faults_->checkpoints = countCheckpoints(*behind_);
        return info;
    });
}

MILLRACE_INLINE_COLD void FaultyCheckpointStore::discard(std::int64_t id) noexcept {
    try {
        run("discard", [&] {
            behind_->discard(id);
            faults_->checkpoints = countCheckpoints(*behind_);
        });
    } catch (const IoException&) {
        faults_->leftOver = true;
    }
}

MILLRACE_INLINE_COLD std::vector<CheckpointInfo> FaultyCheckpointStore::completed() const {
    return run("completed", [&] { return behind_->completed(); });
}

MILLRACE_INLINE_COLD std::shared_ptr<const StoredCheckpoint> FaultyCheckpointStore::load(std::int64_t id) const {
    return run("load", [&] { return behind_->load(id); });
}

}  // namespace millrace::detail

#endif  // MILLRACE_TESTING_FAULTY_CHECKPOINT_STORE_IPP
