#include <millrace/operators/source_stage.hpp>

#include <millrace/state/memory_snapshot.hpp>
#include <millrace/testing/scripted_source.hpp>

#include "support/catch.hpp"

#include <cstdint>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

using namespace millrace;
using namespace millrace::testing;
using namespace std::chrono_literals;

namespace {

Timestamp at(std::int64_t ticks) {
    return Timestamp{Duration{ticks}};
}
std::string text(Timestamp time) {
    return time == kMaxTimestamp ? "max" : std::to_string(time.time_since_epoch().count());
}

/// Hosts one subtask of a source and writes down what comes out: "7@3" for an element, "w5", "idle", "active", "end".
template <class Source, class Strategy>
class Host final : public detail::StageContext {
    class Recorder final : public detail::Port {
    public:
        explicit Recorder(std::string& out) : out_(out) {}
        void onBlock(detail::BlockRef erased, bool) override {
            const auto block = erased.as<typename Source::Output>();
            for (std::size_t i = 0; i < block.size; ++i) {
                add(std::to_string(block.values[i]) + "@" + text(block.timestampOf(i)));
            }
        }
        detail::Progress onWatermark(Timestamp watermark) override {
            add("w" + text(watermark));
            return detail::Progress::Done;
        }
        void onIdle() override { add("idle"); }
        void onActive() override { add("active"); }
        detail::Progress endInput() override {
            add("end");
            return detail::Progress::Done;
        }
        void flush() override {}
        bool wantsOwnership() const noexcept override { return true; }

    private:
        void add(const std::string& event) { out_ += (out_.empty() ? "" : " ") + event; }
        std::string& out_;
    };

public:
    Host(Source source, Strategy strategy, Timestamp start = {}) : factory_(source, strategy), now_(start) {
        factory_.bind({{"source", "uid"}});
    }
    void open(const SnapshotSource* snapshot = nullptr, detail::Shared<detail::SharedState> shared = nullptr) {
        timers_.clear();
        if (shared) enumerator_ = std::move(shared);
        // a restored enumerator has what was not handed out before, as this one
        if (enumerator_ == nullptr) enumerator_ = factory_.createShared(1, nullptr);
        stage_ = factory_.create(enumerator_);
        port_ = std::make_unique<Recorder>(out_);
        stage_->addOutput("", *port_);
        if (snapshot != nullptr) stage_->restore(*snapshot);
        stage_->open(*this);
    }
    /// Polls until there is nothing for now.
    std::string run() {
        for (;;) {
            const detail::PollStatus status = stage_->poll();
            if (status == detail::PollStatus::EndOfInput) stage_->finishSource(true);
            if (status != detail::PollStatus::MoreAvailable) return std::exchange(out_, {});
        }
    }
    std::string pollOnce() {
        (void)stage_->poll();
        return std::exchange(out_, {});
    }
    /// Moves the clock, with everything that is due on the way; then runs.
    std::string advanceTo(Timestamp time) {
        while (!timers_.empty() && *timers_.begin() <= time) {
            now_ = *timers_.begin();
            timers_.erase(timers_.begin());
            stage_->onProcessingTime(now_);
        }
        now_ = time;
        return run();
    }
    void setClock(Timestamp time) { now_ = time; }
    detail::Stage& stage() { return *stage_; }

    Timestamp currentProcessingTime() const override { return now_; }
    void registerProcessingTimer(Timestamp time) override { timers_.insert(time); }
    std::function<void()> wakeUp() override {
        return [] {};
    }
    Accumulators& accumulators() override { return accumulators_; }
    Duration timeHeldUp() const override { return heldUp; }
    Duration heldUp{0};

private:
    detail::SourceStageFactory<Source, Strategy> factory_;
    detail::Shared<detail::SharedState> enumerator_;
    detail::Owner<detail::Stage> stage_;
    std::unique_ptr<Recorder> port_;
    std::string out_;
    std::set<Timestamp> timers_;
    Timestamp now_;
    Accumulators accumulators_;
};

/// A script as a source that leaves watermarks to its strategy.
struct OneScript : ScriptedSource<int> {
    using ScriptedSource<int>::ScriptedSource;
    static constexpr bool kEmitsWatermarks = false;
};

/// Has one split, so no enumerator: counts down.
struct Countdown {
    using Output = int;
    static constexpr bool kSingleSplit = true;
    struct Split {
        int left = 3;
    };
    Boundedness boundedness() const { return Boundedness::Bounded; }

