#ifndef MILLRACE_API_EXCHANGES_HPP
#define MILLRACE_API_EXCHANGES_HPP

#include <millrace/operators/keyed_record_codec.hpp>
#include <millrace/operators/ports.hpp>

#include <memory>
#include <span>
#include <utility>

// The port factories behind the exchanges of the API.

namespace millrace::detail {

using Ports = std::shared_ptr<const PortFactory>;

/// For every exchange but Hash and Custom.
template <class T>
Ports plainPorts() {
    using Make = Port* (*)(std::span<ChannelWriter* const>, const PortContext&);
    return portFactory<Make>([](std::span<ChannelWriter* const> channels, const PortContext& context) -> Port* {
        return new PlainPort<T>(channels, context);
    });
}
template <class T, class KeySelector>
class HashPortFactory final : public PortFactory {
public:
    explicit HashPortFactory(KeySelector selector) : selector_(std::move(selector)) {}
    std::unique_ptr<Port> create(std::span<ChannelWriter* const> channels, const PortContext& context) const override {
        return std::unique_ptr<Port>(new HashPort<T, KeySelector>(channels, context, selector_));
    }
    KeyedRecordCodec* newKeyedRecords() const override {
        if constexpr (HasCodec<T> && std::default_initializable<T>) {
            return new TypedKeyedRecordCodec<T, KeySelector>(selector_);
        } else {
            return nullptr;
        }
    }

private:
    KeySelector selector_;
};
template <class T, class KeySelector>
Ports hashPorts(KeySelector selector) {
    return Ports(new HashPortFactory<T, KeySelector>(std::move(selector)));
}
template <class T, class Partitioner, class KeySelector>
Ports customPorts(Partitioner partitioner, KeySelector selector) {
    return portFactory([partitioner = std::move(partitioner), selector = std::move(selector)](
                           auto channels, const PortContext& context) {
        return new CustomPort<T, Partitioner, KeySelector>(channels, context, partitioner, selector);
    });
}

}  // namespace millrace::detail

#endif  // MILLRACE_API_EXCHANGES_HPP
