#include <millrace/runtime/channel_state.hpp>

#include <millrace/api/exchanges.hpp>
#include <millrace/checkpoint/memory_checkpoint_store.hpp>
#include <millrace/operators/channel_port.hpp>
#include <millrace/runtime/channel.hpp>

#include "runtime/manual_executor.hpp"
#include "support/catch.hpp"

#include <cstdint>
#include <string>
#include <vector>

using namespace millrace;
using namespace millrace::detail;
using millrace::fake::ManualExecutor;

namespace {

struct Word {
    std::string text;
    std::int64_t number = 0;
};

/// Keeps what a lane sends.
class Sent final : public ChannelWriter {
public:
    explicit Sent(SegmentPool& pool) : pool_(pool) {}
    ~Sent() override {
        for (Batch& each : batches) each.destroy();
    }
    SegmentPool& pool() noexcept override { return pool_; }
    void send(Batch* batch) override { batches.add(*batch); }
    PointerList<Batch> batches;

private:
    SegmentPool& pool_;
};

std::string textOf(Timestamp time) {
    return time == kMinTimestamp ? "-" : std::to_string(time.time_since_epoch().count());
}

/// Everything that happens in batches, in order, without where one ends and the next begins.
std::string traceOf(const PointerList<Batch>& batches) {
    std::string text;
    for (Batch& each : batches) {
        Batch* const batch = &each;
        std::size_t mark = 0;
        for (std::size_t i = 0; i <= batch->size; ++i) {
            for (; mark < batch->markCount && batch->marks[mark].position <= i; ++mark) {
                text += "w" + textOf(batch->marks[mark].watermark) + " ";
            }
            if (i == batch->size) break;
            const Word& word = batch->values<Word>()[i];
            const Timestamp time = batch->hasTimestamps ? batch->timestamps()[i] : kMinTimestamp;
            text += word.text + std::to_string(word.number) + "@" + textOf(time) + " ";
        }
        if (batch->control == ControlKind::Idle) text += "idle ";
        if (batch->control == ControlKind::Active) text += "active ";
    }
    return text;
}

void put(Lane& lane, const std::string& text, std::int64_t number, Timestamp time) {
    const bool timed = time != kMinTimestamp;
    lane.prepare(timed, false);
    lane.put<Word>(Word{text, number}, timed ? &time : nullptr, nullptr);
    lane.sendIfFull();
}

RestoredShare all(const PortFactory& ports) {
    return {ports, ExchangeKind::Rebalance, 0, 1, 1, 128};
}

std::vector<std::byte> examplePiece(JobSegmentPool& pool) {
    Sent sent(pool);
    Lane lane(sent, kRecordLayout<Word>);
    for (int i = 0; i < 2000; ++i) {
        put(lane, "a", i, i % 7 == 0 ? kMinTimestamp : Timestamp(Duration{i}));
        if (i % 3 == 0) lane.mark(Timestamp(Duration{i}));
        if (i == 500) lane.control(ControlKind::Idle, 0);
        if (i == 501) lane.control(ControlKind::Active, 0);
    }
    lane.control(ControlKind::Barrier, 7);
    ChannelStateWriter writer(kRecordCodec<Word>, Timestamp(Duration{-3}), Timestamp(Duration{-2}), true);
    for (const Batch& each : sent.batches) writer.add(each, 0, 0);
    CHECK(!writer.empty());
    RestoredChannel restored;
    RestoredShare share = all(*plainPorts<Word>());
    restoreChannel(writer.bytes(), kRecordCodec<Word>, share, pool, restored);
    CHECK(traceOf(restored.batches) == traceOf(sent.batches));
    return {writer.bytes().begin(), writer.bytes().end()};
}

}  // namespace

TEST_CASE("what is on its way over a channel is written and read as it happens", "[runtime]") {
    JobSegmentPool pool(1 << 20);
    const std::vector<std::byte> piece = examplePiece(pool);
    RestoredChannel restored;
    RestoredShare share = all(*plainPorts<Word>());
    restoreChannel(piece, kRecordCodec<Word>, share, pool, restored);
    CHECK(restored.reached == Timestamp(Duration{-3}));
    CHECK(restored.watermark == Timestamp(Duration{-2}));
    CHECK(restored.idle);
}

