// What checkpoints cost: benchmarks/run checkpoints [--smoke]

#include <millrace/millrace.hpp>

#include <millrace/checkpoint/file_checkpoint_store.hpp>
#include <millrace/checkpoint/subtask_state.hpp>
#include <millrace/checkpointing.hpp>
#include <millrace/operators/keyed_reduce.hpp>
#include <millrace/state/deferred_snapshot.hpp>
#include <millrace/state/memory_snapshot.hpp>
#include <millrace/state/table_snapshot.hpp>

#include "throughput/pipelines.hpp"
#include "throughput/records.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

namespace {

using namespace bench;
using namespace std::chrono_literals;
using millrace::Codec;
using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}
double median(std::vector<double> values) {
    if (values.empty()) return 0;
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

/// A directory in the one that the benchmark was started in: /tmp is not a disk everywhere.
class WorkDirectory {
public:
    WorkDirectory() {
        if (::mkdtemp(name_) == nullptr) throw std::runtime_error("cannot make a directory here");
    }
    ~WorkDirectory() { std::filesystem::remove_all(name_); }
    WorkDirectory(const WorkDirectory&) = delete;
    WorkDirectory& operator=(const WorkDirectory&) = delete;
    std::string path(std::string_view name) const { return std::string(name_) + "/" + std::string(name); }

private:
    char name_[20] = "checkpoints-XXXXXX";
};

// ---- a job with a checkpoint every second: W6, a rolling sum; the same with state that owns memory; windows in slices

void slidingWindows(millrace::StreamEnvironment& env, std::uint64_t count, std::uint64_t keys, Result& result) {
    slidingStatistics(env, count, 60s, result, keys, 10s);
}

/// A text and a number for each key.
struct Customer {
    std::string name;
    std::uint64_t visits = 0;
};
struct CountVisits {
    millrace::ValueState<Customer> customer;

    void open(millrace::KeyedRuntimeContext& context) {
        customer = context.getState(millrace::ValueStateDescriptor<Customer>{"customer"});
    }
    void processElement(const Event& event, millrace::KeyedProcessContext<std::uint64_t>&,
                        millrace::Collector<Event>& out) {
        double visits = 0;
        customer.mutate([&](Customer& known) {
            if (known.visits++ == 0) known.name = "the customer of number " + std::to_string(event.key);
            visits = static_cast<double>(known.visits);
        });
        out.collect(Event{event.key, event.micros, visits});
    }
};
void countVisits(millrace::StreamEnvironment& env, std::uint64_t count, std::uint64_t keys, Result& result) {
    env.fromSource(millrace::DataGeneratorSource(EventGenerator{keys}, count),
                   millrace::WatermarkStrategy::noWatermarks())
        .keyBy(&Event::key)
        .process(CountVisits{})
        .addSink(Summing(result, [](Result& sum, const Event& event) { sum.addRolling(event.key, event.value); }));
}

struct Job {
    const char* name;
    void (*build)(millrace::StreamEnvironment& env, std::uint64_t records, std::uint64_t keys, Result& result);
};

struct Run {
    double nanoseconds = 0;      ///< per record
    std::vector<double> pauses;  ///< in ms, one for each checkpoint
    std::vector<double> durations;
    double megabytes = 0;
};

Run run(const Job& job, std::uint64_t records, std::uint64_t keys, millrace::Duration interval,
        const std::string& directory) {
    millrace::StreamExecutionEnvironment env(millrace::ThreadPoolRuntime{1});
    if (interval > 0s) {
        env.enableCheckpointing({.interval = interval,
                                 .directory = directory,
                                 .retention = millrace::CheckpointRetention::NoExternalized,
                                 .resume = false});
    }
    Result result;
    job.build(env, records, keys, result);
    const auto start = Clock::now();
    const auto client = env.executeAsync(job.name);
    client->result();
    Run measured;
    measured.nanoseconds = secondsSince(start) * 1e9 / static_cast<double>(records);
    for (const auto& each : client->checkpoints()) {
        if (each.status != millrace::CheckpointStatus::Completed) continue;
        measured.pauses.push_back(static_cast<double>(each.longestPause.count()) / 1e6);
        measured.durations.push_back(static_cast<double>(each.duration.count()) / 1e6);
        measured.megabytes = static_cast<double>(each.bytes) / 1e6;
    }
    return measured;
}

void report(const Job& job, std::uint64_t records, std::uint64_t keys, millrace::Duration interval, int repetitions,
            const WorkDirectory& work) {
    Run without;
    Run with;
    Run all;
    for (int i = 0; i < repetitions; ++i) {
        const Run a = run(job, records, keys, 0s, {});
        const Run b = run(job, records, keys, interval, work.path("job"));
        if (i == 0 || a.nanoseconds < without.nanoseconds) without = a;
        if (i == 0 || b.nanoseconds < with.nanoseconds) with = b;
        all.pauses.insert(all.pauses.end(), b.pauses.begin(), b.pauses.end());
        all.durations.insert(all.durations.end(), b.durations.begin(), b.durations.end());
    }
    std::printf("%s, %llu keys: %.2f ns a record without, %.2f with checkpoints of %.1f MB: throughput %.3f\n",
                job.name, static_cast<unsigned long long>(keys), without.nanoseconds, with.nanoseconds, with.megabytes,
                without.nanoseconds / with.nanoseconds);
    std::printf(
        "    %zu checkpoints; pause of the task: median %.3f ms, longest %.3f ms; from trigger to end: median %.0f "
        "ms\n",
        all.pauses.size(), median(all.pauses),
        all.pauses.empty() ? 0.0 : *std::max_element(all.pauses.begin(), all.pauses.end()), median(all.durations));
}

// ---- writing and restoring, without a job around

using Table = millrace::detail::KeyedTable<std::uint64_t, Event>;
constexpr millrace::detail::StateLayout kLayout{
    "reduced", {{"key", &millrace::detail::kTypeInfo<std::uint64_t>}, {"value", &millrace::detail::kTypeInfo<Event>}}};

void reportFiles(std::uint64_t keys, int repetitions, const WorkDirectory& work) {
    Table table;
    for (std::uint64_t key = 0; key < keys; ++key) table.findOrInsert(key, [&] { return Event{key, 0, 1.0}; });
    millrace::MemorySnapshot snapshot;
    millrace::detail::writeTable(snapshot, table, false, {"sum", "reduce", 128, 1}, kLayout,
                                 [](millrace::ByteWriter& writer, const std::uint64_t& key, const Event& value) {
                                     Codec<std::uint64_t>::encode(key, writer);
                                     Codec<Event>::encode(value, writer);
                                 });
    double bestWrite = 1e300;
    double bestPlain = 1e300;
    double bestRestore = 1e300;
    double bytes = 0;
    for (int i = 0; i < repetitions; ++i) {
        millrace::detail::FileCheckpointStore store(work.path("store"));
        millrace::detail::CheckpointDescription description;
        description.id = store.lastId() + 1;
        description.maxParallelism = 128;
        description.operators.add(new millrace::detail::CheckpointedOperator{"sum", "sum", "reduce", 1, 0});
        auto start = Clock::now();
        store.begin(description);
        store.writePart(description.id, 0, 0, snapshot);
        const auto info = store.complete(description);
        bestWrite = std::min(bestWrite, secondsSince(start));
        bytes = static_cast<double>(info.bytes);

        // as dd with fsync: 1 MiB at a time
        const std::vector<char> block(1 << 20, 'x');
        start = Clock::now();
        const int file = ::open(work.path("plain").c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0600);
        if (file < 0) throw std::runtime_error("cannot write here");
        for (double written = 0; written < bytes; written += static_cast<double>(block.size())) {
            if (::write(file, block.data(), block.size()) < 0) throw std::runtime_error("cannot write here");
        }
        ::fsync(file);
        ::close(file);
        bestPlain = std::min(bestPlain, secondsSince(start));

        const millrace::detail::SubtaskState state(store.load(info.id), 0, 1);
        start = Clock::now();
        Table restored;
        millrace::detail::TableFiller<Table> filler(restored);
        millrace::detail::readIntoTable(restored, state, "sum", "reduce", kLayout, 1,
                                        [&](millrace::ByteReader& reader) {
                                            auto key = millrace::detail::decodeState<std::uint64_t>(reader);
                                            filler.add(std::move(key), millrace::detail::decodeState<Event>(reader));
                                        });
        filler.flush();
        bestRestore = std::min(bestRestore, secondsSince(start));
        if (restored.size() != table.size()) throw std::runtime_error("not all keys were restored");
        store.discard(info.id);
    }
    std::printf(
        "files of %.1f MB: written with %.0f MB/s, a plain file with %.0f MB/s: %.2f; restored with %.0f MB/s\n",
        bytes / 1e6, bytes / 1e6 / bestWrite, bytes / 1e6 / bestPlain, bestPlain / bestWrite,
        bytes / 1e6 / bestRestore);
}

/// Of a table in which every n-th key has changed, a full and an incremental checkpoint.
void reportIncremental(std::uint64_t keys, const WorkDirectory& work) {
    Table table;
    for (std::uint64_t key = 0; key < keys; ++key) table.findOrInsert(key, [&] { return Event{key, 0, 1.0}; });
    for (const bool incremental : {false, true}) {
        millrace::detail::FileCheckpointStore store(work.path(incremental ? "incremental" : "full"),
                                                    millrace::posixFileSystem(), millrace::SnapshotCompression::None,
                                                    incremental);
        const auto take = [&](const char* what) {
            millrace::detail::CheckpointDescription description;
            description.id = store.lastId() + 1;
            description.maxParallelism = 128;
            description.operators.add(new millrace::detail::CheckpointedOperator{"sum", "sum", "reduce", 1, 0});
            const auto start = Clock::now();
            store.begin(description);
            millrace::detail::DeferredSnapshot part;
            millrace::detail::writeTable(
                part, table, true, {"sum", "reduce", 128, 1}, kLayout,
                [](millrace::ByteWriter& writer, const std::uint64_t& key, const Event& value) {
                    Codec<std::uint64_t>::encode(key, writer);
                    Codec<Event>::encode(value, writer);
                });
            store.writePart(description.id, 0, 0, part);
            const auto info = store.complete(description);
            const double seconds = secondsSince(start);
            if (info.id > 1) store.discard(info.id - 1);
            std::printf("    %s, %s: %.1f of %.1f MB written in %.2f s\n", incremental ? "incremental" : "full", what,
                        static_cast<double>(info.writtenBytes) / 1e6, static_cast<double>(info.bytes) / 1e6, seconds);
        };
        std::printf("%s checkpoints of %llu keys\n", incremental ? "incremental" : "full",
                    static_cast<unsigned long long>(keys));
        take("the first");
        take("nothing changed");
        if (!incremental) continue;
        struct Share {
            std::uint64_t every;
            const char* what;
        };
        for (const Share share : {Share{10'000, "one key in 10000 changed"}, Share{1'000, "one key in 1000 changed"},
                                  Share{100, "one key in 100 changed"}, Share{1, "all keys changed"}}) {
            for (std::uint64_t key = 0; key < keys; key += share.every) table.find(key)->value += 1;
            take(share.what);
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    const bool smoke = argc > 1 && std::string_view(argv[1]) == "--smoke";
    if (argc > 2 || (argc == 2 && !smoke)) {
        std::fprintf(stderr, "usage: checkpoints [--smoke]\n");
        return 2;
    }
    try {
        const WorkDirectory work;
        const Job sum{"rolling sum", rollingSum};
        const Job visits{"values with a text", countVisits};
        const Job windows{"sliding windows", slidingWindows};
        if (smoke) {
            report(sum, 2'000'000, 100'000, 20ms, 1, work);
            report(visits, 500'000, 20'000, 20ms, 1, work);
            report(windows, 2'000'000, 20'000, 20ms, 1, work);
            reportFiles(100'000, 1, work);
            reportIncremental(100'000, work);
        } else {
            report(sum, 600'000'000, 1'000'000, 1s, 3, work);
            report(sum, 200'000'000, 10'000'000, 1s, 1, work);
            report(visits, 100'000'000, 1'000'000, 2s, 2, work);
            report(windows, 200'000'000, 100'000, 1s, 2, work);
            reportFiles(1'000'000, 5, work);
            reportIncremental(4'000'000, work);
        }
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
    return 0;
}
