#ifndef MILLRACE_OPERATORS_PORTS_HPP
#define MILLRACE_OPERATORS_PORTS_HPP

#include <millrace/operators/channel_port.hpp>
#include <millrace/types/key_group.hpp>
#include <millrace/types/key_hash.hpp>

#include <array>
#include <bit>
#include <functional>
#include <string>
#include <tuple>

// One class per kind of edge that goes over channels. `channels[i]` leads to the i-th consumer in reach; watermarks and
// control events go to all of them.

namespace millrace::detail {

/// Everything to one consumer: the one with the same index.
template <class T>
class ForwardPort final : public ChannelPort<T> {
public:
    ForwardPort(std::span<ChannelWriter* const> channels, const PortContext&) : ChannelPort<T>(channels) {}
    void onBlock(BlockRef block, bool mayMove) override { this->append(this->lanes_.front(), block.as<T>(), mayMove); }
};

/// Everything to the first consumer; the others get the control events.
template <class T>
using GlobalPort = ForwardPort<T>;

/// Every record to every consumer.
template <class T>
class BroadcastPort final : public ChannelPort<T> {
public:
    BroadcastPort(std::span<ChannelWriter* const> channels, const PortContext&) : ChannelPort<T>(channels) {}
    void onBlock(BlockRef block, bool mayMove) override {
        for (auto& lane : this->lanes_) this->append(lane, block.as<T>(), mayMove && &lane == &this->lanes_.back());
    }
};

/// SplitMix64: a seeded stream of numbers, the same on every machine.
class SeededNumbers {
public:
    explicit SeededNumbers(std::uint64_t seed) noexcept : state_(seed) {}
    std::uint64_t next() noexcept { return mix64(state_ += kKeyHashSeed); }
    /// Uniform in [0, bound).
    std::size_t below(std::size_t bound) noexcept { return static_cast<std::size_t>(((next() >> 32) * bound) >> 32); }

private:
    std::uint64_t state_;
};

/// Round robin over all consumers (`rescale`: over those in reach), starting with a seeded one.
template <class T>
class RebalancePort final : public ChannelPort<T> {
public:
    RebalancePort(std::span<ChannelWriter* const> channels, const PortContext& context)
        : ChannelPort<T>(channels), next_(SeededNumbers(context.seed).below(channels.size())) {}
    void onBlock(BlockRef block, bool mayMove) override {
        this->scatter(block.as<T>(), mayMove, nullptr, [&](std::size_t) {
            const std::size_t lane = next_;
            next_ = lane + 1 == this->lanes_.size() ? 0 : lane + 1;
            return lane;
        });
    }

private:
    std::size_t next_;
};

/// Each record to a seeded random consumer.
template <class T>
class ShufflePort final : public ChannelPort<T> {
public:
    ShufflePort(std::span<ChannelWriter* const> channels, const PortContext& context)
        : ChannelPort<T>(channels), numbers_(context.seed) {}
    void onBlock(BlockRef block, bool mayMove) override {
        this->scatter(block.as<T>(), mayMove, nullptr,
                      [&](std::size_t) { return numbers_.below(this->lanes_.size()); });
    }

private:
    SeededNumbers numbers_;
};

/// By key group, as a keyed operator needs it. The hashes of keys that are not cheap to hash travel along.
template <class T, class KeySelector>
class HashPort final : public ChannelPort<T> {
    using Key = KeyDecay<std::invoke_result_t<KeySelector&, const T&>>;
    static constexpr std::size_t kChunk = 512;
    static constexpr bool kSendHashes = !(std::is_arithmetic_v<Key> || std::is_enum_v<Key>);

public:
    HashPort(std::span<ChannelWriter* const> channels, const PortContext& context, KeySelector keySelector)
        : ChannelPort<T>(channels), keySelector_(std::move(keySelector)),
          maxParallelism_(static_cast<std::uint32_t>(context.maxParallelism)),
          powerOfTwo_(std::has_single_bit(maxParallelism_)),
          router_(static_cast<int>(channels.size()), context.maxParallelism) {
        const int parallelism = static_cast<int>(channels.size());
        for (int group = 0; group < context.maxParallelism; ++group) {
            laneOfGroup_.push_back(
                static_cast<std::uint16_t>(subtaskForKeyGroup(group, parallelism, context.maxParallelism)));
        }
    }

