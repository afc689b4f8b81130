// W10, latency at a fixed rate: records by key to another thread, a rolling sum for each of them and windows of 10 ms, as a
// pipeline and by hand with two threads, in turn: benchmarks/run latency, or --help.

#include <millrace/millrace.hpp>

#include "throughput/baselines.hpp"
#include "throughput/latency_histogram.hpp"
#include "throughput/pipelines.hpp"
#include "throughput/records.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#if defined(__linux__)
#include <sys/prctl.h>
#endif

namespace {

using namespace bench;
using namespace std::chrono_literals;

constexpr std::uint64_t kKeys = 1000;
constexpr std::int64_t kWindowMicros = 10'000;

struct Options {
    double rate = 1e6;
    double seconds = 2;
    int repetitions = 5;
    bool spin = false;
    std::string json;
};

std::int64_t nowNanos() {
    return std::chrono::steady_clock::now().time_since_epoch() / 1ns;
}

/// What one run has put out, and how late. A record is due at a time of the schedule, a window at its end: who falls behind is
/// late with all that follows (no coordinated omission).
struct Run {
    Result rolling;
    Result windows;
    LatencyHistogram rollingLatency;
    LatencyHistogram windowLatency;
    std::atomic<std::int64_t> start{0};  ///< when record 0 is due
    std::int64_t warmUpMicros = 200'000;

    void onRolling(std::uint64_t key, std::int64_t micros, double total) {
        rolling.addRolling(key, total);
        if (micros >= warmUpMicros) rollingLatency.add(late(micros));
    }
    void onWindow(std::uint64_t key, std::int64_t endMicros, double total) {
        windows.addWindow(key, endMicros, 0, total);
        // the windows that the end of the stream fires early are not part of it
        if (endMicros >= warmUpMicros && endMicros <= lastMicros) windowLatency.add(late(endMicros));
    }
    std::int64_t lastMicros = 0;

private:
    std::int64_t late(std::int64_t micros) const {
        return nowNanos() - start.load(std::memory_order_relaxed) - 1000 * micros;
    }
};

/// When which record is due.
struct Schedule {
    double nanosPerRecord;
    std::uint64_t records;

    std::int64_t microsOf(std::uint64_t index) const {
        return static_cast<std::int64_t>(static_cast<double>(index) * nanosPerRecord / 1000);
    }
    /// How many are due so long after the start.
    std::uint64_t dueAfter(std::int64_t nanos) const {
        if (nanos < 0) return 0;
        return std::min(records, static_cast<std::uint64_t>(static_cast<double>(nanos) / nanosPerRecord) + 1);
    }
    Event make(std::uint64_t index) const {
        Event event = EventGenerator{kKeys}(index);
        event.micros = microsOf(index);
        return event;
    }
};

// ---- as a pipeline

/// Emits what is due, with the watermark that belongs to the time; asks to be called again after 20 us, or with `spin` at once.
class PacedSource {
public:
    using Output = Event;
    using Split = millrace::IndexSplit;
    static constexpr bool kHasTimestamps = true;
    static constexpr bool kEmitsWatermarks = true;
    static constexpr int kFixedParallelism = 1;

    PacedSource(Schedule schedule, Run& run, bool spin) : schedule_(schedule), run_(&run), spin_(spin) {}

    millrace::Boundedness boundedness() const { return millrace::Boundedness::Bounded; }
    std::unique_ptr<millrace::SplitEnumerator<Split>> createEnumerator(int) const {
        return std::make_unique<millrace::SplitListEnumerator<Split>>(
            std::vector<Split>{{0, schedule_.records, schedule_.records, 1}});
    }

