#ifndef MILLRACE_OPERATORS_CHECKPOINTED_WRITER_HPP
#define MILLRACE_OPERATORS_CHECKPOINTED_WRITER_HPP

#include <millrace/core/config.hpp>
#include <millrace/core/late.hpp>
#include <millrace/functions/committer.hpp>
#include <millrace/operators/sink.hpp>
#include <millrace/state/operator_list.hpp>
#include <millrace/types/codec.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace millrace::detail {

/// How often a commit that asks for another try gets one, and how long it waits each time.
inline constexpr int kMaxCommitRetries = 10;
inline constexpr Duration kCommitRetryDelay = std::chrono::seconds(1);

[[noreturn]] void failCommit(const std::string& reason);
[[noreturn]] void failCommitRetries(const std::string& reason);
void logDroppedCommittable(const OperatorId& id, int subtask, const std::string& reason);

/// What one subtask of a sink has to commit, by checkpoint, and the committer that does it.
/// *State:* "sink/committables", shared out among the subtasks that restore them.
template <class Committable, class Committer>
class PendingCommits {
    struct Pending {
        std::int64_t checkpointId;
        CommitRequest<Committable> request;
    };
    /// What is written after the last checkpoint goes with the next one, whatever its number.
    static constexpr std::int64_t kNextCheckpoint = INT64_MAX;

public:
    template <class Committables>
    void add(Committables&& committables) {
        for (auto&& each : committables) {
            pending_.push_back({kNextCheckpoint, {Committable(std::move(each)), 0, false}});
        }
    }
    void prepared(std::int64_t checkpointId) {
        for (Pending& each : pending_) {
            if (each.checkpointId == kNextCheckpoint) each.checkpointId = checkpointId;
        }
    }
    bool empty() const noexcept { return pending_.empty(); }
    bool mustRetry() const noexcept {
        for (const Pending& each : pending_) {
            if (each.request.state() == State::Retry) return true;
        }
        return false;
    }

    /// Commits what belongs to the checkpoints up to this one.
    template <class Sink>
    void commitUpTo(std::int64_t checkpointId, UserFunction<Sink>& sink, Committer& committer) {
        commitIf([&](const Pending& each) { return each.checkpointId <= checkpointId; }, sink, committer);
    }
    template <class Sink>
    void retry(UserFunction<Sink>& sink, Committer& committer) {
        commitIf([&](const Pending& each) { return each.request.state() == State::Retry; }, sink, committer);
    }
    /// Until nothing asks for another try.
    template <class Sink>
    void retryNow(UserFunction<Sink>& sink, Committer& committer) {
        while (mustRetry()) retry(sink, committer);
    }
    template <class Sink>
    void commitAllNow(UserFunction<Sink>& sink, Committer& committer) {
        commitUpTo(kNextCheckpoint, sink, committer);
        retryNow(sink, committer);
    }

    void snapshot(SnapshotSink& sink, const std::string& uid) const {
        OperatorListWriter writer(sink, uid, "sink/committables", kSplitState, kTypeInfo<Committable>);
        for (const Pending& each : pending_) writer.add(each.request.getCommittable());
    }
    void restore(const SnapshotSource& source, const std::string& uid) {
        readOperatorList(source, uid, "sink/committables", kTypeInfo<Committable>, [&](ByteReader& reader) {
            Committable committable{};
            Codec<Committable>::decode(reader, committable);
            pending_.push_back({0, {std::move(committable), 0, true}});
        });
    }

private:
    using State = typename CommitRequest<Committable>::State;