TEST_CASE("the bytes of what is on its way are those of the documentation", "[runtime]") {
    JobSegmentPool pool(1 << 20);
    Sent sent(pool);
    Lane lane(sent, kRecordLayout<std::int16_t>);
    const Timestamp time(Duration{258});
    lane.prepare(true, false);
    lane.put<std::int16_t>(std::int16_t{3}, &time, nullptr);
    lane.mark(Timestamp(Duration{5}));
    lane.control(ControlKind::Idle, 0);
    ChannelStateWriter writer(kRecordCodec<std::int16_t>, Timestamp(Duration{1}), Timestamp(Duration{2}), false);
    writer.add(sent.batches.front(), 0, 0);
    std::string hex;
    for (const std::byte each : writer.bytes()) {
        hex += "0123456789abcdef"[std::to_integer<int>(each) / 16];
        hex += "0123456789abcdef"[std::to_integer<int>(each) % 16];
    }
    CHECK(hex == std::string("01") +
                     "04"
                     "0100000000000000"
                     "00"  // the input has reached 1
                     +
                     "01"
                     "0200000000000000"
                     "00"  // the channel 2
                     +
                     "00"
                     "0201000000000000"
                     "01"
                     "0300"  // a record
                     +
                     "01"
                     "0500000000000000"
                     "00"  // a watermark
                     +
                     "02"
                     "0000000000000080"
                     "00");  // idle
    CHECK(layoutText(channelStateLayout(kRecordCodec<std::int16_t>)) ==
          "in-flight{event:u8,time:i64,record:optional<i16>}");
    CHECK(channelStateName(1) == "in-flight/1");
}

TEST_CASE("only what is left of a batch is written", "[runtime]") {
    JobSegmentPool pool(1 << 20);
    Sent sent(pool);
    Lane lane(sent, kRecordLayout<Word>);
    for (int i = 0; i < 4; ++i) {
        put(lane, "a", i, kMinTimestamp);
        lane.mark(Timestamp(Duration{i}));
    }
    lane.flush();
    const auto rest = [&](std::size_t records, std::size_t marks) {
        ChannelStateWriter writer(kRecordCodec<Word>, kMinTimestamp, kMinTimestamp, false);
        writer.add(sent.batches.front(), records, marks);
        RestoredChannel restored;
        RestoredShare share = all(*plainPorts<Word>());
        restoreChannel(writer.bytes(), kRecordCodec<Word>, share, pool, restored);
        std::string text = restored.watermark != kMinTimestamp ? "w" + textOf(restored.watermark) + " " : "";
        return (writer.empty() ? "empty" : "") + text + traceOf(restored.batches);
    };
    CHECK(rest(0, 0) == "a0@- w0 a1@- w1 a2@- w2 a3@- w3 ");
    CHECK(rest(2, 1) == "w1 a2@- w2 a3@- w3 ");  // the mark behind the records that were handled
    CHECK(rest(2, 2) == "a2@- w2 a3@- w3 ");
    CHECK(rest(4, 3) == "w3 ");
    CHECK(rest(4, 4) == "empty");
}

TEST_CASE("of idleness that comes and goes only what it ends with makes a batch", "[runtime]") {
    JobSegmentPool pool(1 << 20);
    const auto restoredFrom = [&](bool idle, auto send) {
        Sent sent(pool);
        Lane lane(sent, kRecordLayout<Word>);
        send(lane);
        lane.flush();
        ChannelStateWriter writer(kRecordCodec<Word>, kMinTimestamp, kMinTimestamp, idle);
        for (const Batch& each : sent.batches) writer.add(each, 0, 0);
        RestoredChannel restored;
        RestoredShare share = all(*plainPorts<Word>());
        restoreChannel(writer.bytes(), kRecordCodec<Word>, share, pool, restored);
        return (restored.idle ? "begins idle: " : "") + traceOf(restored.batches) +
               std::to_string(restored.batches.size());
    };
    const auto flicker = [](Lane& lane, int times) {
        for (int i = 0; i < times; ++i) {
            lane.control(ControlKind::Idle, 0);
            lane.control(ControlKind::Active, 0);
        }
    };
    CHECK(restoredFrom(false, [&](Lane& lane) { flicker(lane, 0); }) == "0");
    CHECK(restoredFrom(true, [&](Lane& lane) { lane.control(ControlKind::Active, 0); }) == "begins idle: active 1");
    CHECK(restoredFrom(true, [&](Lane& lane) {
              lane.control(ControlKind::Active, 0);
              lane.control(ControlKind::Idle, 0);
          }) == "begins idle: idle 1");
    // to be active changes nothing where a channel has not been idle: it is read as what then is written
    CHECK(restoredFrom(false, [&](Lane& lane) { lane.control(ControlKind::Active, 0); }) == "0");
    CHECK(restoredFrom(false, [&](Lane& lane) {
              lane.control(ControlKind::Active, 0);
              lane.control(ControlKind::Idle, 0);
              put(lane, "a", 1, kMinTimestamp);
          }) == "begins idle: a1@- 1");
    CHECK(restoredFrom(false, [&](Lane& lane) {
              put(lane, "a", 1, kMinTimestamp);
              flicker(lane, 500);
              lane.control(ControlKind::Idle, 0);
              lane.mark(Timestamp(Duration{5}));
              lane.control(ControlKind::Active, 0);
              put(lane, "a", 2, kMinTimestamp);
              flicker(lane, 500);
              put(lane, "a", 3, kMinTimestamp);
              flicker(lane, 500);
              lane.control(ControlKind::Idle, 0);
          }) == "a1@- idle w5 active a2@- active a3@- idle 4");
}

