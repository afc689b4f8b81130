#ifndef MILLRACE_API_EXCHANGES_HPP
#define MILLRACE_API_EXCHANGES_HPP

#include <millrace/operators/ports.hpp>

#include <memory>
#include <utility>

// The port factories behind the exchanges of the API, one function per kind.

namespace millrace::detail {

using Ports = std::shared_ptr<const PortFactory>;

template <class T>
Ports forwardPorts() {
    return typedPortFactory<ForwardPort<T>>();
}
template <class T>
Ports rebalancePorts() {
    return typedPortFactory<RebalancePort<T>>();
}
template <class T>
Ports shufflePorts() {
    return typedPortFactory<ShufflePort<T>>();
}
template <class T>
Ports broadcastPorts() {
    return typedPortFactory<BroadcastPort<T>>();
}
template <class T>
Ports globalPorts() {
    return typedPortFactory<GlobalPort<T>>();
}
template <class T, class KeySelector>
Ports hashPorts(KeySelector selector) {
    return typedPortFactory<HashPort<T, KeySelector>>(std::move(selector));
}
template <class T, class Partitioner, class KeySelector>
Ports customPorts(Partitioner partitioner, KeySelector selector) {
    return typedPortFactory<CustomPort<T, Partitioner, KeySelector>>(std::move(partitioner), std::move(selector));
}

}  // namespace millrace::detail

#endif  // MILLRACE_API_EXCHANGES_HPP
