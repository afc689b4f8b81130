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
class PlainPort final : public ChannelPort {
public:
    PlainPort(const PointerList<ChannelWriter>& channels, const PortContext& context, const RecordLayout& layout,
              ScatterRecords& scatter);
    MILLRACE_INLINE void onBlock(BlockRef block, bool mayMove) override;

private:
    MILLRACE_INLINE void chooseLanes(BlockRef& block, std::uint16_t* laneOf) override;

    ExchangeKind exchange_;
    LaneChooser chooser_;
};

/// Whether the hash of a key travels along, so that the keyed operator does not compute it again.
template <class Key>
inline constexpr bool kHashTravels = !(std::is_arithmetic_v<Key> || std::is_enum_v<Key>);

/// By key group, as a keyed operator needs it.
class KeyGroupPort : public ChannelPort {
public:
    MILLRACE_INLINE void onBlock(BlockRef block, bool mayMove) override;

protected:
    KeyGroupPort(const PointerList<ChannelWriter>& channels, const PortContext& context, const RecordLayout& layout,
                 ScatterRecords& scatter, bool hashesTravel);
    MILLRACE_INLINE ~KeyGroupPort() override;

private:
    MILLRACE_INLINE void chooseLanes(BlockRef& block, std::uint16_t* laneOf) override;
    virtual void hashKeys(BlockRef block, std::uint32_t* hashes) = 0;

    const bool hashesTravel_;
    const std::uint32_t maxParallelism_;
    const bool powerOfTwo_;
    KeyGroupRouter router_;
    List<std::uint16_t> laneOfGroup_;
    std::array<std::uint32_t, kChunk> hashes_;
    std::array<std::uint32_t, kChunk> groups_;
};

/// By the groups of the keys that a selector finds. The hashes of those that are not cheap to hash travel along.
template <class T, class KeySelector>
class HashPort final : public KeyGroupPort {
    using Key = KeyDecay<std::invoke_result_t<KeySelector&, const T&>>;

public:
    HashPort(const PointerList<ChannelWriter>& channels, const PortContext& context, KeySelector keySelector)
        : KeyGroupPort(channels, context, kRecordLayout<T>, scatterRecords<T>, kHashTravels<Key>),
          keySelector_(std::move(keySelector)) {}
    [[gnu::cold]] ~HashPort() override = default;

private:
    // noinline: or else what calls it has a guess at which type this is, and its code a second time
    [[gnu::noinline]] void hashKeys(BlockRef block, std::uint32_t* hashes) override {
        const T* const values = static_cast<const T*>(block.values);
        for (std::size_t i = 0; i < block.size; ++i) hashes[i] = keyHash(detail::invoke(keySelector_, values[i]));
    }

    KeySelector keySelector_;
};

/// Asks the user's partitioner. *Failure:* MillraceException for what is not a partition.
template <class Record, class Partitioner, class KeySelector>
int choosePartition(Partitioner& partitioner, KeySelector& keySelector, const Record& record, int partitions) {
    const auto index = detail::invoke(partitioner, detail::invoke(keySelector, record), partitions);
    if (index < decltype(index){0} || static_cast<std::uint64_t>(index) >= static_cast<std::uint64_t>(partitions)) {
        raise<MillraceException>(
            "partitionCustom: the partitioner returned {} for {} partitions; it must return 0 to {}",
            {index, partitions, partitions - 1});
    }
    return static_cast<int>(index);
}

/// By the user's partitioner: `partitioner(key, numberOfPartitions)` gives the index of the consumer.
template <class T, class Partitioner, class KeySelector>
class CustomPort final : public ChannelPort {
public:
    CustomPort(const PointerList<ChannelWriter>& channels, const PortContext&, Partitioner partitioner,
               KeySelector keySelector)
        : ChannelPort(channels, kRecordLayout<T>, scatterRecords<T>), partitioner_(std::move(partitioner)),
          keySelector_(std::move(keySelector)) {}
    void onBlock(BlockRef block, bool mayMove) override { scatter(block, mayMove); }

private:
    void chooseLanes(BlockRef& block, std::uint16_t* laneOf) override {
        const T* const values = static_cast<const T*>(block.values);
        const int partitions = static_cast<int>(lanes_.size());
        for (std::size_t i = 0; i < block.size; ++i) {
            laneOf[i] = static_cast<std::uint16_t>(choosePartition(partitioner_, keySelector_, values[i], partitions));
        }
        block.hashes = nullptr;
    }

    Partitioner partitioner_;
    KeySelector keySelector_;
};

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/operators/ports.ipp>
#endif

#endif  // MILLRACE_OPERATORS_PORTS_HPP