    struct Reader {
        Split split{};
        void open(Split opened) { split = opened; }
        FillResult fill(std::span<int> values, std::span<Timestamp>) {
            if (split.left == 0) return {.status = SourceStatus::EndOfSplit};
            values[0] = split.left--;
            return {.count = 1};
        }
        Split position() const { return split; }
        void close() {}
    };
    Reader createReader(const SourceReaderContext&) const { return {}; }
};
/// The same with an enumerator, which has two.
struct TwoCountdowns : Countdown {
    static constexpr bool kSingleSplit = false;
    std::unique_ptr<SplitEnumerator<Split>> createEnumerator(int) const {
        return std::make_unique<SplitListEnumerator<Split>>(std::vector<Split>{{2}, {3}});
    }
};
static_assert(SourceType<Countdown> && SingleSplitSource<Countdown>);
static_assert(SourceType<TwoCountdowns> && !SingleSplitSource<TwoCountdowns>);
/// Its enumerator cannot be asked for: that must not make it a source with one split.
struct NotConst : Countdown {
    static constexpr bool kSingleSplit = false;
    std::unique_ptr<SplitEnumerator<Split>> createEnumerator(int) { return nullptr; }
};
static_assert(!SourceType<NotConst>);

auto splits(std::vector<Script<int>> scripts) {
    return ScriptedSplits<int>(std::move(scripts));
}

}  // namespace

TEST_CASE("each split read side by side has a generator of its own, and the smallest counts", "[operators][source]") {
    std::vector<Script<int>> scripts(2);
    scripts[0].element(1, at(10)).endBlock().element(2, at(30));
    scripts[1].element(3, at(20)).endBlock().element(4, at(15)).endBlock().element(5, at(40));
    Host host(splits(scripts), WatermarkStrategy::forMonotonousTimestamps());
    host.open();
    // the second split first: the reader takes them in turn. Its 15 is behind its own 20, yet late for nobody.
    CHECK(host.run() == "3@20 1@10 w9 4@15 2@30 w19 5@40 w39 wmax end");
}

TEST_CASE("a split that ends no longer holds the others back", "[operators][source]") {
    std::vector<Script<int>> scripts(2);
    scripts[0].element(1, at(100)).pause(1h);
    scripts[1].element(2, at(5));
    Host host(splits(scripts), WatermarkStrategy::forMonotonousTimestamps());
    host.open();
    CHECK(host.run() == "2@5 1@100 w99");
    CHECK(host.advanceTo(at(0) + 1h) == "wmax end");
}

TEST_CASE("a quiet split becomes idle by itself, and counts again with its next record", "[operators][source]") {
    std::vector<Script<int>> scripts(2);
    scripts[0].element(1, at(10)).pause(1000ms).element(2, at(12)).pause(1h);
    for (int i = 0; i < 100; ++i) scripts[1].element(100 + i, at(20 + i)).pause(100ms);
    Host host(splits(scripts), WatermarkStrategy::forMonotonousTimestamps().withIdleness(400ms));
    host.open();
    CHECK(host.run() == "100@20 1@10 w9");
    std::string seen;
    for (int tick = 1; tick <= 10; ++tick) {
        seen += host.advanceTo(at(0) + tick * 100ms) + "; ";
    }
    // quiet from the tick at 200 ms on (the first one without a record), idle when that is more than 400 ms ago.
    // Its 12 does not take event time back: that stands until it has caught up.
    CHECK(seen ==
          "101@21; 102@22; 103@23; 104@24; 105@25; 106@26; w25 107@27 w26; 108@28 w27; 109@29 w28; 2@12 110@30; ");
}

TEST_CASE("when all splits are idle the largest watermark goes on, then the source is idle", "[operators][source]") {
    std::vector<Script<int>> scripts(2);
    scripts[0].element(1, at(10)).idle().pause(1h).element(3, at(15)).pause(1h);
    scripts[1].element(2, at(20)).idle().pause(2h);
    Host host(splits(scripts), WatermarkStrategy::forMonotonousTimestamps());
    host.open();
    CHECK(host.run() == "2@20 1@10 w9 w19 idle");
    CHECK(host.advanceTo(at(0) + 1h) == "active 3@15");
}

TEST_CASE("splits are restored with their watermarks, each its own, before the first record", "[operators][source]") {
    std::vector<Script<int>> scripts(2);
    scripts[0].element(1, at(10)).pause(1s).element(2, at(12)).pause(1h);
    scripts[1].element(3, at(20)).pause(1s).element(4, at(22)).pause(1h);
    Host host(splits(scripts), WatermarkStrategy::forMonotonousTimestamps());
    host.open();
    CHECK(host.run() == "3@20 1@10 w9");
    MemorySnapshot snapshot;
    host.stage().snapshot(snapshot);
    host.open(&snapshot);
    CHECK(host.pollOnce() == "w9");
    CHECK(host.run().empty());
    // slots may have changed places; what each had got to has not: 2@12 moves event time to 11, not to 12 - 1 of both
    CHECK(host.advanceTo(at(0) + 1s) == "4@22 2@12 w11");
}