    class Reader {
    public:
        Reader(PacedSource source, std::function<millrace::Timestamp()> now)
            : schedule_(source.schedule_), run_(source.run_), spin_(source.spin_), now_(std::move(now)) {}
        void open(Split split) {
            split_ = split;
            start_ = nowNanos() + 1'000'000;
            run_->start = start_;
        }
        millrace::FillResult fill(std::span<Event> values, std::span<millrace::Timestamp> timestamps) {
            millrace::FillResult result;
            const std::int64_t elapsed = nowNanos() - start_;
            const std::uint64_t due = schedule_.dueAfter(elapsed);
            result.count = std::min<std::uint64_t>(values.size(), due - split_.next);
            for (std::size_t i = 0; i < result.count; ++i) {
                values[i] = schedule_.make(split_.next + i);
                timestamps[i] = millrace::Timestamp(std::chrono::microseconds(values[i].micros));
            }
            split_.next += result.count;
            if (split_.next == split_.end) {
                result.status = millrace::SourceStatus::EndOfSplit;
            } else if (split_.next == due) {
                // all before this time have been emitted
                result.watermark =
                    millrace::Timestamp(std::chrono::microseconds(std::max<std::int64_t>(elapsed, 0) / 1000 - 1));
                if (!spin_) {
                    result.status = millrace::SourceStatus::NothingAvailable;
                    result.wakeAt = now_() + 20us;
                }
            }
            return result;
        }
        Split position() const { return split_; }
        void close() {}

