#ifndef MILLRACE_RECORD_BLOCK_HPP
#define MILLRACE_RECORD_BLOCK_HPP

#include <millrace/core/algorithm.hpp>
#include <millrace/time/timestamp.hpp>

#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>

namespace millrace::detail {

/// Records that a stage handles at once: 16 KiB of them, so that a block and its successor stay in L1.
template <class T>
inline constexpr std::size_t kBlockRecords = std::clamp<std::size_t>(16 * 1024 / sizeof(T), 16, 1024);

/// Where a column of records begins: a cache line, or what the type asks for.
template <class T>
inline constexpr std::size_t kColumnAlignment = std::max(alignof(T), std::size_t{64});

/// Plain records travel through a stage as blocks; records that own memory move through one by one.
template <class T>
inline constexpr bool kBlockwise = std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>;

// Of the standard library's functions for uninitialised memory each is five to ten functions for each type.

/// Makes records in uninitialised room: copies, or (from what is not const) moves. After an exception there are none.
template <class T, class From>
[[gnu::noinline]] void constructRecords(From* from, std::size_t count, T* to) {
    using Source = std::conditional_t<std::is_const_v<From>, const T&, T&&>;
    if constexpr (std::is_nothrow_constructible_v<T, Source>) {
        for (std::size_t i = 0; i < count; ++i) ::new (static_cast<void*>(to + i)) T(static_cast<Source>(from[i]));
    } else {
        std::size_t done = 0;
        try {
            for (; done < count; ++done) ::new (static_cast<void*>(to + done)) T(static_cast<Source>(from[done]));
        } catch (...) {
            while (done > 0) to[--done].~T();
            throw;
        }
    }
}

template <class T>
[[gnu::noinline]] void destroyEach(T* records, std::size_t count) noexcept {
    for (std::size_t i = 0; i < count; ++i) records[i].~T();
}
template <class T>
void destroyRecords(T* records, std::size_t count) noexcept {
    if constexpr (!std::is_trivially_destructible_v<T>) destroyEach(records, count);
}

/// A run of records on their way through a stage: columns that belong to the sender.
/// All `size` values are live objects; the receiver may overwrite or move from them, the sender destroys them.
/// Never contains a control event.
template <class T>
struct Block {
    T* values = nullptr;
    Timestamp* timestamps = nullptr;        ///< null until timestamps are assigned
    const std::uint32_t* hashes = nullptr;  ///< key hashes, where an exchange has computed them; else null
    std::size_t size = 0;

    Timestamp timestampOf(std::size_t index) const noexcept {
        return timestamps != nullptr ? timestamps[index] : kMinTimestamp;
    }
    Block slice(std::size_t from, std::size_t count) const noexcept {
        return {values + from, timestamps != nullptr ? timestamps + from : nullptr,
                hashes != nullptr ? hashes + from : nullptr, count};
    }
};

/// A block whose record type has been erased; crosses stage boundaries.
struct BlockRef {
    void* values = nullptr;
    Timestamp* timestamps = nullptr;
    const std::uint32_t* hashes = nullptr;
    std::size_t size = 0;

    BlockRef() = default;
    BlockRef(void* v, Timestamp* t, const std::uint32_t* h, std::size_t n)
        : values(v), timestamps(t), hashes(h), size(n) {}
    template <class T>
    BlockRef(Block<T> block)  // NOLINT(google-explicit-constructor): erasing is the point
        : values(block.values), timestamps(block.timestamps), hashes(block.hashes), size(block.size) {}

    template <class T>
    Block<T> as() const noexcept {
        return {static_cast<T*>(values), timestamps, hashes, size};
    }
};

}  // namespace millrace::detail

#endif  // MILLRACE_RECORD_BLOCK_HPP