TEST_CASE("the one split of a reader is restored with the watermark that its source had emitted",
          "[operators][source]") {
    Script<int> script;
    script.element(1, at(10)).element(2, at(30)).pause(1s).element(3, at(20)).pause(1h);
    Host host(OneScript(script), WatermarkStrategy::forMonotonousTimestamps());
    host.open();
    CHECK(host.run() == "1@10 2@30 w29");
    MemorySnapshot snapshot;
    host.stage().snapshot(snapshot);
    host.open(&snapshot);
    CHECK(host.run() == "w29");
    CHECK(host.advanceTo(at(0) + 1s) == "3@20");
}

// Until the next split had a watermark of its own, late records would have been taken for timely ones.
TEST_CASE("between two splits the watermark alone is saved", "[operators][source]") {
    Script<int> script;
    script.element(1, at(10)).element(2, at(30));
    for (const bool restoredTwice : {false, true}) {
        CAPTURE(restoredTwice);
        Host host(OneScript(script), WatermarkStrategy::forMonotonousTimestamps());
        host.open();
        CHECK(host.pollOnce() == "1@10 2@30 w29");
        MemorySnapshot snapshot;
        host.stage().snapshot(snapshot);
        host.open(&snapshot);
        if (restoredTwice) {
            MemorySnapshot again;
            host.stage().snapshot(again);
            CHECK(again == snapshot);
            host.open(&again);
        }
        CHECK(host.run() == "w29 wmax end");
    }
    std::vector<Script<int>> scripts(1, script);
    Host host(splits(scripts), WatermarkStrategy::forMonotonousTimestamps());
    host.open();
    CHECK(host.pollOnce() == "1@10 2@30 w29");
    MemorySnapshot snapshot;
    host.stage().snapshot(snapshot);
    host.open(&snapshot);
    CHECK(host.run() == "w29 wmax end");
}
TEST_CASE("splits too far ahead of the alignment group pause for themselves", "[operators][source]") {
    std::vector<Script<int>> scripts(2);
    for (int i = 1; i <= 3; ++i) scripts[0].element(i, at(10 * i)).endBlock();
    for (int i = 1; i <= 3; ++i) scripts[1].element(100 * i, at(100 * i)).endBlock();
    Host host(splits(scripts), WatermarkStrategy::forMonotonousTimestamps());
    host.open();
    host.furthestAllowed = at(50);
    CHECK(host.pollOnce() == "100@100");
    CHECK(host.pollOnce() == "1@10 w9");
    CHECK(host.earliestPaused == at(99));
    CHECK(host.pollOnce() == "2@20 w19");
    CHECK(host.pollOnce() == "3@30 w29");
    host.furthestAllowed = at(99);
    CHECK(host.pollOnce() == "200@200");
    CHECK(host.earliestPaused == kMaxTimestamp);
    host.furthestAllowed = kMaxTimestamp;
    CHECK(host.run() == "w199 300@300 w299 wmax end");
}

TEST_CASE("time during which a source is held up does not make it idle", "[operators][source]") {
    std::vector<Script<int>> scripts(1);
    scripts[0].element(1, at(10)).pause(1h);
    Host host(splits(scripts), WatermarkStrategy::forMonotonousTimestamps().withIdleness(400ms));
    host.open();
    CHECK(host.run() == "1@10 w9");
    CHECK(host.advanceTo(at(0) + 500ms).empty());
    host.heldUp = 10s;
    CHECK(host.advanceTo(at(0) + 10500ms).empty());
    CHECK(host.advanceTo(at(0) + 11s) == "idle");
}

TEST_CASE("a reader without a split is idle; one that gets no more ends", "[operators][source]") {
    struct Later final : SplitEnumerator<ScriptSplit> {
        explicit Later(int& n) : asked(n) {}
        std::optional<ScriptSplit> nextSplit(int) override {
            if (++asked == 3) return ScriptSplit{0, 0};
            return std::nullopt;
        }
        bool noMoreSplits(int) override { return asked > 3; }
        void addSplitsBack(std::vector<ScriptSplit>) override {}
        std::vector<ScriptSplit> snapshot() const override { return {}; }
        int& asked;
    };
    struct Source : ScriptedSplits<int> {
        Source(std::vector<Script<int>> scripts, int& n) : ScriptedSplits<int>(std::move(scripts)), asked(&n) {}
        std::unique_ptr<SplitEnumerator<ScriptSplit>> createEnumerator(int) const {
            return std::make_unique<Later>(*asked);
        }
        int* asked;
    };
    int asked = 0;
    std::vector<Script<int>> scripts(1);
    scripts[0].element(1, at(10));
    Host host(Source(scripts, asked), WatermarkStrategy::forMonotonousTimestamps());
    host.open();
    CHECK(host.pollOnce() == "idle");
    CHECK(host.pollOnce().empty());
    CHECK(host.run() == "active 1@10 w9 wmax end");
}

