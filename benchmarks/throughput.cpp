// Throughput of millrace against hand-written loops, in one process and in turn: benchmarks/run, or --help.

#include <millrace/millrace.hpp>
#include <millrace/runtime/caller_runtime.hpp>

#include "throughput/baselines.hpp"
#include "throughput/comparison.hpp"
#include "throughput/exchange_baseline.hpp"
#include "throughput/interval_join.hpp"
#include "throughput/keyed_process.hpp"
#include "throughput/pipelines.hpp"
#include "throughput/references.hpp"
#include "throughput/sessions.hpp"

#include <bit>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace bench;

struct Options {
    int repetitions = 0;
    std::string only;
    std::string json;
    bool smoke = false;
};

constexpr std::int64_t kSecond = 1'000'000;

/// Runs a pipeline on the calling thread. The time of a run includes building the environment and the job.
Result onCallersThread(const std::function<void(millrace::StreamEnvironment&, Result&)>& build) {
    Result result;
    millrace::StreamExecutionEnvironment env(millrace::CallerRuntime{});
    build(env, result);
    env.execute();
    return result;
}

/// Runs a pipeline at parallelism `threads` on as many threads.
Result onThreads(int threads, const std::function<void(millrace::StreamEnvironment&, Result&)>& build) {
    Result result;
    millrace::StreamExecutionEnvironment env(millrace::ThreadPoolRuntime{threads});
    env.setParallelism(threads);
    build(env, result);
    env.execute();
    return result;
}

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
    onCallersThread([&](millrace::StreamEnvironment& env, Result& result) {
        tumblingAverage(env, 3 * kPane, ProbingGenerator{generate, 3 * kPane - 1, &full}, result);
    });
    return static_cast<double>(full - before) / static_cast<double>(live);
}

