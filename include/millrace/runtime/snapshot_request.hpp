#ifndef MILLRACE_RUNTIME_SNAPSHOT_REQUEST_HPP
#define MILLRACE_RUNTIME_SNAPSHOT_REQUEST_HPP

#include <millrace/checkpoint/checkpoint_info.hpp>

#include <condition_variable>
#include <exception>
#include <mutex>
#include <string>
#include <utility>

namespace millrace::detail {

/// Somebody outside has asked for a checkpoint or savepoint and waits for it.
/// *Thread safety:* all functions may be called from any thread.
struct SnapshotRequest {
    CheckpointKind kind = CheckpointKind::Checkpoint;
    std::string target{};  ///< directory of a savepoint
    bool stop = false;     ///< the job ends with it
    bool drain = false;    ///< after everything has fired
    std::string uid{};     ///< of the operator that gets another parallelism; empty: none does
    int parallelism = 0;   ///< the one that it gets

    bool rescales() const noexcept { return !uid.empty(); }

    void succeed(CheckpointInfo result) {
        const std::lock_guard lock(mutex);
        if (done) return;
        info = std::move(result);
        done = true;
        changed.notify_all();
    }
    void fail(std::exception_ptr why) {
        const std::lock_guard lock(mutex);
        if (done) return;
        error = std::move(why);
        done = true;
        changed.notify_all();
    }
    bool isDone() const {
        const std::lock_guard lock(mutex);
        return done;
    }

    mutable std::mutex mutex;
    std::condition_variable changed;
    bool done = false;
    CheckpointInfo info;
    std::exception_ptr error;
};

}  // namespace millrace::detail

#endif  // MILLRACE_RUNTIME_SNAPSHOT_REQUEST_HPP
