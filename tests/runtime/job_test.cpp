#include <millrace/runtime/job_client.hpp>

#include <runtime/fake_job.hpp>
#include <runtime/runtimes.hpp>
#include <support/catch.hpp>

#include <millrace/runtime/job_wiring.hpp>

#include <set>
#include <thread>

using namespace millrace;
using namespace millrace::fake;

TEST_CASE("every record reaches the sink once, in order, on every runtime", "[runtime][job][threads]") {
    for (const AnyRuntime& runtime : allRuntimes()) {
        CAPTURE(runtime.name);
        Received received;
        FakeGraph graph;
        graph.numbers(1, 1000);
        graph.node("forward", 1, {graph.edge(0)}, [] { return std::make_unique<FakeStage>(); });
        graph.sink(1, {graph.edge(1)}, received);
        const auto result = runtime.submit(graph)->result();
        CHECK(result.status == JobStatus::Finished);
        CHECK(result.jobName == "test job");
        CHECK(received.values == upTo(1000));
        CHECK(received.trace.events() == std::vector<std::string>{"watermark max", "end", "close"});
    }
    CHECK(Tracked::alive() == 0);
}

TEST_CASE("an exchange takes every record to one consumer, and keeps the order per channel",
          "[runtime][job][threads]") {
    for (const AnyRuntime& runtime : allRuntimes()) {
        CAPTURE(runtime.name);
        Received received;
        FakeGraph graph;
        graph.numbers(3, 3000);
        graph.node("hashed", 2, {graph.edge(0, ExchangeKind::Hash)}, [] {
            struct Ordered : FakeStage {
                void onBlock(int input, BlockRef block) override {
                    const auto values = block.as<Tracked>();
                    for (std::size_t i = 0; i < values.size; ++i) {
                        const std::int64_t value = values.values[i].value;
                        std::int64_t& last = lastOf[static_cast<std::size_t>(value % 3)];
                        if (value % 2 != context->subtaskIndex || value <= last)
                            throw std::logic_error("misplaced record");
                        last = value;
                    }
                    FakeStage::onBlock(input, block);
                }
                std::int64_t lastOf[3] = {-1, -1, -1};
            };
            return std::make_unique<Ordered>();
        });
        graph.sink(3, {graph.edge(1)}, received);
        const auto client = runtime.submit(graph);
        client->result();
        CHECK(received.sorted() == upTo(3000));
        CHECK(received.trace.count("watermark max") == 3);
        CHECK(received.trace.count("end") == 3);
        CHECK(client->channelBytes() == 0);
    }
    CHECK(Tracked::alive() == 0);
}

TEST_CASE("a broadcast goes to all, a union takes from several, a branch to several", "[runtime][job][threads]") {
    for (const AnyRuntime& runtime : allRuntimes()) {
        CAPTURE(runtime.name);
        Received all;
        Received merged;
        FakeGraph graph;
        graph.numbers(1, 100);
        graph.numbers(2, 50);
        graph.sink(3, {graph.edge(0, ExchangeKind::Broadcast)}, all);
        graph.sink(1, {graph.edge(0), graph.edge(1)}, merged);
        runtime.submit(graph)->result();
        CHECK(all.size() == 300);
        auto expected = upTo(100);
        const auto more = upTo(50);
        expected.insert(expected.end(), more.begin(), more.end());
        std::sort(expected.begin(), expected.end());
        CHECK(merged.sorted() == expected);
        CHECK(merged.trace.count("end") == 1);
        CHECK(merged.trace.count("watermark max") == 1);
    }
}

TEST_CASE("a side output has its own edge", "[runtime][job]") {
    Received main;
    Received side;
    FakeGraph graph;
    graph.numbers(1, 100);
    graph.node("split", 1, {graph.edge(0)}, [] {
        struct Split : FakeStage {
            void onBlock(int, BlockRef block) override {
                auto values = block.as<Tracked>();
                for (std::size_t i = 0; i < values.size; ++i) {
                    emit(values.slice(i, 1), values.values[i].value % 10 == 0 ? "tens" : "");
                }
            }
        };
        return std::make_unique<Split>();
    });
    graph.sink(1, {graph.edge(1)}, main);
    graph.sink(2, {graph.tagged(1, "tens")}, side);
    CallerRuntime().submit(graph)->result();
    CHECK(main.size() == 90);
    CHECK(side.sorted() == std::vector<std::int64_t>{0, 10, 20, 30, 40, 50, 60, 70, 80, 90});
    CHECK(side.trace.count("end") == 2);
}

