#include <millrace/runtime/timer_thread.hpp>

#include <runtime/fake_job.hpp>
#include <runtime/manual_executor.hpp>
#include <support/catch.hpp>

#include <millrace/runtime/job_client.hpp>
#include <millrace/runtime/stall_report.hpp>

#include <atomic>
#include <memory>
#include <string>
#include <system_error>
#include <thread>

#if defined(__linux__)
#include <sys/prctl.h>
#endif

using namespace millrace;
using namespace millrace::fake;
using namespace std::chrono_literals;

namespace {

/// Asks for the times it is given, waits for input that never comes, and writes down when it was called.
struct Waiting : CountingSource {
    Waiting(std::vector<Timestamp> t, std::vector<Timestamp>& c) : CountingSource(0), times(std::move(t)), called(c) {}
    void open(StageContext& c) override {
        CountingSource::open(c);
        wakeUp = c.wakeUp();
        for (const Timestamp time : times) c.registerProcessingTimer(time);
    }
    Progress onProcessingTime(Timestamp now) override {
        called.push_back(now);
        return Progress::Done;
    }
    PollStatus poll() override { return PollStatus::NothingAvailable; }
    std::vector<Timestamp> times;
    std::vector<Timestamp>& called;
    static inline std::function<void()> wakeUp;
};

struct WaitingJob {
    explicit WaitingJob(std::vector<Timestamp> times, Timestamp start) {
        executor->clock = start;
        FakeGraph graph;
        graph.source("waiting", 1, [this, times] { return std::make_unique<Waiting>(times, called); });
        client = detail::startJob(graph, executor);
        executor->runAll();
    }
    ~WaitingJob() {
        client->cancel();
        executor->runAll();
        Waiting::wakeUp = nullptr;
    }
    detail::Shared<ManualExecutor> executor{new ManualExecutor};
    std::vector<Timestamp> called;
    std::shared_ptr<JobClient> client;
};

/// Has nothing to do.
struct Nobody final : detail::Actor, detail::WatchedObject {
    using detail::Actor::Actor;
    detail::WeakReference keeper() const noexcept override { return detail::WeakReference(*this); }
    Outcome advance() noexcept override { return Outcome::Wait; }
    void onEnded() override {}
};

}  // namespace

TEST_CASE("a clock that is set back between the ring of a timer and its task loses no timer", "[runtime][timers]") {
    const Timestamp noon = at(0) + 12h;
    WaitingJob job({noon + 10s}, noon);
    auto& executor = *job.executor;
    CHECK(executor.earliestTimer() == noon + 10s);
    executor.clock = noon + 10s;
    executor.ringDue();
    executor.clock = noon + 5s;  // set back before the task has seen the time
    executor.runAll();
    CHECK(job.called.empty());
    CHECK(executor.earliestTimer() == noon + 10s);  // asked for again
    executor.clock = noon + 10s;
    executor.ringDue();
    executor.runAll();
    CHECK(job.called == std::vector<Timestamp>{noon + 10s});
    CHECK(executor.earliestTimer() == kMaxTimestamp);
}

TEST_CASE("timers asked for by a clock that was set back an hour ring by that clock", "[runtime][timers]") {
    const Timestamp noon = at(0) + 12h;
    WaitingJob job({noon + 10s, noon - 1h + 20s}, noon);
    auto& executor = *job.executor;
    executor.runAll();
    CHECK(job.called == std::vector<Timestamp>{noon});  // the second one has been due from the beginning
    executor.clock = noon - 1h;
    Waiting::wakeUp();
    executor.runAll();
    executor.ringDue();
    executor.runAll();
    CHECK(job.called.size() == 1);
    CHECK(executor.earliestTimer() == noon + 10s);
    executor.clock = noon + 11s;
    executor.ringDue();
    executor.runAll();
    CHECK(job.called == std::vector<Timestamp>{noon, noon + 11s});
}

