#ifndef MILLRACE_TYPES_VALUE_MIGRATION_HPP
#define MILLRACE_TYPES_VALUE_MIGRATION_HPP

#include <millrace/types/schema.hpp>
#include <millrace/types/schema_change.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace millrace::detail {

/// How the bytes of one type become those of another. Made once, used for every value.
struct MigrationStep {
    enum class Kind : std::uint8_t {
        Copy,
        Number,    ///< to a wider one
        Ticks,     ///< to shorter ones: times `factor`
        Wrap,      ///< a value becomes an optional one
        Unwrap,    ///< an optional value becomes one; none the `fallback`
        Variant,   ///< alternative i becomes `sources[i]`
        Parts,     ///< what repeats: optionals, lists, sets, maps, tuples, arrays
        Record,    ///< field i comes from `sources[i]`; below 0: `defaults[i]`
        Upgrade,   ///< an older version of a user's codec
        Migration  ///< by a function of the user's
    };
    Kind kind = Kind::Copy;
    const Schema* from = nullptr;
    const Schema* to = nullptr;
    std::vector<MigrationStep> parts;
    std::vector<int> sources;
    std::vector<std::vector<std::byte>> defaults;
    std::vector<std::byte> fallback;
    std::int64_t factor = 1;
    const TypeMigration* migration = nullptr;
    bool drops = false;  ///< of a record: some field goes, so that different values may become equal
};

/// Plans how values of `from` become values of `to`, which must be of types of this program, and adds to `changes` what
/// becomes of each field below `path`. If one of them is Incompatible the plan is of no use. Both schemas must outlive it;
/// `from` learns which of the codecs in it this program has.
class MigrationPlanner {
public:
    explicit MigrationPlanner(std::vector<FieldChange>& changes) : changes_(changes) {}
    MigrationStep plan(Schema& from, const Schema& to, const std::string& path);

private:
    void learnCodecs(const TypeInfo& info);
    void nameCodecs(Schema& schema) const;
    MigrationStep step(const Schema& from, const Schema& to, const std::string& path, bool listsFields,
                       const std::vector<std::byte>* fallback);
    void record(MigrationStep& step, const std::string& path);
    void variant(MigrationStep& step, const std::string& path);
    void repeated(MigrationStep& step, const std::string& path);
    bool ownCodec(MigrationStep& step, const std::string& path);
    bool optional(MigrationStep& step, const std::string& path, bool listsFields,
                  const std::vector<std::byte>* fallback);
    void kept(const Schema& schema, const std::string& path, bool listsFields);
    void add(const std::string& path, StateFate fate, const Schema* from, const Schema* to, std::string note = {});
    void refuse(const MigrationStep& step, const std::string& path, std::string note);

    std::vector<FieldChange>& changes_;
    std::vector<const TypeInfo*> codecs_;  ///< of users, that this program has
};

/// Reads a value of the one type and writes one of the other. *Failure:* CodecException for damaged bytes, and for ticks that
/// are too many; what a migration of the user's throws.
void migrateValue(const MigrationStep& step, ByteReader& reader, ByteWriter& writer);

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/types/value_migration.ipp>
#endif

#endif  // MILLRACE_TYPES_VALUE_MIGRATION_HPP
