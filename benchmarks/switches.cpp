// What single optimisations are worth: the same pipeline with one and without it, in turn. benchmarks/run switches, or --help.
// That they change no result is the matter of tests/performance/switches_test.cpp.

#include <millrace/millrace.hpp>
#include <millrace/runtime/caller_runtime.hpp>
#include <millrace/runtime/segment_pool.hpp>

#include "../tests/performance/sums.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#if defined(__linux__)
#include <sys/prctl.h>
#endif

namespace {

using namespace millrace;
using namespace millrace::testsupport;
using namespace std::chrono_literals;

// ---- keys and records of which some are treated in another way

template <std::size_t kFrom, std::size_t kRuns>
struct Tuning {
    static constexpr std::size_t kPrefetchFrom = kFrom;
    static constexpr std::size_t kRunFrom = kRuns;
};
constexpr std::size_t kNever = std::numeric_limits<std::size_t>::max();
enum class Prefetched : std::uint64_t {};
enum class NotPrefetched : std::uint64_t {};
enum class WithoutRuns : std::uint64_t {};
template <bool kTravels>
struct Text {
    std::string text;
    bool operator==(const Text&) const = default;
};

enum class As { Usual, OneByOne, Loose };
template <class Key, As kAs = As::Usual>
struct Event {
    Key key;
    std::int64_t micros;
    std::int64_t value;
};
template <class Key>
using OneByOne = Event<Key, As::OneByOne>;
template <class Key>
using Loose = Event<Key, As::Loose>;

}  // namespace

namespace millrace::detail {
template <>
struct TableTuning<Prefetched> : Tuning<0, 16> {};
template <>
struct TableTuning<NotPrefetched> : Tuning<kNever, 16> {};
template <>
struct TableTuning<WithoutRuns> : Tuning<kNever, kNever> {};
template <bool kTravels>
inline constexpr bool kHashTravels<Text<kTravels>> = kTravels;
template <class Key>
inline constexpr bool kBlockwise<OneByOne<Key>> = false;
template <class Key>
struct JoinCellSize<Loose<Key>, Loose<Key>> {
    static constexpr std::size_t kInline = 0;
    static constexpr std::size_t kPadding = 0;
};
}  // namespace millrace::detail

