#ifndef MILLRACE_FUNCTIONS_KEYED_RUNTIME_CONTEXT_HPP
#define MILLRACE_FUNCTIONS_KEYED_RUNTIME_CONTEXT_HPP

#include <millrace/functions/runtime_context.hpp>
#include <millrace/state/folding_state.hpp>
#include <millrace/state/keyed_state_store.hpp>
#include <millrace/state/list_state.hpp>
#include <millrace/state/map_state.hpp>
#include <millrace/state/value_state.hpp>

#include <utility>

namespace millrace {

/// Gives keyed states by their descriptors: in `open`, where that declares them, and later on those that `open` has
/// declared. @public
/// *Failure:* ConfigurationException when `open` asks for a name twice, or a later call for one that `open` did not ask for,
/// or for another type.
class KeyedStates {
public:
    explicit KeyedStates(detail::StateCells& cells) noexcept : cells_(&cells) {}

    template <class T>
    ValueState<T> getState(const ValueStateDescriptor<T>& descriptor) const {
        return detail::declareState<ValueState<T>>(*cells_, descriptor);
    }
    template <class T>
    ListState<T> getListState(const ListStateDescriptor<T>& descriptor) const {
        return detail::declareState<ListState<T>>(*cells_, descriptor);
    }
    template <class K, class V>
    MapState<K, V> getMapState(const MapStateDescriptor<K, V>& descriptor) const {
        return detail::declareState<MapState<K, V>>(*cells_, descriptor);
    }
    template <class T, class Fn>
    ReducingState<T, Fn> getReducingState(const ReducingStateDescriptor<T, Fn>& descriptor) const {
        return detail::declareState<ReducingState<T, Fn>>(*cells_, descriptor);
    }
    template <class T, class Aggregate>
    AggregatingState<T, Aggregate> getAggregatingState(
        const AggregatingStateDescriptor<T, Aggregate>& descriptor) const {
        return detail::declareState<AggregatingState<T, Aggregate>>(*cells_, descriptor);
    }

private:
    detail::StateCells* cells_;
};

/// What a function behind a keyBy learns in `open(KeyedRuntimeContext&)`, and where it gets its keyed state. @public
/// ```
/// void open(KeyedRuntimeContext& context) { seen = context.getState(ValueStateDescriptor<bool>{"seen"}); }
/// ```
/// *Failure:* ConfigurationException when a name is used twice in one operator.
/// *State and checkpoints:* each state is saved under the operator's uid and its own name. A state that is new starts
/// empty; one that is no longer declared is forgotten.
class KeyedRuntimeContext : public RuntimeContext, public KeyedStates {
public:
    KeyedRuntimeContext(RuntimeContext context, detail::StateCells& cells)
        : RuntimeContext(std::move(context)), KeyedStates(cells) {}
};

}  // namespace millrace

#endif  // MILLRACE_FUNCTIONS_KEYED_RUNTIME_CONTEXT_HPP