namespace {

/// Tells which other stages run on the same call stack: a node called directly sees its producer's.
struct Depth {
    static int& current() {
        thread_local int depth = 0;
        return depth;
    }
};

int depthOfSink(int sourceParallelism, int sinkParallelism, GraphEdge edge, bool chainable = true,
                bool startsChain = false) {
    static std::atomic<int> seen;
    seen = 0;
    FakeGraph graph;
    graph
        .source("source", sourceParallelism,
                [] {
                    struct Deep : CountingSource {
                        Deep() : CountingSource(10) {}
                        PollStatus poll() override {
                            ++Depth::current();
                            const PollStatus status = CountingSource::poll();
                            --Depth::current();
                            return status;
                        }
                    };
                    return std::make_unique<Deep>();
                })
        .chainable = chainable;
    graph
        .node("sink", sinkParallelism, {std::move(edge)},
              [] {
                  struct Seeing : FakeStage {
                      void onBlock(int, BlockRef) override { seen = Depth::current(); }
                  };
                  return std::make_unique<Seeing>();
              })
        .startsChain = startsChain;
    CallerRuntime().submit(graph)->result();
    return seen;
}

}  // namespace

TEST_CASE("a node is called directly where nothing has to be exchanged", "[runtime][wiring]") {
    const FakeGraph graph;
    CHECK(depthOfSink(1, 1, graph.edge(0)) == 1);
    CHECK(depthOfSink(2, 2, graph.edge(0)) == 1);
    CHECK(depthOfSink(1, 1, graph.edge(0, ExchangeKind::Hash)) == 1);
    CHECK(depthOfSink(2, 2, graph.edge(0, ExchangeKind::Hash)) == 0);
    CHECK(depthOfSink(1, 2, graph.edge(0)) == 0);
    CHECK(depthOfSink(1, 1, graph.edge(0), false) == 0);
    CHECK(depthOfSink(1, 1, graph.edge(0), true, true) == 0);
}

TEST_CASE("rescale connects each consumer with its share of the producers, as Flink", "[runtime][wiring]") {
    using detail::rescaleTargets;
    CHECK(rescaleTargets(0, 2, 4) == std::pair(0, 2));
    CHECK(rescaleTargets(1, 2, 4) == std::pair(2, 4));
    CHECK(rescaleTargets(0, 2, 3) == std::pair(0, 2));
    CHECK(rescaleTargets(1, 2, 3) == std::pair(2, 3));
    CHECK(rescaleTargets(0, 3, 2) == std::pair(0, 1));
    CHECK(rescaleTargets(1, 3, 2) == std::pair(1, 2));
    CHECK(rescaleTargets(2, 3, 2) == std::pair(1, 2));
    for (int producers = 1; producers <= 9; ++producers) {
        for (int consumers = 1; consumers <= 9; ++consumers) {
            std::set<int> reached;
            for (int p = 0; p < producers; ++p) {
                const auto [first, last] = rescaleTargets(p, producers, consumers);
                REQUIRE(first < last);
                for (int c = first; c < last; ++c) reached.insert(c);
            }
            CHECK(static_cast<int>(reached.size()) == consumers);
        }
    }
}

TEST_CASE("rescale runs, and gives ports only the channels in reach", "[runtime][wiring]") {
    Received received;
    FakeGraph graph;
    graph.numbers(4, 400);
    graph.sink(2, {graph.edge(0, ExchangeKind::Rescale)}, received);
    SimulatedRuntime(3).submit(graph)->result();
    CHECK(received.sorted() == upTo(400));
}