namespace {

struct Shape {
    std::uint64_t records;
    std::uint64_t keys;
    std::int64_t microsPerRecord = 1;
};

template <class E>
auto source(StreamEnvironment& env, const Shape& shape, std::uint64_t seed = 0) {
    const auto make = [shape, seed](std::uint64_t i) {
        std::uint64_t x = (i + (seed << 40)) * 0x9E3779B97F4A7C15u;
        x = (x ^ (x >> 32)) * 0xD6E8FEB86659FD93u;
        x ^= x >> 32;
        E event;
        const std::uint64_t number = (x >> 32) * shape.keys >> 32;
        if constexpr (std::is_enum_v<decltype(event.key)> || std::is_integral_v<decltype(event.key)>) {
            event.key = static_cast<decltype(event.key)>(number);
        } else {
            event.key.text = "a customer with the number " + std::to_string(number);
        }
        event.micros = static_cast<std::int64_t>(i) * shape.microsPerRecord;
        event.value = static_cast<std::int64_t>(x & 0x3fff);
        return event;
    };
    return env.fromSource(DataGeneratorSource(make, shape.records),
                          WatermarkStrategy::forMonotonousTimestamps().withTimestampAssigner(
                              [](const E& event, Timestamp) { return Timestamp(1us * event.micros); }));
}

/// Adds all results up: both sides of a row must come to the same.
struct Total {
    std::int64_t* total;
    void operator()(std::int64_t value) const { *total += value; }
};

using Run = std::function<std::int64_t()>;  ///< returns what has come out

template <class E>
Run stateless(const Shape& shape) {
    return [shape] {
        std::int64_t total = 0;
        StreamExecutionEnvironment env{CallerRuntime()};
        source<E>(env, shape)
            .map([](E event) { return event.value *= 3, event; })
            .filter([](const E& event) { return static_cast<std::uint64_t>(event.key) % 3 != 0; })
            .map([](const E& event) { return event.value + 1; })
            .addSink(Total{&total});
        env.execute();
        return total;
    };
}
template <class E>
Run rollingSum(const Shape& shape, int parallelism = 1) {
    return [shape, parallelism] {
        std::int64_t total = 0;
        StreamExecutionEnvironment env{CallerRuntime()};
        env.setParallelism(parallelism);
        source<E>(env, shape)
            .setParallelism(1)  // the sums depend on the order of the records of a key
            .keyBy(&E::key)
            .reduce([](const E& sum, const E& event) {
                return E{event.key, event.micros, sum.value + event.value};
            })
            .addSink([&total](const E& event) { total += event.value; });
        env.execute();
        return total;
    };
}
/// What a sum is kept of: of such records, if they are keyed by a pointer to member, all but the key.
struct Amount {
    std::uint64_t key;
    std::int64_t value;
};
template <class Selector>
Run sums(const Shape& shape, Selector keyOf) {
    return [shape, keyOf] {
        std::int64_t total = 0;
        StreamExecutionEnvironment env{CallerRuntime()};
        source<Event<std::uint64_t>>(env, shape)
            .map([](const auto& event) {
                return Amount{event.key, event.value};
            })
            .keyBy(keyOf)
            .sum(&Amount::value)
            .addSink([&total](const Amount& amount) { total += amount.value; });
        env.execute();
        return total;
    };
}
template <template <class> class Aggregate, class Assigner>
Run windows(const Shape& shape, const Assigner& assigner) {
    return [shape, assigner] {
        using E = Event<std::uint64_t>;
        std::int64_t total = 0;
        StreamExecutionEnvironment env{CallerRuntime()};
        source<E>(env, shape).keyBy(&E::key).window(assigner).aggregate(Aggregate<E>()).addSink(Total{&total});
        env.execute();
        return total;
    };
}
/// Does what the default trigger does, but is another type: then the general operator is taken.
struct UsualTrigger : EventTimeTrigger {};
Run sessionsByTheGeneralOperator(const Shape& shape, Duration gap) {
    return [shape, gap] {
        using E = Event<std::uint64_t>;
        std::int64_t total = 0;
        StreamExecutionEnvironment env{CallerRuntime()};
        source<E>(env, shape)
            .keyBy(&E::key)
            .window(EventTimeSessionWindows::withGap(gap))
            .trigger(UsualTrigger())
            .aggregate(MergedSum<E>())
            .addSink(Total{&total});
        env.execute();
        return total;
    };
}
template <class E>
Run joined(const Shape& shape) {
    return [shape] {
        std::int64_t total = 0;
        StreamExecutionEnvironment env{CallerRuntime()};
        source<E>(env, shape, 1)
            .keyBy(&E::key)
            .intervalJoin(source<E>(env, shape, 2).keyBy(&E::key))
            .between(-50ms, 50ms)
            .process([](const E& left, const E& right) { return left.value + right.value; })
            .addSink(Total{&total});
        env.execute();
        return total;
    };
}
/// Batches come and go, a few at a time; of each all pages are written to.
Run segments(std::uint64_t batches, bool kept) {
    return [=] {
        detail::JobSegmentPool pool(std::size_t{64} << 20);
        if (!kept) pool.endJob();
        constexpr std::size_t kBytes = 24 * 1024;
        void* held[8] = {};
        for (std::uint64_t i = 0; i < batches; ++i) {
            void*& segment = held[i % 8];
            if (segment != nullptr) pool.release(segment, kBytes);
            segment = pool.acquire(kBytes);
            for (std::size_t at = 0; at < kBytes; at += 4096) static_cast<volatile char*>(segment)[at] = 1;
        }
        for (void* const segment : held) pool.release(segment, kBytes);
        return std::int64_t{0};
    };
}
Run withoutLargePages(const Run& run) {
    return [run] {
#if defined(__linux__) && defined(PR_SET_THP_DISABLE)
        ::prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
        const std::int64_t total = run();
        ::prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0);
        return total;
#else
        return run();
#endif
    };
}

struct Row {
    std::string name;
    double records;
    Run with, without;
};

