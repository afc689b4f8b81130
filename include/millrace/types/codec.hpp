#ifndef MILLRACE_TYPES_CODEC_HPP
#define MILLRACE_TYPES_CODEC_HPP

#include <millrace/core/bytes.hpp>
#include <millrace/types/codec_rules.hpp>
#include <millrace/types/derived_codec.hpp>
#include <millrace/types/type_info.hpp>

#include <span>
#include <string>
#include <vector>

namespace millrace {

/// How values of T are written to snapshots and messages, and read back. @public
///
/// Derived for bool, integers, float, double, enums, `std::string`, durations, time points of the system clock,
/// optional, variant, tuple, pair, arrays, vector-like containers, sets, maps, and every `Reflectable` record of these.
/// For any other type, or for another form, specialise it:
/// ```
/// template <> struct millrace::Codec<Money> {
///     static void encode(const Money& value, ByteWriter& writer) { writer.write(value.cents()); }
///     static void decode(ByteReader& reader, Money& value) { value = Money(reader.read<std::int64_t>()); }
///     static std::string name() { return "shop.Money"; }                    // stays the same for ever
///     static constexpr std::uint32_t version() { return 2; }                // may be left out: 1
///     static constexpr bool isDeterministic() { return true; }              // may be left out: false
/// };
/// ```
/// A codec writes at least one byte per value. `decode` gets a value in any valid state and overwrites it; it trusts
/// nothing it reads. The name of a derived codec spells the structure, `{symbol:string,price:f64}`, never a compiler's
/// name of a type, so it tells whether old bytes still fit. `isDeterministic`: equal values always give equal bytes.
///
/// *Failure:* `decode` throws CodecException naming the byte and what was expected there; the value is then valid but
/// unspecified. A type without codec is a compile error that names the field.
template <class T>
struct Codec {
    using DerivedByMillrace = void;

    static void encode(const T& value, ByteWriter& writer) {
        static_assert(detail::RequireCodec<T>::kChecked);
        if constexpr (HasCodec<T>) detail::encodeDerived(value, writer);
    }
    static void decode(ByteReader& reader, T& value) {
        static_assert(detail::RequireCodec<T>::kChecked);
        if constexpr (HasCodec<T>) detail::decodeDerived(reader, value);
    }
    static std::string name() {
        static_assert(detail::RequireCodec<T>::kChecked);
        if constexpr (HasCodec<T>) {
            return detail::typeText(detail::kTypeInfo<T>);
        } else {
            return {};
        }
    }
    static constexpr std::uint32_t version() { return 1; }
    static constexpr bool isDeterministic() {
        static_assert(detail::RequireCodec<T>::kChecked);
        if constexpr (HasCodec<T>) {
            return detail::derivedIsDeterministic<T>();
        } else {
            return false;
        }
    }
};

/// Appends the bytes of a value. @public
template <class T>
void encodeTo(ByteWriter& writer, const T& value) {
    Codec<T>::encode(value, writer);
}

/// The bytes of a value. @public
template <class T>
std::vector<std::byte> encodeToBytes(const T& value) {
    ByteWriter writer;
    Codec<T>::encode(value, writer);
    return writer.toVector();
}

/// The value that takes up all of `bytes`. *Failure:* CodecException. @public
template <class T>
T decodeFromBytes(std::span<const std::byte> bytes) {
    T value{};
    ByteReader reader(bytes);
    Codec<T>::decode(reader, value);
    reader.expectEnd();
    return value;
}

/// Name and version of T's codec, as a snapshot records them: "shop.Money@2"; version 1 is left out. @public
template <class T>
std::string codecName() {
    return detail::typeText(detail::kTypeInfo<T>);
}

/// Version of T's codec. @public
template <class T>
constexpr std::uint32_t codecVersion() {
    return detail::codecVersionOf<T>();
}

/// Whether equal values of T always have equal bytes. @public
template <class T>
constexpr bool codecIsDeterministic() {
    return detail::codecIsDeterministicFor<T>();
}

}  // namespace millrace

#endif  // MILLRACE_TYPES_CODEC_HPP
