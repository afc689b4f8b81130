#ifndef MILLRACE_TYPES_DERIVED_CODEC_HPP
#define MILLRACE_TYPES_DERIVED_CODEC_HPP

#include <millrace/core/bytes.hpp>
#include <millrace/core/message.hpp>
#include <millrace/types/codec_rules.hpp>

#include <cstddef>
#include <cstdint>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

// The codecs millrace derives. Parts go through Codec<Part>, so that a user's specialisation counts everywhere.

namespace millrace::detail {

/// Bytes that every value of T takes; 0 if that varies. Such types are checked for room once and then copied.
template <class T>
constexpr std::size_t fixedCodecBytes() {
    if constexpr (HasOwnCodec<T>) {
        return 0;
    } else {
        constexpr TypeKind kind = kTypeKind<T>;
        if constexpr (kind == TypeKind::Boolean || kind == TypeKind::Integer || kind == TypeKind::Floating ||
                      kind == TypeKind::Enumeration) {
            return sizeof(T);
        } else if constexpr (kind == TypeKind::Duration || kind == TypeKind::TimePoint) {
            return sizeof(typename T::rep);
        } else if constexpr (kind == TypeKind::Array) {
            return arraySize<T>() * fixedCodecBytes<ArrayElement<T>>();
        } else if constexpr (kind == TypeKind::Tuple || kind == TypeKind::Aggregate) {
            std::size_t sum = 0;
            const bool fixed = allParts<T>([&]<class Part>() {
                sum += fixedCodecBytes<Part>();
                return fixedCodecBytes<Part>() != 0;
            });
            return fixed ? sum : 0;
        } else {
            return 0;
        }
    }
}

template <class T>
inline constexpr std::size_t kFixedCodecBytes = fixedCodecBytes<T>();

/// Fewest bytes that a value of T takes: bounds the number of elements that may follow a length.
template <class T>
constexpr std::size_t minCodecBytes() {
    constexpr TypeKind kind = kTypeKind<T>;
    if constexpr (kFixedCodecBytes<T> != 0) {
        return kFixedCodecBytes<T>;
    } else if constexpr (HasOwnCodec<T>) {
        return 1;
    } else if constexpr (kind == TypeKind::String || kind == TypeKind::Sequence || kind == TypeKind::Set ||
                         kind == TypeKind::Map) {
        return sizeof(std::uint32_t);
    } else if constexpr (kind == TypeKind::Tuple || kind == TypeKind::Aggregate) {
        std::size_t sum = 0;
        allParts<T>([&]<class Part>() {
            sum += minCodecBytes<Part>();
            return true;
        });
        return sum == 0 ? 1 : sum;
    } else {
        return 1;
    }
}

template <class T>
inline constexpr bool kCopiedAsBytes =
    !HasOwnCodec<T> &&
    (kTypeKind<T> == TypeKind::Integer || kTypeKind<T> == TypeKind::Floating || kTypeKind<T> == TypeKind::Enumeration);

template <class T>
constexpr decltype(auto) applyToParts(T& value, auto&& fn) {
    if constexpr (kTypeKind<T> == TypeKind::Aggregate) {
        return applyToFields(value, fn);
    } else {
        return std::apply(fn, value);
    }
}

template <class T>
constexpr bool hasParts() {
    std::size_t parts = 0;
    allParts<T>([&]<class Part>() { return ++parts != 0; });
    return parts != 0;
}

// ---- encoding

/// Writes the bytes of a value to `at`, and returns where they end. A pointer, since a writer's own size would be loaded and
/// stored again with every field: bytes may lie anywhere.
template <class T>
std::byte* encodeFixed(const T& value, std::byte* at) noexcept {
    constexpr TypeKind kind = kTypeKind<T>;
    if constexpr (kind == TypeKind::Duration) {
        return encodeFixed(value.count(), at);
    } else if constexpr (kind == TypeKind::TimePoint) {
        return encodeFixed(value.time_since_epoch().count(), at);
    } else if constexpr (kind == TypeKind::Array) {
        for (const auto& element : value) at = encodeFixed(element, at);
        return at;
    } else if constexpr (kind == TypeKind::Tuple || kind == TypeKind::Aggregate) {
        applyToParts(value, [&](const auto&... part) { ((at = encodeFixed(part, at)), ...); });
        return at;
    } else {
        std::memcpy(at, &value, sizeof(T));
        return at + sizeof(T);
    }
}

template <class Container>
void encodeElements(const Container& container, ByteWriter& writer) {
    using Element = typename Container::value_type;
    writer.writeLength(container.size());
    if constexpr (kCopiedAsBytes<Element> && requires { container.data(); }) {
        writer.writeBytes(container.data(), container.size() * sizeof(Element));
    } else {
        for (const Element& element : container) Codec<Element>::encode(element, writer);
    }
}

template <class T>
void encodeDerived(const T& value, ByteWriter& writer) {
    constexpr TypeKind kind = kTypeKind<T>;
    if constexpr (kFixedCodecBytes<T> != 0) {
        encodeFixed(value, writer.extend(kFixedCodecBytes<T>));
    } else if constexpr (kind == TypeKind::String) {
        writer.writeString(value);
    } else if constexpr (kind == TypeKind::Optional) {
        writer.write(static_cast<std::uint8_t>(value.has_value()));
        if (value) Codec<typename T::value_type>::encode(*value, writer);
    } else if constexpr (kind == TypeKind::Variant) {
        static_assert(std::variant_size_v<T> <= 255, "millrace: a variant in state has at most 255 alternatives");
        if (value.valueless_by_exception()) throw CodecException("cannot encode a variant without a value");
        writer.write(static_cast<std::uint8_t>(value.index()));
        std::visit([&]<class Part>(const Part& part) { Codec<Part>::encode(part, writer); }, value);
    } else if constexpr (kind == TypeKind::Array) {
        for (const auto& element : value) Codec<ArrayElement<T>>::encode(element, writer);
    } else if constexpr (kind == TypeKind::Sequence || kind == TypeKind::Set) {
        encodeElements(value, writer);
    } else if constexpr (kind == TypeKind::Map) {
        writer.writeLength(value.size());
        for (const auto& [key, mapped] : value) {
            Codec<typename T::key_type>::encode(key, writer);
            Codec<typename T::mapped_type>::encode(mapped, writer);
        }
    } else if constexpr (hasParts<T>()) {
        applyToParts(value, [&]<class... Part>(const Part&... part) { (Codec<Part>::encode(part, writer), ...); });
    } else {
        writer.write(std::uint8_t{0});  // nothing to say, but lengths are bounded by the bytes that follow
    }
}

// ---- decoding

inline bool decodeFlag(std::uint8_t byte, const ByteReader& reader, const char* what) {
    if (byte > 1) [[unlikely]] {
        reader.fail(message("expected {} (0 or 1), found {}", {what, byte}));
    }
    return byte == 1;
}

/// The bytes are there.
template <class T>
void decodeFixed(ByteReader& reader, T& value) {
    constexpr TypeKind kind = kTypeKind<T>;
    if constexpr (kind == TypeKind::Boolean) {
        value = decodeFlag(reader.readUnchecked<std::uint8_t>(), reader, "a bool");
    } else if constexpr (kind == TypeKind::Duration) {
        value = T(reader.readUnchecked<typename T::rep>());
    } else if constexpr (kind == TypeKind::TimePoint) {
        value = T(typename T::duration(reader.readUnchecked<typename T::rep>()));
    } else if constexpr (kind == TypeKind::Array) {
        for (auto& element : value) decodeFixed(reader, element);
    } else if constexpr (kind == TypeKind::Tuple || kind == TypeKind::Aggregate) {
        applyToParts(value, [&](auto&... part) { (decodeFixed(reader, part), ...); });
    } else {
        value = reader.readUnchecked<T>();
    }
}

template <class Container>
void decodeElements(ByteReader& reader, Container& container) {
    using Element = typename Container::value_type;
    const std::size_t count = reader.readLength(minCodecBytes<Element>(), "a list");
    if constexpr (std::is_same_v<Element, bool>) {
        container.clear();
        for (std::size_t i = 0; i < count; ++i) {
            container.emplace_back(decodeFlag(reader.read<std::uint8_t>(), reader, "a bool"));
        }
    } else if constexpr (kCopiedAsBytes<Element> && requires { container.data(); }) {
        const auto bytes = reader.readBytes(count * sizeof(Element));
        container.resize(count);
        if (count != 0) std::memcpy(container.data(), bytes.data(), bytes.size());
    } else {
        // not resize(count): a damaged length must fail before it has cost sizeof(Element) for each byte that follows
        if (container.size() > count) container.resize(count);
        for (auto& element : container) Codec<Element>::decode(reader, element);
        while (container.size() < count) {
            container.emplace_back();
            Codec<Element>::decode(reader, container.back());
        }
    }
}

template <class T>
void decodeVariant(ByteReader& reader, T& value) {
    const std::size_t index = reader.read<std::uint8_t>("the alternative of a variant");
    const bool known = [&]<std::size_t... I>(std::index_sequence<I...>) {
        const auto tryAlternative = [&]<std::size_t Index>(std::integral_constant<std::size_t, Index>) {
            if (index != Index) return false;
            if (value.index() != Index) value.template emplace<Index>();
            Codec<std::variant_alternative_t<Index, T>>::decode(reader, std::get<Index>(value));
            return true;
        };
        return (tryAlternative(std::integral_constant<std::size_t, I>{}) || ...);
    }(std::make_index_sequence<std::variant_size_v<T>>{});
    if (!known) {
        reader.fail(message("expected one of the {} alternatives of a variant, found number {}",
                            {std::variant_size_v<T>, index}));
    }
}

template <class T>
void decodeDerived(ByteReader& reader, T& value) {
    constexpr TypeKind kind = kTypeKind<T>;
    if constexpr (kFixedCodecBytes<T> != 0) {
        reader.require(kFixedCodecBytes<T>);
        decodeFixed(reader, value);
    } else if constexpr (kind == TypeKind::String) {
        value = reader.readString();
    } else if constexpr (kind == TypeKind::Optional) {
        if (decodeFlag(reader.read<std::uint8_t>("an optional value"), reader, "the flag of an optional value")) {
            if (!value) value.emplace();
            Codec<typename T::value_type>::decode(reader, *value);
        } else {
            value.reset();
        }
    } else if constexpr (kind == TypeKind::Variant) {
        decodeVariant(reader, value);
    } else if constexpr (kind == TypeKind::Array) {
        for (auto& element : value) Codec<ArrayElement<T>>::decode(reader, element);
    } else if constexpr (kind == TypeKind::Sequence) {
        decodeElements(reader, value);
    } else if constexpr (kind == TypeKind::Set) {
        const std::size_t count = reader.readLength(minCodecBytes<typename T::key_type>(), "a set");
        value.clear();
        for (std::size_t i = 0; i < count; ++i) {
            typename T::key_type key{};
            Codec<typename T::key_type>::decode(reader, key);
            if (!value.emplace(std::move(key)).second) reader.fail("an element of a set stands there twice");
        }
    } else if constexpr (kind == TypeKind::Map) {
        const std::size_t count = reader.readLength(
            minCodecBytes<typename T::key_type>() + minCodecBytes<typename T::mapped_type>(), "a map");
        value.clear();
        for (std::size_t i = 0; i < count; ++i) {
            typename T::key_type key{};
            typename T::mapped_type mapped{};
            Codec<typename T::key_type>::decode(reader, key);
            Codec<typename T::mapped_type>::decode(reader, mapped);
            if (!value.emplace(std::move(key), std::move(mapped)).second) {
                reader.fail("a key of a map stands there twice");
            }
        }
    } else if constexpr (hasParts<T>()) {
        applyToParts(value, [&]<class... Part>(Part&... part) { (Codec<Part>::decode(reader, part), ...); });
    } else {
        if (const auto byte = reader.read<std::uint8_t>("an empty value"); byte != 0) {
            reader.fail(message("expected an empty value (0), found {}", {byte}));
        }
    }
}

// ---- properties

template <class T>
constexpr bool codecIsDeterministicFor() {
    if constexpr (requires { Codec<T>::isDeterministic(); }) {
        return Codec<T>::isDeterministic();
    } else {
        return false;
    }
}

template <class T>
constexpr bool derivedIsDeterministic() {
    if constexpr (kTypeKind<T> == TypeKind::Floating) {
        return false;  // 0.0 == -0.0
    } else if constexpr (kIsChronoDuration<T>) {
        return codecIsDeterministicFor<typename T::rep>();
    } else if constexpr (Hashed<T>) {
        return false;
    } else {
        return allParts<T>([]<class Part>() { return codecIsDeterministicFor<Part>(); });
    }
}

}  // namespace millrace::detail

#endif  // MILLRACE_TYPES_DERIVED_CODEC_HPP