TEST_CASE("a timer for the present waits until the clock has gone on, one for the past does not", "[runtime][timers]") {
    const Timestamp noon = at(0) + 12h;
    {
        WaitingJob job({noon}, noon);
        auto& executor = *job.executor;
        executor.ringDue();
        executor.runAll();
        CHECK(job.called.empty());
        CHECK(executor.earliestTimer() == noon + 1ns);
        executor.clock = noon + 1ns;
        executor.ringDue();
        executor.runAll();
        CHECK(job.called == std::vector<Timestamp>{noon + 1ns});
    }
    WaitingJob job({noon - 1ns}, noon);
    CHECK(job.called == std::vector<Timestamp>{noon});
}

TEST_CASE("wake-ups do not pile up: a task that is woken a thousand times has asked for its timer once",
          "[runtime][timers]") {
    WaitingJob job({at(0) + 1h, at(0) + 2h}, at(0));
    auto& executor = *job.executor;
    for (int i = 0; i < 1000; ++i) {
        executor.clock += 1ms;
        Waiting::wakeUp();
        Waiting::wakeUp();
        executor.runAll();
    }
    CHECK(executor.timersAsked == 1);
    CHECK(job.called.empty());
    executor.clock = at(0) + 1h;
    executor.ringDue();
    executor.runAll();
    CHECK(executor.timersAsked == 2);
    CHECK(executor.earliestTimer() == at(0) + 2h);
}

TEST_CASE("an executor keeps one timer for each actor, the earliest", "[runtime][timers]") {
    ManualExecutor executor;
    const detail::Shared<Nobody> first(new Nobody(executor, 0));
    detail::Shared<Nobody> second(new Nobody(executor, 1));
    detail::ExecutorTimers timers;
    timers.add(at(10), *first);
    timers.add(at(5), *first);
    timers.add(at(20), *first);
    timers.add(at(7), *second);
    CHECK(timers.earliest() == at(5));
    {
        const auto taken = timers.takeEarliest();
        CHECK(taken.keeper);
        CHECK(taken.actor == first.get());
    }
    CHECK(timers.earliest() == at(7));
    second = nullptr;
    CHECK(timers.earliest() == at(7));
    CHECK(timers.takeEarliest().keeper == nullptr);  // it is gone
    CHECK(timers.empty());
    second = detail::Shared<Nobody>(new Nobody(executor, 2));
    timers.add(at(7), *second);
    timers.add(at(8), *first);
    second = nullptr;
    detail::List<detail::SharedReference> kept;
    timers.dropEnded(kept);
    CHECK(timers.earliest() == at(8));
    CHECK(kept.size() == 2);
}

#if defined(__linux__)
namespace {
std::atomic<long> slackOfTimerThread{0};
}

TEST_CASE("the thread of the timers rings in time: Linux may not let it wait longer to save power",
          "[runtime][timers][threads]") {
    slackOfTimerThread = 0;
    detail::TimerThread timers(+[](void (*body)(void*), void* argument) {
        return std::thread([body, argument] {
            body(argument);
            slackOfTimerThread = ::prctl(PR_GET_TIMERSLACK);
        });
    });
    ManualExecutor executor;
    Nobody nobody(executor, 0);
    timers.wakeAt(kMaxTimestamp, nobody);
    timers.stop();
    CHECK(slackOfTimerThread == 1);
}
#endif

namespace {

/// Asks for another timer when it goes.
struct LastWords final : detail::Actor, detail::WatchedObject {
    LastWords(detail::TaskExecutor& executor, detail::TimerThread& t, detail::Actor& o, std::atomic<bool>& s)
        : Actor(executor, 1), timers(t), other(o), said(s) {}
    ~LastWords() override {
        timers.wakeAt(kMaxTimestamp, other);
        said = true;
        said.notify_all();
    }
    detail::WeakReference keeper() const noexcept override { return detail::WeakReference(*this); }
    Outcome advance() noexcept override { return Outcome::Wait; }
    void onEnded() override {}
    detail::TimerThread& timers;
    detail::Actor& other;
    std::atomic<bool>& said;
};

}  // namespace

