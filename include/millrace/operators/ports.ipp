#include <millrace/operators/ports.hpp>

#include <bit>

namespace millrace::detail {

MILLRACE_INLINE_COLD PlainPort::PlainPort(const PointerList<ChannelWriter>& channels, const PortContext& context,
                                          const RecordLayout& layout, ScatterRecords& scatter)
    : ChannelPort(channels, layout, scatter), exchange_(context.exchange), chooser_(context.seed, channels.size()) {}

MILLRACE_INLINE void PlainPort::onBlock(BlockRef block, bool mayMove) {
    if (exchange_ == ExchangeKind::Broadcast) {
        for (Lane& lane : lanes_) append(lane, block, mayMove && &lane == &lanes_.back());
    } else if (exchange_ == ExchangeKind::Forward || exchange_ == ExchangeKind::Global) {
        append(lanes_.front(), block, mayMove);
    } else {
        scatter(block, mayMove);
    }
}
MILLRACE_INLINE void PlainPort::chooseLanes(BlockRef& block, std::uint16_t* laneOf) {
    if (exchange_ == ExchangeKind::Shuffle) {
        chooser_.atRandom(laneOf, block.size);
    } else {
        chooser_.inTurn(laneOf, block.size);
    }
    block.hashes = nullptr;
}

MILLRACE_INLINE_COLD KeyGroupPort::KeyGroupPort(const PointerList<ChannelWriter>& channels, const PortContext& context,
                                                const RecordLayout& layout, ScatterRecords& scatter, bool hashesTravel)
    : ChannelPort(channels, layout, scatter), hashesTravel_(hashesTravel),
      maxParallelism_(static_cast<std::uint32_t>(context.maxParallelism)),
      powerOfTwo_(std::has_single_bit(maxParallelism_)),
      router_(static_cast<int>(channels.size()), context.maxParallelism), laneOfGroup_(maxParallelism_) {
    const int parallelism = static_cast<int>(channels.size());
    for (int group = 0; group < context.maxParallelism; ++group) {
        laneOfGroup_[static_cast<std::size_t>(group)] =
            static_cast<std::uint16_t>(subtaskForKeyGroup(group, parallelism, context.maxParallelism));
    }
}
MILLRACE_INLINE_COLD KeyGroupPort::~KeyGroupPort() = default;

MILLRACE_INLINE void KeyGroupPort::onBlock(BlockRef block, bool mayMove) {
    if (!hashesTravel_ && lanes_.size() == 1) {
        block.hashes = nullptr;
        append(lanes_.front(), block, mayMove);
    } else {
        scatter(block, mayMove);
    }
}
MILLRACE_INLINE void KeyGroupPort::chooseLanes(BlockRef& block, std::uint16_t* laneOf) {
    hashKeys(block, hashes_.data());
    // loops of their own, so that they are vectorised
    if (powerOfTwo_) {
        for (std::size_t i = 0; i < block.size; ++i) groups_[i] = keyGroupHash(hashes_[i]) & (maxParallelism_ - 1);
    } else {
        for (std::size_t i = 0; i < block.size; ++i) {
            groups_[i] = static_cast<std::uint32_t>(router_.keyGroup(hashes_[i]));
        }
    }
    for (std::size_t i = 0; i < block.size; ++i) laneOf[i] = laneOfGroup_[groups_[i]];
    block.hashes = hashesTravel_ ? hashes_.data() : nullptr;
}

}  // namespace millrace::detail