class Workloads {
public:
    explicit Workloads(bool smoke) : smoke_(smoke) {
        addMapFilterMap();
        for (const std::uint64_t keys : {1, 1'000, 100'000, 1'000'000}) addTumbling(keys);
        addSliding(std::chrono::seconds(10));
        addSliding(std::chrono::seconds(60));
        addSessions();
        for (const std::uint64_t keys : {1'000, 1'000'000}) addOutOfOrder(keys);
        for (const std::uint64_t keys : {1, 1'000, 1'000'000}) addRolling(keys);
        for (const std::uint64_t keys : {1, 1'000, 1'000'000}) addRollingProcess(keys);
        addTimers();
        addTrades();
        addIntervalJoin();
        addTwoThreads();
        addExchange();
    }
    const std::vector<Comparison>& rows() const { return rows_; }

private:
    static constexpr std::uint64_t kSmokeRecords = 2'000'000;

    /// The known result of the full size, or else the slow reference's.
    std::function<Result()> expect(Result full, std::function<Result()> reference) const {
        if (!smoke_) return [full] { return full; };
        return [reference = std::move(reference)] { return reference(); };
    }

    void addMapFilterMap() {
        const std::uint64_t n = smoke_ ? kSmokeRecords : 50'000'000;
        rows_.push_back(
            {"W1 map-filter-map", 1'000, 1, n,
             expect({33'300'550, 0, 300060078320.5996}, [n] { return reference::mapFilterMap(n); }),
             [n] { return hand::mapFilterMap(n); },
             [n] { return onCallersThread([n](auto& env, Result& result) { mapFilterMap(env, n, result); }); }});
    }

    void addTumbling(std::uint64_t keys) {
        static const std::map<std::uint64_t, Result> full{{1, {20, 0xf77a8aea01ae37c1, 0}},
                                                          {1'000, {20'000, 0xb60b8d5546db188d, 0}},
                                                          {100'000, {1'999'911, 0x50d19dccc0b7154e, 0}},
                                                          {1'000'000, {12'644'597, 0x77f84af6ca4d6b68, 0}}};
        const std::uint64_t n = records();
        const EventGenerator generate{keys};
        rows_.push_back(
            {"W2 tumbling 1s", keys, 1, n, expect(full.at(keys), [=] { return tumblingReference(n, generate); }),
             [=] {
                 if (keys == 1) return hand::runFused(n, generate, 1, FusedTumbling(kSecond));
                 if (keys <= 1'000) return hand::runBatched(n, generate, 1, hand::TumblingAverage<false, 0>(kSecond));
                 return hand::runBatched(n, generate, 1, hand::TumblingAverage<true, 32>(kSecond));
             },
             [=] {
                 return onCallersThread([=](auto& env, Result& result) { tumblingAverage(env, n, generate, result); });
             }});
        if (keys == 1'000'000) rows_.back().bytesPerKey = [keys] { return bytesPerOpenKey(keys); };
    }

    void addSliding(std::chrono::seconds size) {
        const std::uint64_t n = records();
        const std::int64_t micros = size / std::chrono::microseconds(1);
        const EventsEvery<10> generate{1'000};
        rows_.push_back(
            {size == std::chrono::seconds(10) ? "W3 sliding 10s/1s" : "W3 sliding 60s/1s", 1'000, 1, n,
             expect(size == std::chrono::seconds(10) ? Result{209'000, 0x973f49cb09fd0bb0, 0}
                                                     : Result{259'000, 0xd939874713f976ac, 0},
                    [=] {
                        return reference::windows(
                            n, generate, [](const Event& e) { return e.key; }, [](const Event& e) { return e.value; },
                            1'000, micros, kSecond, reference::emitStatistics);
                    }),
             [=] { return hand::runBatched(n, generate, 10, hand::SlidingStatistics(micros, kSecond)); },
             [=] {
                 return onCallersThread([=](auto& env, Result& result) { slidingStatistics(env, n, size, result); });
             }});
    }

    void addSessions() {
        const std::uint64_t n = records();
        constexpr std::uint64_t kKeys = 100'000;
        rows_.push_back(
            {"W4 sessions 100ms", kKeys, 1, n,
             expect({7'383'323, 0x18358be89ef1e7b9, 0}, [n] { return reference::sessions(n, kKeys); }),
             [n] { return hand::runBatched(n, EventGenerator{kKeys}, 1, hand::Sessions()); },
             [n] { return onCallersThread([n](auto& env, Result& result) { sessions(env, n, kKeys, result); }); }});
    }

    /// W2 with records that come up to 100 ms late, and watermarks that wait for them.
    void addOutOfOrder(std::uint64_t keys) {
        const std::uint64_t n = records();
        const DelayedEvents generate{keys};
        const Result full =
            keys == 1'000 ? Result{20'000, 0xb48759a1a4316aca, 0} : Result{12'643'924, 0xcf555837302b9361, 0};
        rows_.push_back({"W7 out of order 1s", keys, 1, n, expect(full, [=] { return tumblingReference(n, generate); }),
                         [=] {
                             if (keys <= 1'000)
                                 return hand::runBatched(n, generate, 1, hand::TumblingAverage<false, 0>(kSecond));
                             return hand::runBatched(n, generate, 1, hand::TumblingAverage<true, 32>(kSecond));
                         },
                         [=] {
                             return onCallersThread(
                                 [=](auto& env, Result& result) { tumblingAverage(env, n, generate, result); });
                         }});
    }

    void addRolling(std::uint64_t keys) {
        static const std::map<std::uint64_t, Result> full{{1, {20'000'000, 0x5bdcfbd926943100, 0}},
                                                          {1'000, {20'000'000, 0xa539c335b2e0f713, 0}},
                                                          {1'000'000, {20'000'000, 0x5b7000acbcdea48b, 0}}};
        const std::uint64_t n = records();
        const EventGenerator generate{keys};
        rows_.push_back(
            {"W6 rolling sum", keys, 1, n, expect(full.at(keys), [=] { return reference::rollingSum(n, keys); }),
             [=] {
                 if (keys <= 1'000) return hand::runFused(n, generate, 1, hand::RollingSum<false, 0>());
                 return hand::runBatched(n, generate, 1, hand::RollingSum<true, 32>(std::bit_ceil(keys * 10 / 7)));
             },
             [=] { return onCallersThread([=](auto& env, Result& result) { rollingSum(env, n, keys, result); }); }});
    }

    /// W6 as a process function with one value state.
    void addRollingProcess(std::uint64_t keys) {
        for (const Comparison& row : rows_) {
            if (row.workload != "W6 rolling sum" || row.keys != keys) continue;
            const std::uint64_t n = records();
            Comparison process = row;
            process.workload = "W6 process function";
            process.millrace = [=] {
                return onCallersThread([=](auto& env, Result& result) { rollingProcess(env, n, keys, result); });
            };
            rows_.push_back(std::move(process));
            return;
        }
    }

    /// A keyed process function that registers an event-time timer for every record and emits when it fires: the whole
    /// pipeline per timer, with generation, registration, firing and sink. By hand: the bare queue and the same generation.
    void addTimers() {
        const std::uint64_t n = smoke_ ? kSmokeRecords : 10'000'000;
        constexpr std::uint64_t kKeys = 1'000'000;
        rows_.push_back(
            {"timers, set and fired", kKeys, 1, n, [n] { return reference::timers(n, kKeys); },
             [n] { return hand::runBatched(n, EventGenerator{kKeys}, 1, hand::Timers()); },
             [n] { return onCallersThread([n](auto& env, Result& result) { timers(env, n, kKeys, result); }); }});
    }

    void addTrades() {
        const std::uint64_t n = records();
        rows_.push_back(
            {"W8 trades 1min", 50, 1, n,
             expect({1'700, 0x05a96a8cc86cf9c8, 0},
                    [n] {
                        return reference::windows(
                            n, TradeGenerator(), [](const Trade& t) { return t.industry; },
                            [](const Trade& t) { return t.price; }, 50, 60 * kSecond, 60 * kSecond,
                            reference::emitAverage);
                    }),
             [n] { return hand::runBatched(n, TradeGenerator(), 100, hand::TumblingAverage<false, 0>(60 * kSecond)); },
             [n] { return onCallersThread([n](auto& env, Result& result) { averagePrice(env, n, result); }); }});
    }

    void addIntervalJoin() {
        const std::uint64_t n = records();
        constexpr std::uint64_t kKeys = 100'000;
        rows_.push_back(
            {"W9 interval join 50ms", kKeys, 1, n,
             expect({4'996'001, 0x9e5d220dac29ee3f, 0}, [n] { return reference::intervalJoin(n, kKeys); }),
             [n] { return hand::runBatched(n, EventGenerator{kKeys}, 1, hand::IntervalJoin(1 << 18)); },
             [n] { return onCallersThread([n](auto& env, Result& result) { intervalJoin(env, n, kKeys, result); }); }});
    }

    /// W2 over a hash exchange between two threads, two sources; what passes of time.
    void addTwoThreads() {
        const std::uint64_t n = records();
        const EventGenerator generate{1'000};
        rows_.push_back(
            {"W2 tumbling 1s", 1'000, 2, n,
             expect({20'000, 0xb60b8d5546db188d, 0}, [=] { return tumblingReference(n, generate); }),
             [=] {
                 return hand::runExchanged(n, generate, 1, [] { return hand::TumblingAverage<false, 0>(kSecond); });
             },
             [=] {
                 return onThreads(2, [=](auto& env, Result& result) { tumblingAverage(env, n, generate, result); });
             }});
    }

    /// The processor time that the same workload takes over an exchange beyond what it takes without one.
    void addExchange() {
        const std::uint64_t n = records();
        const EventGenerator generate{1'000};
        Comparison row{
            "exchange (CPU)",
            1'000,
            2,
            n,
            expect({20'000, 0xb60b8d5546db188d, 0}, [=] { return tumblingReference(n, generate); }),
            [=] { return hand::runExchanged(n, generate, 1, [] { return hand::TumblingAverage<false, 0>(kSecond); }); },
            [=] {
                return onThreads(2, [=](auto& env, Result& result) { tumblingAverage(env, n, generate, result); });
            }};
        row.byProcessorTime = true;
        row.base = [=] {
            return onThreads(1, [=](auto& env, Result& result) { tumblingAverage(env, n, generate, result); });
        };
        row.handBase = [=] { return hand::runBatched(n, generate, 1, hand::TumblingAverage<false, 0>(kSecond)); };
        rows_.push_back(std::move(row));
    }

    struct FusedTumbling : hand::TumblingAverage<false, 0> {
        using TumblingAverage::TumblingAverage;
        void add(const Event& event) { TumblingAverage::add(event.key, event.micros, event.value); }
    };
    template <class Generator>
    static Result tumblingReference(std::uint64_t n, Generator generate) {
        return reference::windows(
            n, generate, [](const Event& e) { return e.key; }, [](const Event& e) { return e.value; }, generate.keys,
            kSecond, kSecond, reference::emitAverage);
    }
    std::uint64_t records() const { return smoke_ ? kSmokeRecords : 20'000'000; }

    bool smoke_;
    std::vector<Comparison> rows_;
};

[[noreturn]] void usage(int status) {
    std::fprintf(
        status == 0 ? stdout : stderr,
        "usage: throughput [--smoke] [--repetitions N] [--only SUBSTRING] [--json FILE]\n"
        "  Nanoseconds per record (generation included), the best of N runs (9; with --smoke 3) of each side.\n"
        "  ratio = hand / millrace. exchange: processor time of both sides beyond the same work without one.\n"
        "  --only takes part of a row's \"workload keys threads\". Exits with 1 when a result is wrong.\n");
    std::exit(status);
}

Options parse(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string_view argument = argv[i];
        const auto value = [&]() -> std::string { return ++i < argc ? argv[i] : (usage(2), ""); };
        if (argument == "--smoke") {
            options.smoke = true;
        } else if (argument == "--repetitions") {
            options.repetitions = std::atoi(value().c_str());
            if (options.repetitions < 1) usage(2);
        } else if (argument == "--only") {
            options.only = value();
        } else if (argument == "--json") {
            options.json = value();
        } else {
            usage(argument == "--help" ? 0 : 2);
        }
    }
    if (options.repetitions == 0) options.repetitions = options.smoke ? 3 : 9;
    return options;
}

int run(const Options& options) {
    const Workloads workloads(options.smoke);
    std::vector<std::pair<Comparison, Measurement>> rows;
    bool correct = true;
    printHeader();
    for (const Comparison& row : workloads.rows()) {
        const std::string name = row.workload + ' ' + std::to_string(row.keys) + ' ' + std::to_string(row.threads);
        if (name.find(options.only) == std::string::npos) continue;
        Measurement measurement = measure(row, options.repetitions);
        printRow(row, measurement);
        correct = correct && measurement.mismatch.empty();
        rows.emplace_back(row, std::move(measurement));
    }
    if (!options.json.empty()) writeJson(options.json, rows);
    if (rows.empty()) std::fprintf(stderr, "no row contains '%s'\n", options.only.c_str());
    return correct && !rows.empty() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run(parse(argc, argv));
    } catch (const std::exception& error) {
        std::fprintf(stderr, "error: %s\n", error.what());
        return 2;
    }
}