TEST_CASE("an actor of which the timer has the last reference goes outside of the timers' lock",
          "[runtime][timers][threads]") {
    struct Forgetful final : detail::TaskExecutor {
        void post(detail::Actor&) override { last = nullptr; }
        Timestamp now() const override { return {}; }
        Duration monotonicNow() const override { return {}; }
        void wakeAt(Timestamp, detail::Actor&) override {}
        bool waitFor(detail::Job&, Duration) override { return true; }
        detail::Shared<LastWords> last;
    };
    Forgetful executor;
    Nobody other(executor, 0);
    std::atomic<bool> said{false};
    detail::TimerThread timers;
    executor.last = detail::Shared<LastWords>(new LastWords(executor, timers, other, said));
    timers.wakeAt(kMinTimestamp, *executor.last);
    said.wait(false);
    timers.stop();
    CHECK(executor.last == nullptr);
}

TEST_CASE("a timer thread that cannot be started is an error that says what to do", "[runtime][timers]") {
    ManualExecutor executor;
    Nobody nobody(executor, 0);
    detail::TimerThread timers(+[](void (*)(void*), void*) -> std::thread {
        throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again));
    });
    try {
        timers.wakeAt(kMaxTimestamp, nobody);
        FAIL("it should have thrown");
    } catch (const JobExecutionException& error) {
        CHECK_THAT(error.what(),
                   Catch::Matchers::StartsWith(
                       "the thread for processing timers and the watchdog could not be started (Resource"));
        CHECK_THAT(error.what(), Catch::Matchers::ContainsSubstring("or use CallerRuntime, which needs no thread"));
    }
}

TEST_CASE("a job that cannot be started is let go, and nobody waits for it", "[runtime][ending]") {
    detail::Shared<ManualExecutor> executor(new ManualExecutor);
    const auto token = std::make_shared<int>(0);
    const bool atStart = GENERATE(false, true);
    (atStart ? executor->onStart : executor->onWatch) = [token] { throw JobExecutionException("no thread"); };
    FakeGraph graph;
    graph.source("source", 1, [token] { return std::make_unique<CountingSource>(1); });
    CHECK_THROWS_WITH(detail::startJob(std::move(static_cast<JobGraph&>(graph)), executor),
                      Catch::Matchers::ContainsSubstring("no thread"));
    graph = FakeGraph();
    CHECK_FALSE(executor->step());
    CHECK(token.use_count() == 2);  // the executor's
    executor = nullptr;
    CHECK(token.use_count() == 1);  // nobody else has kept it
}

TEST_CASE("explainStall names an operator that does not return, and a channel that is full", "[runtime][stall]") {
    // a source that fills every channel; its consumer asks from inside a call, at first at once and then after 3 s
    const detail::Shared<ManualExecutor> executor(new ManualExecutor);
    std::shared_ptr<JobClient> client;
    std::vector<std::string> said;
    struct Slow : FakeStage {
        explicit Slow(std::function<void()> c) : call(std::move(c)) {}
        void onBlock(int, BlockRef) override { call(); }
        std::function<void()> call;
    };
    bool slow = false;
    int calls = 0;
    FakeGraph graph;
    graph.source("source", 1, [] { return std::make_unique<CountingSource>(100000, 16); });
    graph.nodes[0].chainable = false;
    graph
        .node("slow", 1, {graph.edge(0, ExchangeKind::Hash)},
              [&] {
                  return std::make_unique<Slow>([&] {
                      if (++calls != 2) return;
                      const auto say = [&] {
                          const StallReport report = client->explainStall();
                          REQUIRE(report.findings.size() == 1);
                          said.push_back(std::string(toString(report.findings[0].cause)) + ": " +
                                         report.findings[0].text);
                      };
                      say();
                      slow = true;
                      executor->elapsed += 3s;
                      say();
                  });
              })
        .isSink = true;
    client = detail::startJob(graph, executor);
    executor->runAll();
    CHECK(said ==
          std::vector<std::string>{
              "FullChannel: the channel to 'slow' (subtask 0 of 1) is full: it takes records more slowly than "
              "'source' (subtask 0 of 1) and others send them. Give it more parallelism, or find out what it is "
              "busy with.",
              "LongCall: 'slow' (subtask 0 of 1) has held its thread for 3s: a function of it does not return. "
              "Split the work into smaller calls, or move what blocks out of the operator."});
    client->result();
}
