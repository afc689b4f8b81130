#ifndef MILLRACE_FUNCTIONS_COMMITTER_HPP
#define MILLRACE_FUNCTIONS_COMMITTER_HPP

#include <cstdint>
#include <string>
#include <utility>

namespace millrace {

/// What a sink learns about the subtask that it makes a committer for. @public
struct CommitterInitContext {
    int subtaskIndex = 0;
    int parallelism = 1;
};

/// One committable that `commit` is asked to commit, and what became of it: committed, unless `commit` says otherwise by one
/// of the signals. @public
template <class Committable>
class CommitRequest {
public:
    enum class State : std::uint8_t { Committed, Retry, FailedForKnownReason, FailedForUnknownReason };

    CommitRequest(Committable committable, int numberOfRetries, bool recovered)
        : committable_(std::move(committable)), numberOfRetries_(numberOfRetries), recovered_(recovered) {}

    const Committable& getCommittable() const noexcept { return committable_; }
    /// 0 for the first try.
    int getNumberOfRetries() const noexcept { return numberOfRetries_; }
    /// It comes out of a restored checkpoint: it may have been committed before the failure.
    bool isRecovered() const noexcept { return recovered_; }

    /// Cannot be committed, and the job can go on without it: it is dropped and an error is logged.
    void signalFailedWithKnownReason(std::string reason) { fail(State::FailedForKnownReason, std::move(reason)); }
    /// Cannot be committed: the job fails.
    void signalFailedWithUnknownReason(std::string reason) { fail(State::FailedForUnknownReason, std::move(reason)); }
    /// Not now, but maybe soon: after a second, or with the next checkpoint; after the tenth time the job fails, for that reason.
    void retryLater(std::string reason = {}) { fail(State::Retry, std::move(reason)); }
    /// The same with another committable, for what is left of this one.
    void updateAndRetryLater(Committable committable, std::string reason = {}) {
        committable_ = std::move(committable);
        retryLater(std::move(reason));
    }
    /// Had been committed before; as good as committed now.
    void signalAlreadyCommitted() { state_ = State::Committed; }

    // ---- for the operator around the committer ----
    State state() const noexcept { return state_; }
    const std::string& reason() const noexcept { return reason_; }
    void beginRetry() noexcept {
        ++numberOfRetries_;
        state_ = State::Committed;
    }

private:
    void fail(State state, std::string reason) {
        state_ = state;
        reason_ = std::move(reason);
    }

    Committable committable_;
    std::string reason_;
    int numberOfRetries_;
    State state_ = State::Committed;
    bool recovered_;
};

}  // namespace millrace

#endif  // MILLRACE_FUNCTIONS_COMMITTER_HPP
