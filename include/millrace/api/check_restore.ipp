#ifndef MILLRACE_API_CHECK_RESTORE_IPP
#define MILLRACE_API_CHECK_RESTORE_IPP

#include <millrace/api/check_restore.hpp>
#include <millrace/checkpoint/file_checkpoint.hpp>
#include <millrace/core/algorithm.hpp>
#include <millrace/core/functional.hpp>
#include <millrace/core/message.hpp>
#include <millrace/core/posix_file_system.hpp>
#include <millrace/graph/execution_plan.hpp>
#include <millrace/runtime/channel_state.hpp>
#include <millrace/runtime/restore_problems.hpp>
#include <millrace/state/key_group_state.hpp>
#include <millrace/state/state_migration.hpp>

#include <utility>

namespace millrace {

namespace detail {

/// Gives nothing to who restores, and notes what is asked for.
class RestoreProbe final : public EntrySource {
public:
    RestoreProbe(const StoredCheckpoint& checkpoint, RestoreReport& report)
        : checkpoint_(checkpoint), report_(report) {}

    [[gnu::cold]] void read(std::string_view uid, std::string_view state, const Visitor&) const override {
        note(uid, state, nullptr);
    }
    [[gnu::cold]] void readAs(std::string_view uid, std::string_view state, const StateLayout& layout,
                              const Visitor&) const override {
        note(uid, state, &layout);
    }
    std::int64_t checkpointId() const override { return checkpoint_.description().id; }

    void setOperator(const GraphNode& node) noexcept { node_ = &node; }

private:
    [[gnu::cold]] void note(std::string_view uid, std::string_view state, const StateLayout* layout) const {
        for (const StateChange& each : report_.states) {
            if (each.uid == uid && each.state == state) return;
        }
        StateChange change;
        change.uid = uid;
        change.state = state;
        for (const OperatorInfo& info : node_->operators) {
            if (info.uid == uid) change.operatorName = info.name;
        }
        const std::vector<std::string> saved = checkpoint_.statesOf(uid);
        if (std::find(saved.begin(), saved.end(), state) == saved.end()) {
            change.fate = StateFate::Defaulted;
            change.note = "begins empty";
        } else if (const std::string schema = checkpoint_.schemaOf(uid, state); layout != nullptr && !schema.empty()) {
            try {
                const StateMigration migration(schema, *layout);
                change.fields = migration.changes();
                change.fate = fateOf(change.fields);
            } catch (const CodecException& error) {
                change.fate = StateFate::Incompatible;
                change.note = error.what();
            }
        }
        report_.states.push_back(std::move(change));
    }
    [[gnu::cold]] static StateFate fateOf(const std::vector<FieldChange>& fields) {
        bool isKept = true;
        for (const FieldChange& each : fields) {
            if (each.fate == StateFate::Incompatible) return StateFate::Incompatible;
            isKept = isKept && each.fate == StateFate::Kept && each.note.empty();
        }
        return isKept ? StateFate::Kept : StateFate::Converted;
    }

    const StoredCheckpoint& checkpoint_;
    RestoreReport& report_;
    const GraphNode* node_ = nullptr;
};

/// What a stage that only declares its states needs of a host.
class DeclaringContext final : public StageContext {
public:
    DeclaringContext() { onlyDeclaresStates = true; }
    Timestamp currentProcessingTime() const override { return {}; }
    void registerProcessingTimer(Timestamp) override {}
    std::function<void()> wakeUp() override {
        return [] {};
    }
    Accumulators& accumulators() override { return accumulators_; }

private:
    Accumulators accumulators_;
};

/// Asks for what was on its way into the operators, as a job does that begins with this checkpoint.
[[gnu::cold]] inline void probeChannels(const JobGraph& graph, const StoredCheckpoint& checkpoint,
                                        RestoreProbe& probe) {
    for (const GraphNode& node : graph.nodes) {
        probe.setOperator(node);
        for (const GraphEdge& edge : node.inputs) {
            const std::string& uid = node.operators.front().uid;
            const std::string state = channelStateName(edge.input);
            const std::vector<std::string> saved = checkpoint.statesOf(uid);
            const RecordCodec* const codec = edge.ports != nullptr ? channelCodec(*edge.ports, edge.exchange) : nullptr;
            if (codec == nullptr || std::find(saved.begin(), saved.end(), state) == saved.end()) continue;
            probe.readAs(uid, state, channelStateLayout(*codec), [](int, std::span<const std::byte>) {});
        }
    }
}

/// Lets the stages of a pipeline ask for their states.
[[gnu::cold]] inline void probeStates(const JobGraph& graph, RestoreProbe& probe) {
    for (const GraphNode& node : graph.nodes) {
        probe.setOperator(node);
        DeclaringContext context;
        context.jobName = graph.jobName;
        context.maxParallelism = graph.maxParallelism;
        context.isCheckpointed = true;
        List<OperatorId> ids;
        for (const OperatorInfo& info : node.operators) ids.push_back({info.name, info.uid});
        node.factory->bind(std::move(ids));  // again, and finally, when the job starts
        const Owner<Stage> stage = node.factory->create(nullptr);
        stage->restore(probe);
        stage->open(context);
        stage->close();
    }
}

/// Rows of words, in columns.
[[gnu::cold]] inline std::string formatTable(const std::vector<std::vector<std::string>>& rows) {
    std::vector<std::size_t> widths(rows.front().size());
    for (const auto& row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    }
    std::string text;
    for (const auto& row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            text += row[i];
            text.append(widths[i] - row[i].size() + 2, ' ');
        }
        text.erase(text.find_last_not_of(' ') + 1);
        text += '\n';
    }
    return text;
}

}  // namespace detail

