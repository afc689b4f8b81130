#ifndef MILLRACE_STATE_MAP_STATE_HPP
#define MILLRACE_STATE_MAP_STATE_HPP

#include <millrace/state/dense_index.hpp>
#include <millrace/state/list_state.hpp>
#include <millrace/types/key_hash.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace millrace {

/// A map per key, by name. @public
template <class K, class V>
class MapStateDescriptor : public StateDescriptor {
    static_assert(detail::RequireCodec<K>::kChecked);
    static_assert(detail::RequireCodec<V>::kChecked);

public:
    using StateDescriptor::StateDescriptor;
};

/// An entry of a `MapState`. @public
template <class K, class V>
struct MapStateEntry {
    K key;
    V value;
};

namespace detail {

template <class K, class V>
struct MapCell {
    static_assert(KeyType<K>,
                  "millrace: MapState: the type of the map's keys has no key hash or no ==. Use integers, enums, "
                  "strings, times, or pairs, tuples and plain aggregates of them with a defaulted operator==.");
    using Entries = CountedVector<MapStateEntry<K, V>, DenseIndex::kBytesPerEntry>;
    Entries entries;
    DenseIndex index;
    PartStamps<MapCell> times;
    [[no_unique_address]] OwnedBy<K, V> owned;

    explicit MapCell(StateMemory* account = nullptr) noexcept
        : entries(typename Entries::allocator_type(account)), times(account), owned(account) {}
    StateMemory* account() const noexcept { return entries.get_allocator().account(); }

    std::size_t find(const K& key) const {
        return index.find(keyHash(key), [&](std::size_t i) { return entries[i].key == key; });
    }
    template <class... Value>
    V& add(const K& key, Value&&... value) {
        entries.push_back({key, valueOf<V>(std::forward<Value>(value)...)});
        try {
            index.add(keyHash(key));
        } catch (...) {
            entries.pop_back();
            throw;
        }
        if constexpr (kOwnsMemory<K> || kOwnsMemory<V>) {
            try {
                owned.add(ownedBy(entries.back()));
            } catch (...) {
                index.remove(entries.size() - 1);
                entries.pop_back();
                throw;
            }
        }
        return entries.back().value;
    }
    template <class U>
    void assign(std::size_t position, U&& value) {
        V& to = entries[position].value;
        changeOwner(to, owned, [&] { to = std::forward<U>(value); });
    }
    static std::size_t ownedBy(const MapStateEntry<K, V>& entry) noexcept {
        return ownedBytes(entry.key) + ownedBytes(entry.value);
    }
    void remove(std::size_t position) {
        const bool isLast = position + 1 == entries.size();
        const std::size_t before = ownedBy(entries[position]) + (isLast ? 0 : ownedBy(entries.back()));
        index.remove(position);
        if (!isLast) entries[position] = std::move(entries.back());
        owned.change(before, isLast ? 0 : ownedBy(entries[position]));
        entries.pop_back();
        auto& stamps = times.stamps;
        if (stamps.empty()) return;
        stamps[position] = stamps.back();
        stamps.pop_back();
    }

    static void destroy(void* cell) noexcept {
        static_assert(sizeof(MapCell) == sizeof(Size) && alignof(MapCell) == alignof(Size));
        std::destroy_at(static_cast<MapCell*>(cell));
    }
    static void encode(const void* raw, const CellTime& time, ByteWriter& writer) {
        const auto& cell = *static_cast<const MapCell*>(raw);
        cell.times.encode(time, cell.entries.size(), writer);
        for (std::size_t i = 0; i < cell.entries.size(); ++i) {
            if (!cell.times.isWritten(i, time)) continue;
            Codec<K>::encode(cell.entries[i].key, writer);
            Codec<V>::encode(cell.entries[i].value, writer);
        }
    }
    static CellParts countParts(const void* cell, Timestamp expiredUpTo) noexcept {
        return static_cast<const MapCell*>(cell)->times.count(expiredUpTo);
    }
    static void dropExpired(void* cell, Timestamp expiredUpTo) {
        static_cast<MapCell*>(cell)->keepIf([expiredUpTo](Timestamp& stamp) { return stamp > expiredUpTo; });
    }
    /// Drops the entries whose stamps are not to be kept. Only with stamps.
    template <class Keep>
    void keepIf(Keep keep) {
        for (std::size_t at = 0; at < entries.size();) {
            if (keep(times.stamps[at])) {
                ++at;
            } else {
                remove(at);
            }
        }
    }
    static void decode(void* raw, const CellTime& time, ByteReader& reader) {
        MapCell read(time.memory);
        const std::size_t count = reader.readLength(time.stamped ? 2 + sizeof(Timestamp) : 2, "a map");
        read.times.decode(time, count, reader);
        read.entries.reserve(count);
        for (std::size_t i = 0; i < count; ++i) {
            const K key = decodeState<K>(reader);
            if (read.find(key) != DenseIndex::kNone) reader.fail("a map with a key twice");
            read.add(key, decodeState<V>(reader));
        }
        ::new (raw) MapCell(std::move(read));
    }
    /// As large as the cell, which is not complete here.
    struct Size {
        Entries entries;
        DenseIndex index;
        PartStamps<MapCell> times;
        [[no_unique_address]] OwnedBy<K, V> owned;
    };
    static constexpr CellType kType{sizeof(Size), alignof(Size),          false,      true,       destroy, encode,
                                    decode,       &kStampedMapInfo<K, V>, countParts, dropExpired};
};

}  // namespace detail

