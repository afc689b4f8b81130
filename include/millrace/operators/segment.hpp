#ifndef MILLRACE_OPERATORS_SEGMENT_HPP
#define MILLRACE_OPERATORS_SEGMENT_HPP

#include <millrace/operators/node.hpp>
#include <millrace/operators/user_function.hpp>

#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>
#include <utility>

// Maps and filters are run by segment: consecutive maps, up to and including the next filter, are one loop over the
// block. Behind a filter the block is compacted without a branch (always write, advance the index by the predicate):
// the misprediction of a record loop costs more than everything else in it. A filter that no map stands before and
// that another segment follows moves no record at all: it tells the next loop where those lie that it keeps.

namespace millrace::detail {

/// A node that is part of a segment: `bool apply(In&& value, Timestamp, Slot& out)` runs the rest of the segment on one
/// record, constructs the result in `out` and tells whether it is kept.
template <class Node>
concept SegmentNode = requires { typename Node::SegmentOutput; };

template <class Node, class Fallback>
struct SegmentOutputOf {
    using Type = Fallback;
};
template <SegmentNode Node, class Fallback>
struct SegmentOutputOf<Node, Fallback> {
    using Type = typename Node::SegmentOutput;
};

/// Whether the segment that `Node` begins ends in a filter.
template <class Node>
inline constexpr bool kEndsInFilter = requires { requires Node::kCompacts; };

/// The result of one record on its way out of a segment; constructed at most once.
template <class T>
struct Slot {
    T* at;
    template <class U>
    void put(U&& value) const {
        ::new (static_cast<void*>(at)) T(std::forward<U>(value));
    }
};

/// Result block of a segment. Only for plain records: nothing is ever destroyed.
template <class T>
struct SegmentBuffer {
    static constexpr std::size_t kCapacity = kBlockRecords<T>;
    T* values() noexcept { return reinterpret_cast<T*>(bytes); }

    alignas(kColumnAlignment<T>) std::byte bytes[(kCapacity + 1) * sizeof(T)];
    Timestamp timestamps[kCapacity + 1];
    std::size_t size = 0;
    bool timed = false;
};
struct NoSegmentBuffer {};

/// Which records of a block a segment runs over: all of them, record i at place i, which lets loops be vectorised. A part of them is
/// a part of the block.
struct EveryRecord {
    std::size_t size;
    std::size_t operator[](std::size_t index) const noexcept { return index; }
    /// What stands for `count` records from `from` on: which ones, and of which block.
    static EveryRecord part(std::size_t, std::size_t count) noexcept { return {count}; }
    template <class T>
    static Block<T> blockOf(Block<T> block, std::size_t from, std::size_t count) noexcept {
        return block.slice(from, count);
    }
};
/// The ones that a filter has kept.
struct SelectedRecords {
    const std::uint32_t* places;
    std::size_t size;
    std::size_t operator[](std::size_t index) const noexcept { return places[index]; }
    SelectedRecords part(std::size_t from, std::size_t count) const noexcept { return {places + from, count}; }
    template <class T>
    static Block<T> blockOf(Block<T> block, std::size_t, std::size_t) noexcept {
        return block;
    }
};

/// Runs the segment that starts at `Derived` on blocks and on single records.
/// `Derived` has SegmentOutput, kCompacts (a filter ends the segment), `apply`, and `segmentEnd()`: the node
/// that gets the results.
template <class Derived, class In, class Out, bool kCompacts>
class SegmentRunner {
    static constexpr bool kBuffered = kBlockwise<Out>;
    // not where the block is compacted: stores close behind the loads cost a tenth more than a second buffer
    static constexpr bool kInPlace = kBuffered && std::is_same_v<In, Out> && !kCompacts;

public:
    template <class Records>
    [[gnu::noinline]] void runBlock(Block<In> block, Records records) {
        if constexpr (kInPlace) {
            // a record never lies before the place that its result is written to
            const std::size_t kept = block.timestamps != nullptr
                                         ? loop<true>(block, records, block.values, block.timestamps)
                                         : loop<false>(block, records, block.values, block.timestamps);
            derived().segmentEnd().pushBlock(Block<Out>{block.values, block.timestamps, nullptr, kept});
        } else if constexpr (kBuffered) {
            constexpr std::size_t kStep = SegmentBuffer<Out>::kCapacity;
            for (std::size_t from = 0; from < records.size; from += kStep) {
                const std::size_t count = std::min(kStep, records.size - from);
                const Records some = records.part(from, count);
                const Block<In> piece = Records::blockOf(block, from, count);
                Timestamp* times = nullptr;
                if (piece.timestamps != nullptr) times = kMovesTimes<Records> ? buffer_.timestamps : piece.timestamps;
                const std::size_t kept = times != nullptr ? loop<true>(piece, some, buffer_.values(), times)
                                                          : loop<false>(piece, some, buffer_.values(), times);
                derived().segmentEnd().pushBlock(Block<Out>{buffer_.values(), times, nullptr, kept});
            }
        } else {
            for (std::size_t i = 0; i < records.size; ++i) {
                const std::size_t at = records[i];
                runRecord(std::move(block.values[at]), block.timestampOf(at));
            }
        }
    }

