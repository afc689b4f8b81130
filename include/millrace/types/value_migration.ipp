#ifndef MILLRACE_TYPES_VALUE_MIGRATION_IPP
#define MILLRACE_TYPES_VALUE_MIGRATION_IPP

#include <millrace/core/algorithm.hpp>
#include <millrace/core/list.hpp>
#include <millrace/core/message.hpp>
#include <millrace/types/value_migration.hpp>

#include <utility>

namespace millrace::detail {

// ---- rules ------------------------------------------------------------------------------------------------------------

/// Whether every number of the one type is one of the other.
[[gnu::cold]] inline bool widens(const Schema& from, const Schema& to) {
    if (!from.isNumber() || !to.isNumber() || from.letter == 'c' || to.letter == 'c') return false;
    if (from.letter == 'f') return to.letter == 'f' && from.bytes <= to.bytes;
    if (to.letter == 'f') return from.bytes * 2 <= to.bytes;  // 24 and 53 bits are exact
    if (from.letter == to.letter) return from.bytes <= to.bytes;
    return from.letter == 'u' && from.bytes < to.bytes;
}

/// Whether durations or times of the one type are whole numbers of ticks of the other, and how many a tick is.
[[gnu::cold]] inline bool splitsTicks(const Schema& from, const Schema& to, std::int64_t& factor) {
    const bool sameKind = from.kind == to.kind && from.letter == to.letter &&
                          (from.kind == TypeKind::Duration || from.kind == TypeKind::TimePoint);
    if (!sameKind || from.parts[0].letter == 'f' || !widens(from.parts[0], to.parts[0])) return false;
    std::int64_t num = 0;
    std::int64_t den = 0;
    if (__builtin_mul_overflow(from.num, to.den, &num) || __builtin_mul_overflow(from.den, to.num, &den)) return false;
    factor = num / den;
    return num % den == 0;
}

/// Different values stay different.
[[gnu::cold]] inline bool keepsDistinct(const MigrationStep& step) {
    switch (step.kind) {
        case MigrationStep::Kind::Unwrap:
        case MigrationStep::Kind::Upgrade:
        case MigrationStep::Kind::Migration:
            return false;
        case MigrationStep::Kind::Variant:
            return false;
        default:
            return !step.drops && std::all_of(step.parts.begin(), step.parts.end(), keepsDistinct);
    }
}

[[gnu::cold]] inline bool canSkip(const Schema& schema) {
    if (schema.kind != TypeKind::None) return std::all_of(schema.parts.begin(), schema.parts.end(), canSkip);
    const OwnCodecInfo* const own = schema.info != nullptr ? schema.info->own : nullptr;
    return own != nullptr && ((own->version == schema.version && own->skip != nullptr) ||
                              (schema.version < own->version && own->upgrade != nullptr));
}

/// Writes T{}. False if it has none.
[[gnu::cold]] inline bool writeDefault(const Schema& schema, ByteWriter& writer) {
    switch (schema.kind) {
        case TypeKind::None:
        case TypeKind::Aggregate: {
            const bool isOwn = schema.kind == TypeKind::None;
            if (schema.info == nullptr || (isOwn && schema.info->own == nullptr)) return false;
            const auto write = isOwn ? schema.info->own->writeDefault : schema.info->writeDefault;
            if (write != nullptr) write(writer);
            return write != nullptr;
        }
        case TypeKind::Variant:
            writer.write(std::uint8_t{0});
            return writeDefault(schema.parts.front(), writer);
        case TypeKind::Tuple:
        case TypeKind::Enumeration:
        case TypeKind::Duration:
        case TypeKind::TimePoint:
            if (schema.parts.empty()) writer.write(std::uint8_t{0});
            return std::all_of(schema.parts.begin(), schema.parts.end(),
                               [&](const Schema& part) { return writeDefault(part, writer); });
        case TypeKind::Array:
            for (std::uint32_t i = 0; i < schema.count; ++i) {
                if (!writeDefault(schema.parts[0], writer)) return false;
            }
            return true;
        case TypeKind::Boolean:
        case TypeKind::Optional:
        case TypeKind::Flagged:
            writer.write(std::uint8_t{0});
            return true;
        case TypeKind::Integer:
        case TypeKind::Floating:
            for (int i = 0; i < schema.bytes; ++i) writer.write(std::uint8_t{0});
            return true;
        case TypeKind::StampedList:
        case TypeKind::StampedMap:
            writer.write(std::uint8_t{0});
            [[fallthrough]];
        default:
            writer.writeLength(0);
            return true;
    }
}

// ---- planning ---------------------------------------------------------------------------------------------------------

MILLRACE_INLINE_COLD MigrationStep MigrationPlanner::plan(Schema& from, const Schema& to, const std::string& path) {
    if (to.info != nullptr) learnCodecs(*to.info);
    nameCodecs(from);
    return step(from, to, path, true, nullptr);
}

MILLRACE_INLINE_COLD void MigrationPlanner::learnCodecs(const TypeInfo& info) {
    if (info.own != nullptr) codecs_.push_back(&info);
    const std::uint32_t parts = info.kind == TypeKind::Array || info.num != 0 ? 1 : info.count;
    for (std::uint32_t i = 0; info.parts != nullptr && i < parts; ++i) learnCodecs(*info.parts[i]);
    if (info.evolution == nullptr) return;
    for (std::size_t i = 0; i < info.evolution->migrationCount; ++i) learnCodecs(*info.evolution->migrations[i].from);
}

MILLRACE_INLINE_COLD void MigrationPlanner::nameCodecs(Schema& schema) const {
    for (Schema& part : schema.parts) nameCodecs(part);
    if (schema.kind != TypeKind::None) return;
    for (const TypeInfo* const each : codecs_) {
        // of two versions in one program the same one is the better
        if (each->own->name() == schema.codecName() &&
            (schema.info == nullptr || each->own->version == schema.version)) {
            schema.info = each;
        }
    }
}

MILLRACE_INLINE_COLD void MigrationPlanner::add(const std::string& path, StateFate fate, const Schema* from,
                                                const Schema* to, std::string note) {
    changes_.push_back({path, fate, from != nullptr ? from->text : std::string(),
                        to != nullptr ? to->text : std::string(), std::move(note)});
}

MILLRACE_INLINE_COLD void MigrationPlanner::refuse(const MigrationStep& step, const std::string& path,
                                                   std::string note) {
    add(path, StateFate::Incompatible, step.from, step.to, std::move(note));
}

MILLRACE_INLINE_COLD void MigrationPlanner::kept(const Schema& schema, const std::string& path, bool listsFields) {
    if (!listsFields || schema.kind != TypeKind::Aggregate || schema.parts.empty()) {
        return add(path, StateFate::Kept, &schema, &schema);
    }
    for (std::size_t i = 0; i < schema.parts.size(); ++i) kept(schema.parts[i], path + "." + schema.names[i], false);
}

MILLRACE_INLINE_COLD MigrationStep MigrationPlanner::step(const Schema& from, const Schema& to, const std::string& path,
                                                          bool listsFields, const std::vector<std::byte>* fallback) {
    MigrationStep step;
    step.from = &from;
    step.to = &to;
    if (from.text == to.text) {
        kept(to, path, listsFields);
        return step;
    }
    if (const EvolutionInfo* const evolution = to.info != nullptr ? to.info->evolution : nullptr;
        evolution != nullptr) {
        for (std::size_t i = 0; i < evolution->migrationCount; ++i) {
            if (typeText(*evolution->migrations[i].from) != from.text) continue;
            step.kind = MigrationStep::Kind::Migration;
            step.migration = &evolution->migrations[i];
            add(path, StateFate::Converted, &from, &to, "by SchemaEvolution::migrate");
            return step;
        }
    }
    if (ownCodec(step, path) || optional(step, path, listsFields, fallback)) return step;
    if (widens(from, to) || (from.kind == TypeKind::Enumeration && to.kind == TypeKind::Enumeration &&
                             widens(from.parts[0], to.parts[0]))) {
        step.kind = MigrationStep::Kind::Number;
        add(path, StateFate::Converted, &from, &to, "wider");
    } else if (splitsTicks(from, to, step.factor)) {
        step.kind = MigrationStep::Kind::Ticks;
        add(path, StateFate::Converted, &from, &to, "finer");
    } else if (from.kind != to.kind || from.isNumber()) {
        refuse(step, path,
               from.isNumber() && to.isNumber()
                   ? "a number may become wider, but this one would not always fit"
                   : "types that have nothing in common; SchemaEvolution of the type around it may have a migrate()");
    } else if (from.kind == TypeKind::Aggregate) {
        record(step, path);
    } else if (from.kind == TypeKind::Variant) {
        variant(step, path);
    } else {
        repeated(step, path);
    }
    return step;
}

/// True if the one or the other is of a codec of the user's.
MILLRACE_INLINE_COLD bool MigrationPlanner::ownCodec(MigrationStep& step, const std::string& path) {
    const Schema& from = *step.from;
    const Schema& to = *step.to;
    if (from.kind != TypeKind::None && to.kind != TypeKind::None) return false;
    if (from.kind != to.kind || from.codecName() != to.codecName()) {
        if (to.kind == TypeKind::Optional || from.kind == TypeKind::Optional) return false;
        refuse(step, path,
               "what a codec of your own has written is understood by that codec alone: SchemaEvolution of the type "
               "may have a migrate() from the old type");
    } else if (from.version > to.version) {
        refuse(step, path,
               message("a newer program has saved it: its codec {} has version {}, this program's has {}. Restore it "
                       "with that program, or update the codec",
                       {from.codecName(), from.version, to.version}));
    } else if (to.info == nullptr || to.info->own == nullptr || to.info->own->upgrade == nullptr) {
        refuse(step, path,
               message("the codec {} has version {} and does not read version {}: give it static void "
                       "decodeVersion(ByteReader&, T&, std::uint32_t version)",
                       {to.codecName(), to.version, from.version}));
    } else {
        step.kind = MigrationStep::Kind::Upgrade;
        add(path, StateFate::Converted, &from, &to, "by decodeVersion of its codec");
    }
    return true;
}

/// True if exactly one of both is optional.
MILLRACE_INLINE_COLD bool MigrationPlanner::optional(MigrationStep& step, const std::string& path, bool listsFields,
                                                     const std::vector<std::byte>* fallback) {
    const bool wraps = step.to->kind == TypeKind::Optional;
    if (wraps == (step.from->kind == TypeKind::Optional)) return false;
    const std::size_t before = changes_.size();
    step.kind = wraps ? MigrationStep::Kind::Wrap : MigrationStep::Kind::Unwrap;
    step.parts.push_back(wraps ? this->step(*step.from, step.to->parts[0], path, listsFields, nullptr)
                               : this->step(step.from->parts[0], *step.to, path, listsFields, nullptr));
    const bool fits = std::none_of(changes_.begin() + static_cast<std::ptrdiff_t>(before), changes_.end(),
                                   [](const FieldChange& each) { return each.fate == StateFate::Incompatible; });
    if (fits) changes_.resize(before);
    if (!fits) return true;
    if (!wraps) {
        ByteWriter writer;
        if (fallback != nullptr) {
            step.fallback = *fallback;
        } else if (writeDefault(*step.to, writer)) {
            step.fallback = writer.toVector();
        } else {
            refuse(step, path, "it may be absent, and its type has no default constructor");
            return true;
        }
    }
    add(path, StateFate::Converted, step.from, step.to, wraps ? "always there" : "its default where it was absent");
    return true;
}

MILLRACE_INLINE_COLD void MigrationPlanner::record(MigrationStep& step, const std::string& path) {
    const Schema& from = *step.from;
    const Schema& to = *step.to;
    step.kind = MigrationStep::Kind::Record;
    const auto find = [&](std::string_view name) {
        const auto found = std::find(from.names.begin(), from.names.end(), name);
        return found != from.names.end() ? static_cast<int>(found - from.names.begin()) : -1;
    };
    // fields by name; a new name counts where the snapshot does not know it yet
    List<bool> used(from.parts.size());
    step.sources.assign(to.parts.size(), -1);
    const EvolutionInfo* const evolution = to.info != nullptr ? to.info->evolution : nullptr;
    for (std::size_t r = 0; evolution != nullptr && r < evolution->renamedCount; ++r) {
        const RenamedField& each = evolution->renamed[r];
        const int source = find(each.saved);
        const auto target = std::find(to.names.begin(), to.names.end(), each.now) - to.names.begin();
        if (source < 0 || find(each.now) >= 0 || used[static_cast<std::size_t>(source)]) continue;
        step.sources[static_cast<std::size_t>(target)] = source;
        used[static_cast<std::size_t>(source)] = true;
    }
    for (std::size_t i = 0; i < to.parts.size(); ++i) {
        if (const int source = find(to.names[i]);
            source >= 0 && step.sources[i] < 0 && !used[static_cast<std::size_t>(source)]) {
            step.sources[i] = source;
            used[static_cast<std::size_t>(source)] = true;
        }
    }
    // the fields of T{}, for those that are new
    step.defaults.resize(to.parts.size());
    ByteWriter whole;
    const bool hasDefault = writeDefault(to, whole);
    ByteReader reader(whole.bytes());
    for (std::size_t i = 0; i < to.parts.size(); ++i) {
        const std::string field = path + "." + to.names[i];
        if (hasDefault) {
            const std::byte* const begin = reader.readBytes(0).data();
            skipValue(to.parts[i], reader);
            step.defaults[i].assign(begin, reader.readBytes(0).data());
        }
        MigrationStep part;
        if (const int source = step.sources[i]; source >= 0) {
            const std::size_t before = changes_.size();
            part = this->step(from.parts[static_cast<std::size_t>(source)], to.parts[i], field, false,
                              hasDefault ? &step.defaults[i] : nullptr);
            const std::string& was = from.names[static_cast<std::size_t>(source)];
            if (was != to.names[i] && changes_.size() > before) {
                std::string& note = changes_[before].note;
                note = "was called " + was + (note.empty() ? "" : "; ") + note;
            }
        } else if (hasDefault) {
            add(field, StateFate::Defaulted, nullptr, &to.parts[i]);
        } else {
            add(field, StateFate::Incompatible, nullptr, &to.parts[i],
                "it is new, and the type around it has no default constructor");
        }
        step.parts.push_back(std::move(part));
    }
    for (std::size_t i = 0; i < from.parts.size(); ++i) {
        if (used[i]) continue;
        step.drops = true;
        const bool skips = canSkip(from.parts[i]);
        add(path + "." + from.names[i], skips ? StateFate::Dropped : StateFate::Incompatible, &from.parts[i], nullptr,
            skips ? std::string()
                  : message("this program has no codec {}, and cannot read over its values. Keep the type, and name it "
                            "among OldTypes of the SchemaEvolution of the type around it",
                            {from.parts[i].text}));
    }
}

MILLRACE_INLINE_COLD void MigrationPlanner::variant(MigrationStep& step, const std::string& path) {
    const std::vector<Schema>& from = step.from->parts;
    const std::vector<Schema>& to = step.to->parts;
    step.kind = MigrationStep::Kind::Variant;
    for (std::size_t i = 0; i < from.size(); ++i) {
        const std::string place = message("{}({})", {path, i});
        std::size_t target = i;
        if (i >= to.size() || to[i].text != from[i].text) {
            const auto same =
                std::find_if(to.begin(), to.end(), [&](const Schema& each) { return each.text == from[i].text; });
            if (same != to.end()) target = static_cast<std::size_t>(same - to.begin());
        }
        if (target >= to.size()) {
            add(place, StateFate::Incompatible, &from[i], nullptr,
                "the variant has lost this alternative, and values may have it; keep it in the variant");
            continue;
        }
        step.sources.push_back(static_cast<int>(target));
        step.parts.push_back(this->step(from[i], to[target], place, false, nullptr));
    }
}

MILLRACE_INLINE_COLD void MigrationPlanner::repeated(MigrationStep& step, const std::string& path) {
    const Schema& from = *step.from;
    const Schema& to = *step.to;
    step.kind = MigrationStep::Kind::Parts;
    if (from.parts.size() != to.parts.size() || from.count != to.count || from.parts.empty() || from.num != 0 ||
        from.kind == TypeKind::Enumeration) {
        return refuse(step, path,
                      from.kind == TypeKind::Array   ? "an array of another size"
                      : from.kind == TypeKind::Tuple ? "a tuple of another size"
                                                     : "what was saved would not always fit");
    }
    const bool isMap = from.kind == TypeKind::Map || from.kind == TypeKind::StampedMap;
    for (std::size_t i = 0; i < from.parts.size(); ++i) {
        const bool isOptional = from.kind == TypeKind::Optional || from.kind == TypeKind::Flagged;
        const std::string place = isMap                          ? path + (i == 0 ? "[].key" : "[].value")
                                  : from.kind == TypeKind::Tuple ? message("{}.{}", {path, i})
                                  : isOptional                   ? path
                                                                 : path + "[]";
        step.parts.push_back(this->step(from.parts[i], to.parts[i], place, true, nullptr));
        const bool isDistinct = from.kind == TypeKind::Set || (isMap && i == 0);
        if (isDistinct && !keepsDistinct(step.parts[i])) {
            add(place, StateFate::Incompatible, &from.parts[i], &to.parts[i],
                "elements of a set and keys of a map must stay different, so they may only grow; SchemaEvolution of "
                "the "
                "type around it may have a migrate()");
        }
    }
}

// ---- the values -------------------------------------------------------------------------------------------------------

[[gnu::cold]] inline double readFloating(const Schema& schema, ByteReader& reader) {
    if (schema.letter == 'f')
        return schema.bytes == 4 ? static_cast<double>(reader.read<float>()) : reader.read<double>();
    return static_cast<double>(readInteger(schema, reader));  // at most 32 bits
}

[[gnu::cold]] inline void writeInteger(const Schema& schema, std::int64_t value, ByteWriter& writer) {
    writer.writeBytes(&value, schema.bytes);  // little endian
}

[[gnu::cold]] inline void migrateNumber(const Schema& from, const Schema& to, ByteReader& reader, ByteWriter& writer) {
    if (from.kind == TypeKind::Enumeration) return migrateNumber(from.parts[0], to.parts[0], reader, writer);
    if (to.letter != 'f') return writeInteger(to, readInteger(from, reader), writer);
    const double value = readFloating(from, reader);
    if (to.bytes == 4) {
        writer.write(static_cast<float>(value));
    } else {
        writer.write(value);
    }
}

[[gnu::cold]] inline void migrateTicks(const MigrationStep& step, ByteReader& reader, ByteWriter& writer) {
    const Schema& to = step.to->parts[0];
    const std::int64_t ticks = readInteger(step.from->parts[0], reader);
    std::int64_t value = ticks;
    // the largest and smallest times have a meaning: they stay that
    if (__builtin_mul_overflow(ticks, step.factor, &value)) {
        const bool isLimit = step.from->kind == TypeKind::TimePoint && step.from->parts[0].bytes == 8 &&
                             (ticks == INT64_MAX || ticks == INT64_MIN);
        if (!isLimit) reader.fail("a time or duration that is too large for its new, finer unit");
        value = ticks;
    }
    const int shift = 64 - 8 * to.bytes;
    if (shift > 0 && to.letter == 'i' &&
        value != static_cast<std::int64_t>(static_cast<std::uint64_t>(value) << shift) >> shift) {
        reader.fail("a time or duration that is too large for its new, finer unit");
    }
    writeInteger(to, value, writer);
}

[[gnu::cold]] inline void migrateRecord(const MigrationStep& step, ByteReader& reader, ByteWriter& writer) {
    // where each field begins: they may stand in another order
    std::vector<const std::byte*> begins;
    begins.reserve(step.from->parts.size() + 1);
    for (const Schema& part : step.from->parts) {
        begins.push_back(reader.readBytes(0).data());
        skipValue(part, reader);
    }
    begins.push_back(reader.readBytes(0).data());
    if (step.from->parts.empty()) (void)reader.read<std::uint8_t>("an empty value");
    for (std::size_t i = 0; i < step.parts.size(); ++i) {
        if (step.sources[i] < 0) {
            writer.writeBytes(step.defaults[i]);
            continue;
        }
        const auto source = static_cast<std::size_t>(step.sources[i]);
        ByteReader field(std::span(begins[source], begins[source + 1]));
        migrateValue(step.parts[i], field, writer);
    }
    if (step.parts.empty()) writer.write(std::uint8_t{0});
}

[[gnu::cold]] inline void migrateParts(const MigrationStep& step, ByteReader& reader, ByteWriter& writer) {
    const auto repeat = [&](std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            for (const MigrationStep& part : step.parts) migrateValue(part, reader, writer);
        }
    };
    switch (step.from->kind) {
        case TypeKind::Optional:
        case TypeKind::Flagged: {
            const auto flags = reader.read<std::uint8_t>("a flag");
            writer.write(flags);
            return repeat(flags & 1);
        }
        case TypeKind::Array:
            return repeat(step.from->count);
        case TypeKind::Tuple:
            return repeat(1);
        case TypeKind::StampedList:
        case TypeKind::StampedMap: {
            const auto stamped = reader.read<std::uint8_t>("a flag");
            const std::size_t count = reader.readLength(stamped != 0 ? 1 + sizeof(std::int64_t) : 1);
            writer.write(stamped);
            writer.writeLength(count);
            if (stamped != 0) writer.writeBytes(reader.readBytes(count * sizeof(std::int64_t)));
            return repeat(count);
        }
        default: {
            const std::size_t count = reader.readLength();
            writer.writeLength(count);
            return repeat(count);
        }
    }
}

