#ifndef MILLRACE_RUNTIME_CHANNEL_STATE_HPP
#define MILLRACE_RUNTIME_CHANNEL_STATE_HPP

#include <millrace/checkpoint/checkpoint_store.hpp>
#include <millrace/core/bytes.hpp>
#include <millrace/core/config.hpp>
#include <millrace/operators/record_codec.hpp>
#include <millrace/operators/stage.hpp>
#include <millrace/runtime/restored_channel.hpp>
#include <millrace/state/state_layout.hpp>
#include <millrace/time/timestamp.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

// What a barrier has overtaken, as part of the snapshot of the subtask that it was on its way to: one piece for each channel.

namespace millrace::detail {

/// What happens in a channel, one entry each; the numbers are those of the file.
enum class ChannelEvent : std::uint8_t {
    Record,
    Watermark,
    Idle,
    Active,
    Reached  ///< the watermark that the input as a whole had got to; the first entry
};

/// Whether the barriers of an exchange may overtake records. As in Flink not where subtasks are paired or get the same records:
/// what was on its way there could not be dealt out to another number of subtasks.
constexpr bool mayOvertakeOn(ExchangeKind exchange) noexcept {
    return exchange != ExchangeKind::Forward && exchange != ExchangeKind::Rescale &&
           exchange != ExchangeKind::Broadcast;
}

/// How records on their way over an exchange are saved; null where they have to be and cannot. Where none are overtaken, and
/// they have no codec, it is one of records of which there are none: where event time is in the channel is saved all the same.
const RecordCodec* channelCodec(const PortFactory& ports, ExchangeKind exchange);

/// The name of the state that a subtask keeps of one of its logical inputs: "in-flight/0".
std::string channelStateName(int input);
bool isChannelState(std::string_view state);
StateLayout channelStateLayout(const RecordCodec& codec);

/// Writes the piece of one channel.
class ChannelStateWriter {
public:
    /// Where the input and the channel are, in event time.
    ChannelStateWriter(const RecordCodec& codec, Timestamp reached, Timestamp watermark, bool idle);
    /// What of a batch is behind its first `records` records and `marks` marks.
    void add(const Batch& batch, std::size_t records, std::size_t marks);
    /// Whether there is anything but where it is.
    bool empty() const noexcept { return empty_; }
    std::span<const std::byte> bytes() const noexcept { return bytes_.bytes(); }
    const RecordCodec& codec() const noexcept { return codec_; }

private:
    void entry(ChannelEvent event, Timestamp time);

    const RecordCodec& codec_;
    ByteWriter bytes_;
    bool empty_ = true;
};

/// Which of the records that were saved one subtask restores.
class RestoredShare {
public:
    RestoredShare(const PortFactory& ports, ExchangeKind exchange, int subtask, int parallelism, int parallelismBefore,
                  int maxParallelism)
        : ports_(ports), exchange_(exchange), subtask_(subtask), parallelism_(parallelism),
          sameParallelism_(parallelism == parallelismBefore), maxParallelism_(maxParallelism) {}
    /// Whether anything of what this subtask of the saved job has written may be of use.
    bool wants(int subtask) const noexcept { return !sameParallelism_ || subtask == subtask_; }
    /// Asked for every record, in order.
    MILLRACE_INLINE bool takes(const void* record);
    /// Whether it was asked for a record that nobody takes: at the same parallelism, what was on its way into a subtask is
    /// restored there alone, so a key that belongs to another one now shows that the exchange has changed.
    bool hasMisplaced() const noexcept { return hasMisplaced_; }

private:
    const PortFactory& ports_;
    ExchangeKind exchange_;
    int subtask_;
    int parallelism_;
    bool sameParallelism_;
    int maxParallelism_;
    std::uint64_t records_ = 0;
    bool hasMisplaced_ = false;
};

/// Reads a piece. *Failure:* CodecException.
void restoreChannel(std::span<const std::byte> piece, const RecordCodec& codec, RestoredShare& share, SegmentPool& pool,
                    RestoredChannel& channel);

/// All pieces of one state of channels, in the form that the program has today.
class ChannelPieces {
public:
    struct Piece {
        int subtask;
        std::vector<std::byte> bytes;
    };
    /// *Failure:* CodecException, StateMigrationException for records whose type has changed too much.
    ChannelPieces(const StoredCheckpoint& checkpoint, std::string_view uid, std::string_view state,
                  const RecordCodec& codec);
    const std::vector<Piece>& pieces() const noexcept { return pieces_; }

private:
    std::vector<Piece> pieces_;
};

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/runtime/channel_state.ipp>
#endif

#endif  // MILLRACE_RUNTIME_CHANNEL_STATE_HPP
