#ifndef MILLRACE_STATE_STATE_MIGRATION_HPP
#define MILLRACE_STATE_STATE_MIGRATION_HPP

#include <millrace/core/config.hpp>
#include <millrace/core/functional.hpp>
#include <millrace/state/snapshot.hpp>
#include <millrace/state/state_layout.hpp>
#include <millrace/types/value_migration.hpp>

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::detail {

/// What a saved layout text says: the kind of the state, and its entries as a record. *Failure:* CodecException.
struct SavedLayout {
    std::string kind;
    Schema entry;
};
SavedLayout parseLayout(std::string_view text);

/// What becomes of one state that was saved with one layout and is restored with another.
class StateMigration {
public:
    StateMigration(std::string_view saved, const StateLayout& layout);
    StateMigration(const StateMigration&) = delete;
    StateMigration& operator=(const StateMigration&) = delete;

    /// Of the user's fields, those that go in front of those that come.
    const std::vector<FieldChange>& changes() const noexcept { return changes_; }
    /// The first field that stands in the way; null if none does.
    const FieldChange* obstacle() const noexcept;
    /// A piece in the new form. Only without an obstacle.
    void migrate(std::span<const std::byte> piece, ByteWriter& writer) const;

private:
    std::string kind_;
    Schema from_;
    Schema to_;
    std::vector<FieldChange> changes_;
    std::vector<MigrationStep> steps_;  ///< by field of an entry
};

/// Throws StateMigrationException about one field of a state.
[[noreturn]] void failMigration(std::string_view uid, std::string_view state, const FieldChange& obstacle);

/// `SnapshotSource::readAs`: reads from `source` what was saved as `saved` (empty: nobody knows, it is handed out as it is).
void readMigrated(const SnapshotSource& source, std::string_view saved, std::string_view uid, std::string_view state,
                  const StateLayout& layout, const SnapshotSource::Visitor& visit);

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/state/state_migration.ipp>
#endif

#endif  // MILLRACE_STATE_STATE_MIGRATION_HPP
