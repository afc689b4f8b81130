#ifndef MILLRACE_TESTS_FUZZ_CHANNEL_TARGET_HPP
#define MILLRACE_TESTS_FUZZ_CHANNEL_TARGET_HPP

#include <millrace/api/exchanges.hpp>
#include <millrace/core/errors.hpp>
#include <millrace/runtime/channel_state.hpp>
#include <millrace/runtime/segment_pool.hpp>

#include <fuzz/require.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace fuzz {

struct OnItsWay {
    std::string text;
    std::int32_t number = 0;
    std::optional<double> weight{};
};

/// What was on its way over one channel: what can be read can be written, and is then read as the same.
inline void channel(std::span<const std::uint8_t> data) {
    using namespace millrace;
    using namespace millrace::detail;
    JobSegmentPool pool(std::size_t{64} << 20);
    const RecordCodec& codec = kRecordCodec<OnItsWay>;
    const auto ports = plainPorts<OnItsWay>();
    const auto restore = [&](std::span<const std::byte> bytes, RestoredChannel& channel) {
        RestoredShare share(*ports, ExchangeKind::Rebalance, 0, 1, 1, 128);
        restoreChannel(bytes, codec, share, pool, channel);
    };
    const auto written = [&](const RestoredChannel& channel) {
        ChannelStateWriter writer(codec, channel.reached, channel.watermark, channel.idle);
        for (const Batch& each : channel.batches) writer.add(each, 0, 0);
        return std::vector<std::byte>(writer.bytes().begin(), writer.bytes().end());
    };
    RestoredChannel first;
    try {
        restore(std::as_bytes(data), first);
    } catch (const CodecException&) {
        return;
    }
    const std::vector<std::byte> once = written(first);
    RestoredChannel second;
    restore(once, second);
    require(written(second) == once);
    require(second.reached == first.reached && second.watermark == first.watermark && second.idle == first.idle);
}

}  // namespace fuzz

#endif  // MILLRACE_TESTS_FUZZ_CHANNEL_TARGET_HPP
