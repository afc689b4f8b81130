#ifndef MILLRACE_STATE_LIST_STATE_HPP
#define MILLRACE_STATE_LIST_STATE_HPP

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
struct PartStamps {
    CountedVector<Timestamp> stamps;

    /// Room for one more, so that its stamp does not fail when the part is there.
    void makeRoom() {
        if (stamps.size() == stamps.capacity()) stamps.reserve(2 * stamps.size() + 4);
    }

    explicit PartStamps(StateMemory* account = nullptr) noexcept : stamps(CountedAllocator<Timestamp>(account)) {}

    void encode(const CellTime& time, ByteWriter& writer) const {
        if (!time.stamped) return;
        for (const Timestamp stamp : stamps) writer.write(stamp.time_since_epoch().count());
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
    PartStamps times;
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
        writer.writeLength(cell.values.size());
        cell.times.encode(time, writer);
        for (const T& value : cell.values) Codec<T>::encode(value, writer);
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
        PartStamps times;
        [[no_unique_address]] OwnedBy<T> owned;
    };
    static constexpr CellType kType{sizeof(Size), alignof(Size), false,  true,
                                    destroy,      encode,        decode, &kStampedListInfo<T>};
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
        Cell& list = reach();
        if (hasTtl_) list.times.makeRoom();
        list.add(std::forward<U>(value));
        stampNew(list);
    }
    template <class Range = std::span<const T>>
    void addAll(const Range& values) {
        if (std::begin(values) == std::end(values)) return;
        Cell& list = reach();
        for (const auto& value : values) {
            if (hasTtl_) list.times.makeRoom();
            list.add(value);
            stampNew(list);
        }
    }
    /// Replaces the list; an empty one clears the state.
    void update(std::vector<T> values) {
        if (values.empty()) return clear();
        Cell& list = reach();
        if (hasTtl_) list.times.stamps.reserve(values.size());
        list.values.assign(std::make_move_iterator(values.begin()), std::make_move_iterator(values.end()));
        list.times.stamps.clear();
        stampNew(list);
        list.recount();
    }

private:
    Cell& reach() {
        if (!present()) {
            if (state_ == nullptr) [[unlikely]]
                cells_->checkKey(nullptr);
            ::new (cells_->room(*state_)) Cell(cells_->account());
            cells_->made(*state_);
        }
        return cell<Cell>();
    }
    void stampNew(Cell& list) {
        if (hasTtl_) list.times.stamps.resize(list.values.size(), cells_->now());
    }
    /// False if nothing is left.
    [[gnu::noinline]] bool removeExpired() const {
        Cell& list = cell<Cell>();
        auto& stamps = list.times.stamps;
        const Timestamp now = cells_->now();
        std::size_t kept = 0;
        for (std::size_t i = 0; i < stamps.size(); ++i) {
            if (detail::PartStamps::read(*state_, stamps[i], now) == detail::PartStamps::Read::Gone) continue;
            if (kept != i) {
                list.values[kept] = std::move(list.values[i]);
                stamps[kept] = stamps[i];
            }
            ++kept;
        }
        list.values.erase(list.values.begin() + static_cast<std::ptrdiff_t>(kept), list.values.end());
        stamps.resize(kept);
        list.recount();
        if (kept == 0) cells_->clear(*state_);
        return kept != 0;
    }
};

}  // namespace millrace

#endif  // MILLRACE_STATE_LIST_STATE_HPP
