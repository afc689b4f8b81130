#include <millrace/runtime/task.hpp>

#include <runtime/fake_job.hpp>
#include <runtime/runtimes.hpp>
#include <support/catch.hpp>

#include <millrace/runtime/segment_pool.hpp>

#include <array>
#include <atomic>
#include <optional>

using namespace millrace;
using namespace millrace::fake;
using namespace std::chrono_literals;

namespace {

/// A sink that counts what is between the source and itself.
struct InFlight {
    std::atomic<int> emitted{0};
    std::atomic<int> received{0};
    std::atomic<int> most{0};
    void onEmitted(int n) {
        const int now = (emitted += n) - received.load();
        int seen = most.load();
        while (now > seen && !most.compare_exchange_weak(seen, now)) {}
    }
};

FakeGraph countingInFlight(InFlight& flight, int consumers, std::int64_t end) {
    FakeGraph graph;
    graph.source("source", 1, [&flight, end] {
        struct Source : CountingSource {
            Source(InFlight& f, std::int64_t e) : CountingSource(e, 16), flight(f) {}
            PollStatus poll() override {
                if (context->outputBlocked) throw std::logic_error("polled while blocked");
                flight.onEmitted(16);
                return CountingSource::poll();
            }
            InFlight& flight;
        };
        return std::make_unique<Source>(flight, end);
    });
    graph.node("slow", consumers, {graph.edge(0, ExchangeKind::Hash)}, [&flight] {
        struct Slow : FakeStage {
            explicit Slow(InFlight& f) : flight(f) {}
            void onBlock(int, BlockRef block) override { flight.received += static_cast<int>(block.size); }
            InFlight& flight;
        };
        return std::make_unique<Slow>(flight);
    });
    return graph;
}

}  // namespace

TEST_CASE("a producer is held back by its slowest consumer, and no queue grows", "[runtime][backpressure]") {
    // the simulation starves the consumers for long stretches; in between, nothing bounds the source but the rings
    for (std::uint64_t seed = 0; seed < 30; ++seed) {
        CAPTURE(seed);
        InFlight flight;
        const auto client = SimulatedRuntime(seed).submit(countingInFlight(flight, 3, 16000));
        client->result();
        CHECK(flight.received == 16000);
        // 3 channels of at most 8 batches of 16, an open one each, one block of overflow, one batch being handled
        CHECK(flight.most <= 3 * (8 + 1 + 1 + 1) * 16 + 16);
    }
}

TEST_CASE("a sink that has to wait holds its task back until it can go on", "[runtime][backpressure]") {
    // a queue with room for 20, emptied from outside
    struct Queue {
        std::atomic<int> held{0};
        std::atomic<int> taken{0};
        std::function<void()> wakeSink;
    };
    struct QueueSink : FakeStage {
        explicit QueueSink(Queue& q) : queue(q) {}
        void open(StageContext& c) override {
            FakeStage::open(c);
            queue.wakeSink = c.wakeUp();
            c.addSinkCheck([this] { return queue.held < 20; });
        }
        void onBlock(int, BlockRef block) override {
            if (queue.held >= 20) throw std::logic_error("called while it has to wait");
            queue.held += static_cast<int>(block.size);
            if (queue.held >= 20) context->outputBlocked = true;
        }
        Queue& queue;
    };
    const bool direct = GENERATE(true, false);
    Queue queue;
    FakeGraph graph;
    graph.numbers(1, 100).chainable = direct;
    graph.node("queue", 1, {graph.edge(0)}, [&] { return std::make_unique<QueueSink>(queue); });
    CallerRuntime runtime;
    const auto client = runtime.submit(graph);
    while (!client->isDone()) {
        while (runtime.step()) continue;
        CHECK(queue.held <= 32);
        queue.taken += queue.held.exchange(0);
        queue.wakeSink();
    }
    CHECK(client->result().status == JobStatus::Finished);
    CHECK(queue.taken + queue.held == 100);
}

TEST_CASE("the byte budget bounds the channels, but always lets one batch through",
          "[runtime][backpressure][threads]") {
    for (std::size_t budget : {std::size_t{1}, std::size_t{100000}}) {
        for (const AnyRuntime& runtime : allRuntimes()) {
            CAPTURE(runtime.name, budget);
            Received received;
            FakeGraph graph;
            graph.numbers(2, 4000, 64);
            graph.node("middle", 2, {graph.edge(0, ExchangeKind::Hash)}, [] { return std::make_unique<FakeStage>(); });
            graph.sink(2, {graph.edge(1, ExchangeKind::Hash)}, received);
            graph.channelBytes = budget;
            const auto client = runtime.submit(graph);
            client->result();
            CHECK(received.sorted() == upTo(4000));
            CHECK(client->channelBytes() == 0);
            detail::JobSegmentPool pool(0);
            auto* const batch = Batch::create<Tracked>(pool);
            const std::size_t each = batch->segmentBytes();
            batch->destroy();
            // of 8 channels each may have one on its way, one open, a call's overflow and one being handled
            CHECK(client->peakChannelBytes() <= budget + 8 * 8 * each);
        }
    }
}

