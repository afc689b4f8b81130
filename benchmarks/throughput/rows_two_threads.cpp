#include "baselines.hpp"
#include "exchange_baseline.hpp"
#include "pipelines.hpp"
#include "references.hpp"
#include "sessions.hpp"
#include "two_phase_baseline.hpp"
#include "workloads.hpp"

#include <millrace/pre_aggregation.hpp>
#include <millrace/runtime/caller_runtime.hpp>

#include <bit>
#include <cstdint>
#include <utility>

namespace bench {

Side onCallersThread(BuildPipeline build) {
    return [build = std::move(build)](std::uint64_t records) {
        Result result;
        millrace::StreamExecutionEnvironment env(millrace::CallerRuntime{});
        build(env, records, result);
        env.execute();
        return result;
    };
}

Side onThreads(int threads, BuildPipeline build) {
    return [threads, build = std::move(build)](std::uint64_t records) {
        Result result;
        millrace::StreamExecutionEnvironment env(millrace::ThreadPoolRuntime{threads});
        env.setParallelism(threads);
        build(env, records, result);
        env.execute();
        return result;
    };
}

namespace {

constexpr std::uint64_t kFewKeys = 1'000;
constexpr std::uint64_t kSessionKeys = 100'000;
constexpr std::uint64_t kManyKeys = 1'000'000;

hand::TumblingAverage<false, 0> tumblingByHand() {
    return hand::TumblingAverage<false, 0>(kSecond);
}
void tumbling(millrace::StreamEnvironment& env, std::uint64_t records, Result& result) {
    tumblingAverage(env, records, EventGenerator{kFewKeys}, result);
}

/// The rolling sums of one stream in its order: one source, two subtasks that add.
void rollingSumInOrder(millrace::StreamEnvironment& env, std::uint64_t records, Result& result) {
    env.fromSource(millrace::DataGeneratorSource(EventGenerator{kManyKeys}, records),
                   millrace::WatermarkStrategy::noWatermarks())
        .setParallelism(1)
        .keyBy(&Event::key)
        .sum(&Event::value)
        .addSink(Summing(result, [](Result& sum, const Event& event) { sum.addRolling(event.key, event.value); }));
}

}  // namespace

void addTwoThreadRows(Rows& rows, Size size) {
    const std::uint64_t n = size.records();
    const EventGenerator fewKeys{kFewKeys};
    const auto expectedTumbling =
        size.expect({20'000, 0xb60b8d5546db188d, 0}, [=] { return reference::averages(n, fewKeys, kSecond); });
    const Side exchanged = [=](std::uint64_t records) {
        return hand::runExchanged(records, fewKeys, 1, tumblingByHand);
    };
    rows.push_back({"W2 by exchange", kFewKeys, 2, n, expectedTumbling, {exchanged}, onThreads(2, tumbling)});
    const Side byHand = [=](std::uint64_t records) { return hand::TwoPhaseAverage(records, fewKeys, kSecond).run(); };
    rows.push_back({"W2 in two phases", kFewKeys, 2, n, expectedTumbling, {byHand}, onThreads(2, tumbling)});
    rows.push_back({"W2 preAggregate",
                    kFewKeys,
                    2,
                    n,
                    expectedTumbling,
                    {byHand},
                    onThreads(2, [](millrace::StreamEnvironment& env, std::uint64_t records, Result& result) {
                        averages(secondsByKey(env, records, EventGenerator{kFewKeys}).preAggregate(), result);
                    })});
    // this operator by hand relies on the order of its input: one source. Two of them are out of order to each other
    for (const int sources : {1, 2}) {
        rows.push_back(
            {sources == 1 ? "W4 sessions, 1 source" : "W4 sessions, 2 sources",
             kSessionKeys,
             2,
             n,
             size.expect({7'383'323, 0x18358be89ef1e7b9, 0}, [n] { return reference::sessions(n, kSessionKeys); }),
             {[](std::uint64_t records) {
                 return hand::runExchanged(
                     records, EventGenerator{kSessionKeys}, 1, [] { return hand::Sessions(); }, 1);
             }},
             onThreads(2, [sources](auto& env, std::uint64_t records, Result& result) {
                 sessions(env, records, kSessionKeys, result, sources);
             })});
    }
    rows.push_back(
        {"W6 rolling sum of events",
         kManyKeys,
         2,
         n,
         size.expect({20'000'000, 0x5b7000acbcdea48b, 0}, [n] { return reference::rollingSum(n, kManyKeys); }),
         {[](std::uint64_t records) {
             return hand::runExchanged(
                 records, EventGenerator{kManyKeys}, 1,
                 [] { return hand::RollingSum<true, 32>(std::bit_ceil(kManyKeys / 2 * 10 / 7)); }, 1);
         }},
         onThreads(2, rollingSumInOrder)});
    const DelayedEvents delayed{kManyKeys};
    rows.push_back(
        {"W7 out of order 1s",
         kManyKeys,
         2,
         n,
         size.expect({12'643'924, 0xcf555837302b9361, 0}, [=] { return reference::averages(n, delayed, kSecond); }),
         {[=](std::uint64_t records) {
             return hand::runExchanged(records, delayed, 1, [] { return hand::LoggedAverage(kSecond); });
         }},
         onThreads(2, [=](auto& env, std::uint64_t records, Result& result) {
             tumblingAverage(env, records, delayed, result);
         })});

    // the processor time that the same workload takes over an exchange beyond what it takes without one
    Comparison exchange{"exchange (CPU)", kFewKeys, 2, n, expectedTumbling, {exchanged}, onThreads(2, tumbling)};
    exchange.byProcessorTime = true;
    exchange.base = onThreads(1, tumbling);
    exchange.handBase = [=](std::uint64_t records) { return hand::runBatched(records, fewKeys, 1, tumblingByHand()); };
    rows.push_back(std::move(exchange));
}

}  // namespace bench
