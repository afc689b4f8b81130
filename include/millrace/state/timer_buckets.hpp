#ifndef MILLRACE_STATE_TIMER_BUCKETS_HPP
#define MILLRACE_STATE_TIMER_BUCKETS_HPP

#include <millrace/core/algorithm.hpp>
#include <millrace/core/owner.hpp>
#include <millrace/state/chunk_pool.hpp>
#include <millrace/time/timestamp.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

namespace millrace::detail {

/// The buckets of a radix heap: entries, which are timers and removals of timers, by the highest digit in which their time
/// differs from the anchor, which none of them is before. Within a bucket they keep the order in which they came.
///
/// Bits of a time are ordered like the times. An entry is a timer's bytes and a bit; see docs/decisions/18_queue_of_timers.md.
/// *Thread safety:* none. *Failure:* as `ChunkPool`, and what moving a timer throws. Entries that were on their way then are lost,
/// and what `split` was moving may still be counted.
template <class Timer>
class TimerBuckets {
public:
    static constexpr int kDigitBits = 6;
    static constexpr std::size_t kDigits = std::size_t{1} << kDigitBits;
    static constexpr std::size_t kBuckets = (64 + kDigitBits - 1) / kDigitBits * kDigits;

    TimerBuckets() = default;
    TimerBuckets(const TimerBuckets&) = delete;
    TimerBuckets& operator=(const TimerBuckets&) = delete;
    ~TimerBuckets() {
        if constexpr (!std::is_trivially_destructible_v<Timer>) {
            while (!empty()) drain(first(), [](Timer&, bool) {});
        }
    }

    static std::uint64_t bitsOf(Timestamp time) noexcept {
        return static_cast<std::uint64_t>(time.time_since_epoch().count()) ^ (std::uint64_t{1} << 63);
    }
    static Timestamp timeOf(std::uint64_t bits) noexcept {
        return Timestamp(Duration(static_cast<std::int64_t>(bits ^ (std::uint64_t{1} << 63))));
    }
    static std::size_t digitOf(const Timer& timer, std::size_t level) noexcept {
        return (bitsOf(timer.time) >> (level * kDigitBits)) & (kDigits - 1);
    }

    /// Before the first entry: memory is counted there.
    void chargeTo(StateMemory& account) noexcept { pool_.chargeTo(account); }
    std::size_t memoryBytes() const noexcept {
        return pool_.memoryBytes() + (buckets_ != nullptr ? kBuckets * sizeof(Bucket) : 0);
    }

    /// Number of entries.
    std::size_t size() const noexcept { return size_; }
    bool empty() const noexcept { return levels_ == 0; }
    std::size_t sizeOf(std::size_t bucket) const noexcept { return buckets_ == nullptr ? 0 : buckets_[bucket].size; }
    /// The bucket whose entries are before those of all others. Only if not empty.
    std::size_t first() const noexcept {
        const auto level = static_cast<std::size_t>(std::countr_zero(levels_));
        return level * kDigits + static_cast<std::size_t>(std::countr_zero(occupied_[level]));
    }
    static std::size_t levelOf(std::size_t bucket) noexcept { return bucket / kDigits; }
    /// Bits of the earliest time in a bucket that has entries.
    std::uint64_t leastOf(std::size_t bucket) const noexcept { return buckets_[bucket].least; }
    /// The bucket for a time that is not before the anchor.
    std::size_t bucketFor(Timestamp time) const noexcept {
        const std::uint64_t bits = bitsOf(time);
        const Level& level = kLevelOfLeadingZeros[static_cast<unsigned>(std::countl_zero((bits ^ anchor_) | 1))];
        return level.firstBucket + ((bits >> level.shift) & (kDigits - 1));
    }

    std::uint64_t anchor() const noexcept { return anchor_; }
    /// No entry may be before it, and each must be in the bucket that it has by it.
    void setAnchor(std::uint64_t bits) noexcept { anchor_ = bits; }

    void push(Timer&& timer, bool removes) {
        if (buckets_ == nullptr) [[unlikely]]
            makeBuckets();
        append(std::move(timer), removes);
        ++size_;
    }

