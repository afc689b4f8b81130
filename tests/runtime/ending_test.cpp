#include <millrace/runtime/job.hpp>

#include <runtime/fake_job.hpp>
#include <runtime/runtimes.hpp>
#include <support/catch.hpp>

#include <millrace/core/log.hpp>

#include <atomic>
#include <mutex>
#include <optional>
#include <stdexcept>

using namespace millrace;
using namespace millrace::fake;

namespace {

/// Collects what the library logs while it lives.
class CapturedLog {
public:
    CapturedLog() {
        setLogCallback([this](LogLevel level, std::string_view message) {
            const std::lock_guard lock(mutex_);
            text_ += std::string(toString(level)) + ": " + std::string(message) + "\n";
        });
    }
    ~CapturedLog() { setLogCallback(nullptr); }
    std::string text() const {
        const std::lock_guard lock(mutex_);
        return text_;
    }

private:
    mutable std::mutex mutex_;
    std::string text_;
};

/// Fails at some point of its life; counts who was opened and closed.
struct Counts {
    std::atomic<int> opened{0};
    std::atomic<int> closed{0};
};
class Counting : public FakeStage {
public:
    explicit Counting(Counts& c) : counts(c) {}
    void open(StageContext& c) override {
        FakeStage::open(c);
        ++counts.opened;
    }
    void close() override { ++counts.closed; }
    Counts& counts;
};

class Failing : public Counting {
public:
    enum class When { Open, Block, Watermark, EndInput, Close };
    Failing(Counts& c, When w, std::int64_t v = 0) : Counting(c), when(w), value(v) {}
    void open(StageContext& c) override {
        if (when == When::Open) throw std::runtime_error("broken in open");
        Counting::open(c);
    }
    void onBlock(int input, BlockRef block) override {
        const auto values = block.as<Tracked>();
        for (std::size_t i = 0; i < values.size; ++i) {
            if (when == When::Block && values.values[i].value >= value) throw std::runtime_error("broken in onBlock");
        }
        Counting::onBlock(input, block);
    }
    Progress onWatermark(int input, Timestamp watermark) override {
        if (when == When::Watermark && watermark >= at(value)) throw std::runtime_error("broken in onWatermark");
        return Counting::onWatermark(input, watermark);
    }
    Progress endInput(int input) override {
        if (when == When::EndInput) throw 42;
        return Counting::endInput(input);
    }
    void close() override {
        Counting::close();
        if (when == When::Close) throw std::runtime_error("broken in close");
    }
    When when;
    std::int64_t value;
};

/// Every message of the chain of causes, the outermost first.
std::string messagesOf(const std::exception& error) {
    try {
        std::rethrow_if_nested(error);
    } catch (const std::exception& cause) {
        return std::string(error.what()) + " <- " + messagesOf(cause);
    } catch (int number) {
        return std::string(error.what()) + " <- " + std::to_string(number);
    }
    return error.what();
}

std::string failureOf(JobClient& client) {
    try {
        client.result();
    } catch (const JobCancelledException&) {
        return "cancelled";
    } catch (const JobExecutionException& error) {
        return messagesOf(error);
    }
    return "";
}

/// Two endless sources → exchange → two of `make` → exchange → one sink; all are counted.
FakeGraph endless(Counts& counts, MakeStage make) {
    struct Endless : CountingSource {
        explicit Endless(Counts& c) : CountingSource(std::int64_t{1} << 60), counts(c) {}
        void open(StageContext& c) override {
            CountingSource::open(c);
            ++counts.opened;
        }
        void close() override { ++counts.closed; }
        Counts& counts;
    };
    FakeGraph graph;
    graph.source("endless", 2, [&counts] { return std::make_unique<Endless>(counts); });
    graph.node("middle", 2, {graph.edge(0, ExchangeKind::Hash)}, std::move(make));
    graph.node("last", 1, {graph.edge(1, ExchangeKind::Rebalance)},
               [&counts] { return std::make_unique<Counting>(counts); });
    return graph;
}

}  // namespace

TEST_CASE("an exception fails the job, names its place, and closes all others", "[runtime][failure][threads]") {
    using When = Failing::When;
    for (const AnyRuntime& runtime : allRuntimes()) {
        for (const When when : {When::Open, When::Block, When::Watermark}) {
            CAPTURE(runtime.name, static_cast<int>(when));
            Counts counts;
            const auto client =
                runtime.submit(endless(counts, [&] { return std::make_unique<Failing>(counts, when, 300); }));
            const std::string text = failureOf(*client);
            CHECK_THAT(text, Catch::Matchers::ContainsSubstring(
                                 "job 'test job' failed: 'middle' (uid 'uid-middle', subtask ") &&
                                 Catch::Matchers::ContainsSubstring("of 2) failed: broken in "));
            CHECK_THAT(text, Catch::Matchers::ContainsSubstring(" <- broken in "));
            CHECK(client->status() == JobStatus::Failed);
            CHECK(counts.opened == counts.closed);
            CHECK(client->channelBytes() == 0);
            CHECK(Tracked::alive() == 0);
        }
    }
}

