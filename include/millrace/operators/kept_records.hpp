#ifndef MILLRACE_OPERATORS_KEPT_RECORDS_HPP
#define MILLRACE_OPERATORS_KEPT_RECORDS_HPP

#include <millrace/core/errors.hpp>
#include <millrace/operators/rolling_functions.hpp>
#include <millrace/record/block.hpp>
#include <millrace/state/table_slot.hpp>

#include <bit>
#include <cstddef>
#include <cstring>
#include <new>
#include <type_traits>
#include <utility>

// A rolling sum keeps the first record of each key, with the sum in it. The key is a field of that record, and the table has it
// once more. Where both are numbers records are kept without their keys: a table that is larger than the cache is as fast
// as it is small.

namespace millrace::detail {

/// What a reduction keeps of records: all of them.
template <class T, class Fn>
class WholeRecords {
public:
    using Kept = T;
    static constexpr bool kHasOthers = true;

    template <class KeySelector>
    WholeRecords(const KeySelector&, const Fn&) noexcept {}

    template <class Record>
    static Record&& keep(Record&& record) noexcept {
        return static_cast<Record&&>(record);
    }
    template <class Key, class Record>
    static Record&& recordOf(const Key&, Record&& kept) noexcept {
        return static_cast<Record&&>(kept);
    }

    // for what FoldsField: the field that is folded, and the others of a record with the same key
    static auto folded(const Fn& fn, const T& kept) { return detail::invoke(fn.field, kept); }
    template <class Field>
    static void setFolded(const Fn& fn, T& kept, const Field& folded) {
        detail::invoke(fn.field, kept) = folded;
    }
    static void putOthers(const T& kept, T& record) { record = kept; }
};

/// The bytes of a record without as many as a key has. A record of A, B, the key and C, each as large as the key, is kept as
///     B  A  C
/// all but its first part, which has the place of the key; where the key comes first, all but the key. So a field that is no
/// larger than the key stays in one piece.
template <class T, class Key>
struct RecordRest {
    alignas(Key) std::byte bytes[sizeof(T) - sizeof(Key)];
};

/// Records without the field that is their key.
template <class T, class Key, class Fn>
class RecordsWithoutKey {
    using Field = FieldOf<decltype(Fn::field), T>;
    static constexpr std::size_t kKeyBytes = sizeof(Key);

public:
    using Kept = RecordRest<T, Key>;
    /// Besides the key and the field.
    static constexpr bool kHasOthers = sizeof(Kept) > sizeof(Field);

    /// *Failure:* GraphException if the field that is folded is part of the key, as in a union.
    RecordsWithoutKey(Key T::*key, const Fn& fn) : key_(key), keyAt_(offsetOf(key)) {
        const std::size_t field = offsetOf(fn.field);
        if (field < keyAt_ + kKeyBytes && keyAt_ < field + sizeof(Field)) {
            throw GraphException(
                "sum, min or max of a field that shares its memory with the key, as in a union: copy one of them to "
                "another field first");
        }
        foldedAt_ = field >= kKeyBytes ? field - kKeyBytes : keyAt_ - kKeyBytes + field;
    }

    /// The rest of a record as bytes, the field that is folded among them.
    Kept keep(const T& record) const noexcept {
        const auto* const bytes = reinterpret_cast<const std::byte*>(&record);
        Kept kept;
        std::memcpy(kept.bytes, bytes + kKeyBytes, sizeof(Kept));
        if (keyAt_ != 0) std::memcpy(kept.bytes + keyAt_ - kKeyBytes, bytes, kKeyBytes);
        return kept;
    }
    T recordOf(const Key& key, const Kept& kept) const noexcept {
        struct Bytes {
            alignas(T) std::byte bytes[sizeof(T)];
        } record;
        putBytes(kept, record.bytes);
        std::memcpy(record.bytes + keyAt_, &key, kKeyBytes);
        return std::bit_cast<T>(record);
    }

