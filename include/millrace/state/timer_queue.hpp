#ifndef MILLRACE_STATE_TIMER_QUEUE_HPP
#define MILLRACE_STATE_TIMER_QUEUE_HPP

#include <millrace/core/algorithm.hpp>
#include <millrace/core/depending.hpp>
#include <millrace/core/owner.hpp>
#include <millrace/state/key_group_state.hpp>
#include <millrace/state/timer_buckets.hpp>
#include <millrace/state/timer_heap.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace millrace::detail {

/// The timers of one time domain of one operator; at most one per (key, namespace, time). Those of equal time come in
/// the order of their registration, after a restore in any order.
///
/// Time mostly moves on, so this is a radix heap: a timer goes to the bucket of the highest digit in which its time
/// differs from the time that has been reached; when a bucket is reached it is split by the next digit or, when sorting
/// it takes no longer or it is of one time, becomes the run that timers are taken from. Registering and removing only
/// append to a bucket; what they mean is settled when the bucket is reached (or when the queue has doubled). The few timers
/// for a time that the run has passed are in a heap beside it.
/// *Thread safety:* none. *Failure:* bad_alloc and StateMemoryException from whatever adds, removes or takes; after one the
/// queue is good for being destroyed only.
template <class Key, class Namespace = NoNamespace>
class TimerQueue {
    using Position = typename Depending<std::uint32_t, Key>::Type;

public:
    using Timer = TimerOf<Key, Namespace>;

    TimerQueue() = default;
    TimerQueue(const TimerQueue&) = delete;
    TimerQueue& operator=(const TimerQueue&) = delete;

    /// Registering twice is registering once.
    void add(Timestamp time, const Key& key, const Namespace& ns = {}) {
        if (time < next_) next_ = time;
        if (bitsOf(time) <= reached_) return addBehind(time, key, ns);
        if (recent_.empty()) recent_.resize(kRecent);
        Timer& recent = recent_[recentPlace(time, key)];
        if (recent.is(time, key, ns)) return;
        append(time, key, ns, false);
        recent.key = key;
        recent.ns = ns;
        recent.time = time;
    }
    /// No effect when there is no such timer.
    void remove(Timestamp time, const Key& key, const Namespace& ns = {}) {
        if (bitsOf(time) <= reached_) return removeBehind(time, key, ns);
        if (buckets_.sizeOf(buckets_.bucketFor(time)) == 0) return;
        Timer& recent = recent_[recentPlace(time, key)];
        if (recent.is(time, key, ns)) recent.time = kMinTimestamp;
        append(time, key, ns, true);
    }

    /// No timer is due before it (there may be none at that very time); kMaxTimestamp when empty.
    Timestamp nextTime() const noexcept { return next_; }

    /// Takes the earliest timer with time <= now, also of those added meanwhile; false if there is none.
    bool popDue(Timestamp now, Timer& out) {
        for (;;) {
            while (runAt_ != runEnd_ && runAt_->dead) ++runAt_;
            const bool hasRun = runAt_ != runEnd_;
            if (!behind_.empty() && (!hasRun || behind_.firstTime() < runAt_->timer.time)) {
                next_ = behind_.firstTime();
                if (next_ > now) return false;
                behind_.popFirst(out);
                return true;
            }
            if (hasRun) {
                next_ = runAt_->timer.time;
                if (next_ > now) return false;
                Timer& due = (runAt_++)->timer;
                if (runIndexed_) {
                    out = due;  // stays as it is: the index compares with it
                } else {
                    out = std::move(due);
                }
                return true;
            }
            if (!reachNextBucket(now)) return false;
        }
    }
    /// The timer that will be due `distance` after the next one, as far as that is known; else null.
    const Timer* peek(std::size_t distance) const noexcept {
        return distance < leftInRun() ? &runAt_[distance].timer : nullptr;
    }