TEST_CASE("with an interval the splits' generators are asked by the clock, and once more at their end",
          "[operators][source]") {
    std::vector<Script<int>> scripts(2);
    scripts[0].element(1, at(10)).pause(100ns).element(2, at(30));
    scripts[1].element(3, at(20)).pause(500ns);
    Host host(splits(scripts), WatermarkStrategy::forMonotonousTimestamps());
    host.autoWatermarkInterval = 50ns;
    host.open();
    CHECK(host.run() == "3@20 1@10");
    CHECK(host.advanceTo(at(49)).empty());
    CHECK(host.advanceTo(at(50)) == "w9");
    CHECK(host.advanceTo(at(100)) == "2@30 w19");
    CHECK(host.advanceTo(at(500)) == "wmax end");

    Host own(splits(scripts), WatermarkStrategy::forMonotonousTimestamps().withPeriodicEmit(0ns));
    own.autoWatermarkInterval = 50ns;
    own.open();
    CHECK(own.run() == "3@20 1@10 w9");
}

TEST_CASE("ingestion time follows the clock, not the records, and never goes back", "[operators][source]") {
    std::vector<Script<int>> scripts(1);
    scripts[0].element(1, at(7)).element(2, at(3)).pause(10s).element(3, at(5)).pause(1h);
    const Timestamp start = at(0) + 1h;
    Host host(splits(scripts), WatermarkStrategy::forIngestionTime(), start);
    host.open();
    const std::string now = text(start);
    CHECK(host.run() == "1@" + now + " 2@" + now + " w" + text(start - 1ns));
    // 200 ms after 200 ms without a record
    CHECK(host.advanceTo(start + 450ms) == "w" + text(start + 200ms - 1ns) + " w" + text(start + 400ms - 1ns));
    MemorySnapshot snapshot;
    host.stage().snapshot(snapshot);

    host.setClock(at(0));  // an hour back
    host.open(&snapshot);
    CHECK(host.run() == "w" + text(start + 400ms - 1ns));
    CHECK(host.advanceTo(at(0) + 10s) == "3@" + text(start + 400ms));
}

TEST_CASE("a source without an enumerator has one split, once, also across restores", "[operators][source][state]") {
    using Factory = detail::SourceStageFactory<Countdown, decltype(WatermarkStrategy::noWatermarks())>;
    const auto host = [] { return Host(Countdown{}, WatermarkStrategy::noWatermarks()); };
    const auto numbers = [](const std::string& trace) {
        std::string all;  // what is before each '@'
        for (std::size_t i = 1; i < trace.size(); ++i) {
            if (trace[i] == '@') all += trace[i - 1];
        }
        return all;
    };
    auto first = host();
    first.open();
    CHECK(numbers(first.run()) == "321");

    // of a snapshot after so many polls the rest comes, and nothing once it has ended
    const auto polls = GENERATE(0, 1, 2, 3, 4, 5, 6);
    CAPTURE(polls);
    Factory factory(Countdown{}, WatermarkStrategy::noWatermarks());
    factory.bind({{"source", "uid"}});
    auto shared = factory.createShared(1, nullptr);
    auto before = host();
    before.open(nullptr, shared);
    std::string seen;
    for (int i = 0; i < polls; ++i) seen += numbers(before.pollOnce());
    MemorySnapshot snapshot;
    before.stage().prepareBarrier(1);
    before.stage().snapshot(snapshot);
    shared->snapshot(1, snapshot);
    auto after = host();
    after.open(&snapshot, factory.createShared(1, &snapshot));
    CHECK(seen + numbers(after.run()) == "321");
}

TEST_CASE("splits that an enumerator has left are not forgotten by a source that has none by now",
          "[operators][source]") {
    detail::SourceStageFactory two(TwoCountdowns{}, WatermarkStrategy::noWatermarks());
    two.bind({{"source", "uid"}});
    MemorySnapshot snapshot;
    two.createShared(1, nullptr)->snapshot(1, snapshot);
    detail::SourceStageFactory one(Countdown{}, WatermarkStrategy::noWatermarks());
    one.bind({{"source", "uid"}});
    try {
        one.createShared(1, &snapshot);
        FAIL("expected an exception");
    } catch (const IoException& error) {
        CHECK_THAT(describeException(error), Catch::Matchers::Contains("has no enumerator by now"));
    }
}
