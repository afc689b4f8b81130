#ifndef MILLRACE_TESTING_COMMITTED_SINK_HPP
#define MILLRACE_TESTING_COMMITTED_SINK_HPP

#include <millrace/core/errors.hpp>
#include <millrace/functions/committer.hpp>
#include <millrace/functions/sink.hpp>
#include <millrace/operators/checkpointed_writer.hpp>
#include <millrace/testing/fault_injector.hpp>
#include <millrace/types/codec.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace millrace::testing {

/// The name of a transaction of a `CommittedSink`, as it goes into checkpoints.
struct TransactionId {
    std::uint64_t number = 0;
    bool operator==(const TransactionId&) const = default;
};

/// Exactly-once's counterpart of `CollectSink`: keeps what has been *committed* to it. A copyable handle, whose copies share
/// what they keep, outside of any job: it outlives failures, and processes that a trial kills. @public
/// What is written between two checkpoints is a transaction; committing one twice has no effect.
/// *Thread safety:* none: for jobs on a SimulatedRuntime. *State and checkpoints:* prepared transactions by their numbers.
template <class T>
class CommittedSink {
    struct Transaction {
        std::vector<T> values;
        bool isCommitted = false;
    };
    struct Shared {
        std::vector<Transaction> transactions;  ///< in the order in which they were prepared
        FaultInjector faults;
        std::uint64_t process = 0;
    };

public:
    explicit CommittedSink(FaultInjector faults = {}) : shared_(std::make_shared<Shared>()) {
        shared_->faults = std::move(faults);
    }

    class Writer {
    public:
        explicit Writer(std::shared_ptr<Shared> shared, std::function<void()> wakeUp)
            : shared_(std::move(shared)), process_(shared_->process), wakeUp_(std::move(wakeUp)) {}

        void write(const T& value, const SinkContext&) {
            shared_->faults.pass(FaultPoint::Write);
            buffer_.push_back(value);
        }
        bool afterBlock() {
            if (waits_) {
                waits_ = false;
            } else if (wakeUp_) {
                waits_ = shared_->faults.mustWait(wakeUp_);
            }
            return !waits_;
        }
        void flush(bool endOfInput) { ended_ = ended_ || endOfInput; }
        std::vector<TransactionId> prepareCommit() {
            shared_->faults.pass(FaultPoint::PrepareCommit);
            std::vector<TransactionId> prepared;
            if (HasCodec<T> && !ended_ && shared_->faults.mustKeep()) return prepared;
            if (buffer_.empty() || process_ != shared_->process) return prepared;
            shared_->transactions.push_back({std::move(buffer_)});
            buffer_.clear();
            prepared.push_back({shared_->transactions.size()});
            return prepared;
        }
        std::vector<T> snapshotState(std::int64_t) const
            requires HasCodec<T>
        {
            return buffer_;
        }
        void close() noexcept {}

    private:
        friend class CommittedSink;
        std::shared_ptr<Shared> shared_;
        std::uint64_t process_;
        std::function<void()> wakeUp_;
        std::vector<T> buffer_;
        bool ended_ = false;
        bool waits_ = false;
    };

    class Committer {
    public:
        explicit Committer(std::shared_ptr<Shared> shared) : shared_(std::move(shared)), process_(shared_->process) {}
        void commit(std::span<CommitRequest<TransactionId>> requests) {
            for (CommitRequest<TransactionId>& request : requests) {
                shared_->faults.pass(FaultPoint::BeforeCommit);
                if (shared_->faults.mustRetry()) {
                    request.retryLater();
                    continue;
                }
                const std::uint64_t number = request.getCommittable().number;
                if (process_ != shared_->process) continue;
                if (number == 0 || number > shared_->transactions.size()) {
                    throw MillraceException("CommittedSink: a transaction that was never prepared shall be committed");
                }
                shared_->transactions[number - 1].isCommitted = true;
                shared_->faults.pass(FaultPoint::AfterCommit);
            }
        }

    private:
        std::shared_ptr<Shared> shared_;
        std::uint64_t process_;
    };

    Writer createWriter(const WriterInitContext& context) const { return Writer(shared_, context.wakeUp); }
    Writer restoreWriter(const WriterInitContext& context, const std::vector<T>& states) const {
        Writer writer(shared_, context.wakeUp);
        writer.buffer_ = states;
        return writer;
    }
    Committer createCommitter(const CommitterInitContext&) const { return Committer(shared_); }

    /// What has been committed, in the order in which it was prepared.
    std::vector<T> committed() const {
        std::vector<T> values;
        for (const Transaction& each : shared_->transactions) {
            if (each.isCommitted) values.insert(values.end(), each.values.begin(), each.values.end());
        }
        return values;
    }
    /// Writers and committers there are have no effect any more: their process has been killed.
    void killed() { ++shared_->process; }

private:
    std::shared_ptr<Shared> shared_;
};

}  // namespace millrace::testing

#endif  // MILLRACE_TESTING_COMMITTED_SINK_HPP
