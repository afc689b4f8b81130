#ifndef MILLRACE_STATE_FOLDING_STATE_HPP
#define MILLRACE_STATE_FOLDING_STATE_HPP

#include <millrace/state/aggregation.hpp>
#include <millrace/state/value_state.hpp>

#include <new>
#include <optional>
#include <string>
#include <utility>

namespace millrace {

/// A value per key, by name, into which `fn(const T& value, const T& added)` combines what is added. @public
template <class T, class Fn>
class ReducingStateDescriptor : public StateDescriptor {
    static_assert(detail::RequireCodec<T>::kChecked);

public:
    explicit ReducingStateDescriptor(std::string name, Fn fn = Fn()) : StateDescriptor(std::move(name)), fn_(fn) {}
    ReducingStateDescriptor(std::string name, Fn fn, StateTtlConfig ttl)
        : StateDescriptor(std::move(name), ttl), fn_(std::move(fn)) {}
    const Fn& function() const noexcept { return fn_; }

private:
    Fn fn_;
};

/// An accumulator per key, by name, to which an aggregate function (`AggregateFunctionFor`) adds elements of type T.
/// @public
template <class T, class Aggregate>
class AggregatingStateDescriptor : public StateDescriptor {
public:
    explicit AggregatingStateDescriptor(std::string name, Aggregate fn = Aggregate())
        : StateDescriptor(std::move(name)), fn_(fn) {}
    AggregatingStateDescriptor(std::string name, Aggregate fn, StateTtlConfig ttl)
        : StateDescriptor(std::move(name), ttl), fn_(std::move(fn)) {}
    const Aggregate& function() const noexcept { return fn_; }

private:
    Aggregate fn_;
};

/// What is added is combined at once into one value per key. @public
/// *Failure:* MillraceException when used before `open` or while no key is current.
template <class T, class Fn>
class ReducingState : public detail::StateHandle {
public:
    ReducingState() = default;
    ReducingState(detail::StateCells& cells, const detail::DeclaredState& state, const Fn& fn)
        : StateHandle(cells, state), fn_(fn) {}
    static std::string typeName() { return "reducing<" + codecName<T>() + ">"; }
    static constexpr const detail::CellType& cellType() { return detail::ValueCell<T>::kType; }

    /// What has been added, combined; null if nothing was. Valid until the state is written next, and during this call
    /// of the user's function.
    const T* get() const { return this->template seenCell<T>(); }
    void add(const T& value) {
        if (T* const base = this->template cellToBuildOn<T>(); base != nullptr) {
            detail::reduceInto(*fn_, *base, value);
            return;
        }
        makeCell<T>(cells_, state_, [&]() -> const T& { return value; });
        if (hasTtl_) cells_->stampWrite(*state_);
    }

private:
    std::optional<Fn> fn_;
};

/// What is added goes at once into one accumulator per key. @public
/// *Failure:* MillraceException when used before `open` or while no key is current.
template <class T, class Aggregate>
class AggregatingState : public detail::StateHandle {
    static_assert(AggregateFunctionFor<Aggregate, T>,
                  "millrace: AggregatingState<T, Aggregate>: the aggregate function must have createAccumulator(), "
                  "add(const T&, Accumulator&) and getResult(const Accumulator&).");
    using Traits = detail::AggregateTraits<Aggregate, T>;
    using Accumulator = typename Traits::Accumulator;

public:
    using Result = typename Traits::Result;

    AggregatingState() = default;
    AggregatingState(detail::StateCells& cells, const detail::DeclaredState& state, const Aggregate& fn)
        : StateHandle(cells, state), fn_(fn) {}
    static std::string typeName() { return "aggregating<" + codecName<Accumulator>() + ">"; }
    static constexpr const detail::CellType& cellType() { return detail::ValueCell<Accumulator>::kType; }

    /// The result for what has been added; none if nothing was.
    std::optional<Result> get() const {
        const Accumulator* const found = this->template seenCell<Accumulator>();
        if (found == nullptr) return std::nullopt;
        return fn_->getResult(*found);
    }
    void add(const T& value) {
        if (Accumulator* const base = this->template cellToBuildOn<Accumulator>(); base != nullptr) {
            Traits::add(*fn_, value, *base);
            return;
        }
        makeCell<Accumulator>(cells_, state_, [&] { return Traits::firstAccumulator(*fn_, value); });
        if (hasTtl_) cells_->stampWrite(*state_);
    }

private:
    mutable std::optional<Aggregate> fn_;  // getResult may be a member that is not const
};

}  // namespace millrace

#endif  // MILLRACE_STATE_FOLDING_STATE_HPP