    // Not by memcpy: g++ would have the number in a register for integers, and move it to and fro for each record of a run.
    Field folded(const Fn&, const Kept& kept) const noexcept {
        return *std::launder(reinterpret_cast<const Field*>(kept.bytes + foldedAt_));
    }
    void setFolded(const Fn&, Kept& kept, const Field& folded) const noexcept {
        *std::launder(reinterpret_cast<Field*>(kept.bytes + foldedAt_)) = folded;
    }
    void putOthers(const Kept& kept, T& record) const noexcept {
        if constexpr (!kHasOthers) return;
        if (keyAt_ == 0) {
            std::memcpy(reinterpret_cast<std::byte*>(&record) + kKeyBytes, kept.bytes, sizeof(Kept));
        } else {
            const Key key = record.*key_;
            putBytes(kept, reinterpret_cast<std::byte*>(&record));
            record.*key_ = key;
        }
    }

private:
    template <class Member>
    static std::size_t offsetOf(Member member) noexcept {  // it may be one of a base
        alignas(T) std::byte room[sizeof(T)];
        const auto& field = reinterpret_cast<const T*>(room)->*member;
        return static_cast<std::size_t>(reinterpret_cast<const std::byte*>(&field) - room);
    }
    /// All but the key. If it comes first, what is copied to its place is of no account.
    void putBytes(const Kept& kept, std::byte* record) const noexcept {
        std::memcpy(record + kKeyBytes, kept.bytes, sizeof(Kept));
        std::memcpy(record, kept.bytes + (keyAt_ != 0 ? keyAt_ - kKeyBytes : 0), kKeyBytes);
    }

    Key T::*key_;
    std::size_t keyAt_;
    std::size_t foldedAt_ = 0;
};

/// Whether a reduction can keep records without keys, and gains by it. Fields are of different types, so that they are different
/// ones, and lie where their alignment says. An entry that fits into cache lines is not exchanged for a smaller one that does not.
template <class T, class KeySelector, class Key, class Fn>
inline constexpr bool kKeepsNoKeys = false;
template <class T, class Key, class Fn>
    requires kIntegerKey<Key> && FoldsField<Fn, T> && kBlockwise<T>
inline constexpr bool kKeepsNoKeys<T, Key T::*, Key, Fn> = [] {
    using Field = FieldOf<decltype(Fn::field), T>;
    // what is left has room for the first part
    constexpr bool kAligned = sizeof(T) >= 2 * sizeof(Key) && alignof(Key) == sizeof(Key) &&
                              alignof(Field) == sizeof(Field) && alignof(Key) <= alignof(T) &&
                              alignof(Field) <= alignof(T);
    if constexpr (kAligned && !std::is_same_v<Field, Key> && sizeof(Field) <= sizeof(Key)) {
        constexpr std::size_t kWithout = sizeof(TableSlot<Key, RecordRest<T, Key>>);
        constexpr std::size_t kWhole = sizeof(TableSlot<Key, T>);
        return kWithout < kWhole && (64 % kWithout == 0 || 64 % kWhole != 0);
    }
    return false;
}();

template <class T, class KeySelector, class Key, class Fn>
using KeptRecords =
    std::conditional_t<kKeepsNoKeys<T, KeySelector, Key, Fn>, RecordsWithoutKey<T, Key, Fn>, WholeRecords<T, Fn>>;

/// Folds a record into one field of what is kept of its key, and makes it the state behind it.
template <class T, class Fn, class Records>
[[gnu::always_inline]] inline void foldRecord(const Fn& fn, const Records& records, typename Records::Kept& kept,
                                              T& record) {
    auto folded = records.folded(fn, kept);
    fn.foldInto(folded, std::as_const(record));
    // before `kept` changes: what is read at once would wait for what is being written
    records.putOthers(kept, record);
    detail::invoke(fn.field, record) = folded;
    records.setFolded(fn, kept, folded);
}

/// The same for a run of records of one key. Meanwhile the field is in a register: through a pointer to member each record
/// would wait until the one before has stored it.
template <class T, class Fn, class Records>
class FieldRun {
    using Kept = typename Records::Kept;
    struct Nothing {
        explicit Nothing(const T&) noexcept {}
    };

public:
    FieldRun(const Fn& fn, const Records& records, Kept& kept, const T& first) noexcept
        : fn_(fn), records_(records), kept_(kept), state_(first), folded_(records.folded(fn, kept)) {
        if constexpr (Records::kHasOthers) records.putOthers(kept, state_);
    }
    FieldRun(const FieldRun&) = delete;
    FieldRun& operator=(const FieldRun&) = delete;
    ~FieldRun() { records_.setFolded(fn_, kept_, folded_); }

    [[gnu::always_inline]] void operator()(T& record) {
        fn_.foldInto(folded_, std::as_const(record));
        if constexpr (Records::kHasOthers) record = state_;
        detail::invoke(fn_.field, record) = folded_;
    }

private:
    Fn fn_;
    [[no_unique_address]] Records records_;
    Kept& kept_;
    [[no_unique_address]] std::conditional_t<Records::kHasOthers, T, Nothing> state_;  ///< but for the field
    FieldOf<decltype(Fn::field), T> folded_;
};

}  // namespace millrace::detail

#endif  // MILLRACE_OPERATORS_KEPT_RECORDS_HPP
