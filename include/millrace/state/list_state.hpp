#ifndef MILLRACE_STATE_LIST_STATE_HPP
#define MILLRACE_STATE_LIST_STATE_HPP

#include <millrace/core/algorithm.hpp>
#include <millrace/core/depending.hpp>
#include <millrace/state/counted_memory.hpp>
#include <millrace/state/value_state.hpp>

#include <cstddef>
#include <iterator>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace millrace {

/// A list per key, by name. @public
template <class T>
class ListStateDescriptor : public StateDescriptor {
    static_assert(detail::RequireCodec<T>::kChecked);

public:
    using StateDescriptor::StateDescriptor;
};

namespace detail {

/// Stamps of the parts of a cell, side by side with them; none without a time to live.
template <class Cell>  // so that they are compiled with it: see Depending
struct PartStamps {
    CountedVector<typename Depending<Timestamp, Cell>::Type> stamps;

    /// Room for one more, so that its stamp does not fail when the part is there.
    void makeRoom() {
        if (stamps.size() == stamps.capacity()) stamps.reserve(2 * stamps.size() + 4);
    }

    explicit PartStamps(StateMemory* account = nullptr) noexcept : stamps(CountedAllocator<Timestamp>(account)) {}

    /// Of a cell that has stamps.
    CellParts count(Timestamp expiredUpTo) const noexcept {
        CellParts counted{stamps.size()};
        for (const Timestamp stamp : stamps) {
            counted.expired += stamp <= expiredUpTo ? 1 : 0;
            counted.oldest = std::min(counted.oldest, stamp);
        }
        return counted;
    }
    /// Whether the part at this position is to be written.
    bool isWritten(std::size_t position, const CellTime& time) const noexcept {
        return !time.stamped || stamps[position] > time.expiredUpTo;
    }
    /// The number of parts to be written, of `all`, and their stamps.
    void encode(const CellTime& time, std::size_t all, ByteWriter& writer) const {
        writer.writeLength(time.stamped ? all - count(time.expiredUpTo).expired : all);
        if (!time.stamped) return;
        for (const Timestamp stamp : stamps) {
            if (stamp > time.expiredUpTo) writer.write(stamp.time_since_epoch().count());
        }
    }
    void decode(const CellTime& time, std::size_t count, ByteReader& reader) {
        const bool keeps = time.stamp != nullptr;
        if (keeps) stamps.assign(count, time.now);
        if (!time.stamped) return;
        for (std::size_t i = 0; i < count; ++i) {
            const Timestamp stamp(Duration(reader.read<std::int64_t>("a stamp")));
            if (keeps) stamps[i] = stamp;
        }
    }
    enum class Read : std::uint8_t { Seen, Gone };
    /// What a read does with one part: as `StateCells::seen`.
    static Read read(const DeclaredState& state, Timestamp& stamp, Timestamp now) noexcept {
        if (stamp == kSpentStamp || state.expired(stamp, now)) {
            if (stamp == kSpentStamp || !state.returnsExpired()) return Read::Gone;
            stamp = kSpentStamp;
        } else if (state.stampsOnRead()) {
            stamp = now;
        }
        return Read::Seen;
    }
};

template <class T>
struct ListCell {
    static_assert(!std::is_same_v<T, bool>, "millrace: ListState of bool: wrap the bool in a struct");
    CountedVector<T> values;
    PartStamps<ListCell> times;
    [[no_unique_address]] OwnedBy<T> owned;

    explicit ListCell(StateMemory* account = nullptr) noexcept
        : values(CountedAllocator<T>(account)), times(account), owned(account) {}

    template <class U>
    void add(U&& value) {
        values.push_back(std::forward<U>(value));
        if constexpr (kOwnsMemory<T>) {
            try {
                owned.add(ownedBytes(values.back()));
            } catch (...) {
                values.pop_back();
                throw;
            }
        }
    }
    /// After elements have gone.
    void recount() {
        if constexpr (kOwnsMemory<T>) {
            std::size_t now = 0;
            for (const T& value : values) now += ownedBytes(value);
            owned.change(owned.bytes(), now);
        }
    }

