#ifndef MILLRACE_STATE_TWO_SIDED_BUFFER_HPP
#define MILLRACE_STATE_TWO_SIDED_BUFFER_HPP

#include <millrace/state/time_sorted_buffer.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace millrace::detail {

/// Values of two kinds, "left" and "right", each kind sorted by time; those of equal time stay in the order in which they
/// came. Up to `kRoom` of both together live in the object itself, so that a key with few of them costs neither an
/// allocation nor another cache miss, and what is in use lies in front. When there are more, all of them are on the heap,
/// until few are left. A `Pool` keeps the heap memory that is not in use at the moment, so that the few keys which have
/// many values at a time share what is in the cache.
///
/// A value in the object stays in its slot until it leaves. A new one goes behind the last of its kind, so the slots of a
/// kind are in order. Which are due and which match is computed for all slots at once, as bits: how many a key has, and
/// how many of them have gone, is not to be predicted.
/// *Failure:* if allocating or copying a value throws, the buffer is as it was.
template <class L, class R, std::size_t kRoomWished>
class TwoSidedBuffer {
    template <bool kLeft>
    using ValueOf = std::conditional_t<kLeft, L, R>;

public:
    /// Values whose move may throw are always on the heap, where nothing moves them.
    static constexpr std::size_t kRoom =
        std::is_nothrow_move_constructible_v<L> && std::is_nothrow_move_constructible_v<R> ? kRoomWished : 0;
    static_assert(kRoom <= 16, "a bit for each");

    /// A value, or room for one.
    struct Slot {
        Timestamp time = kMinTimestamp;  ///< of the value that is or was here
        union {
            L left;
            R right;
        };
        Slot() noexcept {}
        Slot(const Slot&) = delete;
        Slot& operator=(const Slot&) = delete;
        ~Slot() {}
    };

private:
    /// With room for what comes out of the object and one more, so that nothing else is allocated then.
    struct OnHeap {
        static constexpr std::size_t kPlaces = kRoom > 0 ? kRoom + 1 : 0;
        explicit OnHeap(StateMemory* counting) : left(counting), right(counting), account(counting) {
            if (account != nullptr) account->takeOwned(sizeof(OnHeap));
        }
        OnHeap(const OnHeap&) = delete;
        OnHeap& operator=(const OnHeap&) = delete;
        ~OnHeap() {
            if (account != nullptr) account->giveOwned(sizeof(OnHeap));
        }
        TimeSortedBuffer<L, kPlaces> left;
        TimeSortedBuffer<R, kPlaces> right;
        StateMemory* account;
        OnHeap* next = nullptr;  ///< in the pool
    };

public:
    /// Heap memory of buffers. One for all buffers of a table.
    class Pool {
    public:
        Pool() = default;
        Pool(const Pool&) = delete;
        Pool& operator=(const Pool&) = delete;
        ~Pool() {
            while (first_ != nullptr) delete std::exchange(first_, first_->next);
        }

        /// Before the first value: heap memory is counted there.
        void chargeTo(StateMemory& account) noexcept { account_ = &account; }

    private:
        friend TwoSidedBuffer;
        OnHeap* take() {
            if (first_ == nullptr) return new OnHeap(account_);
            return std::exchange(first_, first_->next);
        }
        void give(OnHeap* memory) noexcept {
            memory->next = first_;
            first_ = memory;
        }
        OnHeap* first_ = nullptr;
        StateMemory* account_ = nullptr;
    };

    TwoSidedBuffer() = default;
    TwoSidedBuffer(TwoSidedBuffer&& other) noexcept
        : heap_(std::exchange(other.heap_, nullptr)), used_(std::exchange(other.used_, std::uint16_t{0})),
          rights_(other.rights_) {
        for (std::uint32_t rest = used_; rest != 0; rest &= rest - 1) {
            const auto i = static_cast<std::size_t>(std::countr_zero(rest));
            relocate(other.slots_[i], slots_[i], isRight(i));
        }
    }
    TwoSidedBuffer(const TwoSidedBuffer&) = delete;
    TwoSidedBuffer& operator=(const TwoSidedBuffer&) = delete;
    TwoSidedBuffer& operator=(TwoSidedBuffer&&) = delete;
    ~TwoSidedBuffer() {
        destroy(used_);
        delete heap_;
    }

