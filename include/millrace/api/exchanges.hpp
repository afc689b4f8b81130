#ifndef MILLRACE_API_EXCHANGES_HPP
#define MILLRACE_API_EXCHANGES_HPP

#include <millrace/core/owner.hpp>
#include <millrace/core/pointer_list.hpp>
#include <millrace/core/shared.hpp>
#include <millrace/operators/key_encoder.hpp>
#include <millrace/operators/ports.hpp>
#include <millrace/operators/record_codec.hpp>

#include <utility>

// The port factories behind the exchanges of the API.

namespace millrace::detail {

using Ports = Shared<const PortFactory>;

/// For every exchange but Hash and Custom. One class for all types of records.
class PlainPortFactory final : public PortFactory {
public:
    PlainPortFactory(const RecordLayout& layout, ScatterRecords& scatter, const RecordCodec* codec)
        : layout_(layout), scatter_(scatter), codec_(codec) {}
    [[gnu::cold]] Owner<Port> create(const PointerList<ChannelWriter>& channels,
                                     const PortContext& context) const override {
        return Owner<Port>(new PlainPort(channels, context, layout_, scatter_));
    }
    const RecordCodec* recordCodec() const override { return codec_; }

private:
    const RecordLayout& layout_;
    ScatterRecords& scatter_;
    const RecordCodec* codec_;
};
template <class T>
[[gnu::cold]] Ports plainPorts() {
    return Shared<const PortFactory>(
        new PlainPortFactory(kRecordLayout<T>, scatterRecords<T>, detail::recordCodec<T>()));
}
template <class T, class KeySelector>
[[gnu::cold]] KeyEncoder* newKeyEncoder(const KeySelector& selector) {
    if constexpr (detail::recordCodec<T>() != nullptr) {
        return new KeyEncoderOf<T, KeySelector>(selector);
    } else {
        return nullptr;
    }
}
template <class T, class KeySelector>
class HashPortFactory final : public PortFactory {
public:
    explicit HashPortFactory(KeySelector selector) : selector_(std::move(selector)) {}
    [[gnu::cold]] Owner<Port> create(const PointerList<ChannelWriter>& channels,
                                     const PortContext& context) const override {
        return Owner<Port>(new HashPort<T, KeySelector>(channels, context, selector_));
    }
    bool isKeyed() const override { return true; }
    KeyEncoder* newKeyEncoder() const override { return detail::newKeyEncoder<T>(selector_); }
    const RecordCodec* recordCodec() const override { return detail::recordCodec<T>(); }
    [[gnu::cold]] int consumerOf(const void* record, int consumers, int maxParallelism) const override {
        KeySelector selector = selector_;  // they may be callable only where they can change
        const std::uint32_t hash = keyHash(detail::invoke(selector, *static_cast<const T*>(record)));
        return subtaskForKeyGroup(keyGroupFor(hash, maxParallelism), consumers, maxParallelism);
    }

private:
    KeySelector selector_;
};
template <class T, class KeySelector>
[[gnu::cold]] Ports hashPorts(KeySelector selector) {
    return Shared<const PortFactory>(new HashPortFactory<T, KeySelector>(std::move(selector)));
}
/// For records that are where their keys belong already.
template <class T, class KeySelector>
class KeyedForwardPortFactory final : public PortFactory {
public:
    explicit KeyedForwardPortFactory(KeySelector selector) : selector_(std::move(selector)) {}
    [[gnu::cold]] Owner<Port> create(const PointerList<ChannelWriter>& channels,
                                     const PortContext& context) const override {
        return Owner<Port>(new PlainPort(channels, context, kRecordLayout<T>, scatterRecords<T>));
    }
    bool isKeyed() const override { return true; }
    KeyEncoder* newKeyEncoder() const override { return detail::newKeyEncoder<T>(selector_); }
    const RecordCodec* recordCodec() const override { return detail::recordCodec<T>(); }

private:
    KeySelector selector_;
};
template <class T, class KeySelector>
Ports keyedForwardPorts(KeySelector selector) {
    return Shared<const PortFactory>(new KeyedForwardPortFactory<T, KeySelector>(std::move(selector)));
}
template <class T, class Partitioner, class KeySelector>
class CustomPortFactory final : public PortFactory {
public:
    CustomPortFactory(Partitioner partitioner, KeySelector selector)
        : partitioner_(std::move(partitioner)), selector_(std::move(selector)) {}
    [[gnu::cold]] Owner<Port> create(const PointerList<ChannelWriter>& channels,
                                     const PortContext& context) const override {
        return Owner<Port>(new CustomPort<T, Partitioner, KeySelector>(channels, context, partitioner_, selector_));
    }
    const RecordCodec* recordCodec() const override { return detail::recordCodec<T>(); }
    [[gnu::cold]] int consumerOf(const void* record, int consumers, int) const override {
        Partitioner partitioner = partitioner_;
        KeySelector selector = selector_;
        return choosePartition(partitioner, selector, *static_cast<const T*>(record), consumers);
    }

private:
    Partitioner partitioner_;
    KeySelector selector_;
};
template <class T, class Partitioner, class KeySelector>
Ports customPorts(Partitioner partitioner, KeySelector selector) {
    return Shared<const PortFactory>(
        new CustomPortFactory<T, Partitioner, KeySelector>(std::move(partitioner), std::move(selector)));
}

}  // namespace millrace::detail

#endif  // MILLRACE_API_EXCHANGES_HPP