    /// `fn(const Timer&, bool removes)` for the entries of a bucket. Only if not empty.
    template <class Fn>
    void forEach(std::size_t bucket, Fn fn) const {
        for (Chunk* chunk = buckets_[bucket].first; chunk != nullptr; chunk = chunk->next) {
            prefetch(chunk->next);
            forEachIn(buckets_[bucket], chunk, fn);
        }
    }
    /// The same for all entries.
    template <class Fn>
    void forEach(Fn fn) const {
        for (std::size_t bucket = 0; !empty() && bucket < kBuckets; ++bucket) forEach(bucket, fn);
    }
    bool hasOneTime(std::size_t bucket) const noexcept {
        const Timestamp time = timeOf(leastOf(bucket));
        for (Chunk* chunk = buckets_[bucket].first; chunk != nullptr; chunk = chunk->next) {
            bool same = true;
            const auto compare = [&](const Timer& timer, bool) { same = same && timer.time == time; };
            forEachIn(buckets_[bucket], chunk, compare);
            if (!same) return false;
        }
        return true;
    }
    /// `fn(Timer&, bool removes)` for all entries of a bucket, which is empty then. Chunk by chunk, so that they go round
    /// while they are in the cache. `fn` may push to the buckets.
    template <class Fn>
    void drain(std::size_t where, Fn fn) {
        const Bucket drained = std::exchange(buckets_[where], Bucket());
        size_ -= drained.size;
        occupied_[where / kDigits] &= ~(std::uint64_t{1} << (where % kDigits));
        if (occupied_[where / kDigits] == 0) levels_ &= ~(1u << (where / kDigits));
        Rest rest{pool_, drained, drained.first};
        const auto take = [&](Timer& timer, bool removes) {
            if constexpr (!std::is_trivially_destructible_v<Timer>) rest.from = &timer;
            fn(timer, removes);
            std::destroy_at(&timer);
        };
        while (rest.chunk != nullptr) {
            prefetch(rest.chunk->next);
            forEachIn(drained, rest.chunk, take);
            rest.from = nullptr;
            pool_.give(std::exchange(rest.chunk, rest.chunk->next));
        }
    }
    /// Gives memory back that no entry is in, unless it is little.
    void shrink() noexcept {
        if (empty()) pool_.shrink();
    }
    /// Moves the entries of the first bucket to buckets of lower levels: the anchor is put to where the bucket begins.
    void split(std::size_t where) {
        anchor_ = leastOf(where) & ~((std::uint64_t{1} << (levelOf(where) * kDigitBits)) - 1);
        size_ += sizeOf(where);  // which `drain` takes off: nothing is counted entry by entry
        drain(where, [this](Timer& timer, bool removes) { append(std::move(timer), removes); });
    }

private:
    /// For the highest bit in which a time differs from the anchor, by the number of zeros before it.
    struct Level {
        std::uint16_t shift;
        std::uint16_t firstBucket;
    };
    static constexpr auto kLevelOfLeadingZeros = [] {
        std::array<Level, 64> levels{};
        for (unsigned zeros = 0; zeros < 64; ++zeros) {
            const unsigned level = (63 - zeros) / kDigitBits;
            levels[zeros] = {static_cast<std::uint16_t>(level * kDigitBits),
                             static_cast<std::uint16_t>(level * kDigits)};
        }
        return levels;
    }();

    /// Bit i of `removals`: the i-th entry removes what was registered before.
    struct alignas(16) Chunk {
        Chunk* next;
        std::uint64_t removals;
        Timer* timers() noexcept { return reinterpret_cast<Timer*>(this + 1); }
    };
    static_assert(sizeof(Timer) <= 128 && alignof(Timer) <= alignof(Chunk), "a chunk has room for some timers");
    static constexpr std::size_t kPerChunk =
        std::min<std::size_t>(64, (ChunkPool::kChunkBytes - sizeof(Chunk)) / sizeof(Timer));
    /// All its chunks but the last are full. What is needed to append an entry is in one cache line.
    struct alignas(64) Bucket {
        Timer* at = nullptr;   ///< where the next entry goes in the last chunk…
        Timer* end = nullptr;  ///< …if it is not here
        std::size_t size = 0;
        std::uint64_t least = 0;  ///< bits of the earliest time, if there are entries
        Chunk* first = nullptr;
        Chunk* last = nullptr;
    };

