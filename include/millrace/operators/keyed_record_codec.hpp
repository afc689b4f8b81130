#ifndef MILLRACE_OPERATORS_KEYED_RECORD_CODEC_HPP
#define MILLRACE_OPERATORS_KEYED_RECORD_CODEC_HPP

#include <millrace/core/bytes.hpp>
#include <millrace/core/config.hpp>
#include <millrace/core/list.hpp>
#include <millrace/core/owner.hpp>
#include <millrace/operators/key_encoder.hpp>
#include <millrace/operators/record_codec.hpp>
#include <millrace/record/block.hpp>

#include <cstddef>
#include <cstdint>
#include <new>
#include <span>

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
    KeyedRecordCodec(Owner<KeyEncoder> keys, const RecordCodec& records);
    KeyedRecordCodec(const KeyedRecordCodec&) = delete;
    KeyedRecordCodec& operator=(const KeyedRecordCodec&) = delete;
    ~KeyedRecordCodec();

    void encode(BlockRef block, EncodedRecords& into);
    /// Decoded records gather in a block until `clear`; not when it is `full`. *Failure:* CodecException.
    void decode(std::span<const std::byte> record, Timestamp time);
    BlockRef decoded() noexcept { return {values_, timed_ ? times_ : nullptr, nullptr, size_}; }
    bool full() const noexcept { return size_ == records_.layout->capacity; }
    void clear() noexcept;

private:
    static constexpr std::align_val_t kAlignment{64};

    Owner<KeyEncoder> keys_;
    const RecordCodec& records_;
    std::byte* values_;  ///< room for a block, and behind it for its times
    Timestamp* times_;
    std::size_t size_ = 0;
    bool timed_ = false;
};

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/operators/keyed_record_codec.ipp>
#endif

#endif  // MILLRACE_OPERATORS_KEYED_RECORD_CODEC_HPP
