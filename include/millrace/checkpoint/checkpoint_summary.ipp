#ifndef MILLRACE_CHECKPOINT_CHECKPOINT_SUMMARY_IPP
#define MILLRACE_CHECKPOINT_CHECKPOINT_SUMMARY_IPP

#include <millrace/checkpoint/checkpoint_summary.hpp>
#include <millrace/checkpoint/file_checkpoint.hpp>
#include <millrace/checkpoint/newest_intact.hpp>
#include <millrace/core/algorithm.hpp>
#include <millrace/core/message.hpp>
#include <millrace/state/state_migration.hpp>

#include <set>
#include <utility>

namespace millrace {
namespace detail {

/// The fields of a form, those of records one by one.
[[gnu::cold]] inline void listFields(const Schema& schema, const std::string& path, std::vector<FieldSummary>& fields) {
    switch (schema.kind) {
        case TypeKind::Aggregate:
            for (std::size_t i = 0; i < schema.parts.size(); ++i) {
                listFields(schema.parts[i], path.empty() ? schema.names[i] : path + "." + schema.names[i], fields);
            }
            return;
        case TypeKind::Sequence:
        case TypeKind::StampedList:
            return listFields(schema.parts[0], path + "[]", fields);
        case TypeKind::Map:
        case TypeKind::StampedMap:
            listFields(schema.parts[0], path + "[].key", fields);
            return listFields(schema.parts[1], path + "[].value", fields);
        case TypeKind::Flagged:
            return listFields(schema.parts[0], path, fields);
        default:
            fields.push_back({path, schema.text});
    }
}

[[gnu::cold]] inline StateSummary summarizeState(const FileCheckpoint& checkpoint, const std::string& uid,
                                                 const std::string& name) {
    StateSummary summary;
    summary.name = name;
    if (const std::string schema = checkpoint.schemaOf(uid, name); !schema.empty()) {
        summary.kind = schema.substr(0, schema.find('{'));
        try {
            listFields(parseLayout(schema).entry, "", summary.fields);
        } catch (const CodecException&) {
            // a codec of the user's with a name that is no name
            summary.fields = {{"", schema}};
        }
    }
    int subtask = 0;
    std::uint64_t subtaskBytes = 0;
    for (const StateFileIndex& part : checkpoint.parts()) {  // sorted by subtask
        for (const StateExtent& extent : part.states) {
            if (extent.uid != uid || extent.state != name) continue;
            const bool isFirst = summary.subtasks == 0;
            if (isFirst || part.owner.subtask != subtask) {
                ++summary.subtasks;
                subtask = part.owner.subtask;
                subtaskBytes = 0;
            }
            subtaskBytes += extent.bytes;
            summary.largestSubtaskBytes = std::max(summary.largestSubtaskBytes, subtaskBytes);
            summary.bytes += extent.bytes;
            summary.pieces += extent.pieces;
            summary.firstKeyGroup =
                isFirst ? extent.firstKeyGroup : std::min(summary.firstKeyGroup, extent.firstKeyGroup);
            summary.lastKeyGroup = isFirst ? extent.lastKeyGroup : std::max(summary.lastKeyGroup, extent.lastKeyGroup);
        }
    }
    return summary;
}

}  // namespace detail

MILLRACE_INLINE_COLD CheckpointSummary summarizeCheckpoint(const std::string& directory,
                                                           std::shared_ptr<FileSystem> files) {
    const detail::FileCheckpoint checkpoint = detail::FileCheckpoint::manifestOf(std::move(files), directory);
    const detail::CheckpointDescription& description = checkpoint.description();
    CheckpointSummary summary;
    summary.info = {description.id, description.kind, description.triggered, checkpoint.place(), checkpoint.bytes()};
    summary.jobName = description.jobName;
    summary.fingerprint = description.fingerprint;
    summary.maxParallelism = description.maxParallelism;
    summary.formatVersion = checkpoint.formatVersion();
    std::set<std::int64_t> others;
    for (const detail::StateFileIndex& part : checkpoint.parts()) {
        ++summary.files;
        summary.fileBytes += part.size;
        if (part.owner.checkpoint != description.id) others.insert(part.owner.checkpoint);
        try {
            checkpoint.expectIntact(part);
        } catch (const MillraceException& error) {
            summary.damage.emplace_back(error.what());
        }
    }
    for (const std::int64_t id : others) summary.references.push_back(detail::message("chk-{}", {id}));
    for (const detail::CheckpointedOperator& each : description.operators) {
        OperatorSummary& entry = summary.operators.emplace_back();
        entry.uid = each.uid;
        entry.name = each.name;
        entry.kind = each.kind;
        entry.parallelism = each.parallelism;
        entry.finishedSubtasks = each.finishedSubtasks;
        for (const std::string& state : checkpoint.statesOf(each.uid)) {
            entry.states.push_back(detail::summarizeState(checkpoint, each.uid, state));
            entry.bytes += entry.states.back().bytes;
        }
    }
    return summary;
}

MILLRACE_INLINE_COLD void verifyCheckpoint(const std::string& directory, std::shared_ptr<FileSystem> files) {
    detail::verifyCheckpoint(detail::FileCheckpoint(std::move(files), directory));
}

}  // namespace millrace

#endif  // MILLRACE_CHECKPOINT_CHECKPOINT_SUMMARY_IPP