    template <class Chosen, class Sink>
    void commitIf(Chosen chosen, UserFunction<Sink>& sink, Committer& committer) {
        std::vector<CommitRequest<Committable>> requests;
        std::vector<std::int64_t> ids;
        std::vector<Pending> others;
        for (Pending& each : pending_) {
            if (!chosen(each)) {
                others.push_back(std::move(each));
                continue;
            }
            if (each.request.state() == State::Retry) each.request.beginRetry();
            ids.push_back(each.checkpointId);
            requests.push_back(std::move(each.request));
        }
        pending_ = std::move(others);
        if (requests.empty()) return;
        sink.guarded("the committer", [&] {
            committer.commit(std::span<CommitRequest<Committable>>(requests));
            settle(requests, ids, sink);
        });
    }
    template <class Sink>
    void settle(std::vector<CommitRequest<Committable>>& requests, const std::vector<std::int64_t>& ids,
                const UserFunction<Sink>& sink) {
        std::vector<Pending> again;
        for (std::size_t i = 0; i < requests.size(); ++i) {
            switch (requests[i].state()) {
                case State::Committed:
                    break;
                case State::FailedForKnownReason:
                    logDroppedCommittable(sink.id(), sink.subtask(), requests[i].reason());
                    break;
                case State::FailedForUnknownReason:
                    failCommit(requests[i].reason());
                case State::Retry:
                    if (requests[i].getNumberOfRetries() >= kMaxCommitRetries) failCommitRetries(requests[i].reason());
                    again.push_back({ids[i], std::move(requests[i])});
            }
        }
        // older ones stay in front
        again.insert(again.end(), std::make_move_iterator(pending_.begin()), std::make_move_iterator(pending_.end()));
        pending_ = std::move(again);
    }

    std::vector<Pending> pending_;
};

/// Ties a sink whose writer has state, or something to commit, to the checkpoints of its stage.
/// The order: flush, prepareCommit, snapshotState of one checkpoint; when it is complete, commit of it and all before it. A
/// restored subtask commits what it finds before it gets a record: it cannot know whether that had been done.
/// *State:* "sink/writer" and "sink/committables".
template <class Sink>
class WriterCheckpoints<Sink, true> final : public CheckpointHook {
    using Writer = WriterOf<Sink>;
    static constexpr bool kStateful = StatefulWriter<Writer>;
    static constexpr bool kCommits = CommittingWriter<Writer>;

    template <class Range>
    using ElementOf = std::remove_cvref_t<decltype(*std::begin(std::declval<Range&>()))>;

    template <class S, bool>
    struct StateOf {
        using Type = int;
    };
    template <class S>
    struct StateOf<S, true> {
        using Type = ElementOf<decltype(std::declval<WriterOf<S>&>().snapshotState(std::int64_t{}))>;
    };
    template <class S, bool>
    struct CommitsOf {
        using Committable = int;
        struct Type {};
        using Committer = int;
    };
    template <class S>
    struct CommitsOf<S, true> {
        using Committable = ElementOf<decltype(std::declval<WriterOf<S>&>().prepareCommit())>;
        using Committer = decltype(std::declval<const S&>().createCommitter(std::declval<CommitterInitContext&>()));
        static_assert(
            requires(Committer committer, std::span<CommitRequest<Committable>> requests) {
                committer.commit(requests);
            },
            "millrace: the committer that createCommitter() returns needs "
            "commit(std::span<CommitRequest<Committable>>), "
            "where Committable is the element of what the writer's prepareCommit() returns.");
        using Type = PendingCommits<Committable, Committer>;
    };
    using WriterState = typename StateOf<Sink, kStateful>::Type;
    using Commits = CommitsOf<Sink, kCommits>;

    static_assert(
        !kStateful || requires(const Sink sink, const WriterInitContext& context,
                               const std::vector<WriterState>& states) { sink.restoreWriter(context, states); },
        "millrace: a sink whose writer has snapshotState(checkpointId) needs restoreWriter(const "
        "WriterInitContext&, const std::vector<WriterState>&) const, where WriterState is the element of what "
        "snapshotState() returns.");

public:
    WriterCheckpoints(UserFunction<Sink>& sink, Late<Writer>& writer, OpenContext& context,
                      const WriterInitContext& init)
        : sink_(sink), writer_(writer), stage_(context.stage), source_(context.checkpoints.restoredFrom) {
        if constexpr (kCommits) {
            sink_.guarded("createCommitter()", [&] {
                committer_.emplace(sink_.get().createCommitter(
                    CommitterInitContext{context.stage.subtaskIndex, context.stage.parallelism}));
            });
        }
        if (source_ != nullptr) {
            if constexpr (kCommits) {
                commits_.restore(*source_, sink_.id().uid);
                commits_.commitUpTo(0, sink_, *committer_);
                scheduleRetry();
            }
            if constexpr (kStateful) restoreWriter(init);
        }
        if (!writer_.has_value()) {
            sink_.guarded("the sink", [&] { writer_.emplace(sink_.get().createWriter(init)); });
        }
        source_ = nullptr;
    }

