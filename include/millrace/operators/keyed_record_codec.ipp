#include <millrace/operators/keyed_record_codec.hpp>

#include <utility>

namespace millrace::detail {

MILLRACE_INLINE_COLD KeyedRecordCodec::KeyedRecordCodec(Owner<KeyEncoder> keys, const RecordCodec& records)
    : keys_(std::move(keys)), records_(records) {
    const std::size_t capacity = records.layout->capacity;
    const std::size_t valueBytes = (capacity * records.layout->recordBytes + 63) / 64 * 64;
    values_ = static_cast<std::byte*>(::operator new(valueBytes + capacity * sizeof(Timestamp), kAlignment));
    times_ = reinterpret_cast<Timestamp*>(values_ + valueBytes);
}
MILLRACE_INLINE_COLD KeyedRecordCodec::~KeyedRecordCodec() {
    clear();
    ::operator delete(values_, kAlignment);
}

MILLRACE_INLINE void KeyedRecordCodec::encode(BlockRef block, EncodedRecords& into) {
    const auto* record = static_cast<const std::byte*>(block.values);
    for (std::size_t i = 0; i < block.size; ++i, record += records_.layout->recordBytes) {
        const std::size_t keyBegin = into.bytes.size();
        const std::uint32_t hash = keys_->encode(record, into.bytes);
        const std::size_t recordBegin = into.bytes.size();
        records_.encode(record, into.bytes);
        const Timestamp time = block.timestamps != nullptr ? block.timestamps[i] : kMinTimestamp;
        into.entries.push_back({keyBegin, time.time_since_epoch().count(), hash,
                                static_cast<std::uint32_t>(recordBegin - keyBegin),
                                static_cast<std::uint32_t>(into.bytes.size() - recordBegin)});
    }
}

MILLRACE_INLINE void KeyedRecordCodec::decode(std::span<const std::byte> record, Timestamp time) {
    ByteReader reader(record);
    records_.decode(reader, values_ + size_ * records_.layout->recordBytes);
    times_[size_++] = time;
    timed_ = timed_ || time != kMinTimestamp;
}

MILLRACE_INLINE void KeyedRecordCodec::clear() noexcept {
    if (records_.layout->destroy != nullptr) records_.layout->destroy(values_, size_);
    size_ = 0;
    timed_ = false;
}

}  // namespace millrace::detail
