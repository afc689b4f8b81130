#include "baselines.hpp"
#include "pipelines.hpp"
#include "references.hpp"
#include "sessions.hpp"
#include "workloads.hpp"

#include <millrace/runtime/caller_runtime.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <vector>

namespace bench {

namespace {

/// A generator that looks at the memory in use when it is asked for one certain record.
struct ProbingGenerator {
    EventGenerator generate;
    std::uint64_t probeAt;
    std::uint64_t* reserved;
    static constexpr std::int64_t stepMicros = EventGenerator::stepMicros;
    Event operator()(std::uint64_t index) const {
        if (index == probeAt) [[unlikely]]
            *reserved = reservedBytes();
        return generate(index);
    }
};

/// Memory per key of W2 when its third pane is full.
double bytesPerOpenKey(std::uint64_t keys) {
    constexpr std::uint64_t kPane = kSecond;
    const EventGenerator generate{keys};
    std::vector<bool> seen(keys);
    std::uint64_t live = 0;
    for (std::uint64_t i = 2 * kPane; i < 3 * kPane; ++i) {
        const std::uint64_t key = generate(i).key;
        live += seen[key] ? 0 : 1;
        seen[key] = true;
    }
    const std::uint64_t before = reservedBytes();
    std::uint64_t full = before;
    onCallersThread([&](millrace::StreamEnvironment& env, std::uint64_t records, Result& result) {
        tumblingAverage(env, records, ProbingGenerator{generate, records - 1, &full}, result);
    })(3 * kPane);
    return static_cast<double>(full - before) / static_cast<double>(live);
}

/// An operator over batches, and fused with the generation.
template <class Operator, class Generator, class... Arguments>
std::vector<Side> byHand(Generator generate, std::int64_t stepMicros, Arguments... arguments) {
    return {
        [=](std::uint64_t records) { return hand::runBatched(records, generate, stepMicros, Operator(arguments...)); },
        [=](std::uint64_t records) { return hand::runFused(records, generate, stepMicros, Operator(arguments...)); }};
}
template <class Operator, class Generator>
Side inBatches(Generator generate) {
    return [=](std::uint64_t records) { return hand::runBatched(records, generate, 1, Operator(kSecond)); };
}
/// The best for so many keys and windows of a second.
template <class Generator>
std::vector<Side> averageByHand(Generator generate) {
    if (generate.keys <= 1'000) return byHand<hand::TumblingAverage<false, 0>>(generate, 1, kSecond);
    std::vector<Side> sides{inBatches<hand::TumblingAverage<true, 32>>(generate)};
    if (generate.keys >= 1'000'000) sides.push_back(inBatches<hand::LoggedAverage>(generate));
    return sides;
}

void addTumbling(Rows& rows, Size size, std::uint64_t keys) {
    static const std::map<std::uint64_t, Result> full{{1, {20, 0xf77a8aea01ae37c1, 0}},
                                                      {1'000, {20'000, 0xb60b8d5546db188d, 0}},
                                                      {100'000, {1'999'911, 0x50d19dccc0b7154e, 0}},
                                                      {1'000'000, {12'644'597, 0x77f84af6ca4d6b68, 0}}};
    const std::uint64_t n = size.records();
    const EventGenerator generate{keys};
    rows.push_back({"W2 tumbling 1s", keys, 1, n,
                    size.expect(full.at(keys), [=] { return reference::averages(n, generate, kSecond); }),
                    averageByHand(generate), onCallersThread([=](auto& env, std::uint64_t records, Result& result) {
                        tumblingAverage(env, records, generate, result);
                    })});
    if (keys == 1'000'000) rows.back().bytesPerKey = [keys] { return bytesPerOpenKey(keys); };
}

void addSliding(Rows& rows, Size size, std::chrono::seconds length) {
    const std::uint64_t n = size.records();
    const std::int64_t micros = length / std::chrono::microseconds(1);
    const EventsEvery<10> generate{1'000};
    const bool isShort = length == std::chrono::seconds(10);
    rows.push_back(
        {isShort ? "W3 sliding 10s/1s" : "W3 sliding 60s/1s", 1'000, 1, n,
         size.expect(isShort ? Result{209'000, 0x973f49cb09fd0bb0, 0} : Result{259'000, 0xd939874713f976ac, 0},
                     [=] {
                         return reference::windows(
                             n, generate, [](const Event& e) { return e.key; }, [](const Event& e) { return e.value; },
                             1'000, micros, kSecond, reference::emitStatistics);
                     }),
         byHand<hand::SlidingStatistics>(generate, 10, micros, kSecond),
         onCallersThread([=](auto& env, std::uint64_t records, Result& result) {
             slidingStatistics(env, records, length, result);
         })});
}

void addSessions(Rows& rows, Size size) {
    const std::uint64_t n = size.records();
    constexpr std::uint64_t kKeys = 100'000;
    rows.push_back(
        {"W4 sessions 100ms",
         kKeys,
         1,
         n,
         size.expect({7'383'323, 0x18358be89ef1e7b9, 0}, [n] { return reference::sessions(n, kKeys); }),
         {[](std::uint64_t records) { return hand::runBatched(records, EventGenerator{kKeys}, 1, hand::Sessions()); }},
         onCallersThread(
             [](auto& env, std::uint64_t records, Result& result) { sessions(env, records, kKeys, result); })});
}

/// W2 with records that come up to 100 ms late, and watermarks that wait for them.
void addOutOfOrder(Rows& rows, Size size, std::uint64_t keys) {
    const std::uint64_t n = size.records();
    const DelayedEvents generate{keys};
    const Result full =
        keys == 1'000 ? Result{20'000, 0xb48759a1a4316aca, 0} : Result{12'643'924, 0xcf555837302b9361, 0};
    rows.push_back({"W7 out of order 1s", keys, 1, n,
                    size.expect(full, [=] { return reference::averages(n, generate, kSecond); }),
                    averageByHand(generate), onCallersThread([=](auto& env, std::uint64_t records, Result& result) {
                        tumblingAverage(env, records, generate, result);
                    })});
}

void addTrades(Rows& rows, Size size) {
    const std::uint64_t n = size.records();
    rows.push_back({"W8 trades 1min", 50, 1, n,
                    size.expect({1'700, 0x05a96a8cc86cf9c8, 0},
                                [n] {
                                    return reference::windows(
                                        n, TradeGenerator(), [](const Trade& t) { return t.industry; },
                                        [](const Trade& t) { return t.price; }, 50, 60 * kSecond, 60 * kSecond,
                                        reference::emitAverage);
                                }),
                    byHand<hand::TumblingAverage<false, 0>>(TradeGenerator(), 100, 60 * kSecond),
                    onCallersThread(averagePrice)});
}

}  // namespace

void addWindowRows(Rows& rows, Size size) {
    for (const std::uint64_t keys : {1, 1'000, 100'000, 1'000'000}) addTumbling(rows, size, keys);
    addSliding(rows, size, std::chrono::seconds(10));
    addSliding(rows, size, std::chrono::seconds(60));
    addSessions(rows, size);
    for (const std::uint64_t keys : {1'000, 1'000'000}) addOutOfOrder(rows, size, keys);
    addTrades(rows, size);
}

}  // namespace bench
