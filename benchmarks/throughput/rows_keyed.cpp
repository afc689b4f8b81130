#include "baselines.hpp"
#include "interval_join.hpp"
#include "keyed_process.hpp"
#include "pipelines.hpp"
#include "references.hpp"
#include "workloads.hpp"

#include <bit>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

namespace bench {

namespace {

/// Of many keys the loop by hand knows the number beforehand, and never makes its table larger.
template <class Generator, class Kept = double>
std::vector<Side> rollingSumByHand(std::uint64_t keys) {
    const Generator generate{keys};
    if (keys > 1'000) {
        return {[=](std::uint64_t records) {
            return hand::runBatched(records, generate, 1,
                                    hand::RollingSum<true, 32, Kept>(std::bit_ceil(keys * 10 / 7)));
        }};
    }
    return {
        [=](std::uint64_t records) { return hand::runFused(records, generate, 1, hand::RollingSum<false, 0, Kept>()); },
        [=](std::uint64_t records) {
            return hand::runBatched(records, generate, 1, hand::RollingSum<false, 0, Kept>());
        }};
}

/// W6, in one of the ways to write it.
using RollingPipeline = void (*)(millrace::StreamEnvironment& env, std::uint64_t count, std::uint64_t keys,
                                 Result& result);
void addRolling(Rows& rows, Size size, std::uint64_t keys, const char* title, RollingPipeline pipeline,
                std::vector<Side> byHand) {
    static const std::map<std::uint64_t, Result> full{{1, {20'000'000, 0x5bdcfbd926943100, 0}},
                                                      {1'000, {20'000'000, 0xa539c335b2e0f713, 0}},
                                                      {1'000'000, {20'000'000, 0x5b7000acbcdea48b, 0}}};
    const std::uint64_t n = size.records();
    rows.push_back({title, keys, 1, n, size.expect(full.at(keys), [=] { return reference::rollingSum(n, keys); }),
                    std::move(byHand), onCallersThread([=](auto& env, std::uint64_t records, Result& result) {
                        pipeline(env, records, keys, result);
                    })});
}

/// A keyed process function that registers an event-time timer for every record and emits when it fires: the whole
/// pipeline per timer, with generation, registration, firing and sink. By hand: the bare queue and the same generation.
/// Twice the records have twice the timers that wait at the end, so here memory grows with them.
void addTimers(Rows& rows, Size size) {
    const std::uint64_t n = size.records(10'000'000);
    constexpr std::uint64_t kKeys = 1'000'000;
    rows.push_back(
        {"timers, set and fired",
         kKeys,
         1,
         n,
         [n] { return reference::timers(n, kKeys); },
         {[](std::uint64_t records) { return hand::runBatched(records, EventGenerator{kKeys}, 1, hand::Timers()); }},
         onCallersThread(
             [](auto& env, std::uint64_t records, Result& result) { timers(env, records, kKeys, result); })});
}

void addIntervalJoin(Rows& rows, Size size) {
    const std::uint64_t n = size.records();
    constexpr std::uint64_t kKeys = 100'000;
    rows.push_back({"W9 interval join 50ms",
                    kKeys,
                    1,
                    n,
                    size.expect({4'996'001, 0x9e5d220dac29ee3f, 0}, [n] { return reference::intervalJoin(n, kKeys); }),
                    {[](std::uint64_t records) {
                        return hand::runBatched(records, EventGenerator{kKeys}, 1, hand::IntervalJoin(1 << 18));
                    }},
                    onCallersThread([](auto& env, std::uint64_t records, Result& result) {
                        intervalJoin(env, records, kKeys, result);
                    })});
}

}  // namespace

void addKeyedRows(Rows& rows, Size size) {
    for (const std::uint64_t keys : {1, 1'000, 1'000'000}) {
        addRolling(rows, size, keys, "W6 rolling sum", rollingSumOf<AmountGenerator>,
                   rollingSumByHand<AmountGenerator>(keys));
        addRolling(rows, size, keys, "W6 rolling sum of events", rollingSumOf<EventGenerator>,
                   rollingSumByHand<EventGenerator, Event>(keys));
        addRolling(rows, size, keys, "W6 process function, mutate", rollingProcess<true>,
                   rollingSumByHand<EventGenerator>(keys));
        addRolling(rows, size, keys, "W6 process function, value and update", rollingProcess<false>,
                   rollingSumByHand<EventGenerator>(keys));
    }
    addTimers(rows, size);
    addIntervalJoin(rows, size);
}

}  // namespace bench