TEST_CASE("two logical inputs have a valve each and end each for itself", "[runtime][job][threads]") {
    for (const AnyRuntime& runtime : allRuntimes()) {
        CAPTURE(runtime.name);
        static Trace* trace;
        Trace events;
        trace = &events;
        FakeGraph graph;
        graph.numbers(2, 100);
        graph.numbers(1, 50);
        graph.node("two", 1, {graph.toInput(0, graph.edge(0)), graph.toInput(1, graph.edge(1))}, [] {
            struct Two : FakeStage {
                void onBlock(int input, BlockRef block) override { seen[input] += block.size; }
                Progress onWatermark(int input, Timestamp watermark) override {
                    if (watermark == kMaxTimestamp) trace->add("max " + std::to_string(input));
                    if (watermark <= last[input]) trace->add("watermark went back");
                    last[input] = watermark;
                    return Progress::Done;
                }
                Progress endInput(int input) override {
                    trace->add("end " + std::to_string(input) + " after " + std::to_string(seen[input]));
                    return Progress::Done;
                }
                std::size_t seen[2] = {0, 0};
                Timestamp last[2] = {kMinTimestamp, kMinTimestamp};
            };
            return std::make_unique<Two>();
        });
        runtime.submit(graph)->result();
        CHECK(events.sorted() == std::vector<std::string>{"end 0 after 100", "end 1 after 50", "max 0", "max 1"});
    }
}

TEST_CASE("an idle channel does not hold event time back, and its last watermark still counts",
          "[runtime][job][threads]") {
    for (const AnyRuntime& runtime : allRuntimes()) {
        CAPTURE(runtime.name);
        Received received;
        FakeGraph graph;
        graph.source("uneven", 2, [] {
            struct Uneven : CountingSource {
                Uneven() : CountingSource(1000) {}
                PollStatus poll() override {
                    if (context->subtaskIndex == 0) return CountingSource::poll();
                    if (!std::exchange(idle_, true)) {
                        onIdle(0);
                        return PollStatus::MoreAvailable;
                    }
                    // ends while idle: the runtime lets its last watermark through
                    return PollStatus::EndOfInput;
                }
                bool idle_ = false;
            };
            return std::make_unique<Uneven>();
        });
        graph.sink(1, {graph.edge(0, ExchangeKind::Hash)}, received);
        runtime.submit(graph)->result();
        CHECK(received.size() == 500);
        CHECK(received.trace.count("watermark max") == 1);
        CHECK(received.trace.count("end") == 1);
    }
}

TEST_CASE("what cannot be wired is refused before anything runs", "[runtime][wiring]") {
    Received received;
    const auto refuses = [](FakeGraph graph, const std::string& words) {
        CHECK_THROWS_WITH(CallerRuntime().submit(std::move(graph)), Catch::Matchers::ContainsSubstring(words));
    };
    FakeGraph graph;
    refuses(graph, "has no operators");
    graph.numbers(2, 10);
    graph.sink(1, {graph.edge(0)}, received);
    graph.nodes[1].inputs[0].exchangeGiven = true;
    refuses(graph, "needs equal parallelism");
    graph.nodes[1].inputs[0].exchangeGiven = false;
    graph.nodes[1].inputs[0].ports = nullptr;
    refuses(graph, "no port factory");
    graph.nodes[1].parallelism = -1;
    refuses(graph, "must be between 1 and the maximum parallelism, which is 128");
    graph.nodes[1].parallelism = 0;
    refuses(graph, "not resolved");
    graph.nodes[1].parallelism = 1;
    graph.nodes[1].inputs.clear();
    refuses(graph, "is not a source");
    CHECK_THROWS_AS(ThreadPoolRuntime(0), ConfigurationException);
}

TEST_CASE("a simulation is repeated by its seed, and other seeds run in other orders", "[runtime][simulation]") {
    const auto run = [](std::uint64_t seed) {
        Received received;
        FakeGraph graph;
        graph.numbers(3, 2000);
        graph.node("hashed", 2, {graph.edge(0, ExchangeKind::Hash)}, [] { return std::make_unique<FakeStage>(); });
        graph.sink(1, {graph.edge(1)}, received);
        const auto result = SimulatedRuntime(seed).submit(graph)->result();
        CHECK(received.sorted() == upTo(2000));
        return std::pair(result.traceHash, received.values);
    };
    std::set<std::uint64_t> hashes;
    std::set<std::vector<std::int64_t>> orders;
    for (std::uint64_t seed = 0; seed < 30; ++seed) {
        CAPTURE(seed);
        const auto first = run(seed);
        CHECK(first == run(seed));
        hashes.insert(first.first);
        orders.insert(first.second);
    }
    CHECK(hashes.size() == 30);
    CHECK(orders.size() > 20);
}
