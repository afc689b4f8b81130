#ifndef MILLRACE_STATE_TIMER_HEAP_HPP
#define MILLRACE_STATE_TIMER_HEAP_HPP

#include <millrace/core/algorithm.hpp>
#include <millrace/core/list.hpp>
#include <millrace/state/table_slot.hpp>
#include <millrace/time/timestamp.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace millrace::detail {

/// The namespace of timers and states that have none besides their key.
struct NoNamespace {
    bool operator==(const NoNamespace&) const = default;
};

/// A timer of a key, and within it of a namespace (a window, say).
template <class Key, class Namespace>
struct TimerOf {
    Timestamp time = kMinTimestamp;
    Key key{};
    [[no_unique_address]] Namespace ns{};

    bool is(Timestamp t, const Key& k, const Namespace& n) const { return time == t && sameKey(key, k) && ns == n; }
};

/// Enough to tell timers apart: those of one key at one time in several namespaces are few.
template <class Key>
std::uint64_t timerHash(Timestamp time, const Key& key) {
    std::uint64_t hash = TableSlot<Key, NoNamespace>::hashOf(key);
    hash = (hash ^ static_cast<std::uint64_t>(time.time_since_epoch().count())) * 0xD6E8FEB86659FD93u;
    return hash ^ (hash >> 32);
}

/// The order in which the timers of a `TimerHeap` are due: by time, then by registration.
class TimerOrder {
public:
    struct Node {
        Timestamp time;
        std::uint64_t sequence;  ///< of the registration; unique
        std::uint64_t hash;
        bool operator<(const Node& other) const noexcept {  // std's heaps have the largest on top
            return time != other.time ? time > other.time : sequence > other.sequence;
        }
    };

    bool empty() const noexcept { return nodes_.empty(); }
    std::size_t size() const noexcept { return nodes_.size(); }
    std::size_t memoryBytes() const noexcept { return nodes_.capacity() * sizeof(Node); }
    const Node& top() const noexcept { return nodes_.front(); }
    void push(const Node& node) {
        nodes_.push_back(node);
        std::push_heap(nodes_.begin(), nodes_.end());
    }
    void pop() noexcept {
        std::pop_heap(nodes_.begin(), nodes_.end());
        nodes_.pop_back();
    }
    /// Keeps the nodes for which `live(node)` is true.
    template <class Live>
    void keepIf(Live live) {
        nodes_.eraseIf([&](const Node& node) { return !live(node); });
        std::make_heap(nodes_.begin(), nodes_.end());
    }

private:
    List<Node> nodes_;
};

/// Timers of any order of time: a binary heap over a table that knows which of them are still registered.
template <class Key, class Namespace>
class TimerHeap {
public:
    using Timer = TimerOf<Key, Namespace>;

    bool empty() const noexcept { return size_ == 0; }
    std::size_t size() const noexcept { return size_; }

    void add(Timestamp time, const Key& key, const Namespace& ns) {
        if (2 * (size_ + 1) > slots_.size()) grow();
        const std::uint64_t hash = timerHash(time, key);
        Slot& slot = slots_[locate(hash, time, key, ns)];
        if (slot.sequence != 0) return;
        if (order_.size() > 2 * size_ + 64) dropRemoved();
        order_.push({time, sequence_ + 1, hash});
        slot.timer.time = time;
        slot.timer.key = key;
        slot.timer.ns = ns;
        slot.hash = hash;
        slot.sequence = ++sequence_;
        ++size_;
    }
    void remove(Timestamp time, const Key& key, const Namespace& ns) {
        if (size_ == 0) return;
        const std::size_t at = locate(timerHash(time, key), time, key, ns);
        if (slots_[at].sequence != 0) release(at);  // its node goes when it reaches the top
        dropTop();
    }

    /// Of the first timer. Only if not empty.
    Timestamp firstTime() const noexcept { return order_.top().time; }
    void popFirst(Timer& out) {
        const std::size_t at = find(order_.top());
        out = std::move(slots_[at].timer);
        release(at);
        order_.pop();
        dropTop();
    }

    std::size_t memoryBytes() const noexcept { return slots_.capacity() * sizeof(Slot) + order_.memoryBytes(); }
    template <class Fn>
    void forEach(Fn fn) const {
        for (const Slot& slot : slots_) {
            if (slot.sequence != 0) fn(slot.timer);
        }
    }

private:
    struct Slot {
        Timer timer;
        std::uint64_t hash = 0;
        std::uint64_t sequence = 0;  ///< 0: free
    };
    static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

    std::size_t locate(std::uint64_t hash, Timestamp time, const Key& key, const Namespace& ns) const {
        std::size_t at = hash & (slots_.size() - 1);
        while (slots_[at].sequence != 0 && !slots_[at].timer.is(time, key, ns)) at = (at + 1) & (slots_.size() - 1);
        return at;
    }
    std::size_t find(const TimerOrder::Node& node) const noexcept {
        if (slots_.empty()) return kNone;
        for (std::size_t at = node.hash & (slots_.size() - 1); slots_[at].sequence != 0;
             at = (at + 1) & (slots_.size() - 1)) {
            if (slots_[at].sequence == node.sequence) return at;
        }
        return kNone;
    }
    /// The first node is always one of a registered timer.
    void dropTop() noexcept {
        while (!order_.empty() && find(order_.top()) == kNone) order_.pop();
    }
    void dropRemoved() {
        order_.keepIf([&](const TimerOrder::Node& node) { return find(node) != kNone; });
    }
    /// Frees an entry; those behind it that it kept from their place move up.
    void release(std::size_t at) {
        const std::size_t mask = slots_.size() - 1;
        std::size_t hole = at;
        for (std::size_t next = (at + 1) & mask; slots_[next].sequence != 0; next = (next + 1) & mask) {
            if (((next - slots_[next].hash) & mask) >= ((next - hole) & mask)) {
                slots_[hole] = std::move(slots_[next]);
                hole = next;
            }
        }
        slots_[hole].sequence = 0;
        --size_;
    }
    void grow() {
        std::vector<Slot> old(slots_.empty() ? 16 : 2 * slots_.size());
        old.swap(slots_);
        for (Slot& slot : old) {
            if (slot.sequence == 0) continue;
            std::size_t at = slot.hash & (slots_.size() - 1);
            while (slots_[at].sequence != 0) at = (at + 1) & (slots_.size() - 1);
            slots_[at] = std::move(slot);
        }
    }

    TimerOrder order_;
    std::vector<Slot> slots_;
    std::size_t size_ = 0;
    std::uint64_t sequence_ = 0;
};

}  // namespace millrace::detail

#endif  // MILLRACE_STATE_TIMER_HEAP_HPP