MILLRACE_INLINE_COLD void migrateValue(const MigrationStep& step, ByteReader& reader, ByteWriter& writer) {
    switch (step.kind) {
        case MigrationStep::Kind::Copy: {
            const std::byte* const begin = reader.readBytes(0).data();
            skipValue(*step.from, reader);
            writer.writeBytes({begin, reader.readBytes(0).data()});
            return;
        }
        case MigrationStep::Kind::Number:
            return migrateNumber(*step.from, *step.to, reader, writer);
        case MigrationStep::Kind::Ticks:
            return migrateTicks(step, reader, writer);
        case MigrationStep::Kind::Wrap:
            writer.write(std::uint8_t{1});
            return migrateValue(step.parts[0], reader, writer);
        case MigrationStep::Kind::Unwrap:
            if (reader.read<std::uint8_t>("a flag") == 0) return writer.writeBytes(step.fallback);
            return migrateValue(step.parts[0], reader, writer);
        case MigrationStep::Kind::Variant: {
            const std::size_t index = reader.read<std::uint8_t>("the alternative of a variant");
            if (index >= step.parts.size()) reader.fail("an alternative of a variant that there is not");
            writer.write(static_cast<std::uint8_t>(step.sources[index]));
            return migrateValue(step.parts[index], reader, writer);
        }
        case MigrationStep::Kind::Parts:
            return migrateParts(step, reader, writer);
        case MigrationStep::Kind::Record:
            return migrateRecord(step, reader, writer);
        case MigrationStep::Kind::Upgrade:
            return step.to->info->own->upgrade(reader, step.from->version, writer);
        case MigrationStep::Kind::Migration:
            return step.migration->migrate(reader, writer);
    }
}

}  // namespace millrace::detail

#endif  // MILLRACE_TYPES_VALUE_MIGRATION_IPP