TEST_CASE("each record that was on its way is restored by one subtask, whatever their number", "[runtime]") {
    JobSegmentPool pool(1 << 20);
    ChannelStateWriter writer(kRecordCodec<std::int64_t>, kMinTimestamp, kMinTimestamp, false);
    Sent sent(pool);
    Lane lane(sent, kRecordLayout<std::int64_t>);
    for (std::int64_t i = 0; i < 300; ++i) {
        lane.prepare(false, false);
        lane.put<std::int64_t>(i, nullptr, nullptr);
    }
    lane.flush();
    writer.add(sent.batches.front(), 0, 0);

    const auto identity = [](std::int64_t i) { return i; };
    const Ports keyed = hashPorts<std::int64_t>(identity);
    const auto modulo = [](std::int64_t key, int partitions) { return static_cast<int>(key) % partitions; };
    const Ports custom = customPorts<std::int64_t>(modulo, identity);
    const Ports plain = plainPorts<std::int64_t>();
    const auto sharesOf = [&](const PortFactory& ports, ExchangeKind exchange, int parallelism, int before) {
        std::vector<std::vector<std::int64_t>> shares(static_cast<std::size_t>(parallelism));
        for (int subtask = 0; subtask < parallelism; ++subtask) {
            RestoredShare share(ports, exchange, subtask, parallelism, before, 128);
            if (!share.wants(1)) continue;  // they were on their way to subtask 1
            RestoredChannel restored;
            restoreChannel(writer.bytes(), kRecordCodec<std::int64_t>, share, pool, restored);
            for (Batch& batch : restored.batches) {
                auto& mine = shares[static_cast<std::size_t>(subtask)];
                mine.insert(mine.end(), batch.values<std::int64_t>(), batch.values<std::int64_t>() + batch.size);
            }
        }
        return shares;
    };
    std::vector<std::int64_t> whole;
    for (std::int64_t i = 0; i < 300; ++i) whole.push_back(i);

    // the same number: whoever it was meant for, but a key goes where it belongs
    CHECK(sharesOf(*plain, ExchangeKind::Rebalance, 3, 3) == std::vector<std::vector<std::int64_t>>{{}, whole, {}});
    CHECK(sharesOf(*custom, ExchangeKind::Custom, 2, 2) == std::vector<std::vector<std::int64_t>>{{}, whole});
    CHECK(sharesOf(*plain, ExchangeKind::Global, 3, 2) == std::vector<std::vector<std::int64_t>>{whole, {}, {}});

    std::vector<std::vector<std::int64_t>> byKey(3);
    std::vector<std::vector<std::int64_t>> byModulo(3);
    for (const std::int64_t i : whole) {
        byKey[static_cast<std::size_t>(subtaskForKeyGroup(keyGroupFor(keyHash(i), 128), 3, 128))].push_back(i);
        byModulo[static_cast<std::size_t>(i % 3)].push_back(i);
    }
    CHECK(sharesOf(*keyed, ExchangeKind::Hash, 3, 2) == byKey);
    CHECK(sharesOf(*custom, ExchangeKind::Custom, 3, 2) == byModulo);
    CHECK(sharesOf(*plain, ExchangeKind::Shuffle, 3, 4) == byModulo);  // in turn
    CHECK(sharesOf(*plain, ExchangeKind::Rebalance, 1, 4) == std::vector<std::vector<std::int64_t>>{whole});

    // the same number, and what was dealt out in turn goes by key now: nobody would take some of them, which is noticed
    const auto misplaces = [&](const PortFactory& ports, ExchangeKind exchange, int before) {
        RestoredShare share(ports, exchange, 1, 3, before, 128);
        RestoredChannel restored;
        restoreChannel(writer.bytes(), kRecordCodec<std::int64_t>, share, pool, restored);
        return share.hasMisplaced();
    };
    CHECK(misplaces(*keyed, ExchangeKind::Hash, 3));
    CHECK(!misplaces(*keyed, ExchangeKind::Hash, 2));
    CHECK(!misplaces(*plain, ExchangeKind::Rebalance, 3));
    CHECK(!misplaces(*custom, ExchangeKind::Custom, 3));
}