    bool empty() const noexcept { return used_ == 0 && (!isOnHeap() || (heap_->left.empty() && heap_->right.empty())); }

    /// Puts a value behind all of its kind that are not later.
    template <bool kLeft>
    [[gnu::always_inline]] void add(Pool& pool, Timestamp time, ValueOf<kLeft>&& value) {
        if constexpr (kRoom > 0) {
            const std::uint32_t own = of<kLeft>();
            const auto behind = static_cast<std::size_t>(std::bit_width(own));  // of the last one of the kind
            const auto at = static_cast<std::size_t>(std::countr_one(used_ | ((std::uint32_t{1} << behind) - 1)));
            // not two branches: whether a kind has any is as good as random
            const bool isLast = (own == 0) | (slots_[behind - (own != 0 ? 1 : 0)].time <= time);
            if (!isOnHeap() && isLast && at < kRoom) [[likely]] {
                put<kLeft>(at, time, std::move(value));
                return;
            }
        }
        addSlowly<kLeft>(pool, time, std::move(value));
    }

    /// Removes left values that are not later than `left`, and right ones not later than `right`.
    [[gnu::always_inline]] void dropUntil(Pool& pool, Timestamp left, Timestamp right) noexcept {
        if (isOnHeap()) [[unlikely]]
            return dropOnHeap(pool, left, right);
        std::uint32_t leftDue = 0;
        std::uint32_t rightDue = 0;
        for (std::size_t i = 0; i < kRoom; ++i) {
            leftDue |= static_cast<std::uint32_t>(slots_[i].time <= left) << i;
            rightDue |= static_cast<std::uint32_t>(slots_[i].time <= right) << i;
        }
        const std::uint32_t due = used_ & ((leftDue & ~rights_) | (rightDue & rights_));
        destroy(due);
        used_ = static_cast<std::uint16_t>(used_ & ~due);
    }

    /// `fn(time, value)` for the values of a kind from `first` to `last`, both inclusive, in their order. `first` must not be
    /// above `last`.
    template <bool kLeft, class Fn>
    [[gnu::always_inline]] void forEachWithin(Timestamp first, Timestamp last, Fn&& fn) {
        if (isOnHeap()) [[unlikely]] {
            auto& buffer = onHeap<kLeft>();
            auto* const end = buffer.end();
            for (auto* at = buffer.firstNotBefore(first); at != end && at->time <= last; ++at) fn(at->time, at->value);
            return;
        }
        for (std::uint32_t rest = of<kLeft>() & within(first, last); rest != 0; rest &= rest - 1) {
            Slot& slot = slots_[static_cast<std::size_t>(std::countr_zero(rest))];
            fn(slot.time, valueIn<kLeft>(slot));
        }
    }