    /// Asks for what there is to restore, and does nothing with it.
    static void declareStates(UserFunction<Sink>& sink, OpenContext& context) {
        const SnapshotSource* const source = context.checkpoints.restoredFrom;
        if (source == nullptr) return;
        if constexpr (kCommits) {
            declareOperatorList(*source, sink.id().uid, "sink/committables", kTypeInfo<typename Commits::Committable>);
        }
        if constexpr (kStateful) {
            declareOperatorList(*source, sink.id().uid, "sink/writer", kTypeInfo<WriterState>);
        }
    }

    void prepareBarrier(std::int64_t checkpointId) override {
        if (!inputEnded_) {
            sink_.guarded("the sink", [&] { writer_->flush(false); });
            collect();
        }
        if constexpr (kCommits) commits_.prepared(checkpointId);
    }
    void snapshot(std::int64_t checkpointId, SnapshotSink& sink) override {
        if constexpr (kStateful) {
            OperatorListWriter list(sink, sink_.id().uid, "sink/writer", kSplitState, kTypeInfo<WriterState>);
            sink_.guarded("snapshotState()", [&] {
                for (const WriterState& state : writer_->snapshotState(checkpointId)) list.add(state);
            });
        }
        if constexpr (kCommits) commits_.snapshot(sink, sink_.id().uid);
    }
    void completed(std::int64_t checkpointId) override {
        if constexpr (kCommits) {
            commits_.commitUpTo(checkpointId, sink_, *committer_);
            if (inputEnded_) commits_.retryNow(sink_, *committer_);  // nobody waits any longer
            scheduleRetry();
        }
        tellCompleted(sink_, *writer_, checkpointId);
    }
    void aborted(std::int64_t checkpointId) override { tellAborted(sink_, *writer_, checkpointId); }
    bool awaitsFinalCheckpoint() const override {
        if constexpr (kCommits) return !commits_.empty();
        return false;
    }

    /// After the writer's last flush.
    void inputEnded() {
        inputEnded_ = true;
        collect();
        if constexpr (kCommits) {
            if (!stage_.isCheckpointed || stage_.isBatch) commits_.commitAllNow(sink_, *committer_);
        }
    }
    void onProcessingTime(Timestamp now) {
        if constexpr (kCommits) {
            if (now < retryAt_) return;
            retryAt_ = kMaxTimestamp;
            commits_.retry(sink_, *committer_);
            scheduleRetry();
        }
    }

private:
    void restoreWriter(const WriterInitContext& init) {
        std::vector<WriterState> states;
        readOperatorList(*source_, sink_.id().uid, "sink/writer", kTypeInfo<WriterState>, [&](ByteReader& reader) {
            states.emplace_back();
            Codec<WriterState>::decode(reader, states.back());
        });
        sink_.guarded("restoreWriter()", [&] { writer_.emplace(sink_.get().restoreWriter(init, states)); });
    }
    void collect() {
        if constexpr (kCommits) {
            sink_.guarded("prepareCommit()", [&] { commits_.add(writer_->prepareCommit()); });
        }
    }
    void scheduleRetry() {
        if (!commits_.mustRetry() || retryAt_ != kMaxTimestamp) return;
        retryAt_ = saturatingAdd(stage_.currentProcessingTime(), kCommitRetryDelay);
        stage_.registerProcessingTimer(retryAt_);
    }

    UserFunction<Sink>& sink_;
    Late<Writer>& writer_;
    StageContext& stage_;
    const SnapshotSource* source_;
    Late<typename Commits::Committer> committer_;
    typename Commits::Type commits_;
    Timestamp retryAt_ = kMaxTimestamp;
    bool inputEnded_ = false;
};

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/operators/checkpointed_writer.ipp>
#endif

#endif  // MILLRACE_OPERATORS_CHECKPOINTED_WRITER_HPP
