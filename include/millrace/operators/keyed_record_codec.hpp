#ifndef MILLRACE_OPERATORS_KEYED_RECORD_CODEC_HPP
#define MILLRACE_OPERATORS_KEYED_RECORD_CODEC_HPP

#include <millrace/core/bytes.hpp>
#include <millrace/core/functional.hpp>
#include <millrace/core/list.hpp>
#include <millrace/record/collector.hpp>
#include <millrace/types/codec.hpp>
#include <millrace/types/key_hash.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>
#include <utility>

// The typed side of sorting by key. What every keyBy brings with it is here and small; the sorting itself is in
// sort_buffer.hpp and only compiled where batch execution is used.

namespace millrace::detail {

/// Records of one input, encoded: key and record, one behind the other.
struct EncodedRecords {
    struct Entry {
        std::uint64_t keyBegin;
        std::int64_t time;
        std::uint32_t hash;
        std::uint32_t keyLength;
        std::uint32_t recordLength;
    };
    ByteWriter bytes;
    List<Entry> entries;
};

/// Makes and reads encoded records of one type. One per subtask and keyed input.
class KeyedRecordCodec {
public:
    virtual ~KeyedRecordCodec() = default;
    virtual void encode(BlockRef block, EncodedRecords& into) = 0;
    /// Decoded records gather in a block until `clear`. *Failure:* CodecException.
    virtual void decode(std::span<const std::byte> record, Timestamp time) = 0;
    virtual BlockRef decoded() = 0;
    virtual bool full() const = 0;
    virtual void clear() = 0;
};

template <class T, class KeySelector>
class TypedKeyedRecordCodec final : public KeyedRecordCodec {
    using Key = KeyDecay<std::invoke_result_t<KeySelector&, const T&>>;

public:
    explicit TypedKeyedRecordCodec(const KeySelector& selector) : selector_(selector) {}
    [[gnu::cold]] ~TypedKeyedRecordCodec() override = default;

    void encode(BlockRef erased, EncodedRecords& into) override {
        const auto block = erased.as<T>();
        for (std::size_t i = 0; i < block.size; ++i) {
            decltype(auto) selected = detail::invoke(selector_, std::as_const(block.values[i]));
            const Key& key = oneZero(selected);
            const std::size_t keyBegin = into.bytes.size();
            Codec<Key>::encode(key, into.bytes);
            const std::size_t recordBegin = into.bytes.size();
            Codec<T>::encode(block.values[i], into.bytes);
            into.entries.push_back({keyBegin, block.timestampOf(i).time_since_epoch().count(), keyHashByCall(key),
                                    static_cast<std::uint32_t>(recordBegin - keyBegin),
                                    static_cast<std::uint32_t>(into.bytes.size() - recordBegin)});
        }
    }
    void decode(std::span<const std::byte> record, Timestamp time) override {
        const std::size_t at = out_.size();
        ByteReader reader(record);
        T value{};
        Codec<T>::decode(reader, value);
        out_.collect(std::move(value));
        out_.stampFrom(at, time);
        timed_ = timed_ || time != kMinTimestamp;
    }
    BlockRef decoded() override { return out_.block(timed_); }
    bool full() const override { return out_.full(); }
    void clear() override {
        out_.clear();
        timed_ = false;
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
    Collector<T> out_;
    bool timed_ = false;
};

}  // namespace millrace::detail

#endif  // MILLRACE_OPERATORS_KEYED_RECORD_CODEC_HPP