    /// The number of values of a kind later than `time`: those that `dropUntil` would leave.
    template <bool kLeft>
    std::size_t countAfter(Timestamp time) const noexcept {
        std::size_t count = 0;
        forEachAfter<kLeft>(time, [&count](Timestamp, const auto&) { ++count; });
        return count;
    }
    /// `fn(time, value)` for each of them, in their order.
    template <bool kLeft, class Fn>
    void forEachAfter(Timestamp time, Fn&& fn) const {
        if (isOnHeap()) {
            const auto& buffer = onHeap<kLeft>();
            for (const auto* at = buffer.firstAfter(time); at != buffer.end(); ++at) fn(at->time, at->value);
            return;
        }
        for (std::uint32_t rest = of<kLeft>(); rest != 0; rest &= rest - 1) {
            const Slot& slot = slots_[static_cast<std::size_t>(std::countr_zero(rest))];
            if (slot.time > time) fn(slot.time, valueIn<kLeft>(slot));
        }
    }
    /// The time of the last value of a kind; `kMinTimestamp` if there is none.
    template <bool kLeft>
    Timestamp lastTime() const noexcept {
        if (isOnHeap()) {
            const auto& buffer = onHeap<kLeft>();
            return buffer.empty() ? kMinTimestamp : buffer.end()[-1].time;
        }
        const std::uint32_t own = of<kLeft>();
        return own == 0 ? kMinTimestamp : slots_[static_cast<std::size_t>(std::bit_width(own)) - 1].time;
    }

private:
    template <std::size_t kCount>
    struct SlotArray {
        Slot slots[kCount];
        Slot& operator[](std::size_t i) noexcept { return slots[i]; }
        const Slot& operator[](std::size_t i) const noexcept { return slots[i]; }
    };
    struct NoSlots {
        Slot& operator[](std::size_t) const noexcept { __builtin_unreachable(); }
    };
    using Slots = typename std::conditional_t<(kRoom > 0), std::type_identity<SlotArray<kRoom == 0 ? 1 : kRoom>>,
                                              std::type_identity<NoSlots>>::type;

    bool isOnHeap() const noexcept { return heap_ != nullptr; }
    bool isRight(std::size_t i) const noexcept { return ((rights_ >> i) & 1) != 0; }
    /// The slots that hold a value of a kind.
    template <bool kLeft>
    std::uint32_t of() const noexcept {
        return kLeft ? used_ & ~static_cast<std::uint32_t>(rights_) : used_ & static_cast<std::uint32_t>(rights_);
    }
    /// The slots whose times are from `first` to `last`.
    [[gnu::always_inline]] std::uint32_t within(Timestamp first, Timestamp last) const noexcept {
        const auto unsignedOf = [](Timestamp t) { return static_cast<std::uint64_t>(t.time_since_epoch().count()); };
        const std::uint64_t width = unsignedOf(last) - unsignedOf(first);
        std::uint32_t found = 0;
        for (std::size_t i = 0; i < kRoom; ++i) {
            // one comparison: what is before `first` wraps around to more than `width`
            found |= static_cast<std::uint32_t>(unsignedOf(slots_[i].time) - unsignedOf(first) <= width) << i;
        }
        return found;
    }
    template <bool kLeft, class S>
    static auto& valueIn(S& slot) noexcept {
        if constexpr (kLeft) {
            return (slot.left);
        } else {
            return (slot.right);
        }
    }
    template <bool kLeft>
    auto& onHeap() const noexcept {
        if constexpr (kLeft) {
            return heap_->left;
        } else {
            return heap_->right;
        }
    }

    template <bool kLeft>
    [[gnu::always_inline]] void put(std::size_t at, Timestamp time, ValueOf<kLeft>&& value) noexcept {
        std::construct_at(std::addressof(valueIn<kLeft>(slots_[at])), std::move(value));
        slots_[at].time = time;
        const std::uint32_t bit = std::uint32_t{1} << at;
        used_ = static_cast<std::uint16_t>(used_ | bit);
        rights_ = static_cast<std::uint16_t>(kLeft ? rights_ & ~bit : rights_ | bit);
    }
    static void relocate(Slot& from, Slot& to, bool isRight) noexcept {
        to.time = from.time;
        if (isRight) {
            std::construct_at(std::addressof(to.right), std::move(from.right));
            std::destroy_at(std::addressof(from.right));
        } else {
            std::construct_at(std::addressof(to.left), std::move(from.left));
            std::destroy_at(std::addressof(from.left));
        }
    }
    [[gnu::always_inline]] void destroy(std::uint32_t which) noexcept {
        if constexpr (!std::is_trivially_destructible_v<L> || !std::is_trivially_destructible_v<R>) {
            for (; which != 0; which &= which - 1) {
                const auto i = static_cast<std::size_t>(std::countr_zero(which));
                if (isRight(i)) {
                    std::destroy_at(std::addressof(slots_[i].right));
                } else {
                    std::destroy_at(std::addressof(slots_[i].left));
                }
            }
        }
    }

