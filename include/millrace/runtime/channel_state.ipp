#ifndef MILLRACE_RUNTIME_CHANNEL_STATE_IPP
#define MILLRACE_RUNTIME_CHANNEL_STATE_IPP

#include <millrace/core/algorithm.hpp>
#include <millrace/core/message.hpp>
#include <millrace/operators/channel_port.hpp>
#include <millrace/runtime/channel_state.hpp>
#include <millrace/state/key_group_state.hpp>
#include <millrace/state/state_migration.hpp>

#include <utility>

namespace millrace::detail {

inline constexpr std::uint8_t kChannelStateVersion = 1;

MILLRACE_INLINE_COLD std::string channelStateName(int input) {
    return message("in-flight/{}", {input});
}

MILLRACE_INLINE_COLD bool isChannelState(std::string_view state) {
    return state.starts_with("in-flight/");
}

MILLRACE_INLINE_COLD StateLayout channelStateLayout(const RecordCodec& codec) {
    return {.kind = "in-flight",
            .fields = {{"event", &kTypeInfo<std::uint8_t>, true},
                       {"time", &kTypeInfo<std::int64_t>, true},
                       {"record", codec.maybe}}};
}

MILLRACE_INLINE_COLD const RecordCodec* channelCodec(const PortFactory& ports, ExchangeKind exchange) {
    const RecordCodec* const codec = ports.recordCodec();
    return codec == nullptr && !mayOvertakeOn(exchange) ? &kRecordCodec<NoRecord> : codec;
}

// ---- writing

MILLRACE_INLINE_COLD ChannelStateWriter::ChannelStateWriter(const RecordCodec& codec, Timestamp reached,
                                                            Timestamp watermark, bool idle)
    : codec_(codec) {
    bytes_.write(kChannelStateVersion);
    entry(ChannelEvent::Reached, reached);
    if (watermark != kMinTimestamp) entry(ChannelEvent::Watermark, watermark);
    if (idle) entry(ChannelEvent::Idle, kMinTimestamp);
}

/// With a time where there is one, and no record.
MILLRACE_INLINE_COLD void ChannelStateWriter::entry(ChannelEvent event, Timestamp time) {
    bytes_.write(event);
    bytes_.write(time.time_since_epoch().count());
    bytes_.write(false);
}

MILLRACE_INLINE_COLD void ChannelStateWriter::add(const Batch& batch, std::size_t records, std::size_t marks) {
    const auto addMarks = [&](std::size_t before) {
        for (; marks < batch.markCount && batch.marks[marks].position <= before; ++marks) {
            entry(ChannelEvent::Watermark, batch.marks[marks].watermark);
            empty_ = false;
        }
    };
    const BlockRef block = batch.block(0, batch.size);
    for (; records < batch.size; ++records) {
        addMarks(records);
        const Timestamp time = block.timestamps != nullptr ? block.timestamps[records] : kMinTimestamp;
        bytes_.write(ChannelEvent::Record);
        bytes_.write(time.time_since_epoch().count());
        bytes_.write(true);
        codec_.encode(static_cast<const std::byte*>(block.values) + records * codec_.layout->recordBytes, bytes_);
        empty_ = false;
    }
    addMarks(batch.size);
    if (batch.control != ControlKind::Idle && batch.control != ControlKind::Active) return;
    entry(batch.control == ControlKind::Idle ? ChannelEvent::Idle : ChannelEvent::Active, kMinTimestamp);
    empty_ = false;
}

// ---- reading

MILLRACE_INLINE_COLD bool RestoredShare::takes(const void* record) {
    const std::uint64_t number = records_++;
    if (exchange_ == ExchangeKind::Hash) {
        const bool isMine = ports_.consumerOf(record, parallelism_, maxParallelism_) == subtask_;
        hasMisplaced_ = hasMisplaced_ || (!isMine && sameParallelism_);
        return isMine;
    }
    if (sameParallelism_) return true;
    if (exchange_ == ExchangeKind::Global) return subtask_ == 0;
    const int consumer = ports_.consumerOf(record, parallelism_, maxParallelism_);
    if (consumer >= 0) return consumer == subtask_;
    return number % static_cast<std::uint64_t>(parallelism_) == static_cast<std::uint64_t>(subtask_);
}

/// Where a lane sends the batches of one channel to.
class RestoredBatches final : public ChannelWriter {
public:
    RestoredBatches(SegmentPool& pool, PointerList<Batch>& batches) : pool_(pool), batches_(batches) {}
    SegmentPool& pool() noexcept override { return pool_; }
    [[gnu::cold]] void send(Batch* batch) override {
        try {
            batches_.add(*batch);
        } catch (...) {
            batch->destroy();
            throw;
        }
    }

private:
    SegmentPool& pool_;
    PointerList<Batch>& batches_;
};

MILLRACE_INLINE_COLD void restoreChannel(std::span<const std::byte> piece, const RecordCodec& codec,
                                         RestoredShare& share, SegmentPool& pool, RestoredChannel& channel) {
    ByteReader reader(piece);
    if (const auto version = reader.read<std::uint8_t>("the version of records on their way");
        version != kChannelStateVersion) {
        raise<CodecException>("records on their way have the format version {}, but this build reads {}",
                              {version, kChannelStateVersion});
    }
    RestoredBatches batches(pool, channel.batches);
    Lane lane(batches, *codec.layout);
    bool begun = false;  // what comes first says where the channel was
    // a batch ends with it: of several in a row only the last counts
    ControlKind idleness = ControlKind::None;
    const auto settleIdleness = [&] {
        if (idleness != ControlKind::None) lane.control(std::exchange(idleness, ControlKind::None), 0);
    };
    while (reader.remaining() > 0) {
        const auto event = reader.read<std::uint8_t>("what happened in a channel");
        const Timestamp time{Duration{reader.read<std::int64_t>("a time")}};
        const bool hasRecord = reader.read<std::uint8_t>("whether there is a record") != 0;
        if (event > static_cast<std::uint8_t>(ChannelEvent::Reached) ||
            hasRecord != (event == static_cast<std::uint8_t>(ChannelEvent::Record))) {
            raise<CodecException>(
                "records on their way: at byte {} there is the event {}{} a record, which nobody writes",
                {reader.offset(), event, hasRecord ? " with" : " without"});
        }
        switch (static_cast<ChannelEvent>(event)) {
            case ChannelEvent::Record: {
                begun = true;
                settleIdleness();
                lane.prepare(time != kMinTimestamp, false);
                void* const room = lane.valuesAt();
                codec.decode(reader, room);
                const auto drop = [&] {
                    if (codec.layout->destroy != nullptr) codec.layout->destroy(room, 1);
                };
                bool isTaken = false;
                try {
                    isTaken = share.takes(room);
                } catch (...) {
                    drop();
                    throw;
                }
                if (!isTaken) {
                    drop();
                    break;
                }
                *lane.timestamps() = time;
                lane.advance(1);
                lane.sendIfFull();
                break;
            }
            case ChannelEvent::Watermark:
                if (!begun && !channel.idle && channel.watermark == kMinTimestamp) {
                    channel.watermark = time;
                } else {
                    begun = true;
                    settleIdleness();
                    lane.mark(time);
                }
                break;
            case ChannelEvent::Idle:
                if (!begun && !channel.idle) {
                    channel.idle = true;
                } else {
                    begun = true;
                    idleness = ControlKind::Idle;
                }
                break;
            case ChannelEvent::Active:
                // it is: taken as a beginning it would turn an Idle behind it into a change
                if (!begun && !channel.idle) break;
                begun = true;
                idleness = ControlKind::Active;
                break;
            case ChannelEvent::Reached:
                channel.reached = time;
                break;
        }
    }
    settleIdleness();
    lane.flush();
}

/// The pieces of one subtask, for who brings them into today's form.
class PiecesOfSubtask final : public EntrySource {
public:
    [[gnu::cold]] void read(std::string_view, std::string_view, const Visitor& visit) const override {
        for (const std::vector<std::byte>& each : pieces) visit(kChannelState, each);
    }
    std::vector<std::vector<std::byte>> pieces;
};

MILLRACE_INLINE_COLD ChannelPieces::ChannelPieces(const StoredCheckpoint& checkpoint, std::string_view uid,
                                                  std::string_view state, const RecordCodec& codec) {
    const StateLayout layout = channelStateLayout(codec);
    const std::string saved = checkpoint.schemaOf(uid, state);
    PiecesOfSubtask raw;
    int subtaskAtHand = 0;
    const auto migrate = [&] {
        readMigrated(raw, saved, uid, state, layout, [&](int, std::span<const std::byte> bytes) {
            pieces_.push_back({subtaskAtHand, std::vector<std::byte>(bytes.begin(), bytes.end())});
        });
        raw.pieces.clear();
    };
    checkpoint.read(uid, state, [&](int subtask, int, std::span<const std::byte> bytes) {
        if (subtask != subtaskAtHand) migrate();
        subtaskAtHand = subtask;
        raw.pieces.emplace_back(bytes.begin(), bytes.end());
    });
    migrate();
}

}  // namespace millrace::detail

#endif  // MILLRACE_RUNTIME_CHANNEL_STATE_IPP
