#ifndef MILLRACE_OPERATORS_KEY_ENCODER_HPP
#define MILLRACE_OPERATORS_KEY_ENCODER_HPP

#include <millrace/core/bytes.hpp>
#include <millrace/core/functional.hpp>
#include <millrace/types/codec.hpp>
#include <millrace/types/key_hash.hpp>

#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>

namespace millrace::detail {

/// Encodes the keys of records of one type: what every keyBy brings with it for sorting. The sorting itself is in
/// sort_buffer.hpp, and only compiled where batch execution is used.
class KeyEncoder {
public:
    virtual ~KeyEncoder() = default;
    /// Appends the key of a record; returns its hash.
    virtual std::uint32_t encode(const void* record, ByteWriter& bytes) = 0;
};

template <class T, class KeySelector>
class KeyEncoderOf final : public KeyEncoder {
    using Key = KeyDecay<std::invoke_result_t<KeySelector&, const T&>>;

public:
    explicit KeyEncoderOf(const KeySelector& selector) : selector_(selector) {}

    std::uint32_t encode(const void* record, ByteWriter& bytes) override {
        decltype(auto) selected = detail::invoke(selector_, *static_cast<const T*>(record));
        const Key& key = oneZero(selected);
        Codec<Key>::encode(key, bytes);
        return keyHashByCall(key);
    }

private:
    /// Equal keys must have equal bytes: -0.0 and 0.0 are one key, and so are all that are not a number.
    template <class Selected>
    static decltype(auto) oneZero(const Selected& key) {
        if constexpr (std::is_floating_point_v<Key>) {
            return key != key ? std::numeric_limits<Key>::quiet_NaN() : key + Key{0};
        } else if constexpr (std::is_same_v<Selected, Key>) {
            return (key);
        } else {
            return Key(key);
        }
    }

    KeySelector selector_;
};

}  // namespace millrace::detail

#endif  // MILLRACE_OPERATORS_KEY_ENCODER_HPP