    std::size_t size() const {
        compact();
        std::size_t live = buckets_.size() + behind_.size();
        for (const Entry* at = runAt_; at != runEnd_; ++at) live += at->dead ? 0 : 1;
        return live;
    }
    bool empty() const { return (buckets_.empty() && runAt_ == runEnd_ && behind_.empty()) || size() == 0; }
    /// Before the first timer: the memory of those that wait long is counted there.
    void chargeTo(StateMemory& account) noexcept { buckets_.chargeTo(account); }
    std::size_t memoryBytes() const noexcept {
        return run_.capacity() * sizeof(Entry) + behind_.memoryBytes() + index_.capacity() * sizeof(std::uint32_t) +
               recent_.capacity() * sizeof(Timer) + buckets_.memoryBytes();
    }
    /// `fn(const Timer&)` for each, in any order.
    template <class Fn>
    void forEach(Fn fn) {
        compact();
        behind_.forEach(fn);
        for (const Entry* at = runAt_; at != runEnd_; ++at) {
            if (!at->dead) fn(at->timer);
        }
        buckets_.forEach([&](const Timer& timer, bool) { fn(timer); });
    }
    void clear() {
        Timer timer;
        while (popDue(kMaxTimestamp, timer)) {}
    }

    /// Plain timers are copied, and encoded by who writes them.
    void snapshot(SnapshotSink& sink, std::string_view uid, std::string_view state, int maxParallelism) {
        sink.describe(uid, state, layout());
        if constexpr (std::is_trivially_copyable_v<Timer>) {
            Owner<SavedTimers> saved(new SavedTimers(uid, state, maxParallelism));
            saved->timers.reserve(buckets_.size() + behind_.size() + leftInRun());  // or less
            forEach([&](const Timer& timer) { saved->timers.push_back(timer); });
            if (!saved->timers.empty()) sink.writeLater(std::move(saved));
        } else {
            KeyGroupWriter groups(maxParallelism, kFormat);
            forEach([&](const Timer& timer) { writeTimer(groups, timer); });
            groups.writePieces(sink, uid, state);
        }
    }
    /// Adds the timers of a snapshot.
    void restore(const SnapshotSource& source, std::string_view uid, std::string_view state) {
        readKeyGroups(source, uid, state, layout(), kFormat, [&](ByteReader& reader) {
            Timer timer;
            timer.time = Timestamp(Duration(reader.read<std::int64_t>("a timer's time")));
            timer.key = decodeState<Key>(reader);
            if constexpr (!std::is_same_v<Namespace, NoNamespace>) timer.ns = decodeState<Namespace>(reader);
            add(timer.time, timer.key, timer.ns);
        });
    }

private:
    static constexpr std::uint8_t kFormat = 1;
    static void writeTimer(KeyGroupWriter& groups, const Timer& timer) {
        ByteWriter& group = groups.of(timer.key);
        group.write(timer.time.time_since_epoch().count());
        Codec<Key>::encode(timer.key, group);
        if constexpr (!std::is_same_v<Namespace, NoNamespace>) Codec<Namespace>::encode(timer.ns, group);
    }
    class SavedTimers final : public DeferredState {
    public:
        SavedTimers(std::string_view uid, std::string_view state, int maxParallelism)
            : uid_(uid), state_(state), maxParallelism_(maxParallelism) {}
        void writeTo(SnapshotSink& sink) override {
            KeyGroupWriter groups(maxParallelism_, kFormat);
            groups.streamTo(sink, uid_, state_);
            for (const Timer& timer : timers) writeTimer(groups, timer);
            groups.writePieces(sink, uid_, state_);
        }
        std::vector<Timer> timers;

    private:
        std::string uid_;
        std::string state_;
        int maxParallelism_;
    };
    static constexpr StateLayout layout() {
        StateLayout result{"timers", {{"time", &kTypeInfo<std::int64_t>, true}, {"key", &kTypeInfo<Key>}}};
        if constexpr (!std::is_same_v<Namespace, NoNamespace>) {
            result.fields[2] = {"namespace", &kTypeInfo<Namespace>, true};
        }
        return result;
    }

