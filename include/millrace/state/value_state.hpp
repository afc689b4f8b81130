#ifndef MILLRACE_STATE_VALUE_STATE_HPP
#define MILLRACE_STATE_VALUE_STATE_HPP

#include <millrace/core/nearly_always.hpp>
#include <millrace/state/key_group_state.hpp>
#include <millrace/state/state_cells.hpp>

#include <concepts>
#include <memory>
#include <new>
#include <string>
#include <type_traits>
#include <utility>

namespace millrace {

/// One value per key, by name. @public
template <class T>
class ValueStateDescriptor : public StateDescriptor {
    static_assert(detail::RequireCodec<T>::kChecked);

public:
    using StateDescriptor::StateDescriptor;
};

namespace detail {

/// A number as one of type T, as an assignment would make it (braces would refuse an int for a double); all else as it is.
template <class T, class U>
decltype(auto) numberAs(U&& value) {
    if constexpr (std::is_arithmetic_v<T> && std::is_arithmetic_v<std::remove_cvref_t<U>>) {
        return static_cast<T>(value);
    } else {
        return std::forward<U>(value);
    }
}

/// A T of what converts to one. Not in braces if it can be: they would put one T into another where it is also made of a list
/// of its like, as values of libraries for JSON are.
template <class T, class... Args>
T valueOf(Args&&... args) {
    if constexpr (std::is_constructible_v<T, Args&&...>) {
        return T(std::forward<Args>(args)...);
    } else {
        return T{std::forward<Args>(args)...};
    }
}

/// A cell that is one value, stamped as a whole.
template <class T>
struct ValueCell {
    static_assert(std::default_initializable<T> && std::is_move_constructible_v<T>,
                  "millrace: what is kept in keyed state needs a default constructor and must be movable, so that it "
                  "can be read back from a snapshot.");

    static void destroy(void* cell) noexcept { std::destroy_at(static_cast<T*>(cell)); }
    static void encode(const void* cell, const CellTime&, ByteWriter& writer) {
        Codec<T>::encode(*static_cast<const T*>(cell), writer);
    }
    static void decode(void* raw, const CellTime&, ByteReader& reader) {
        T* const cell = ::new (raw) T{};
        try {
            Codec<T>::decode(reader, *cell);
        } catch (...) {
            std::destroy_at(cell);
            throw;
        }
    }
    static constexpr CellType kType{sizeof(T), alignof(T),   std::is_trivially_copyable_v<T>, false, destroy, encode,
                                    decode,    &kTypeInfo<T>};
};

}  // namespace detail

/// One value per key. @public
/// ```
/// void open(KeyedRuntimeContext& context) { total = context.getState(ValueStateDescriptor<double>{"total"}); }
/// void processElement(const Trade& trade, KeyedProcessContext<int>&, Collector<double>& out) {
///     total.mutate([&](double& sum) { sum += trade.price; });
///     out.collect(*total.value());
/// }
/// ```
/// *Failure:* MillraceException when used before `open` or while no key is current.
template <class T>
class ValueState : public detail::StateHandle {
public:
    using detail::StateHandle::StateHandle;
    static std::string typeName() { return "value<" + codecName<T>() + ">"; }
    static constexpr const detail::CellType& cellType() { return detail::ValueCell<T>::kType; }

    /// The value of the current key, null if it has none. Valid until the state is written next, and during this call of
    /// the user's function.
    const T* value() const { return this->template seenCell<T>(); }
    /// A copy of the value, or `fallback`.
    T valueOr(T fallback) const {
        const T* const found = value();
        return found != nullptr ? *found : std::move(fallback);
    }
    /// Whatever converts to T, as in an assignment.
    template <class U = T>
    void update(U&& value) {
        if (T* const found = this->template readyCell<T>(); detail::nearlyAlways(found != nullptr)) {
            *found = detail::numberAs<T>(std::forward<U>(value));
        } else if constexpr (std::is_arithmetic_v<T> && std::is_arithmetic_v<std::remove_cvref_t<U>>) {
            assign<T>(cells_, state_, detail::numberAs<T>(value));
        } else {
            assign<U&&>(cells_, state_, std::forward<U>(value));
        }
    }
    /// `change(T&)` on the value in place; on a `T{}` if there was none.
    template <class Change>
    void mutate(Change&& change) {
        T* found = this->template readyCell<T>();
        if (!detail::nearlyAlways(found != nullptr)) found = make(cells_, state_);
        std::forward<Change>(change)(*found);
    }

private:
    using Cells = detail::StateCells;
    using State = detail::DeclaredState;

    /// A cell to build on.
    [[gnu::noinline]] static T* make(Cells* cells, const State* state) {
        if (!isPresent(cells, state) || !cells->builtOn(*state)) {
            create(cells, state);
            if (state->ttl.isEnabled()) cells->stampWrite(*state);
        }
        return cellOf<T>(cells, state);
    }
    template <class U>
    [[gnu::noinline]] static void assign(Cells* cells, const State* state, U value) {
        if (isPresent(cells, state)) {
            *cellOf<T>(cells, state) = detail::numberAs<T>(std::forward<U>(value));
        } else {
            create(cells, state, std::forward<U>(value));
        }
        if (state->ttl.isEnabled()) cells->stampWrite(*state);
    }
    template <class... Args>
    static void create(Cells* cells, const State* state, Args&&... args) {
        makeCell<T>(cells, state, [&] { return detail::valueOf<T>(detail::numberAs<T>(std::forward<Args>(args))...); });
    }
};

}  // namespace millrace

#endif  // MILLRACE_STATE_VALUE_STATE_HPP
