#ifndef MILLRACE_OPERATORS_RECORD_CODEC_HPP
#define MILLRACE_OPERATORS_RECORD_CODEC_HPP

#include <millrace/core/bytes.hpp>
#include <millrace/record/batch.hpp>
#include <millrace/types/codec.hpp>

#include <concepts>
#include <type_traits>

namespace millrace::detail {

/// How records are saved that are on their way over an exchange, or sorted, for code that does not know their type.
struct RecordCodec {
    const RecordLayout* layout;
    const TypeInfo* maybe;  ///< of an optional record
    void (*encode)(const void* record, ByteWriter& writer);
    /// Makes a record in uninitialised room. *Failure:* CodecException; then there is none.
    void (*decode)(ByteReader& reader, void* room);
};

template <class T>
inline constexpr TypeInfo kMaybeInfo{.kind = TypeKind::Optional, .count = 1, .parts = kPartInfos<T>};

template <class T>
void encodeFrom(const void* record, ByteWriter& writer) {
    Codec<T>::encode(*static_cast<const T*>(record), writer);
}
template <class T>
void decodeInto(ByteReader& reader, void* room) {
    T* const record = ::new (room) T{};
    try {
        Codec<T>::decode(reader, *record);
    } catch (...) {
        record->~T();
        throw;
    }
}

template <class T>
inline constexpr RecordCodec kRecordCodec{&kRecordLayout<T>, &kMaybeInfo<T>, &encodeFrom<T>, &decodeInto<T>};

/// Null for records that cannot be saved.
template <class T>
constexpr const RecordCodec* recordCodec() {
    if constexpr (HasCodec<T> && std::default_initializable<T>) {
        return &kRecordCodec<T>;
    } else {
        return nullptr;
    }
}

}  // namespace millrace::detail

#endif  // MILLRACE_OPERATORS_RECORD_CODEC_HPP