/// A map per key. With a time to live each entry has its own stamp. @public
/// *Failure:* MillraceException when used before `open` or while no key is current.
template <class K, class V>
class MapState : public detail::StateHandle {
    using Cell = detail::MapCell<K, V>;

public:
    using Entry = MapStateEntry<K, V>;
    using detail::StateHandle::StateHandle;
    static std::string typeName() { return "map<" + codecName<K>() + "," + codecName<V>() + ">"; }
    static constexpr const detail::CellType& cellType() { return Cell::kType; }

    /// The value for `key`, null if there is none. Valid until the state is written or read next, and during this call
    /// of the user's function.
    const V* get(const K& key) const {
        const std::size_t at = locate(key);
        if (at == detail::DenseIndex::kNone || (hasTtl_ && !seen(at))) return nullptr;
        return &cell<Cell>().entries[at].value;
    }
    V getOr(const K& key, V fallback) const {
        const V* const found = get(key);
        return found != nullptr ? *found : std::move(fallback);
    }
    bool contains(const K& key) const { return get(key) != nullptr; }
    template <class U = V>
    void put(const K& key, U&& value) {
        Cell& map = reach<Cell>();
        const std::size_t at = map.find(key);
        if (at == detail::DenseIndex::kNone) {
            if (hasTtl_) map.times.makeRoom();
            map.add(key, detail::numberAs<V>(std::forward<U>(value)));
        } else {
            map.assign(at, detail::numberAs<V>(std::forward<U>(value)));
        }
        stampWrite(map, at);
    }
    /// `change(V&)` on the value of `key` in place; on a `V{}` if there was none.
    template <class Change>
    void mutate(const K& key, Change&& change) {
        Cell& map = reach<Cell>();
        std::size_t at = map.find(key);
        if (at == detail::DenseIndex::kNone) {
            if (hasTtl_) map.times.makeRoom();
            map.add(key);
        } else if (hasTtl_ && goneFor(map.times.stamps[at])) {
            map.assign(at, V{});
        }
        stampWrite(map, at);
        V& value = map.entries[at == detail::DenseIndex::kNone ? map.entries.size() - 1 : at].value;
        detail::changeOwner(value, map.owned, [&] { std::forward<Change>(change)(value); });
    }
    /// Takes all pairs of a range over: a `std::map`, a vector of pairs…
    template <class Range>
    void putAll(const Range& pairs) {
        for (const auto& [key, value] : pairs) put(key, value);
    }
    void remove(const K& key) {
        const std::size_t at = locate(key);
        if (at != detail::DenseIndex::kNone) removeAt(at);
    }

    /// All entries: `for (const auto& [key, value] : map.entries())`. In the order in which their keys came first, as
    /// long as none is removed. Valid until the state is written or read next.
    std::span<const Entry> entries() const {
        if (!present()) {
            cells_->checkKey(state_);
            return {};
        }
        if (hasTtl_ && !removeExpired()) return {};
        return cell<Cell>().entries;
    }
    /// `fn(const K&, const V&)` for each entry; it must not write to this state.
    template <class Fn>
    void forEach(Fn&& fn) const {
        for (const Entry& entry : entries()) fn(entry.key, entry.value);
    }
    std::vector<K> keys() const {
        std::vector<K> all;
        for (const Entry& entry : entries()) all.push_back(entry.key);
        return all;
    }
    std::size_t size() const { return entries().size(); }
    bool isEmpty() const { return entries().empty(); }

private:
    std::size_t locate(const K& key) const {
        if (present()) return cell<Cell>().find(key);
        cells_->checkKey(state_);
        return detail::DenseIndex::kNone;
    }
    void removeAt(std::size_t at) const {
        Cell& map = cell<Cell>();
        map.remove(at);
        if (map.entries.empty()) cells_->clear(*state_);
    }
    void stampWrite(Cell& map, std::size_t at) {
        if (!hasTtl_) return;
        cells_->accessed(*state_);
        if (at == detail::DenseIndex::kNone) {
            map.times.stamps.push_back(cells_->now());
        } else {
            map.times.stamps[at] = cells_->now();
        }
    }
    bool goneFor(Timestamp stamp) const {
        return stamp == detail::kSpentStamp || state_->expired(stamp, cells_->now());
    }
    bool seen(std::size_t at) const {
        cells_->accessed(*state_);
        if (detail::PartStamps<Cell>::read(*state_, cell<Cell>().times.stamps[at], cells_->now()) ==
            detail::PartStamps<Cell>::Read::Seen) {
            return true;
        }
        removeAt(at);
        return false;
    }
    /// False if nothing is left.
    [[gnu::noinline]] bool removeExpired() const {
        Cell& map = cell<Cell>();
        cells_->accessed(*state_);
        map.keepIf([this, now = cells_->now()](Timestamp& stamp) {
            return detail::PartStamps<Cell>::read(*state_, stamp, now) == detail::PartStamps<Cell>::Read::Seen;
        });
        if (!map.entries.empty()) return true;
        cells_->clear(*state_);
        return false;
    }
};

}  // namespace millrace

#endif  // MILLRACE_STATE_MAP_STATE_HPP