TEST_CASE("segments are reused by size, and freed where they exceed the budget or the job ends", "[runtime][memory]") {
    detail::JobSegmentPool pool(10000);
    void* const a = pool.acquire(4000);
    CHECK(reinterpret_cast<std::uintptr_t>(a) % 64 == 0);
    CHECK(pool.liveBytes() == 4000);
    pool.release(a, 4000);
    CHECK(pool.liveBytes() == 0);
    CHECK(pool.cachedBytes() == 4000);
    void* const b = pool.acquire(8000);
    CHECK_FALSE(pool.exhausted());
    void* const c = pool.acquire(4000);
    CHECK(c == a);
    CHECK(pool.exhausted());
    CHECK(pool.peakBytes() == 12000);
    void* const d = pool.acquire(1);
    pool.release(d, 1);  // the rest alone exceeds the budget
    CHECK(pool.cachedBytes() == 0);
    pool.release(c, 4000);
    CHECK(pool.cachedBytes() == 0);
    pool.release(b, 8000);
    CHECK(pool.cachedBytes() == 8000);
    pool.endJob();
    CHECK(pool.cachedBytes() == 0);
}

TEST_CASE("a suspended stage gets nothing but resume until it is done, and loses nothing",
          "[runtime][suspend][threads]") {
    // on every watermark the window emits 40 blocks, but stops whenever its output is blocked
    struct Window : FakeStage {
        void check() const {
            if (left_ > 0) throw std::logic_error("disturbed while suspended");
        }
        void onBlock(int, BlockRef) override { check(); }
        Progress onWatermark(int, Timestamp watermark) override {
            check();
            watermark_ = watermark;
            left_ = 40;
            return resume();
        }
        Progress onProcessingTime(Timestamp) override {
            check();
            return Progress::Done;
        }
        Progress endInput(int input) override {
            check();
            return FakeStage::endInput(input);
        }
        Progress resume() override {
            while (left_ > 0) {
                if (context->outputBlocked && context->maySuspend) return Progress::Suspended;
                std::vector<Tracked> values(16, Tracked(context->subtaskIndex));
                --left_;
                emit({values.data(), nullptr, nullptr, values.size()});
                if (left_ == 0) return FakeStage::onWatermark(0, watermark_);
            }
            return Progress::Done;
        }
        int left_ = 0;
        Timestamp watermark_ = kMinTimestamp;
    };
    // behind an exchange, directly behind the source, and behind another window: with two that can be suspended in one task
    const int shape = GENERATE(0, 1, 2);
    for (const AnyRuntime& runtime : allRuntimes()) {
        CAPTURE(runtime.name, shape);
        Received received;
        FakeGraph graph;
        graph.numbers(2, 200);
        graph.node("window", 2, {graph.edge(0, shape == 0 ? ExchangeKind::Hash : ExchangeKind::Forward)},
                   [] { return std::make_unique<Window>(); });
        if (shape == 2) graph.node("second", 2, {graph.edge(1)}, [] { return std::make_unique<Window>(); });
        graph.sink(2, {graph.edge(shape == 2 ? 2 : 1, ExchangeKind::Rebalance)}, received);
        runtime.submit(graph)->result();
        // shape 0: each window sees the combined watermarks of two sources, how many of them depends on the order
        if (shape == 0) {
            CHECK(received.size() % (40 * 16) == 0);
        } else {
            CHECK(received.size() == 2 * 11 * 40 * 16);
        }
        CHECK(received.trace.count("watermark max") == 2);
        CHECK(received.trace.count("end") == 2);
    }
}