std::vector<Row> rows(std::uint64_t n) {
    const Shape few{n, 1000}, many{n, 1'000'000}, one{n, 1};
    const double all = static_cast<double>(n);
    using Number = Event<std::uint64_t>;
    std::vector<Row> rows;
    rows.push_back({"blocks and compaction", all, stateless<Number>(few), stateless<OneByOne<std::uint64_t>>(few)});
    rows.push_back({"prefetching, 1000000 keys", all, rollingSum<Event<Prefetched>>(many),
                    rollingSum<Event<NotPrefetched>>(many)});
    rows.push_back(
        {"prefetching, 1000 keys", all, rollingSum<Event<Prefetched>>(few), rollingSum<Event<NotPrefetched>>(few)});
    rows.push_back(
        {"pages of 2 MiB, 1000000 keys", all, rollingSum<Number>(many), withoutLargePages(rollingSum<Number>(many))});
    rows.push_back({"runs in registers, 1 key", all, rollingSum<Number>(one), rollingSum<Event<WithoutRuns>>(one)});
    rows.push_back({"runs in registers, 1000 keys", all, rollingSum<Number>(few), rollingSum<Event<WithoutRuns>>(few)});
    const auto keyOf = [](const Amount& amount) { return amount.key; };
    rows.push_back({"sums without keys, 1000000 keys", all, sums(many, &Amount::key), sums(many, keyOf)});
    rows.push_back({"sums without keys, 1000 keys", all, sums(few, &Amount::key), sums(few, keyOf)});
    const Shape slow{n / 4, 1000, 10};
    const auto sliding = SlidingEventTimeWindows::of(10s, 1s);
    rows.push_back(
        {"slices, running total", all / 4, windows<SubtractedSum>(slow, sliding), windows<Sum>(slow, sliding)});
    rows.push_back({"slices, two stacks", all / 4, windows<MergedSum>(slow, sliding), windows<Sum>(slow, sliding)});
    const Shape sessions{n / 4, 100'000};
    rows.push_back({"sessions and their wheel", all / 4,
                    windows<MergedSum>(sessions, EventTimeSessionWindows::withGap(100ms)),
                    sessionsByTheGeneralOperator(sessions, 100ms)});
    const Shape sides{n / 8, 100'000, 2};
    rows.push_back(
        {"values in the cells of a join", all / 4, joined<Number>(sides), joined<Loose<std::uint64_t>>(sides)});
    const Shape texts{n / 8, 1000};
    rows.push_back({"hashes of texts travel", all / 8, rollingSum<Event<Text<true>>>(texts, 2),
                    rollingSum<Event<Text<false>>>(texts, 2)});
    rows.push_back({"segments used again, a batch", all / 1000, segments(n / 1000, true), segments(n / 1000, false)});
    return rows;
}

double cpuSeconds() {
    timespec time{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

[[noreturn]] void usage(int status) {
    std::fprintf(
        status == 0 ? stdout : stderr,
        "usage: switches [--smoke] [--repetitions N] [--only SUBSTRING]\n"
        "  Nanoseconds of processor time per record (generation included) with one optimisation and without it, the\n"
        "  best of N runs (5) of each side in turn. Exits with 1 when the two sides give different results.\n");
    std::exit(status);
}

int compareAll(std::uint64_t records, int repetitions, const std::string& only) {
    bool agree = true;
    bool any = false;
    std::printf("%-32s %10s %10s %8s\n", "ns per record", "with", "without", "gain");
    for (const Row& row : rows(records)) {
        if (row.name.find(only) == std::string::npos) continue;
        any = true;
        double best[2] = {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity()};
        std::int64_t totals[2] = {};
        for (int i = 0; i < repetitions; ++i) {
            for (const int side : {0, 1}) {
                const double start = cpuSeconds();
                totals[side] = (side == 0 ? row.with : row.without)();
                best[side] = std::min(best[side], cpuSeconds() - start);
            }
        }
        std::printf("%-32s %10.2f %10.2f %7.2fx%s\n", row.name.c_str(), 1e9 * best[0] / row.records,
                    1e9 * best[1] / row.records, best[1] / best[0], totals[0] == totals[1] ? "" : "  RESULTS DIFFER");
        std::fflush(stdout);
        agree = agree && totals[0] == totals[1];
    }
    if (!any) throw std::runtime_error("no row has '" + only + "' in its name");
    return agree ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    std::uint64_t records = 20'000'000;
    int repetitions = 5;
    std::string only;
    for (int i = 1; i < argc; ++i) {
        const std::string_view argument = argv[i];
        if (argument == "--smoke") {
            records = 400'000;
            repetitions = 1;
        } else if (argument == "--repetitions" && i + 1 < argc) {
            repetitions = std::max(1, std::atoi(argv[++i]));
        } else if (argument == "--only" && i + 1 < argc) {
            only = argv[++i];
        } else {
            usage(argument == "--help" ? 0 : 2);
        }
    }
    try {
        return compareAll(records, repetitions, only);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "error: %s\n", error.what());
        return 2;
    }
}