    void runRecord(In&& value, Timestamp timestamp) {
        if constexpr (kBuffered && !kInPlace) {  // in place there is no buffer to collect records in
            const bool keep = derived().apply(std::move(value), timestamp, Slot<Out>{buffer_.values() + buffer_.size});
            buffer_.timestamps[buffer_.size] = timestamp;
            buffer_.timed = buffer_.timed || timestamp != kMinTimestamp;
            buffer_.size += keep ? 1 : 0;
            if (buffer_.size == SegmentBuffer<Out>::kCapacity) flushBuffer();
        } else {
            alignas(Out) std::byte storage[sizeof(Out)];
            Out* const result = reinterpret_cast<Out*>(storage);
            if (!derived().apply(std::move(value), timestamp, Slot<Out>{result})) return;
            struct Destroy {
                Out* object;
                ~Destroy() { object->~Out(); }
            } const destroy{result};
            derived().segmentEnd().push(std::move(*result), timestamp);
        }
    }

    void flushBuffer() {
        if constexpr (kBuffered && !kInPlace) {
            if (buffer_.size > 0) sendBuffer();
        }
    }

private:
    [[gnu::noinline]] void sendBuffer() {
        const std::size_t count = std::exchange(buffer_.size, 0);
        Timestamp* const times = std::exchange(buffer_.timed, false) ? buffer_.timestamps : nullptr;
        derived().segmentEnd().pushBlock(Block<Out>{buffer_.values(), times, nullptr, count});
    }

    template <class Records>
    static constexpr bool kMovesTimes = kCompacts || std::is_same_v<Records, SelectedRecords>;

    Derived& derived() noexcept { return static_cast<Derived&>(*this); }

    // a filter may write one record behind the kept ones: the buffer has that room
    template <bool kTimed, class Records>
    std::size_t loop(Block<In> block, Records records, Out* out, Timestamp* times) {
        std::size_t kept = 0;
        for (std::size_t i = 0; i < records.size; ++i) {
            const std::size_t at = records[i];
            Timestamp timestamp = kMinTimestamp;
            if constexpr (kTimed) timestamp = block.timestamps[at];
            if constexpr (kCompacts) {
                const bool keep = derived().apply(std::move(block.values[at]), timestamp, Slot<Out>{out + kept});
                if constexpr (kTimed) times[kept] = timestamp;
                kept += keep ? 1 : 0;
            } else {
                derived().apply(std::move(block.values[at]), timestamp, Slot<Out>{out + i});
                if constexpr (kTimed && kMovesTimes<Records>) times[i] = timestamp;
            }
        }
        return kCompacts ? kept : records.size;
    }

    [[no_unique_address]] std::conditional_t<kBuffered && !kInPlace, SegmentBuffer<Out>, NoSegmentBuffer> buffer_;
};

/// Runs a filter that hands places on to the segment behind it: `Derived` has `keeps(const T&, Timestamp)` and
/// `segmentEnd()`.
template <class Derived, class T>
class SelectionRunner {
public:
    template <class Records>
    [[gnu::noinline]] void runBlock(Block<T> block, Records records) {
        for (std::size_t from = 0; from < records.size; from += kBlockRecords<T>) {
            const std::size_t count = std::min(kBlockRecords<T>, records.size - from);
            const Records some = records.part(from, count);
            const Block<T> piece = Records::blockOf(block, from, count);
            const std::size_t kept =
                piece.timestamps != nullptr ? select<true>(piece, some) : select<false>(piece, some);
            derived().segmentEnd().runBlock(piece, SelectedRecords{places_, kept});
        }
    }
    void runRecord(T&& value, Timestamp timestamp) {
        if (derived().keeps(value, timestamp)) derived().segmentEnd().push(std::move(value), timestamp);
    }
    void flushBuffer() {}

private:
    Derived& derived() noexcept { return static_cast<Derived&>(*this); }

    template <bool kTimed, class Records>
    std::size_t select(Block<T> block, Records records) {
        std::size_t kept = 0;
        for (std::size_t i = 0; i < records.size; ++i) {
            const std::size_t at = records[i];
            Timestamp timestamp = kMinTimestamp;
            if constexpr (kTimed) timestamp = block.timestamps[at];
            places_[kept] = static_cast<std::uint32_t>(at);
            kept += derived().keeps(block.values[at], timestamp) ? 1 : 0;
        }
        return kept;
    }

    std::uint32_t places_[kBlockRecords<T>];
};

}  // namespace millrace::detail

#endif  // MILLRACE_OPERATORS_SEGMENT_HPP