TEST_CASE("the place of a failure is the stage that threw, also when it is called directly", "[runtime][failure]") {
    Counts counts;
    FakeGraph graph;
    graph.numbers(1, 100);
    graph.node("first", 1, {graph.edge(0)}, [&] { return std::make_unique<Counting>(counts); });
    graph.node("second", 1, {graph.edge(1)},
               [&] { return std::make_unique<Failing>(counts, Failing::When::EndInput); });
    const auto client = CallerRuntime().submit(graph);
    CHECK(failureOf(*client) ==
          "job 'test job' failed: 'second' (uid 'uid-second', subtask 0 of 1) failed with an exception that is not a "
          "std::exception <- 'second' (uid 'uid-second', subtask 0 of 1) failed with an exception that is not a "
          "std::exception <- 42");
    CHECK(counts.opened == 2);
    CHECK(counts.closed == 2);
}

TEST_CASE("what user functions throw keeps its own words", "[runtime][failure]") {
    struct UserFailure : FakeStage {
        void onBlock(int, BlockRef) override { throw UserFunctionException("operator 'm' (uid u): no"); }
    };
    FakeGraph graph;
    graph.numbers(1, 100);
    graph.node("first", 1, {graph.edge(0)}, [] { return std::make_unique<UserFailure>(); });
    CHECK(failureOf(*CallerRuntime().submit(graph)) ==
          "job 'test job' failed: operator 'm' (uid u): no <- operator 'm' (uid u): no");
}

TEST_CASE("a failure in open closes what has been opened before", "[runtime][failure]") {
    Counts counts;
    FakeGraph graph;
    graph.numbers(1, 100);
    graph.node("fails", 1, {graph.edge(0)}, [&] { return std::make_unique<Failing>(counts, Failing::When::Open); });
    graph.node("opened before", 1, {graph.edge(1)}, [&] { return std::make_unique<Counting>(counts); });
    const auto client = CallerRuntime().submit(graph);
    CHECK_THAT(failureOf(*client), Catch::Matchers::ContainsSubstring("broken in open"));
    CHECK(counts.opened == 1);
    CHECK(counts.closed == 1);
}

TEST_CASE("an exception from close is the job's only if nothing else is", "[runtime][failure]") {
    const CapturedLog log;
    Counts counts;
    FakeGraph graph;
    graph.numbers(1, 100);
    graph.node("one", 1, {graph.edge(0)}, [&] { return std::make_unique<Failing>(counts, Failing::When::Close); });
    CHECK_THAT(failureOf(*CallerRuntime().submit(graph)), Catch::Matchers::ContainsSubstring("broken in close"));
    CHECK(log.text().empty());
    graph.node("two", 1, {graph.edge(1)}, [&] { return std::make_unique<Failing>(counts, Failing::When::Block, 50); });
    CHECK_THAT(failureOf(*CallerRuntime().submit(graph)), Catch::Matchers::ContainsSubstring("broken in onBlock"));
    CHECK_THAT(log.text(), Catch::Matchers::ContainsSubstring("ERROR: error while closing after a failure: 'one'") &&
                               Catch::Matchers::ContainsSubstring("broken in close"));
}

TEST_CASE("a failure under full back pressure ends the job", "[runtime][failure][backpressure][threads]") {
    // the consumer's first block never comes back before the channels are full: it is only handled when the sources park
    for (const AnyRuntime& runtime : allRuntimes()) {
        for (const std::size_t budget : {std::size_t{0}, std::size_t{1} << 30}) {
            CAPTURE(runtime.name, budget);
            Counts counts;
            std::atomic<std::int64_t> emitted{0};
            FakeGraph graph;
            graph.source("watched", 2, [&] {
                struct Watched : CountingSource {
                    explicit Watched(std::atomic<std::int64_t>& e)
                        : CountingSource(std::int64_t{1} << 60, 64), emitted(e) {}
                    PollStatus poll() override {
                        ++emitted;
                        return CountingSource::poll();
                    }
                    std::atomic<std::int64_t>& emitted;
                };
                return std::make_unique<Watched>(emitted);
            });
            graph.node("fails", 1, {graph.edge(0, ExchangeKind::Hash)},
                       [&] { return std::make_unique<Failing>(counts, Failing::When::Block, 2000); });
            graph.node("last", 2, {graph.edge(1)}, [&] { return std::make_unique<Counting>(counts); });
            graph.channelBytes = budget;
            const auto client = runtime.submit(graph);
            CHECK_THAT(failureOf(*client), Catch::Matchers::ContainsSubstring("broken in onBlock"));
            CHECK(emitted > 0);
            CHECK(counts.opened == counts.closed);
            CHECK(Tracked::alive() == 0);
        }
    }
}

