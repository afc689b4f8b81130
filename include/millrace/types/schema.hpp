#ifndef MILLRACE_TYPES_SCHEMA_HPP
#define MILLRACE_TYPES_SCHEMA_HPP

#include <millrace/core/bytes.hpp>
#include <millrace/core/config.hpp>
#include <millrace/types/type_info.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// What encoded values look like, known while the program runs: read from a snapshot, whose types this program may not have.

namespace millrace::detail {

/// The form of the values of one type.
struct Schema {
    TypeKind kind = TypeKind::None;  ///< None: by a codec of the user's, `text` is its name
    char letter = 0;
    std::uint8_t bytes = 0;
    std::uint32_t count = 0;  ///< elements of an array
    std::int64_t num = 0;
    std::int64_t den = 0;
    std::uint32_t version = 1;  ///< of a user's codec
    std::string text;           ///< as `typeText` spells it
    std::vector<Schema> parts;
    std::vector<std::string> names;  ///< of fields
    const TypeInfo* info = nullptr;  ///< the type of this program that it is of, where that is known

    bool isNumber() const noexcept { return kind == TypeKind::Integer || kind == TypeKind::Floating; }
    /// A user's codec without its version.
    std::string_view codecName() const noexcept;
};

/// The form of a type of this program.
Schema schemaOf(const TypeInfo& info);

/// Reads what `typeText` has written. *Failure:* CodecException saying where it is not that.
Schema parseSchema(std::string_view text);

/// Bytes that every value takes; 0 if that varies.
std::size_t fixedBytes(const Schema& schema) noexcept;

/// Reads over one value. *Failure:* CodecException, also for a codec of the user's whose type is not known here.
void skipValue(const Schema& schema, ByteReader& reader);

/// Reads one value and appends it as a text for people, as `describeValue` would: `{symbol: AAPL, price: 12.5}`. Values of a
/// user's codec are not understood: then nothing behind them can be read either.
/// *Failure:* CodecException.
void describeEncoded(const Schema& schema, ByteReader& reader, std::string& text);

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/types/schema.ipp>
#endif

#endif  // MILLRACE_TYPES_SCHEMA_HPP