    using Buckets = TimerBuckets<Timer>;
    static constexpr std::size_t kDigits = Buckets::kDigits;
    static constexpr std::size_t kSorted = 32;      ///< buckets of up to so many timers are sorted by insertion
    static constexpr std::size_t kScattered = 512;  ///< of up to so many, by the next digit first; others are split
    static constexpr std::size_t kRecent = 256;
    static constexpr std::size_t kLargeRun = 4096;
    static constexpr std::size_t kLeastCompaction = 1024;

    /// In the run: a timer, or (`dead`) what is left of one that was removed.
    struct Entry {
        Timer timer;
        bool dead;
    };
    static std::uint64_t bitsOf(Timestamp time) noexcept { return Buckets::bitsOf(time); }
    static std::size_t recentPlace(Timestamp time, const Key& key) {
        return static_cast<std::size_t>(timerHash(time, key)) % kRecent;
    }

    // ---- buckets: every timer in them is later than `reached_`

    void append(Timestamp time, const Key& key, const Namespace& ns, bool removes) {
        if (buckets_.size() >= compactAt_) [[unlikely]]
            compactGrown();
        buckets_.push(Timer{time, key, ns}, removes);
    }
    std::size_t leftInRun() const noexcept { return static_cast<std::size_t>(runEnd_ - runAt_); }
    /// Makes the first bucket the run, or splits it. False if it is not due, or there is none: then sets `next_`.
    bool reachNextBucket(Timestamp now) {
        if (buckets_.empty()) {
            next_ = kMaxTimestamp;
            return false;
        }
        const std::size_t bucket = buckets_.first();
        next_ = Buckets::timeOf(buckets_.leastOf(bucket));
        if (next_ > now) return false;
        const std::size_t size = buckets_.sizeOf(bucket);
        const std::size_t level = Buckets::levelOf(bucket);
        if (size <= kSorted) {
            fillRun(bucket);
            sortRun();
        } else if (level == 0 || buckets_.hasOneTime(bucket)) {
            fillRun(bucket);
            indexRun();
        } else if (size <= kScattered && scatters(bucket, level - 1)) {
            fillScatteredRun(bucket, level - 1);
            sortRun();
        } else {
            buckets_.split(bucket);
            reached_ = std::max(reached_, buckets_.anchor() - 1);  // what is before the bucket is behind now
        }
        return true;
    }
    void fillRun(std::size_t bucket) {
        const std::size_t size = buckets_.sizeOf(bucket);
        runAt_ = runEnd_ = nullptr;
        run_.clear();
        if (run_.capacity() > kLargeRun && size < run_.capacity() / 16) std::vector<Entry>().swap(run_);
        run_.reserve(size);
        buckets_.drain(bucket, [this](Timer& timer, bool dead) { run_.push_back({std::move(timer), dead}); });
        buckets_.shrink();
    }
    void sortRun() {
        runIndexed_ = false;
        sortNearlySorted(run_);
        settleSorted(run_);
        startRun();
    }
    void indexRun() {
        runIndexed_ = true;
        settleLarge(run_);
        startRun();
    }

    void startRun() noexcept {
        runAt_ = run_.data();
        runEnd_ = runAt_ + run_.size();
        reached_ = bitsOf(run_.back().timer.time);
        buckets_.setAnchor(reached_);
    }