MILLRACE_INLINE_COLD RestoreReport checkRestore(const std::string& directory, const StreamEnvironment& env) {
    const ExecutionPlan plan = env.getExecutionPlan();
    const detail::JobGraph& graph = plan.graph();
    const detail::FileCheckpoint checkpoint(posixFileSystem(), directory);
    const detail::CheckpointDescription& saved = checkpoint.description();
    RestoreReport report;
    report.path = checkpoint.place();
    report.checkpointId = saved.id;
    report.jobName = saved.jobName;
    report.problems = detail::restoreProblems(checkpoint, graph);
    detail::RestoreProbe probe(checkpoint, report);
    detail::probeStates(graph, probe);
    detail::probeChannels(graph, checkpoint, probe);

    // what nobody has asked for
    for (const detail::CheckpointedOperator& old : saved.operators) {
        const detail::OperatorInfo* const now = detail::operatorOf(graph, old.uid);
        for (const std::string& state : checkpoint.statesOf(old.uid)) {
            const bool isAskedFor =
                std::any_of(report.states.begin(), report.states.end(),
                            [&](const StateChange& each) { return each.uid == old.uid && each.state == state; });
            if (isAskedFor) continue;
            StateChange change;
            change.uid = old.uid;
            change.operatorName = now != nullptr ? now->name : old.name;
            change.state = state;
            change.fate = StateFate::Dropped;
            change.operatorIsGone = now == nullptr;
            if (now != nullptr && detail::isChannelState(state)) {
                change.fate = StateFate::Incompatible;
                change.note =
                    "records were on their way into an input that the operator does not have any more; take a"
                    " savepoint, which is aligned";
                report.states.push_back(std::move(change));
                continue;
            }
            change.note = now != nullptr ? "the operator has no such state any more"
                                         : "the pipeline has no operator of this uid; needs allowNonRestoredState";
            report.states.push_back(std::move(change));
        }
    }
    return report;
}

MILLRACE_INLINE_COLD bool RestoreReport::isRestorable(bool allowNonRestoredState) const noexcept {
    if (!problems.empty()) return false;
    for (const StateChange& each : states) {
        if (each.fate == StateFate::Incompatible) return false;
        if (each.operatorIsGone && !allowNonRestoredState) return false;
    }
    return true;
}

MILLRACE_INLINE_COLD std::string RestoreReport::toString() const {
    std::vector<std::vector<std::string>> rows{{"uid", "state", "field", "becomes", "saved", "now", "note"}};
    for (const StateChange& each : states) {
        if (each.fields.empty() || each.fate == StateFate::Kept) {
            rows.push_back({each.uid, each.state, "", std::string(millrace::toString(each.fate)), "", "", each.note});
            continue;
        }
        for (const FieldChange& field : each.fields) {
            rows.push_back({each.uid, each.state, field.field, std::string(millrace::toString(field.fate)), field.saved,
                            field.now, field.note});
        }
    }
    std::string text = detail::message("{}, checkpoint {} of job '{}': {}\n",
                                       {path, checkpointId, jobName,
                                        isRestorable()       ? "can be restored"
                                        : isRestorable(true) ? "can be restored with allowNonRestoredState"
                                                             : "cannot be restored"});
    for (const std::string& problem : problems) text += problem + "\n";
    return text + "\n" + detail::formatTable(rows);
}

}  // namespace millrace

#endif  // MILLRACE_API_CHECK_RESTORE_IPP
