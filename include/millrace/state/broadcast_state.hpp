#ifndef MILLRACE_STATE_BROADCAST_STATE_HPP
#define MILLRACE_STATE_BROADCAST_STATE_HPP

#include <millrace/core/config.hpp>
#include <millrace/core/owner.hpp>
#include <millrace/core/pointer_list.hpp>
#include <millrace/state/map_state.hpp>
#include <millrace/state/snapshot.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace millrace {

namespace detail {

/// A broadcast map without its types.
class BroadcastStateBase {
public:
    BroadcastStateBase(std::string name, std::string type, const TypeInfo& entries)
        : name_(std::move(name)), type_(std::move(type)), entries_(entries) {}
    BroadcastStateBase(const BroadcastStateBase&) = delete;
    BroadcastStateBase& operator=(const BroadcastStateBase&) = delete;
    virtual ~BroadcastStateBase() = default;
    virtual void encode(ByteWriter& writer) const = 0;
    virtual void decode(ByteReader& reader) = 0;
    /// Before the first entry: memory is counted there.
    virtual void chargeTo(StateMemory& account) = 0;

    const std::string& name() const noexcept { return name_; }
    const std::string& type() const noexcept { return type_; }
    StateLayout layout() const noexcept { return {"broadcast", {{"entries", &entries_}}}; }

private:
    std::string name_;
    std::string type_;
    const TypeInfo& entries_;
};

}  // namespace detail

/// A map that every subtask has a copy of, as the records that are not broadcast see it. @public
template <class K, class V>
class ReadOnlyBroadcastState {
public:
    using Entry = MapStateEntry<K, V>;

    /// The value for `key`, null if there is none. Valid until the state is written next.
    const V* get(const K& key) const {
        const std::size_t at = map_.find(key);
        return at == detail::DenseIndex::kNone ? nullptr : &map_.entries[at].value;
    }
    V getOr(const K& key, V fallback) const {
        const V* const found = get(key);
        return found != nullptr ? *found : std::move(fallback);
    }
    bool contains(const K& key) const { return get(key) != nullptr; }
    /// `for (const auto& [key, value] : state.entries())`, in no particular order.
    std::span<const Entry> entries() const noexcept { return map_.entries; }
    std::size_t size() const noexcept { return map_.entries.size(); }
    bool isEmpty() const noexcept { return map_.entries.empty(); }

protected:
    ReadOnlyBroadcastState() = default;
    ~ReadOnlyBroadcastState() = default;

    detail::MapCell<K, V> map_;
};

/// A map that every subtask has a copy of, as the broadcast side sees it: it alone may write. @public
/// All subtasks get the same broadcast records, but in no order relative to other records (and from several subtasks of
/// the broadcasting operator in no order at all): what is written must not depend on anything else.
template <class K, class V>
class BroadcastState final : public ReadOnlyBroadcastState<K, V>, public detail::BroadcastStateBase {
public:
    explicit BroadcastState(const MapStateDescriptor<K, V>& descriptor)
        : BroadcastStateBase(descriptor.name(), typeName(), detail::kMapInfo<K, V>) {}
    static std::string typeName() { return "broadcast<" + codecName<K>() + "," + codecName<V>() + ">"; }

    template <class U = V>
    void put(const K& key, U&& value) {
        const std::size_t at = this->map_.find(key);
        if (at == detail::DenseIndex::kNone) {
            this->map_.add(key, std::forward<U>(value));
        } else {
            this->map_.assign(at, std::forward<U>(value));
        }
    }
    template <class Range>
    void putAll(const Range& pairs) {
        for (const auto& [key, value] : pairs) put(key, value);
    }
    void remove(const K& key) {
        const std::size_t at = this->map_.find(key);
        if (at != detail::DenseIndex::kNone) this->map_.remove(at);
    }
    void clear() { start(this->map_.account()); }

private:
    void encode(ByteWriter& writer) const override { this->map_.encode(&this->map_, detail::CellTime{}, writer); }
    void decode(ByteReader& reader) override {
        detail::CellTime time;
        time.memory = this->map_.account();
        std::destroy_at(&this->map_);
        try {
            this->map_.decode(&this->map_, time, reader);
        } catch (...) {
            std::construct_at(&this->map_, time.memory);
            throw;
        }
    }
    void chargeTo(detail::StateMemory& account) override { start(&account); }
    void start(detail::StateMemory* account) {
        std::destroy_at(&this->map_);
        std::construct_at(&this->map_, account);
    }
};

namespace detail {

/// The broadcast maps of one operator.
/// *State:* "broadcast/<name>", as operator state: every subtask saves its copy, a restored one reads any of them.
class BroadcastStates {
public:
    template <class K, class V>
    void add(const MapStateDescriptor<K, V>& descriptor) {
        adopt(Owner<BroadcastStateBase>(new BroadcastState<K, V>(descriptor)));
    }
    /// *Failure:* MillraceException for a descriptor that was not given to `broadcast`, or with other types.
    template <class K, class V>
    BroadcastState<K, V>& get(const MapStateDescriptor<K, V>& descriptor) const {
        for (BroadcastStateBase& state : states_) {
            if (state.name() != descriptor.name()) continue;
            if (auto* const found = dynamic_cast<BroadcastState<K, V>*>(&state)) return *found;
            failType(state, BroadcastState<K, V>::typeName());
        }
        failUnknown(descriptor.name());
    }

    /// Before the first entry: memory is counted there.
    void chargeTo(StateMemory& account);
    /// "broadcast/rules, broadcast/names": for messages.
    std::string describe() const;
    void snapshot(SnapshotSink& sink, std::string_view uid) const;
    void restore(const SnapshotSource& source, std::string_view uid);

private:
    void adopt(Owner<BroadcastStateBase> state);
    [[noreturn]] static void failType(const BroadcastStateBase& state, const std::string& asked);
    [[noreturn]] void failUnknown(const std::string& name) const;

    OwnerList<BroadcastStateBase> states_;
};

}  // namespace detail
}  // namespace millrace

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/state/broadcast_state.ipp>
#endif

#endif  // MILLRACE_STATE_BROADCAST_STATE_HPP