    /// Whether few entries of the bucket share a digit. Leaves how many have a smaller one in `before_`.
    bool scatters(std::size_t bucket, std::size_t level) noexcept {
        std::uint16_t counts[kDigits] = {};
        buckets_.forEach(bucket, [&](const Timer& timer, bool) { ++counts[Buckets::digitOf(timer, level)]; });
        std::uint16_t sum = 0;
        bool few = true;
        for (std::size_t digit = 0; digit < kDigits; ++digit) {
            before_[digit] = sum;
            sum = static_cast<std::uint16_t>(sum + counts[digit]);
            few = few && counts[digit] <= kSorted;
        }
        return few;
    }
    /// In order of the digit; those that share it in the order of the bucket.
    void fillScatteredRun(std::size_t bucket, std::size_t level) {
        runAt_ = runEnd_ = nullptr;
        run_.resize(buckets_.sizeOf(bucket));
        buckets_.drain(bucket, [this, level](Timer& timer, bool dead) {
            Entry& entry = run_[before_[Buckets::digitOf(timer, level)]++];
            entry.timer = std::move(timer);
            entry.dead = dead;
        });
        buckets_.shrink();
    }
    /// By time, and what was first stays first.
    static void sortNearlySorted(std::vector<Entry>& entries) {
        for (std::size_t i = 1; i < entries.size(); ++i) {
            if (entries[i - 1].timer.time <= entries[i].timer.time) continue;
            Entry moved = std::move(entries[i]);
            std::size_t hole = i;
            for (; hole > 0 && moved.timer.time < entries[hole - 1].timer.time; --hole) {
                entries[hole] = std::move(entries[hole - 1]);
            }
            entries[hole] = std::move(moved);
        }
    }

    // ---- settling: of registrations and removals, in order, to timers

    /// Of entries in order of time, few of each: what is registered twice or removed is dead.
    static void settleSorted(std::vector<Entry>& entries) {
        for (std::size_t i = 0; i < entries.size(); ++i) {
            Entry& entry = entries[i];
            for (std::size_t j = i; j > 0 && entries[j - 1].timer.time == entry.timer.time; --j) {
                Entry& before = entries[j - 1];
                if (before.dead || !before.timer.is(entry.timer.time, entry.timer.key, entry.timer.ns)) continue;
                before.dead = entry.dead;
                entry.dead = true;
                break;
            }
        }
    }
    /// The same for entries of any number and order; then `index_` knows where each timer is.
    void settleLarge(std::vector<Entry>& entries) const {
        index_.assign(std::bit_ceil(2 * entries.size()), 0);
        for (std::size_t i = 0; i < entries.size(); ++i) {
            Entry& entry = entries[i];
            std::uint32_t& at = index_[place(entries, entry.timer.time, entry.timer.key, entry.timer.ns)];
            if (at == 0 || (entries[at - 1].dead && !entry.dead)) {  // registered anew: this is its place
                at = static_cast<std::uint32_t>(i + 1);
            } else {
                entries[at - 1].dead = entry.dead;
                entry.dead = true;
            }
        }
    }
    /// Where in `index_` the position of a timer is, or would be put.
    std::size_t place(const std::vector<Entry>& entries, Timestamp time, const Key& key, const Namespace& ns) const {
        const std::size_t mask = index_.size() - 1;
        std::size_t at = static_cast<std::size_t>(timerHash(time, key)) & mask;
        while (index_[at] != 0 && !entries[index_[at] - 1].timer.is(time, key, ns)) at = (at + 1) & mask;
        return at;
    }
    /// Leaves exactly one entry in the buckets for each timer that is in them. What the queue holds stays the same.
    void compact() const {
        otherIndex_.swap(index_);  // the run may need it later
        std::vector<Entry>& entries = settling_;
        for (std::size_t bucket = 0; !buckets_.empty() && bucket < Buckets::kBuckets; ++bucket) {
            if (buckets_.sizeOf(bucket) == 0) continue;
            entries.clear();
            entries.reserve(buckets_.sizeOf(bucket));
            buckets_.drain(bucket, [&](Timer& timer, bool dead) { entries.push_back({std::move(timer), dead}); });
            settleLarge(entries);
            for (Entry& entry : entries) {
                if (!entry.dead) buckets_.push(std::move(entry.timer), false);  // to the same bucket
            }
        }
        entries.clear();
        if (entries.capacity() > kLargeRun) std::vector<Entry>().swap(entries);
        if (index_.capacity() > 4 * kLargeRun) std::vector<Position>().swap(index_);
        otherIndex_.swap(index_);
    }
    /// Compacts if that is worth it, as a sample of the entries tells.
    [[gnu::noinline]] void compactGrown() {
        constexpr std::size_t kCheap = 1 << 16;
        if (buckets_.size() < kCheap || isWorthCompacting()) compact();
        compactAt_ = std::max(kLeastCompaction, 2 * buckets_.size());
    }
    /// Whether compaction would take at least a quarter of the entries away.
    bool isWorthCompacting() const {
        constexpr std::size_t kEnough = 1 << 13;
        const std::size_t all = buckets_.size();
        // one in 2^bits; the lowest eight of a hash are the place in `recent_`
        const int bits = std::max(4, static_cast<int>(std::bit_width(all / kEnough)) - 1);
        const std::size_t expected = all >> bits;
        std::vector<Position> seen(std::bit_ceil(4 * expected + 64), 0);
        const std::size_t mask = seen.size() - 1;
        std::size_t sampled = 0;
        std::size_t wasted = 0;
        buckets_.forEach([&](const Timer& timer, bool dead) {
            const std::uint64_t hash = timerHash(timer.time, timer.key) >> 8;
            if ((hash & ((std::uint64_t{1} << bits) - 1)) != 0 || sampled > mask / 2) return;
            ++sampled;
            const auto tag = static_cast<std::uint32_t>(hash >> 24) | 1;
            std::size_t at = static_cast<std::size_t>(hash >> bits) & mask;
            while (seen[at] != 0 && seen[at] != tag) at = (at + 1) & mask;
            wasted += seen[at] == tag || dead ? 1 : 0;
            seen[at] = tag;
        });
        // too small a sample: some timers that are not in it have many entries
        return sampled < expected / 3 * 2 || wasted >= sampled / 4;
    }

