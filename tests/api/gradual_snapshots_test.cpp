#include <millrace/checkpointing.hpp>

#include <millrace/millrace.hpp>
#include <millrace/runtime/simulated_runtime.hpp>

#include "api/api_fixtures.hpp"
#include "support/catch.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

// State that a task encodes by and by behind the barrier, while records flow. Entries in a simulation: three slots at a time.

using namespace millrace;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

namespace gradual_snapshots_test {

/// Counts how often one has been encoded; "unwritable" cannot be.
struct Note {
    std::string text;
};
inline std::int64_t notesEncoded = 0;

}  // namespace gradual_snapshots_test

template <>
struct millrace::Codec<gradual_snapshots_test::Note> {
    using Note = gradual_snapshots_test::Note;
    static void encode(const Note& value, ByteWriter& writer) {
        if (value.text == "unwritable") throw std::runtime_error("this note cannot be written");
        ++gradual_snapshots_test::notesEncoded;
        Codec<std::string>::encode(value.text, writer);
    }
    static void decode(ByteReader& reader, Note& value) { Codec<std::string>::decode(reader, value.text); }
    static std::string name() { return "test.Note"; }
    static constexpr std::uint32_t version() { return 1; }
};

namespace gradual_snapshots_test {

/// Numbers up to `count`; and, for each snapshot that has been taken of it, a 0 behind the barrier.
struct ZeroBehindBarrier {
    using Output = std::int64_t;
    using Split = std::int64_t;
    static constexpr int kFixedParallelism = 1;
    std::int64_t count;

    class Reader {
    public:
        explicit Reader(std::int64_t count, std::function<void()> wakeUp) : count_(count), wakeUp_(std::move(wakeUp)) {}
        void open(std::int64_t) {}
        FillResult fill(std::span<std::int64_t> values, std::span<Timestamp>) {
            FillResult filled;
            while (next_ < count_ && filled.count < values.size()) values[filled.count++] = ++next_;
            if (next_ < count_) return filled;
            if (saved_ && filled.count < values.size()) {
                saved_ = false;
                values[filled.count++] = 0;
            }
            filled.status = SourceStatus::NothingAvailable;
            return filled;
        }
        std::int64_t position() {
            saved_ = true;
            wakeUp_();
            return next_;
        }
        void close() {}

    private:
        std::int64_t count_;
        std::function<void()> wakeUp_;
        std::int64_t next_ = 0;
        bool saved_ = false;
    };

    Boundedness boundedness() const { return Boundedness::ContinuousUnbounded; }
    std::unique_ptr<SplitEnumerator<Split>> createEnumerator(int) const {
        return std::make_unique<SplitListEnumerator<Split>>(std::vector<Split>{0});
    }
    Reader createReader(const SourceReaderContext& context) const { return Reader(count, context.wakeUp); }
};

/// Keeps a note for each number, and passes it on.
struct TakeNotes {
    std::int64_t unwritable = -1;
    ValueState<Note> note;
    void open(KeyedRuntimeContext& context) { note = context.getState(ValueStateDescriptor<Note>{"note"}); }
    void processElement(const std::int64_t& number, KeyedProcessContext<std::int64_t>&, Collector<std::int64_t>& out) {
        note.update(Note{number == unwritable ? "unwritable" : std::to_string(number)});
        out.collect(number);
    }
};

constexpr auto itself = [](std::int64_t number) { return number; };

}  // namespace gradual_snapshots_test

using namespace gradual_snapshots_test;

// What a task had emitted just before was sent when the encoding was over: it did not run out of things to do until then.
TEST_CASE("results do not wait for the end of the encoding when no more records come", "[api][checkpoint]") {
    constexpr std::int64_t kNumbers = 10'000;
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
        CAPTURE(seed);
        SimulatedRuntime runtime(seed);
        StreamExecutionEnvironment env(runtime);
        env.setParallelism(2);
        env.enableCheckpointing(CheckpointConfig{});
        notesEncoded = 0;
        std::int64_t arrived = 0;
        std::int64_t encodedBefore = -1;
        env.fromSource(ZeroBehindBarrier{kNumbers}, WatermarkStrategy::noWatermarks(), "numbers")
            .keyBy(itself)
            .process(TakeNotes{})
            .rebalance()
            .addSink([&](std::int64_t number) {
                ++arrived;
                if (number == 0) encodedBefore = notesEncoded;
            });
        const auto client = env.executeAsync("notes");
        runtime.advance(1s);
        REQUIRE(arrived == kNumbers);
        client->triggerCheckpoint();
        CHECK(notesEncoded == kNumbers);  // as of the barrier
        CHECK(encodedBefore >= 0);
        CHECK(encodedBefore < kNumbers / 4);  // half of them are the other task's
        client->cancel();
        CHECK_THROWS_AS(client->result(), JobCancelledException);
    }
}

TEST_CASE("a codec that throws by and by fails the job with the name of its operator", "[api][checkpoint]") {
    SimulatedRuntime runtime(1);
    StreamExecutionEnvironment env(runtime);
    env.setParallelism(1);
    CheckpointConfig config;
    config.restart = RestartStrategy::noRestart();
    env.enableCheckpointing(config);
    env.fromSource(ZeroBehindBarrier{100}, WatermarkStrategy::noWatermarks(), "numbers")
        .uid("numbers")
        .keyBy(itself)
        .process(TakeNotes{70, {}})
        .uid("notes")
        .addSink([](std::int64_t) {});
    const auto client = env.executeAsync("notes");
    runtime.advance(1s);
    CHECK_THROWS_AS(client->triggerCheckpoint(), CheckpointException);
    std::string failure;
    try {
        client->result();
    } catch (const std::exception& error) {
        failure = error.what();
    }
    CHECK_THAT(failure, ContainsSubstring("(uid 'notes', subtask 0 of 1) failed: ") &&
                            !ContainsSubstring("'numbers'") && ContainsSubstring("this note cannot be written"));
}