TEST_CASE("cancel closes everything without another event, wherever the tasks are", "[runtime][cancel][threads]") {
    for (const AnyRuntime& runtime : allRuntimes()) {
        CAPTURE(runtime.name);
        // the middle of the pipeline: blocked sources, a stage that stays suspended, a consumer that gets nothing
        struct StaysSuspended : Counting {
            using Counting::Counting;
            Progress onWatermark(int, Timestamp) override {
                reached = true;
                context->outputBlocked = true;  // as a sink that waits
                return Progress::Suspended;
            }
            Progress resume() override { return Progress::Suspended; }
            Progress endInput(int) override { throw std::logic_error("a cancelled stage gets no end of input"); }
            void open(StageContext& c) override {
                Counting::open(c);
                c.addSinkCheck([this] { return !reached; });
            }
            bool reached = false;
        };
        Counts counts;
        const auto client = runtime.submit(endless(counts, [&] { return std::make_unique<StaysSuspended>(counts); }));
        client->runFor(200);
        client->cancel();
        CHECK(failureOf(*client) == "cancelled");
        CHECK(client->status() == JobStatus::Canceled);
        CHECK(counts.opened == counts.closed);
        CHECK(Tracked::alive() == 0);
        client->cancel();
        client->stop();
        CHECK(client->status() == JobStatus::Canceled);
    }
}

TEST_CASE("stop ends the sources; with drain the last watermark fires what waits, without it does not",
          "[runtime][stop][threads]") {
    for (const AnyRuntime& runtime : allRuntimes()) {
        for (const bool drain : {true, false}) {
            CAPTURE(runtime.name, drain);
            Received received;
            FakeGraph graph;
            graph.numbers(2, std::int64_t{1} << 60);
            graph.source("silent", 1, [] { return std::make_unique<SilentSource>(); });
            graph.sink(2, {graph.edge(0, ExchangeKind::Hash), graph.edge(1, ExchangeKind::Hash)}, received);
            const auto client = runtime.submit(graph);
            client->runFor(100);
            client->stop(drain);
            CHECK(client->result().status == JobStatus::Finished);
            CHECK(received.trace.count("watermark max") == (drain ? 2 : 0));
            CHECK(received.trace.count("end") == 2);
            CHECK(received.trace.count("close") == 2);
            // everything that was emitted has arrived, without gaps per source
            std::int64_t sent = 0;
            for (const OperatorMetrics& row : client->metrics())
                sent += row.name == "numbers" ? static_cast<std::int64_t>(row.recordsOut) : 0;
            CHECK(static_cast<std::int64_t>(received.size()) == sent);
        }
    }
    CHECK(Tracked::alive() == 0);
}

TEST_CASE("a client that goes away cancels its job and waits for it", "[runtime][cancel][threads]") {
    for (const AnyRuntime& runtime : allRuntimes()) {
        CAPTURE(runtime.name);
        Counts counts;
        {
            const auto client = runtime.submit(endless(counts, [&] { return std::make_unique<Counting>(counts); }));
            client->runFor(50);
        }
        CHECK(counts.opened == counts.closed);
        CHECK(Tracked::alive() == 0);
    }
}

TEST_CASE("a client, its job and its pool may be let go inside an operator", "[runtime][cancel][threads]") {
    struct Holder {
        std::mutex mutex;
        std::shared_ptr<JobClient> client;
        std::atomic<bool> closed{false};
    };
    auto holder = std::make_shared<Holder>();
    struct LetsGo : FakeStage {
        explicit LetsGo(std::shared_ptr<Holder> h) : holder(std::move(h)) {}
        void onBlock(int, BlockRef) override {
            const std::lock_guard lock(holder->mutex);
            holder->client.reset();
        }
        void close() override {
            holder->closed = true;
            holder->closed.notify_all();
        }
        std::shared_ptr<Holder> holder;
    };
    {
        FakeGraph graph;
        graph.source("endless", 1, [] { return std::make_unique<CountingSource>(std::int64_t{1} << 60); });
        graph.node("lets go", 1, {graph.edge(0)}, [holder] { return std::make_unique<LetsGo>(holder); });
        const std::lock_guard lock(holder->mutex);
        holder->client = ThreadPoolRuntime(2).submit(graph);
    }
    holder->closed.wait(false);
    CHECK(holder->client == nullptr);
}

TEST_CASE("a simulation that can go no further says who waits", "[runtime][simulation]") {
    FakeGraph graph;
    graph.source("silent", 1, [] { return std::make_unique<SilentSource>(); });
    const auto client = SimulatedRuntime(1).submit(graph);
    CHECK_THAT(failureOf(*client), Catch::Matchers::ContainsSubstring(
                                       "the simulation can go no further: no task is ready and no timer is pending. "
                                       "Still open: 'silent' (uid 'uid-silent', subtask 0 of 1)"));
}
