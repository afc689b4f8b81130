#ifndef MILLRACE_CONNECTORS_TWO_PHASE_COMMIT_SINK_HPP
#define MILLRACE_CONNECTORS_TWO_PHASE_COMMIT_SINK_HPP

#include <millrace/core/errors.hpp>
#include <millrace/functions/committer.hpp>
#include <millrace/functions/runtime_context.hpp>
#include <millrace/functions/sink.hpp>
#include <millrace/operators/checkpointed_writer.hpp>

#include <concepts>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace millrace {

namespace detail {

template <class Fn>
using TransactionOf = std::remove_cvref_t<decltype(std::declval<Fn&>().beginTransaction())>;

}  // namespace detail

/// What `TwoPhaseCommitSink` takes, as Flink's TwoPhaseCommitSinkFunction. @public
/// - `Transaction beginTransaction()`: opens one and returns what identifies it, also for another process: it is stored, so it
///   needs a codec.
/// - `invoke(Transaction&, value)` or `invoke(Transaction&, value, const SinkContext&)`: writes a record into it.
/// - `preCommit(Transaction&)`: makes sure that `commit` can only succeed: flushes, prepares.
/// - `commit(const Transaction&)`: makes it visible. May be called for one that has been committed already.
/// - `abort(const Transaction&)`: undoes it.
/// - optional: `recoverAndCommit(const Transaction&)` in place of `commit`, and `recoverAndAbort(const Transaction&)` in place
///   of `abort`, after a restore; `open(RuntimeContext&)`, `close()`.
template <class Fn>
concept TwoPhaseCommitFunction = std::copy_constructible<Fn> && requires(Fn fn) {
    { fn.beginTransaction() } -> std::default_initializable;
    requires requires(detail::TransactionOf<Fn>& open, const detail::TransactionOf<Fn>& transaction) {
        fn.preCommit(open);
        fn.commit(transaction);
        fn.abort(transaction);
    };
};

/// Writes into transactions of an outside system: one for each checkpoint, prepared with it, committed when it is complete.
/// @public
/// After a failure what was prepared up to the restored checkpoint is committed (again), and the transaction that was open at
/// it is aborted. Transactions that were begun after it are unknown: let the system time them out, or abort in `open` what
/// bears a name of this sink's. If the system times out transactions, let it wait longer than a checkpoint and a restart may
/// take: otherwise what was prepared is lost.
/// *Thread safety:* each subtask has a copy of the function, and calls it from one thread at a time.
/// *State and checkpoints:* the open transaction and those that are prepared.
template <TwoPhaseCommitFunction Fn>
class TwoPhaseCommitSink {
    using Transaction = detail::TransactionOf<Fn>;

    /// The function of one subtask, which its writer and its committer share.
    struct Shared {
        explicit Shared(const Fn& prototype) : fn(prototype) {}
        Fn fn;
    };

public:
    explicit TwoPhaseCommitSink(Fn fn) : prototype_(std::move(fn)) {}

    class Writer {
    public:
        template <class T>
            requires requires(Fn fn, Transaction open, T&& value) { fn.invoke(open, std::forward<T>(value)); }
        void write(T&& value, const SinkContext& /*context*/) {
            shared_->fn.invoke(*open_, std::forward<T>(value));
        }
        template <class T>
            requires requires(Fn fn, Transaction open, T&& value, const SinkContext& context) {
                fn.invoke(open, std::forward<T>(value), context);
            }
        void write(T&& value, const SinkContext& context) {
            shared_->fn.invoke(*open_, std::forward<T>(value), context);
        }
        void flush(bool endOfInput) { inputEnded_ = inputEnded_ || endOfInput; }
        std::vector<Transaction> prepareCommit() {
            std::vector<Transaction> prepared;
            if (!open_.has_value()) return prepared;
            shared_->fn.preCommit(*open_);
            prepared.push_back(std::move(*open_));
            open_.reset();
            if (!inputEnded_) open_.emplace(shared_->fn.beginTransaction());
            return prepared;
        }
        std::vector<Transaction> snapshotState(std::int64_t /*checkpointId*/) const {
            std::vector<Transaction> states;
            if (open_.has_value()) states.push_back(*open_);
            return states;
        }
        /// After a failure: the open transaction is of no use to anybody.
        void close() {
            if (open_.has_value()) {
                const Transaction transaction = std::move(*open_);
                open_.reset();
                shared_->fn.abort(transaction);
            }
            if constexpr (requires(Fn fn) { fn.close(); }) shared_->fn.close();
        }

    private:
        friend class TwoPhaseCommitSink;
        explicit Writer(std::shared_ptr<Shared> shared)
            : shared_(std::move(shared)), open_(shared_->fn.beginTransaction()) {}

        std::shared_ptr<Shared> shared_;
        std::optional<Transaction> open_;
        bool inputEnded_ = false;
    };

    class Committer {
    public:
        explicit Committer(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
        void commit(std::span<CommitRequest<Transaction>> requests) {
            for (CommitRequest<Transaction>& request : requests) {
                if constexpr (requires(Fn fn, const Transaction& t) { fn.recoverAndCommit(t); }) {
                    if (request.isRecovered()) {
                        shared_->fn.recoverAndCommit(request.getCommittable());
                        continue;
                    }
                }
                shared_->fn.commit(request.getCommittable());
            }
        }

    private:
        std::shared_ptr<Shared> shared_;
    };

    void open(RuntimeContext& context) {
        shared_ = std::make_shared<Shared>(prototype_);
        if constexpr (requires(Fn fn) { fn.open(context); }) shared_->fn.open(context);
    }
    Writer createWriter(const WriterInitContext&) const { return Writer(shared()); }
    Writer restoreWriter(const WriterInitContext&, const std::vector<Transaction>& states) const {
        const auto fn = shared();
        for (const Transaction& transaction : states) {
            if constexpr (requires(Fn f) { f.recoverAndAbort(transaction); }) {
                fn->fn.recoverAndAbort(transaction);
            } else {
                fn->fn.abort(transaction);
            }
        }
        return Writer(fn);
    }
    Committer createCommitter(const CommitterInitContext&) const { return Committer(shared()); }

private:
    std::shared_ptr<Shared> shared() const {
        if (shared_ == nullptr) throw ConfigurationException("TwoPhaseCommitSink: open() comes first");
        return shared_;
    }

    Fn prototype_;
    std::shared_ptr<Shared> shared_;  ///< once a subtask has opened its copy of the sink
};

}  // namespace millrace

#endif  // MILLRACE_CONNECTORS_TWO_PHASE_COMMIT_SINK_HPP