    template <bool kLeft>
    [[gnu::noinline]] void addSlowly(Pool& pool, Timestamp time, ValueOf<kLeft>&& value) {
        if (!isOnHeap()) {
            if (static_cast<std::size_t>(std::popcount(used_)) < kRoom) return insert<kLeft>(time, std::move(value));
            moveTo(pool.take());
        }
        onHeap<kLeft>().add(time, std::move(value));
    }
    /// Puts a value in its place among others, which move; there is room.
    template <bool kLeft>
    void insert(Timestamp time, ValueOf<kLeft>&& value) noexcept {
        std::size_t count = 0;
        for (std::uint32_t rest = used_; rest != 0; rest &= rest - 1, ++count) {
            moveSlot(static_cast<std::size_t>(std::countr_zero(rest)), count);
        }
        used_ = static_cast<std::uint16_t>((std::uint32_t{1} << count) - 1);
        std::size_t at = count;
        for (std::uint32_t rest = of<kLeft>(); rest != 0; rest &= rest - 1) {
            const auto i = static_cast<std::size_t>(std::countr_zero(rest));
            if (slots_[i].time <= time) continue;
            at = i;
            break;
        }
        for (std::size_t i = count; i > at; --i) moveSlot(i - 1, i);
        used_ = static_cast<std::uint16_t>((std::uint32_t{2} << count) - 1);
        put<kLeft>(at, time, std::move(value));
    }
    void moveSlot(std::size_t from, std::size_t to) noexcept {
        if (from == to) return;
        relocate(slots_[from], slots_[to], isRight(from));
        const std::uint32_t bit = std::uint32_t{1} << to;
        rights_ = static_cast<std::uint16_t>(isRight(from) ? rights_ | bit : rights_ & ~bit);
    }
    void moveTo(OnHeap* memory) noexcept {
        heap_ = memory;
        for (std::uint32_t rest = used_; rest != 0; rest &= rest - 1) {
            const auto i = static_cast<std::size_t>(std::countr_zero(rest));
            if (isRight(i)) {
                heap_->right.add(slots_[i].time, std::move(slots_[i].right));
            } else {
                heap_->left.add(slots_[i].time, std::move(slots_[i].left));
            }
        }
        destroy(used_);
        used_ = 0;
    }
    [[gnu::noinline]] void dropOnHeap(Pool& pool, Timestamp left, Timestamp right) noexcept {
        __builtin_prefetch(&heap_->right, 1);
        heap_->left.dropUntil(left);
        heap_->right.dropUntil(right);
        if (heap_->left.size() + heap_->right.size() > kRoom) return;
        takeBack<true>();
        takeBack<false>();
        pool.give(std::exchange(heap_, nullptr));
    }
    template <bool kLeft>
    void takeBack() noexcept {
        if constexpr (kRoom > 0) {
            auto& buffer = onHeap<kLeft>();
            for (auto& entry : buffer) {
                put<kLeft>(static_cast<std::size_t>(std::countr_one(used_)), entry.time, std::move(entry.value));
            }
            buffer.dropUntil(kMaxTimestamp);
        }
    }

    OnHeap* heap_ = nullptr;    ///< where all values are, if they are not here
    std::uint16_t used_ = 0;    ///< the slots that hold values; none while they are on the heap
    std::uint16_t rights_ = 0;  ///< those of them whose values are right ones
    [[no_unique_address]] Slots slots_;
};

}  // namespace millrace::detail

#endif  // MILLRACE_STATE_TWO_SIDED_BUFFER_HPP
