#ifndef MILLRACE_TESTS_FUZZ_SCHEMA_TARGET_HPP
#define MILLRACE_TESTS_FUZZ_SCHEMA_TARGET_HPP

#include <millrace/core/errors.hpp>
#include <millrace/types/codec.hpp>
#include <millrace/types/value_migration.hpp>

#include <fuzz/codec_target.hpp>
#include <fuzz/require.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fuzz {

/// The text of a schema up to a line feed, then a value of it: it is shown, read over, and brought into a type of ours.
inline void schema(std::span<const std::uint8_t> data) {
    using namespace millrace;
    const auto lineFeed = std::find(data.begin(), data.end(), std::uint8_t{10});
    const auto length = static_cast<std::size_t>(lineFeed - data.begin());
    const std::string_view text(reinterpret_cast<const char*>(data.data()), length);
    data = data.subspan(std::min(length + 1, data.size()));
    const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data.data()), data.size());
    detail::Schema from;
    try {
        from = detail::parseSchema(text);
    } catch (const CodecException&) {
        return;
    }
    require(from.text == text);

    // whatever can be shown can be read over, up to the same byte
    try {
        ByteReader reader(bytes);
        std::string shown;
        detail::describeEncoded(from, reader, shown);
        ByteReader over(bytes);
        detail::skipValue(from, over);
        require(over.offset() == reader.offset());
    } catch (const CodecException&) {}

    const detail::Schema to = detail::schemaOf(detail::kTypeInfo<Account>);
    std::vector<FieldChange> changes;
    const detail::MigrationStep step = detail::MigrationPlanner(changes).plan(from, to, "v");
    if (std::any_of(changes.begin(), changes.end(),
                    [](const FieldChange& each) { return each.fate == StateFate::Incompatible; })) {
        return;
    }
    try {
        ByteReader reader(bytes);
        ByteWriter migrated;
        detail::migrateValue(step, reader, migrated);
        const std::vector<std::byte> written = migrated.toVector();
        require(encodeToBytes(decodeFromBytes<Account>(written)).size() == written.size());
    } catch (const CodecException&) {}
}

}  // namespace fuzz

#endif  // MILLRACE_TESTS_FUZZ_SCHEMA_TARGET_HPP
