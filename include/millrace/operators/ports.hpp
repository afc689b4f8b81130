#ifndef MILLRACE_OPERATORS_PORTS_HPP
#define MILLRACE_OPERATORS_PORTS_HPP

#include <millrace/core/errors.hpp>
#include <millrace/core/functional.hpp>
#include <millrace/core/list.hpp>
#include <millrace/core/message.hpp>
#include <millrace/operators/channel_port.hpp>
#include <millrace/types/key_group.hpp>
#include <millrace/types/key_hash.hpp>

#include <array>
#include <bit>
#include <utility>

// The ports of edges that go over channels. `channels[i]` leads to the i-th consumer in reach; watermarks and control
// events go to all of them.

namespace millrace::detail {

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

/// Chooses one of the channels for each of some records.
class LaneChooser {
public:
    LaneChooser(std::uint64_t seed, std::size_t channels) noexcept
        : numbers_(seed), channels_(channels), next_(SeededNumbers(seed).below(channels)) {}

    [[gnu::noinline]] void atRandom(std::uint16_t* laneOf, std::size_t records) noexcept {
        for (std::size_t i = 0; i < records; ++i) laneOf[i] = static_cast<std::uint16_t>(numbers_.below(channels_));
    }
    [[gnu::noinline]] void inTurn(std::uint16_t* laneOf, std::size_t records) noexcept {
        for (std::size_t i = 0; i < records; ++i) {
            laneOf[i] = static_cast<std::uint16_t>(next_);
            next_ = next_ + 1 == channels_ ? 0 : next_ + 1;
        }
    }

private:
    SeededNumbers numbers_;
    std::size_t channels_;
    std::size_t next_;
};

/// All exchanges that do not look at the record:
/// Forward and Global to the first channel, Broadcast to all of them, Shuffle to a seeded random one,
/// Rebalance and Rescale round robin, starting with a seeded one.
template <class T>
class PlainPort final : public ChannelPort<T> {
    using ChannelPort<T>::kChunk;

public:
    PlainPort(const PointerList<ChannelWriter>& channels, const PortContext& context)
        : ChannelPort<T>(channels), exchange_(context.exchange), chooser_(context.seed, channels.size()) {}

    void onBlock(BlockRef erased, bool mayMove) override {
        const Block<T> block = erased.as<T>();
        if (exchange_ == ExchangeKind::Broadcast) {
            for (Lane& lane : this->lanes_) this->append(lane, block, mayMove && &lane == &this->lanes_.back());
        } else if (exchange_ == ExchangeKind::Forward || exchange_ == ExchangeKind::Global) {
            this->append(this->lanes_.front(), block, mayMove);
        } else {
            std::uint16_t laneOf[kChunk];
            for (std::size_t from = 0; from < block.size; from += kChunk) {
                const Block<T> part = block.slice(from, std::min(kChunk, block.size - from));
                if (exchange_ == ExchangeKind::Shuffle) {
                    chooser_.atRandom(laneOf, part.size);
                } else {
                    chooser_.inTurn(laneOf, part.size);
                }
                this->scatter(part, mayMove, nullptr, laneOf);
            }
        }
    }

private:
    ExchangeKind exchange_;
    LaneChooser chooser_;
};

/// Whether the hash of a key travels along, so that the keyed operator does not compute it again.
template <class Key>
inline constexpr bool kHashTravels = !(std::is_arithmetic_v<Key> || std::is_enum_v<Key>);

/// By key group, as a keyed operator needs it. The hashes of keys that are not cheap to hash travel along.
template <class T, class KeySelector>
class HashPort final : public ChannelPort<T> {
    using Key = KeyDecay<std::invoke_result_t<KeySelector&, const T&>>;
    using ChannelPort<T>::kChunk;
    static constexpr bool kSendHashes = kHashTravels<Key>;

public:
    HashPort(const PointerList<ChannelWriter>& channels, const PortContext& context, KeySelector keySelector)
        : ChannelPort<T>(channels), keySelector_(std::move(keySelector)),
          maxParallelism_(static_cast<std::uint32_t>(context.maxParallelism)),
          powerOfTwo_(std::has_single_bit(maxParallelism_)),
          router_(static_cast<int>(channels.size()), context.maxParallelism), laneOfGroup_(maxParallelism_) {
        const int parallelism = static_cast<int>(channels.size());
        for (int group = 0; group < context.maxParallelism; ++group) {
            laneOfGroup_[static_cast<std::size_t>(group)] =
                static_cast<std::uint16_t>(subtaskForKeyGroup(group, parallelism, context.maxParallelism));
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
                hashes_[i] = keyHash(detail::invoke(keySelector_, std::as_const(part.values[i])));
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
            for (std::size_t i = 0; i < part.size; ++i) laneOf_[i] = laneOfGroup_[groups_[i]];
            this->scatter(part, mayMove, kSendHashes ? hashes_.data() : nullptr, laneOf_.data());
        }
    }

private:
    KeySelector keySelector_;
    std::uint32_t maxParallelism_;
    bool powerOfTwo_;
    KeyGroupRouter router_;
    List<std::uint16_t> laneOfGroup_;
    std::array<std::uint32_t, kChunk> hashes_;
    std::array<std::uint32_t, kChunk> groups_;
    std::array<std::uint16_t, kChunk> laneOf_;
};

/// Asks the user's partitioner. *Failure:* MillraceException for what is not a partition.
template <class Record, class Partitioner, class KeySelector>
int choosePartition(Partitioner& partitioner, KeySelector& keySelector, const Record& record, int partitions) {
    const auto index = detail::invoke(partitioner, detail::invoke(keySelector, record), partitions);
    if (index < decltype(index){0} || static_cast<std::uint64_t>(index) >= static_cast<std::uint64_t>(partitions)) {
        raise<MillraceException>({"partitionCustom: the partitioner returned ", index, " for ", partitions,
                                  " partitions; it must return 0 to ", partitions - 1});
    }
    return static_cast<int>(index);
}

/// By the user's partitioner: `partitioner(key, numberOfPartitions)` gives the index of the consumer.
template <class T, class Partitioner, class KeySelector>
class CustomPort final : public ChannelPort<T> {
public:
    CustomPort(const PointerList<ChannelWriter>& channels, const PortContext&, Partitioner partitioner,
               KeySelector keySelector)
        : ChannelPort<T>(channels), partitioner_(std::move(partitioner)), keySelector_(std::move(keySelector)) {}
    void onBlock(BlockRef erased, bool mayMove) override {
        const Block<T> block = erased.as<T>();
        const int partitions = static_cast<int>(this->lanes_.size());
        std::array<std::uint16_t, ChannelPort<T>::kChunk> laneOf;
        for (std::size_t from = 0; from < block.size; from += laneOf.size()) {
            const Block<T> part = block.slice(from, std::min(laneOf.size(), block.size - from));
            for (std::size_t i = 0; i < part.size; ++i) {
                laneOf[i] = static_cast<std::uint16_t>(
                    choosePartition(partitioner_, keySelector_, std::as_const(part.values[i]), partitions));
            }
            this->scatter(part, mayMove, nullptr, laneOf.data());
        }
    }

private:
    Partitioner partitioner_;
    KeySelector keySelector_;
};

}  // namespace millrace::detail

#endif  // MILLRACE_OPERATORS_PORTS_HPP