    /// What is left of a bucket that is drained: when something throws, it goes.
    struct Rest {
        ChunkPool& pool;
        const Bucket& bucket;
        Chunk* chunk;
        Timer* from = nullptr;  ///< the timer of the chunk that is at hand

        ~Rest() {
            while (chunk != nullptr) {
                Timer* const begin = from != nullptr ? from : chunk->timers();
                std::destroy(begin, endOf(bucket, chunk));
                from = nullptr;
                pool.give(std::exchange(chunk, chunk->next));
            }
        }
    };

    static Timer* endOf(const Bucket& bucket, Chunk* chunk) noexcept {
        return chunk == bucket.last ? bucket.at : chunk->timers() + kPerChunk;
    }
    [[gnu::cold, gnu::noinline]] void makeBuckets() { buckets_.reset(new Bucket[kBuckets]()); }
    /// `push` where there are buckets, without counting it in `size_`.
    [[gnu::always_inline]] void append(Timer&& timer, bool removes) {
        const std::uint64_t bits = bitsOf(timer.time);
        const std::size_t where = bucketFor(timer.time);
        Bucket& bucket = buckets_[where];
        if (bucket.at == bucket.end) [[unlikely]]
            addChunk(bucket);
        if constexpr (std::is_nothrow_move_constructible_v<Timer>) {
            ::new (static_cast<void*>(bucket.at)) Timer(std::move(timer));
        } else {
            try {
                ::new (static_cast<void*>(bucket.at)) Timer(std::move(timer));
            } catch (...) {
                if (bucket.size == 0) pool_.give(std::exchange(bucket, Bucket()).first);
                throw;
            }
        }
        if (removes) [[unlikely]]
            bucket.last->removals |= std::uint64_t{1} << (bucket.at - bucket.last->timers());
        ++bucket.at;
        // by the time that as much has come to the other buckets, the line that comes next is there
        __builtin_prefetch(reinterpret_cast<const char*>(bucket.at) + 64, 1);
        if (bucket.size++ == 0) {
            bucket.least = bits;
            occupied_[where / kDigits] |= std::uint64_t{1} << (where % kDigits);
            levels_ |= 1u << (where / kDigits);
        } else if (bits < bucket.least) {
            bucket.least = bits;
        }
    }
    [[gnu::noinline]] void addChunk(Bucket& bucket) {
        auto* const chunk = ::new (pool_.take()) Chunk{nullptr, 0};
        (bucket.last == nullptr ? bucket.first : bucket.last->next) = chunk;
        bucket.last = chunk;
        bucket.at = chunk->timers();
        bucket.end = bucket.at + kPerChunk;
    }
    template <class Fn>
    [[gnu::always_inline]] static void forEachIn(const Bucket& bucket, Chunk* chunk, Fn& fn) {
        Timer* const end = endOf(bucket, chunk);
        std::uint64_t removals = chunk->removals;
        if (removals == 0) {
            for (Timer* timer = chunk->timers(); timer != end; ++timer) fn(*timer, false);
            return;
        }
        for (Timer* timer = chunk->timers(); timer != end; ++timer, removals >>= 1) fn(*timer, (removals & 1) != 0);
    }
    [[gnu::always_inline]] static void prefetch(const Chunk* chunk) noexcept {
        if (chunk == nullptr) return;
        const char* const bytes = reinterpret_cast<const char*>(chunk);
        for (std::size_t at = 0; at < ChunkPool::kChunkBytes; at += 64) __builtin_prefetch(bytes + at);
    }

    ChunkPool pool_;
    Owner<Bucket[]> buckets_;
    std::size_t size_ = 0;
    std::uint64_t anchor_ = 0;
    std::uint64_t occupied_[kBuckets / kDigits] = {};  ///< by level: which of its buckets have entries
    std::uint32_t levels_ = 0;                         ///< which levels have
};

}  // namespace millrace::detail

#endif  // MILLRACE_STATE_TIMER_BUCKETS_HPP