    private:
        Schedule schedule_;
        Run* run_;
        bool spin_;
        std::function<millrace::Timestamp()> now_;
        Split split_;
        std::int64_t start_ = 0;
    };
    Reader createReader(const millrace::SourceReaderContext& context) const { return Reader(*this, context.now); }

private:
    Schedule schedule_;
    Run* run_;
    bool spin_;
};

void runPipeline(const Schedule& schedule, bool spin, Run& run) {
    millrace::StreamExecutionEnvironment env(
        millrace::ThreadPoolRuntime{2, spin ? millrace::IdleThreads::Spin : millrace::IdleThreads::Block});
    env.setParallelism(1).setBufferTimeout(spin ? 0ms : 1ms);
    const auto keyed = env.fromSource(PacedSource(schedule, run, spin), millrace::WatermarkStrategy::noWatermarks())
                           .disableChaining()  // or there would be no way to another thread
                           .keyBy(&Event::key);
    keyed
        .reduce([](const Event& sum, const Event& event) {
            return Event{event.key, event.micros, sum.value + event.value};
        })
        .addSink([&run](const Event& event) { run.onRolling(event.key, event.micros, event.value); });
    keyed.window(millrace::TumblingEventTimeWindows::of(std::chrono::microseconds(kWindowMicros)))
        .aggregate(CountAndAverage<Event, &Event::value>(), WithKeyAndEnd())
        .addSink([&run](const auto& window) { run.onWindow(window.key, window.endMicros, window.content.average); });
    env.execute();
}

// ---- by hand

void pauseFor20Micros(bool spin) {
    if (spin) {
#if defined(__x86_64__)
        __builtin_ia32_pause();
#endif
    } else {
        const timespec time{0, 20'000};
        ::nanosleep(&time, nullptr);
    }
}

void wakeInTime() {
#if defined(__linux__)
    ::prctl(PR_SET_TIMERSLACK, 1);
#endif
}

struct TimedBatch {
    std::size_t size = 0;
    std::int64_t watermark = -1;
    Event events[64];
};

/// One producer, one consumer; both sleep 20 us, or spin, while they have nothing to do.
class TimedRing {
public:
    TimedBatch& room() {
        while (head_ - tail_.load(std::memory_order_acquire) >= kSlots) std::this_thread::yield();
        TimedBatch& batch = slots_[head_ % kSlots];
        batch.size = 0;
        batch.watermark = -1;
        return batch;
    }
    void push() { published_.store(++head_, std::memory_order_release); }
    TimedBatch* front() {
        const std::uint64_t tail = tail_.load(std::memory_order_relaxed);
        return published_.load(std::memory_order_acquire) == tail ? nullptr : &slots_[tail % kSlots];
    }
    void pop() { tail_.store(tail_.load(std::memory_order_relaxed) + 1, std::memory_order_release); }

private:
    static constexpr std::uint64_t kSlots = 1024;
    std::vector<TimedBatch> slots_ = std::vector<TimedBatch>(kSlots);
    std::uint64_t head_ = 0;
    alignas(64) std::atomic<std::uint64_t> published_{0};
    alignas(64) std::atomic<std::uint64_t> tail_{0};
};

/// The rolling sum that reports every result.
class TimedRollingSum {
public:
    explicit TimedRollingSum(Run& run) : run_(run), totals_(kKeys) {}
    void add(const Event& event) { run_.onRolling(event.key, event.micros, totals_[event.key] += event.value); }

private:
    Run& run_;
    std::vector<double> totals_;
};

void runByHand(const Schedule& schedule, bool spin, Run& run) {
    auto ring = std::make_unique<TimedRing>();
    const std::int64_t start = nowNanos() + 1'000'000;
    run.start = start;
    std::thread consumer([&] {
        wakeInTime();
        TimedRollingSum rolling(run);
        hand::AggregateTable<false> panes[2];
        std::int64_t fired = 0;
        const auto fire = [&] {
            const std::int64_t end = (fired + 1) * kWindowMicros;
            panes[fired++ % 2].drain(
                [&](const auto& slot) { run.onWindow(slot.key, end, slot.total / static_cast<double>(slot.records)); });
        };
        for (bool open = true; open;) {
            TimedBatch* const batch = ring->front();
            if (batch == nullptr) {
                pauseFor20Micros(spin);
                continue;
            }
            for (std::size_t i = 0; i < batch->size; ++i) {
                const Event& event = batch->events[i];
                while (event.micros >= (fired + 2) * kWindowMicros) fire();  // they come in order
                rolling.add(event);
                panes[event.micros / kWindowMicros % 2].add(event.key, event.value);
            }
            open = batch->watermark != kLastWatermark;
            const std::int64_t upTo = open ? batch->watermark : run.lastMicros + kWindowMicros;
            while ((fired + 1) * kWindowMicros - 1 <= upTo) fire();
            ring->pop();
        }
    });
    wakeInTime();
    std::int64_t ended = 0;  // windows whose end the consumer knows of
    for (std::uint64_t next = 0; next < schedule.records;) {
        const std::int64_t elapsed = nowNanos() - start;
        const std::uint64_t due = schedule.dueAfter(elapsed);
        const std::int64_t watermark = std::max<std::int64_t>(elapsed, 0) / 1000 - 1;
        if (next == due && watermark >= (ended + 1) * kWindowMicros - 1) {  // a window ends between two records
            ring->room().watermark = watermark;
            ring->push();
        }
        while (next < due) {
            TimedBatch& batch = ring->room();
            while (batch.size < std::size(batch.events) && next < due)
                batch.events[batch.size++] = schedule.make(next++);
            if (next == due) batch.watermark = watermark;
            ring->push();
        }
        ended = (watermark + 1) / kWindowMicros;
        pauseFor20Micros(spin);
    }
    ring->room().watermark = kLastWatermark;
    ring->push();
    consumer.join();
}

// ---- the table

constexpr double kQuantiles[] = {0.5, 0.9, 0.99, 0.999};

struct Row {
    const char* results;
    const char* who;
    LatencyHistogram latency;
};

[[noreturn]] void usage(int status) {
    std::fprintf(
        status == 0 ? stdout : stderr,
        "usage: latency [--smoke] [--spin] [--rate N] [--seconds S] [--repetitions R] [--json FILE]\n"
        "  Microseconds from when a record was due (a window: its end) to when its result came out, over R runs (5)\n"
        "  of S seconds (2) of each side in turn, at N records per second (1000000). --spin: threads do not sleep\n"
        "  while they have nothing to do, which needs free processors. Exits with 1 when a result is wrong.\n");
    std::exit(status);
}

Options parse(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string_view argument = argv[i];
        const auto value = [&]() -> std::string { return ++i < argc ? argv[i] : (usage(2), ""); };
        if (argument == "--smoke") {
            options.seconds = 0.5;
            options.repetitions = 1;
        } else if (argument == "--spin") {
            options.spin = true;
        } else if (argument == "--rate") {
            options.rate = std::atof(value().c_str());
        } else if (argument == "--seconds") {
            options.seconds = std::atof(value().c_str());
        } else if (argument == "--repetitions") {
            options.repetitions = std::atoi(value().c_str());
        } else if (argument == "--json") {
            options.json = value();
        } else {
            usage(argument == "--help" ? 0 : 2);
        }
    }
    if (!(options.rate >= 1 && options.rate <= 1e9) || !(options.seconds > 0.2) || options.repetitions < 1) usage(2);
    return options;
}

void print(const std::vector<Row>& rows, const Options& options) {
    std::printf("%.0f records per second, %s, us\n", options.rate, options.spin ? "spinning" : "blocking");
    std::printf("%-28s %-10s %10s %10s %10s %10s %12s\n", "results", "by", "p50", "p90", "p99", "p99.9", "results");
    for (const Row& row : rows) {
        std::printf("%-28s %-10s", row.results, row.who);
        for (const double part : kQuantiles) std::printf(" %10.1f", row.latency.quantile(part));
        std::printf(" %12llu\n", static_cast<unsigned long long>(row.latency.total()));
    }
}

void writeJson(const std::vector<Row>& rows, const Options& options) {
    std::FILE* const file = std::fopen(options.json.c_str(), "w");
    if (file == nullptr) throw std::runtime_error("cannot write " + options.json);
    const char* separator = "[";
    for (const Row& row : rows) {
        std::fprintf(file, "%s\n  {\"results\": \"%s\", \"by\": \"%s\", \"rate\": %.0f, \"spin\": %s", separator,
                     row.results, row.who, options.rate, options.spin ? "true" : "false");
        for (const double part : kQuantiles) {
            std::fprintf(file, ", \"p%g_us\": %.2f", part * 100, row.latency.quantile(part));
        }
        std::fprintf(file, "}");
        separator = ",";
    }
    std::fprintf(file, "\n]\n");
    if (std::fclose(file) != 0) throw std::runtime_error("cannot write " + options.json);
}

bool check(const Run& byHand, const Run& byMillrace) {
    const auto same = [](const char* what, const Result& a, const Result& b) {
        if (a.count == b.count && a.checksum == b.checksum && a.count > 0) return true;
        std::printf("  WRONG: %s: %llu results by hand, %llu of millrace, or other values\n", what,
                    static_cast<unsigned long long>(a.count), static_cast<unsigned long long>(b.count));
        return false;
    };
    const bool rolling = same("rolling sums", byHand.rolling, byMillrace.rolling);
    return same("windows", byHand.windows, byMillrace.windows) && rolling;
}

int run(const Options& options) {
    const Schedule schedule{1e9 / options.rate, static_cast<std::uint64_t>(options.rate * options.seconds)};
    std::vector<Row> rows{{"rolling sum of each record", "millrace", {}},
                          {"rolling sum of each record", "hand", {}},
                          {"windows of 10 ms", "millrace", {}},
                          {"windows of 10 ms", "hand", {}}};
    bool correct = true;
    for (int i = 0; i < options.repetitions; ++i) {
        Run byHand, byMillrace;
        byHand.lastMicros = byMillrace.lastMicros = schedule.microsOf(schedule.records - 1);
        runByHand(schedule, options.spin, byHand);
        runPipeline(schedule, options.spin, byMillrace);
        correct = check(byHand, byMillrace) && correct;
        rows[0].latency.add(byMillrace.rollingLatency);
        rows[1].latency.add(byHand.rollingLatency);
        rows[2].latency.add(byMillrace.windowLatency);
        rows[3].latency.add(byHand.windowLatency);
    }
    print(rows, options);
    if (!options.json.empty()) writeJson(rows, options);
    return correct ? 0 : 1;
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