TEST_CASE("processing timers follow the virtual clock, in order and once each", "[runtime][timers]") {
    struct Ticking : CountingSource {
        explicit Ticking(Trace& t) : CountingSource(0), trace(t) {}
        void open(StageContext& c) override {
            CountingSource::open(c);
            for (int i : {30, 10, 20, 10}) c.registerProcessingTimer(at(i * 1'000'000'000LL));
        }
        Progress onProcessingTime(Timestamp now) override {
            trace.add("timer " + std::to_string(now.time_since_epoch() / 1s));
            done = now >= at(30'000'000'000LL);
            return Progress::Done;
        }
        PollStatus poll() override { return done ? PollStatus::EndOfInput : PollStatus::NothingAvailable; }
        Trace& trace;
        bool done = false;
    };
    Trace trace;
    FakeGraph graph;
    graph.source("ticking", 1, [&] { return std::make_unique<Ticking>(trace); });
    SimulatedRuntime runtime(7);
    const auto client = runtime.submit(graph);
    CHECK_FALSE(client->waitFor(15s));
    CHECK(runtime.now() == at(15'000'000'000LL));
    CHECK(trace.events() == std::vector<std::string>{"timer 10"});
    runtime.advance(5s);
    CHECK(trace.events() == std::vector<std::string>{"timer 10", "timer 20"});
    CHECK(client->result().netRuntime == 30s);
    CHECK(trace.events() == std::vector<std::string>{"timer 10", "timer 20", "timer 30"});
}

TEST_CASE("processing timers fire in real time, too", "[runtime][timers][threads]") {
    for (const AnyRuntime& runtime :
         {anyRuntime("caller", CallerRuntime()), anyRuntime("pool", ThreadPoolRuntime(2))}) {
        CAPTURE(runtime.name);
        struct Timed : CountingSource {
            Timed() : CountingSource(0) {}
            void open(StageContext& c) override {
                CountingSource::open(c);
                due = c.currentProcessingTime() + 2ms;
                c.registerProcessingTimer(due);
            }
            Progress onProcessingTime(Timestamp now) override {
                if (now < due) throw std::logic_error("too early");
                fired = true;
                return Progress::Done;
            }
            PollStatus poll() override { return fired ? PollStatus::EndOfInput : PollStatus::NothingAvailable; }
            Timestamp due;
            bool fired = false;
        };
        FakeGraph graph;
        graph.source("timed", 1, [] { return std::make_unique<Timed>(); });
        CHECK(runtime.submit(graph)->result().status == JobStatus::Finished);
    }
}

TEST_CASE("batches leave when their producer runs out of input, or after each block, or only when full",
          "[runtime][flush]") {
    // the source emits one block of 10, then waits; batches hold 16
    struct OneBlock : CountingSource {
        OneBlock() : CountingSource(10) {}
        PollStatus poll() override {
            if (next_ < end_) return CountingSource::poll();
            return PollStatus::NothingAvailable;
        }
    };
    const auto receivedBeforeTheEnd = [](Duration timeout) {
        Received received;
        FakeGraph graph;
        graph.source("one block", 1, [] { return std::make_unique<OneBlock>(); });
        graph.nodes[0].chainable = false;
        graph.sink(1, {graph.edge(0)}, received);
        graph.bufferTimeout = timeout;
        CallerRuntime runtime;
        const auto client = runtime.submit(graph);
        while (runtime.step()) continue;
        const std::size_t early = received.size();
        client->stop();
        client->result();
        CHECK(received.size() == 10);
        return early;
    };
    CHECK(receivedBeforeTheEnd(100ms) == 10);
    CHECK(receivedBeforeTheEnd(0ms) == 10);
    CHECK(receivedBeforeTheEnd(-1ms) == 0);
}

TEST_CASE("sources that reach one stateful operator stay together in event time", "[runtime][alignment][threads]") {
    // subtask 0 advances by a second per block, subtask 1 by ten: unaligned it is soon far ahead
    struct Progresses {
        std::array<std::atomic<std::int64_t>, 2> seconds{};
        std::array<std::atomic<bool>, 2> isKnown{};  // a watermark of the subtask
        std::atomic<std::int64_t> ahead{0};
    };
    struct Paced : CountingSource {
        explicit Paced(Progresses& s) : CountingSource(0), shared(s) {}
        PollStatus poll() override {
            const auto me = static_cast<std::size_t>(context->subtaskIndex);
            const std::int64_t mine = shared.seconds[me].load();
            // Who has no watermark yet, or has ended, holds nobody back. The first watermark is known after its poll, and
            // binds the other from that one's next poll on.
            if (mine > 0) shared.isKnown[me] = true;
            const bool isBound = otherWasKnown;
            otherWasKnown = shared.isKnown[1 - me];
            if (me == 1 && !otherWasKnown) return PollStatus::MoreAvailable;
            const std::int64_t other = shared.seconds[1 - me].load();
            if (isBound && other < 990) shared.ahead = std::max(shared.ahead.load(), mine - other);
            const std::int64_t next = mine + (me == 0 ? 1 : 10);
            if (next > 1000) return PollStatus::EndOfInput;
            shared.seconds[me] = next;
            onWatermark(0, Timestamp{} + std::chrono::seconds(next));
            return PollStatus::MoreAvailable;
        }
        Progresses& shared;
        bool otherWasKnown = false;
    };
    const auto furthest = [](const AnyRuntime& runtime, bool align, Duration drift) {
        Progresses shared;
        Received received;
        FakeGraph graph;
        graph.source("paced", 2, [&] { return std::make_unique<Paced>(shared); });
        GraphNode& node = graph.sink(1, {graph.edge(0, ExchangeKind::Hash)}, received);
        node.isStateful = true;
        node.alignmentDrift = drift;
        graph.alignSources = align;
        CHECK(runtime.submit(graph)->result().status == JobStatus::Finished);
        return shared.ahead.load();
    };
    std::int64_t unaligned = 0;
    for (const AnyRuntime& runtime : allRuntimes()) {
        CAPTURE(runtime.name);
        // measured before a poll that was allowed: at most the drift ahead
        CHECK(furthest(runtime, true, 20s) <= 20);
        CHECK(furthest(runtime, true, Duration{0}) <= 1);
        unaligned = std::max(unaligned, furthest(runtime, false, 20s));
    }
    CHECK(unaligned > 20);
}

TEST_CASE("an idle source holds no other source back, and frees those that wait for it", "[runtime][alignment]") {
    struct TurnsIdle : CountingSource {
        TurnsIdle() : CountingSource(0) {}
        PollStatus poll() override {
            ++polls_;
            if (context->subtaskIndex == 1) {
                if (polls_ == 1) {
                    onWatermark(0, Timestamp{} + 1s);
                    return PollStatus::MoreAvailable;
                }
                if (polls_ < 5) return PollStatus::MoreAvailable;
                if (polls_ == 5) {
                    onIdle(0);
                    return PollStatus::MoreAvailable;
                }
                return context->currentProcessingTime() < at(1'000'000'000) ? waitASecond() : PollStatus::EndOfInput;
            }
            onWatermark(0, Timestamp{} + std::chrono::hours(polls_));
            return polls_ == 100 ? PollStatus::EndOfInput : PollStatus::MoreAvailable;
        }
        PollStatus waitASecond() {
            context->registerProcessingTimer(at(1'000'000'000));
            return PollStatus::NothingAvailable;
        }
        int polls_ = 0;
    };
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        CAPTURE(seed);
        Received received;
        FakeGraph graph;
        graph.source("turns idle", 2, [] { return std::make_unique<TurnsIdle>(); });
        graph.sink(1, {graph.edge(0, ExchangeKind::Hash)}, received).isStateful = true;
        CHECK(SimulatedRuntime(seed).submit(graph)->result().status == JobStatus::Finished);
    }
}

TEST_CASE("mail runs in its task, between blocks, and is dropped after the end", "[runtime][mail]") {
    struct Idle : detail::JobControl {
        void fail(std::exception_ptr error) override { failure = error; }
        void taskEnded(detail::Task&) override { ended = true; }
        std::function<void()> wakeUp(detail::Actor&) override {
            return [] {};
        }
        std::exception_ptr failure;
        bool ended = false;
    };
    struct OneThread : detail::TaskExecutor {
        void post(detail::Actor& actor) override { ready.push_back(&actor); }
        Timestamp now() const override { return Timestamp{}; }
        Duration monotonicNow() const override { return Duration{1}; }
        void wakeAt(Timestamp, detail::Actor&) override {}
        bool waitFor(detail::Job&, Duration) override { return true; }
        bool step() override {
            if (ready.empty()) return false;
            detail::Actor* const actor = ready.back();
            ready.pop_back();
            actor->run();
            return true;
        }
        std::vector<detail::Actor*> ready;
    };
    Idle job;
    OneThread executor;
    Accumulators accumulators;
    GraphNode node;
    node.isSource = true;
    node.parallelism = 1;
    detail::Task task(job, executor, 0, accumulators, 0ms);
    task.addStage(detail::Owner<detail::Stage>(new CountingSource(10)), node, 0);
    task.finishWiring();
    std::string said;
    task.postMail(0, [&] { said += "a"; });
    task.postMail(0, [&] {
        said += "b";
        task.postMail(0, [&] { said += "d"; });
    });
    task.postMail(0, [&] { said += "c"; });
    CHECK(executor.ready.size() == 1);  // one wake-up for all
    CHECK(said.empty());
    while (executor.step()) continue;
    CHECK(said == "abcd");
    CHECK(job.failure == nullptr);
    CHECK(job.ended);
    task.postMail(0, [&] { said += "e"; });
    CHECK(executor.ready.empty());
    CHECK(said == "abcd");
}