TEST_CASE("damage in what was on its way is an exception, and nothing leaks", "[runtime]") {
    JobSegmentPool pool(1 << 20);
    {
        const std::vector<std::byte> piece = examplePiece(pool);
        const auto read = [&](std::span<const std::byte> bytes) {
            RestoredChannel restored;
            RestoredShare share = all(*plainPorts<Word>());
            restoreChannel(bytes, kRecordCodec<Word>, share, pool, restored);
        };
        int refused = 0;
        for (std::size_t length = 0; length < 3000; ++length) {
            try {
                read({piece.data(), length});
            } catch (const CodecException&) {
                ++refused;
            }
        }
        CHECK(refused > 2800);
        for (std::size_t at = 0; at < 600; ++at) {
            std::vector<std::byte> damaged = piece;
            damaged[at] ^= std::byte{0x55};
            try {
                read(damaged);
            } catch (const CodecException&) {}
        }
        std::vector<std::byte> later = piece;
        later[0] = std::byte{2};
        CHECK_THROWS_WITH(read(later), "records on their way have the format version 2, but this build reads 1");
    }
    pool.endJob();
    CHECK(pool.liveBytes() == 0);
}

namespace {

class SilentActor final : public Actor {
public:
    detail::WeakReference keeper() const noexcept override { return {}; }
    using Actor::Actor;
    Outcome advance() noexcept override { return Outcome::Wait; }
    void onEnded() override {}
};
class SilentContext final : public StageContext {
public:
    Timestamp currentProcessingTime() const override { return {}; }
    void registerProcessingTimer(Timestamp) override {}
    std::function<void()> wakeUp() override { return {}; }
    Accumulators& accumulators() override { return accumulators_; }

private:
    Accumulators accumulators_;
};

}  // namespace

TEST_CASE("a consumer sees what is on its way to it, in the ring and behind it, up to the barrier", "[runtime]") {
    ManualExecutor executor;
    SilentActor producer(executor, 0);
    SilentActor consumer(executor, 1);
    SilentContext context;
    BlockedOutputs blocked;
    blocked.context = &context;
    JobSegmentPool pool(1 << 20);
    detail::Channel channel(producer, blocked, consumer, pool, 2);
    Lane lane(channel, kRecordLayout<Word>);
    const auto unread = [&](std::int64_t barrier) {
        PointerList<Batch> found;
        channel.unread(barrier, found);
        return traceOf(found);
    };
    for (int i = 0; i < 5; ++i) {
        put(lane, "a", i, kMinTimestamp);
        if (i == 1) {
            lane.control(ControlKind::Barrier, 6);
            CHECK(channel.announced() == 6);
        }
        lane.flush();
    }
    lane.control(ControlKind::Barrier, 7);
    CHECK(channel.announced() == 7);
    put(lane, "a", 5, kMinTimestamp);
    lane.control(ControlKind::EndOfInput, 0);
    CHECK(channel.announced() == detail::Channel::kEnded);
    CHECK(channel.size() == 2);
    CHECK(unread(7) == "a0@- a1@- a2@- a3@- a4@- ");
    CHECK(unread(6) == "a0@- a1@- ");
    CHECK(unread(8) == "a0@- a1@- a2@- a3@- a4@- a5@- ");
    channel.receive()->destroy();
    CHECK(!channel.drainOverflow());
    CHECK(unread(7) == "a1@- a2@- a3@- a4@- ");
}