    void onBlock(BlockRef erased, bool mayMove) override {
        const Block<T> block = erased.as<T>();
        if constexpr (!kSendHashes) {
            if (this->lanes_.size() == 1) {
                this->append(this->lanes_.front(), {block.values, block.timestamps, nullptr, block.size}, mayMove);
                return;
            }
        }
        for (std::size_t from = 0; from < block.size; from += kChunk) {
            const Block<T> part = block.slice(from, std::min(kChunk, block.size - from));
            for (std::size_t i = 0; i < part.size; ++i) {
                hashes_[i] = keyHash(std::invoke(keySelector_, std::as_const(part.values[i])));
            }
            // loops of their own, so that they are vectorised
            if (powerOfTwo_) {
                for (std::size_t i = 0; i < part.size; ++i)
                    groups_[i] = keyGroupHash(hashes_[i]) & (maxParallelism_ - 1);
            } else {
                for (std::size_t i = 0; i < part.size; ++i) {
                    groups_[i] = static_cast<std::uint32_t>(router_.keyGroup(hashes_[i]));
                }
            }
            this->scatter(part, mayMove, kSendHashes ? hashes_.data() : nullptr,
                          [&](std::size_t i) -> std::size_t { return laneOfGroup_[groups_[i]]; });
        }
    }

private:
    KeySelector keySelector_;
    std::uint32_t maxParallelism_;
    bool powerOfTwo_;
    KeyGroupRouter router_;
    std::vector<std::uint16_t> laneOfGroup_;
    std::array<std::uint32_t, kChunk> hashes_;
    std::array<std::uint32_t, kChunk> groups_;
};

/// By the user's partitioner: `partitioner(key, numberOfPartitions)` gives the index of the consumer.
template <class T, class Partitioner, class KeySelector>
class CustomPort final : public ChannelPort<T> {
public:
    CustomPort(std::span<ChannelWriter* const> channels, const PortContext&, Partitioner partitioner,
               KeySelector keySelector)
        : ChannelPort<T>(channels), partitioner_(std::move(partitioner)), keySelector_(std::move(keySelector)) {}
    void onBlock(BlockRef erased, bool mayMove) override {
        const Block<T> block = erased.as<T>();
        const int partitions = static_cast<int>(this->lanes_.size());
        this->scatter(block, mayMove, nullptr, [&](std::size_t i) {
            const auto index =
                std::invoke(partitioner_, std::invoke(keySelector_, std::as_const(block.values[i])), partitions);
            if (index < decltype(index){0} || static_cast<std::uint64_t>(index) >= this->lanes_.size())
                fail(std::to_string(index));
            return static_cast<std::size_t>(index);
        });
    }

private:
    [[noreturn]] [[gnu::cold]] void fail(const std::string& index) const {
        throw MillraceException("partitionCustom: the partitioner returned " + index + " for " +
                                std::to_string(this->lanes_.size()) + " partitions; it must return 0 to " +
                                std::to_string(this->lanes_.size() - 1));
    }
    Partitioner partitioner_;
    KeySelector keySelector_;
};

/// Makes ports of one class: `typedPortFactory<HashPort<T, KeySelector>>(keySelector)`.
template <class PortType, class... Args>
class TypedPortFactory final : public PortFactory {
public:
    explicit TypedPortFactory(Args... args) : args_(std::move(args)...) {}
    std::unique_ptr<Port> create(std::span<ChannelWriter* const> channels, const PortContext& context) const override {
        return std::apply(
            [&](const Args&... args) -> std::unique_ptr<Port> {
                return std::make_unique<PortType>(channels, context, args...);
            },
            args_);
    }

private:
    std::tuple<Args...> args_;  // untouched prototypes: every subtask copies them
};

template <class PortType, class... Args>
std::unique_ptr<PortFactory> typedPortFactory(Args... args) {
    return std::make_unique<TypedPortFactory<PortType, Args...>>(std::move(args)...);
}

}  // namespace millrace::detail

#endif  // MILLRACE_OPERATORS_PORTS_HPP