    // ---- timers for a time that the run has reached

    /// The timer's entry in what is left of the run; null if there is none.
    Entry* findInRun(Timestamp time, const Key& key, const Namespace& ns) {
        if (runAt_ == runEnd_ || time < runAt_->timer.time) return nullptr;
        if (runIndexed_) {
            const std::uint32_t position = index_[place(run_, time, key, ns)];
            if (position == 0) return nullptr;
            Entry* const at = &run_[position - 1];
            return at >= runAt_ ? at : nullptr;
        }
        Entry* at = std::lower_bound(runAt_, runEnd_, time,
                                     [](const Entry& entry, Timestamp t) { return entry.timer.time < t; });
        Entry* found = nullptr;  // there may be dead ones beside it
        for (; at != runEnd_ && at->timer.time == time && (found == nullptr || found->dead); ++at) {
            if (at->timer.is(time, key, ns)) found = at;
        }
        return found;
    }
    void addBehind(Timestamp time, const Key& key, const Namespace& ns) {
        const Entry* const found = findInRun(time, key, ns);
        if (found == nullptr || found->dead) behind_.add(time, key, ns);
    }
    void removeBehind(Timestamp time, const Key& key, const Namespace& ns) {
        Entry* const found = findInRun(time, key, ns);
        if (found != nullptr && !found->dead) {
            found->dead = true;
        } else {
            behind_.remove(time, key, ns);
        }
    }

    Timestamp next_ = kMaxTimestamp;
    std::uint64_t reached_ = 0;  ///< of this time and before, timers are in the run or behind
    std::vector<Entry> run_;     ///< in order of time, few of each; or all of one time and indexed
    Entry* runAt_ = nullptr;     ///< the first that has not been taken
    Entry* runEnd_ = nullptr;
    bool runIndexed_ = false;
    std::uint16_t before_[kDigits] = {};  ///< while a bucket is scattered: where the next entry with that digit goes
    TimerHeap<Key, Namespace> behind_;
    mutable Buckets buckets_;
    std::size_t compactAt_ = kLeastCompaction;
    mutable std::vector<Position> index_;  ///< of the run or of what is being compacted: position + 1, or 0
    mutable std::vector<Position> otherIndex_;
    mutable std::vector<Entry> settling_;  ///< what is being compacted
    std::vector<Timer> recent_;            ///< registered lately, by hash: registering them again does nothing
};

}  // namespace millrace::detail

#endif  // MILLRACE_STATE_TIMER_QUEUE_HPP