    static void destroy(void* cell) noexcept {
        static_assert(sizeof(ListCell) == sizeof(Size) && alignof(ListCell) == alignof(Size));
        std::destroy_at(static_cast<ListCell*>(cell));
    }
    static void encode(const void* raw, const CellTime& time, ByteWriter& writer) {
        const auto& cell = *static_cast<const ListCell*>(raw);
        cell.times.encode(time, cell.values.size(), writer);
        for (std::size_t i = 0; i < cell.values.size(); ++i) {
            if (cell.times.isWritten(i, time)) Codec<T>::encode(cell.values[i], writer);
        }
    }
    static CellParts countParts(const void* cell, Timestamp expiredUpTo) noexcept {
        return static_cast<const ListCell*>(cell)->times.count(expiredUpTo);
    }
    static void dropExpired(void* cell, Timestamp expiredUpTo) {
        static_cast<ListCell*>(cell)->keepIf([expiredUpTo](Timestamp& stamp) { return stamp > expiredUpTo; });
    }
    /// Drops the elements whose stamps are not to be kept. Only with stamps.
    template <class Keep>
    void keepIf(Keep keep) {
        auto& stamps = times.stamps;
        std::size_t kept = 0;
        for (std::size_t i = 0; i < stamps.size(); ++i) {
            if (!keep(stamps[i])) continue;
            if (kept != i) {
                values[kept] = std::move(values[i]);
                stamps[kept] = stamps[i];
            }
            ++kept;
        }
        values.erase(values.begin() + static_cast<std::ptrdiff_t>(kept), values.end());
        stamps.resize(kept);
        recount();
    }
    static void decode(void* raw, const CellTime& time, ByteReader& reader) {
        ListCell read(time.memory);
        const std::size_t count = reader.readLength(time.stamped ? 1 + sizeof(Timestamp) : 1, "a list");
        read.times.decode(time, count, reader);
        read.values.reserve(count);
        for (std::size_t i = 0; i < count; ++i) read.add(decodeState<T>(reader));
        ::new (raw) ListCell(std::move(read));
    }
    /// As large as the cell, which is not complete here.
    struct Size {
        CountedVector<T> values;
        PartStamps<ListCell> times;
        [[no_unique_address]] OwnedBy<T> owned;
    };
    static constexpr CellType kType{sizeof(Size), alignof(Size),        false,      true,       destroy, encode,
                                    decode,       &kStampedListInfo<T>, countParts, dropExpired};
};

}  // namespace detail

/// A list per key. With a time to live each element has its own stamp. @public
/// *Failure:* MillraceException when used before `open` or while no key is current.
template <class T>
class ListState : public detail::StateHandle {
    using Cell = detail::ListCell<T>;

public:
    using detail::StateHandle::StateHandle;
    static std::string typeName() { return "list<" + codecName<T>() + ">"; }
    static constexpr const detail::CellType& cellType() { return Cell::kType; }

    /// The elements of the current key, in the order in which they were added. Valid until the state is written or read
    /// next, and during this call of the user's function.
    std::span<const T> get() const {
        if (!present()) {
            cells_->checkKey(state_);
            return {};
        }
        if (hasTtl_ && !removeExpired()) return {};
        return cell<Cell>().values;
    }
    template <class U = T>
    void add(U&& value) {
        Cell& list = reach<Cell>();
        if (hasTtl_) list.times.makeRoom();
        list.add(std::forward<U>(value));
        stampNew(list);
    }
    template <class Range = std::span<const T>>
    void addAll(const Range& values) {
        if (std::begin(values) == std::end(values)) return;
        Cell& list = reach<Cell>();
        for (const auto& value : values) {
            if (hasTtl_) list.times.makeRoom();
            list.add(value);
            stampNew(list);
        }
    }
    /// Replaces the list; an empty one clears the state.
    void update(std::vector<T> values) {
        if (values.empty()) return clear();
        Cell& list = reach<Cell>();
        if (hasTtl_) list.times.stamps.reserve(values.size());
        list.values.assign(std::make_move_iterator(values.begin()), std::make_move_iterator(values.end()));
        list.times.stamps.clear();
        stampNew(list);
        list.recount();
    }

private:
    void stampNew(Cell& list) {
        if (!hasTtl_) return;
        list.times.stamps.resize(list.values.size(), cells_->now());
        cells_->accessed(*state_);
    }
    /// False if nothing is left.
    [[gnu::noinline]] bool removeExpired() const {
        Cell& list = cell<Cell>();
        cells_->accessed(*state_);
        list.keepIf([this, now = cells_->now()](Timestamp& stamp) {
            return detail::PartStamps<Cell>::read(*state_, stamp, now) == detail::PartStamps<Cell>::Read::Seen;
        });
        const bool isLeft = !list.values.empty();
        if (!isLeft) cells_->clear(*state_);
        return isLeft;
    }
};

}  // namespace millrace

#endif  // MILLRACE_STATE_LIST_STATE_HPP
