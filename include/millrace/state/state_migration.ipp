#ifndef MILLRACE_STATE_STATE_MIGRATION_IPP
#define MILLRACE_STATE_STATE_MIGRATION_IPP

#include <millrace/core/algorithm.hpp>
#include <millrace/core/errors.hpp>
#include <millrace/core/message.hpp>
#include <millrace/state/state_migration.hpp>

#include <optional>
#include <utility>

namespace millrace::detail {

MILLRACE_INLINE_COLD SavedLayout parseLayout(std::string_view text) {
    const std::size_t brace = std::min(text.find('{'), text.size());
    SavedLayout layout;
    layout.kind = text.substr(0, brace);
    layout.entry = parseSchema(text.substr(brace));
    return layout;
}

MILLRACE_INLINE_COLD StateMigration::StateMigration(std::string_view saved, const StateLayout& layout) {
    SavedLayout parsed = parseLayout(saved);
    from_ = std::move(parsed.entry);
    for (std::size_t i = 0; i < layout.fieldCount(); ++i) {
        to_.parts.push_back(schemaOf(*layout.fields[i].type));
        to_.names.emplace_back(layout.fields[i].name);
    }
    if (parsed.kind != layout.kind || from_.names != to_.names) {
        changes_.push_back(
            {"", StateFate::Incompatible, std::string(saved), layoutText(layout),
             message("it was saved by another kind of operator or state: {}, now {}", {parsed.kind, layout.kind})});
        return;
    }
    for (std::size_t i = 0; i < layout.fieldCount(); ++i) {
        Schema& from = from_.parts[i];
        const Schema& to = to_.parts[i];
        const std::string& name = to_.names[i];
        std::vector<FieldChange> changes;
        steps_.push_back(MigrationPlanner(changes).plan(from, to, name));
        const bool isSame = from.text == to.text;
        if (!isSame && name == "key") {
            changes = {{name, StateFate::Incompatible, from.text, to.text,
                        "the type of a key cannot change, since it decides where the key's state is; write the states "
                        "anew under the new keys (millrace/state_processor.hpp)"}};
        }
        if (isSame && layout.fields[i].isInternal) continue;
        changes_.insert(changes_.end(), changes.begin(), changes.end());
    }
}

MILLRACE_INLINE_COLD const FieldChange* StateMigration::obstacle() const noexcept {
    for (const FieldChange& each : changes_) {
        if (each.fate == StateFate::Incompatible) return &each;
    }
    return nullptr;
}

MILLRACE_INLINE_COLD void StateMigration::migrate(std::span<const std::byte> piece, ByteWriter& writer) const {
    ByteReader reader(piece);
    writer.write(reader.read<std::uint8_t>("a format version"));
    while (reader.remaining() > 0) {
        for (const MigrationStep& step : steps_) migrateValue(step, reader, writer);
    }
}

MILLRACE_INLINE_COLD void failMigration(std::string_view uid, std::string_view state, const FieldChange& obstacle) {
    const std::string where = obstacle.field.empty() ? std::string() : message("field {}: ", {obstacle.field});
    const std::string saved = obstacle.saved.empty() ? std::string() : message("saved as {}", {obstacle.saved});
    const std::string now = obstacle.now.empty() ? std::string("gone now") : message("now {}", {obstacle.now});
    raise<StateMigrationException>(
        "state '{}' of operator uid '{}' cannot be restored: {}{}{}{}: {}. Nothing that was saved has been changed. To "
        "begin anew give the state another name, or the operator another uid; checkRestore() lists all that has "
        "changed",
        {state, uid, where, saved, saved.empty() ? "" : ", ", now, obstacle.note});
}

MILLRACE_INLINE_COLD void readMigrated(const SnapshotSource& source, std::string_view saved, std::string_view uid,
                                       std::string_view state, const StateLayout& layout,
                                       const SnapshotSource::Visitor& visit) {
    if (saved.empty() || saved == layoutText(layout)) return source.read(uid, state, visit);
    std::optional<StateMigration> migration;
    try {
        migration.emplace(saved, layout);
    } catch (const CodecException&) {
        raise<Caused<CodecException>>("state '{}' of operator uid '{}' cannot be restored: its schema is not readable",
                                      {state, uid});
    }
    if (const FieldChange* const obstacle = migration->obstacle()) failMigration(uid, state, *obstacle);
    ByteWriter writer;
    source.read(uid, state, [&](int keyGroup, std::span<const std::byte> bytes) {
        writer.clear();
        try {
            migration->migrate(bytes, writer);
        } catch (const CodecException&) {
            raise<Caused<CodecException>>(
                "state '{}' of operator uid '{}', key group {}, cannot be brought into its new form",
                {state, uid, keyGroup});
        }
        visit(keyGroup, writer.bytes());
    });
}

}  // namespace millrace::detail

#endif  // MILLRACE_STATE_STATE_MIGRATION_IPP
