#include <millrace/runtime/stall_report.hpp>

#include <millrace/connectors/channel_sink.hpp>
#include <millrace/millrace.hpp>
#include <millrace/runtime/caller_runtime.hpp>
#include <millrace/runtime/simulated_runtime.hpp>
#include <millrace/testing/scripted_source.hpp>
#include <millrace/types/describe.hpp>

#include "support/catch.hpp"
#include "support/rounds.hpp"

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

using namespace millrace;
using namespace millrace::testing;
using namespace millrace::testsupport;
using namespace std::chrono_literals;

namespace {

struct Click {
    int key = 0;
    std::int64_t count = 0;
    Timestamp time{};
};

auto ordered() {
    return WatermarkStrategy::forMonotonousTimestamps().withTimestampAssigner(&Click::time);
}
template <class Stream>
void countPerMinute(const Stream& clicks, Channel<Click> results) {
    clicks.keyBy(&Click::key)
        .window(TumblingEventTimeWindows::of(1min))
        .sum(&Click::count)
        .name("clicks per minute")
        .sinkTo(ChannelSink(results))
        .name("results");
}

/// "NoRecordYet 'clicks' 1/2 script 3", one a line.
std::string causes(const StallReport& report) {
    std::string text;
    for (const StallFinding& each : report.findings) {
        text += std::string(toString(each.cause)) + " '" + each.name + "' " + std::to_string(each.subtask) + "/" +
                std::to_string(each.parallelism) + (each.split.empty() ? "" : " " + each.split) + "\n";
    }
    return text;
}

}  // namespace

TEST_CASE("explainStall names the one of two sources that has gone quiet, and since when", "[runtime][stall]") {
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
        CAPTURE(seed);
        StreamExecutionEnvironment env(SimulatedRuntime{seed});
        env.setParallelism(2);
        Channel<Click> busy(16);
        Channel<Click> quiet(16);
        Channel<Click> results(16);
        countPerMinute(env.fromSource(ChannelSource<Click>(busy), ordered(), "busy")
                           .unionWith(env.fromSource(ChannelSource<Click>(quiet), ordered(), "quiet")),
                       results);
        const auto job = env.executeAsync("clicks");
        REQUIRE(quiet.push({1, 1, Timestamp(1s)}));
        REQUIRE(busy.push({1, 1, Timestamp(2s)}));
        env.runtime().advance(1s);
        REQUIRE(busy.push({1, 1, Timestamp(90s)}));
        env.runtime().advance(59s);

        const StallReport report = job->explainStall();
        CHECK(causes(report) == "QuietInput 'quiet' 0/1\n");
        REQUIRE(report.findings.size() == 1);
        CHECK(report.findings[0].watermark == Timestamp(1s) - 1ns);
        CHECK(report.findings[0].since == 60s);
        CHECK(report.findings[0].records == 1);
        REQUIRE(report.waiting.size() == 1);
        CHECK(report.waiting[0].name == "clicks per minute");
        CHECK(report.waiting[0].watermark == Timestamp(1s) - 1ns);
        CHECK(report.idleInputs.empty());
        CHECK(
            report.toString() ==
            "job 'clicks' is RUNNING\n"
            "event time at 'clicks per minute' (subtask 0 of 2): 1970-01-01T00:00:00.999999999Z\n"
            "1. QuietInput: 'quiet' (subtask 0 of 1) has had nothing to read for 1min; it has got to "
            "1970-01-01T00:00:00.999999999Z, the smallest of all inputs. It needs records; .withIdleness(1min) on its "
            "strategy makes it not count while it is quiet.\n");
        busy.close();
        quiet.close();
        job->result();
        CHECK(job->explainStall().toString() == "job 'clicks' is FINISHED\n");
    }
}

TEST_CASE("explainStall names the source whose records are behind those of the others", "[runtime][stall]") {
    for (std::uint64_t seed = 0; seed < roundsToTry<std::uint64_t>(10); ++seed) {
        CAPTURE(seed);
        StreamExecutionEnvironment env(SimulatedRuntime{seed});
        env.setParallelism(2);
        env.setSourceAlignment(false);
        Channel<Click> results(16);
        Script<Click> fast;
        for (int i = 1; i <= 100; ++i) fast.element({1, 1, {}}, Timestamp(i * 1s));
        fast.pause(1h);
        // records keep coming, but as if their time were in another unit
        const DataGeneratorSource slow(
            [](std::uint64_t i) {
                return Click{1, 1, Timestamp(Duration(1000 * (i + 1)))};
            },
            200'000);
        std::shared_ptr<JobClient> job;
        StallReport report;
        const auto ask = [&](Click click) {  // in the middle of the slow source's task, which has records at hand
            if (click.time < Timestamp(150ms) || click.time.time_since_epoch() % 1ms != 0ns) return click;
            const StallReport now = job->explainStall();
            // else the windows have not taken yet what is on its way to them, and that is said
            if (!now.findings.empty() && now.findings[0].cause == StallCause::SlowestInput) report = now;
            return click;
        };
        countPerMinute(env.fromSource(ScriptedSource<Click>(fast), WatermarkStrategy::forMonotonousTimestamps(), "fast")
                           .unionWith(DataStream<Click>(
                               env.fromSource(slow, ordered(), "slow").setParallelism(1).map(ask).name("ask"))),
                       results);
        job = env.executeAsync("clicks");
        env.runtime().advance(1s);

        CHECK(causes(report) == "SlowestInput 'slow' 0/1\n");
        REQUIRE(report.findings.size() == 1);
        const StallFinding& finding = report.findings[0];
        CHECK(finding.watermark > Timestamp(140ms));
        CHECK(finding.watermark < Timestamp(200ms));
        CHECK(finding.since == 0s);
        CHECK(
            finding.text ==
            "'slow' (subtask 0 of 1) is the slowest input: records come, but have only got to " +
                detail::describeTime(finding.watermark) + ", " +
                detail::describeDuration(Timestamp(100s) - 1ns - finding.watermark) +
                " behind the furthest one. It may be catching up; if it is not, look at the unit of its timestamps and "
                "at the bound of its strategy.");
        job->cancel();
    }
}

TEST_CASE("explainStall names the subtask of a source that has no record, unless it is idle", "[runtime][stall]") {
    const bool idleness = GENERATE(false, true);
    StreamExecutionEnvironment env(SimulatedRuntime{7});
    env.setParallelism(1);
    Channel<Click> results(16);
    std::vector<Script<Click>> scripts(3);
    scripts[0].element({1, 1, {}}, Timestamp(10s)).pause(1h);
    scripts[1].pause(1h);
    scripts[2].element({1, 1, {}}, Timestamp(20s)).pause(1h);
    auto strategy = WatermarkStrategy::forMonotonousTimestamps();
    if (idleness) strategy = strategy.withIdleness(1s);
    DataStream<Click> clicks = env.fromSource(ScriptedSplits<Click>(scripts), strategy, "clicks").setParallelism(3);
    countPerMinute(clicks, results);
    const auto job = env.executeAsync();
    env.runtime().advance(30s);
    const StallReport report = job->explainStall();
    if (idleness) {
        // all three are by now: only their last watermarks count
        CHECK(causes(report) == "AllInputsIdle 'clicks per minute' 0/1\n");
        CHECK(report.idleInputs == std::vector<std::string>{"'clicks' (subtask 0 of 3)", "'clicks' (subtask 1 of 3)",
                                                            "'clicks' (subtask 2 of 3)"});
        CHECK(report.waiting[0].watermark == Timestamp(20s) - 1ns);
    } else {
        CHECK(causes(report) == "NoRecordYet 'clicks' 1/3 script 1\n");
        CHECK(report.waiting[0].watermark == kMinTimestamp);
        CHECK(report.findings[0].since == 30s);
    }
    job->cancel();
}

TEST_CASE("explainStall names the split within a reader of several", "[runtime][stall]") {
    StreamExecutionEnvironment env(SimulatedRuntime{3});
    env.setParallelism(1);
    Channel<Click> results(16);
    std::vector<Script<Click>> scripts(3);
    scripts[0].element({1, 1, {}}, Timestamp(10s)).pause(1h);
    scripts[1].element({1, 1, {}}, Timestamp(5s)).pause(1h);
    scripts[2].element({1, 1, {}}, Timestamp(20s)).pause(1h);
    countPerMinute(
        env.fromSource(ScriptedSplits<Click>(scripts), WatermarkStrategy::forMonotonousTimestamps(), "clicks"),
        results);
    const auto job = env.executeAsync();
    env.runtime().advance(30s);
    const StallReport report = job->explainStall();
    CHECK(causes(report) == "QuietInput 'clicks' 0/1 script 1\n");
    REQUIRE(report.findings.size() == 1);
    CHECK(report.findings[0].watermark == Timestamp(5s) - 1ns);
    CHECK(report.findings[0].records == 1);
    job->cancel();
}

TEST_CASE("explainStall names a generator that never emits, and a source without watermarks", "[runtime][stall]") {
    struct Never {
        void onEvent(const Click&, Timestamp, WatermarkOutput&) {}
        void onPeriodicEmit(WatermarkOutput&) {}
    };
    StreamExecutionEnvironment env(SimulatedRuntime{3});
    env.setParallelism(1);
    Channel<Click> results(16);
    Channel<Click> input(16);
    auto clicks = env.fromChannel(input, "input");
    DataStream<Click> timed = clicks.assignTimestampsAndWatermarks(
        WatermarkStrategy::forGenerator([] { return Never(); }).withTimestampAssigner(&Click::time));
    countPerMinute(timed, results);
    auto job = env.executeAsync();
    REQUIRE(input.push({1, 1, Timestamp(1s)}));
    env.runtime().advance(1s);
    CHECK(causes(job->explainStall()) == "NoWatermarkEmitted 'timestamps and watermarks' 0/1\n");
    job->cancel();
    CHECK_THROWS_AS(job->result(), JobCancelledException);

    // keyed by processing time: nobody needs watermarks, but whoever asks hears why there are none
    Channel<Click> more(16);
    env.fromChannel(more, "more").keyBy(&Click::key).sum(&Click::count).sinkTo(ChannelSink(results));
    job = env.executeAsync();
    env.runtime().advance(1s);
    CHECK(causes(job->explainStall()) == "NoWatermarkStrategy 'more' 0/1\n");
    job->cancel();
}

TEST_CASE("explainStall follows back pressure to the sink that takes nothing", "[runtime][stall]") {
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
        CAPTURE(seed);
        StreamExecutionEnvironment env(SimulatedRuntime{seed});
        env.setParallelism(2);
        Channel<Click> results(2);
        DataGeneratorSource source(
            [](std::uint64_t i) {
                return Click{static_cast<int>(i % 8), 1, Timestamp(i * 1s)};
            },
            10'000'000);
        countPerMinute(env.fromSource(source, ordered(), "numbers"), results);
        const auto job = env.executeAsync();
        env.runtime().advance(1s);
        const StallReport report = job->explainStall();
        INFO(report.toString());
        REQUIRE_FALSE(report.findings.empty());
        for (const StallFinding& each : report.findings) {
            CHECK(each.cause == StallCause::BlockedSink);
            CHECK(each.name == "results");
        }
        job->cancel();
    }
}

TEST_CASE("explainStall says who pauses, and for whom", "[runtime][stall]") {
    StreamExecutionEnvironment env(SimulatedRuntime{3});
    env.setParallelism(1);
    Channel<Click> results(100);
    Channel<Click> ahead(16);
    Channel<Click> behind(16);
    const auto strategy = ordered().withWatermarkAlignment("clicks", 10s);
    countPerMinute(env.fromSource(ChannelSource<Click>(ahead), strategy, "ahead"), results);
    env.fromSource(ChannelSource<Click>(behind), strategy, "behind").addSink([](const Click&) {});
    const auto job = env.executeAsync();
    REQUIRE(behind.push({1, 1, Timestamp(1s)}));
    env.runtime().advance(1s);
    REQUIRE(ahead.push({1, 1, Timestamp(30s)}));
    env.runtime().advance(1s);
    REQUIRE(ahead.push({1, 1, Timestamp(90s)}));
    env.runtime().advance(60s);
    const StallReport report = job->explainStall();
    CHECK(causes(report) == "PausedByAlignment 'ahead' 0/1\nQuietInput 'behind' 0/1\n");
    CHECK_THAT(report.toString(), Catch::Matchers::ContainsSubstring("in the alignment group 'clicks'"));
    REQUIRE(behind.push({1, 1, Timestamp(81s)}));
    env.runtime().advance(1s);
    CHECK(results.drain().size() == 1);
    CHECK(causes(job->explainStall()) == "QuietInput 'ahead' 0/1\n");
    ahead.close();
    behind.close();
    job->result();
}

TEST_CASE("explainStall names an operator that nobody runs", "[runtime][stall]") {
    StreamExecutionEnvironment env(CallerRuntime{});
    Channel<Click> results(16);
    Channel<Click> input(16);
    countPerMinute(env.fromSource(ChannelSource<Click>(input), ordered(), "input"), results);
    const auto job = env.executeAsync();
    CHECK(causes(job->explainStall()) == "NotScheduled 'input' 0/1\n");
    while (job->step()) {}
    CHECK(causes(job->explainStall()) == "NoRecordYet 'input' 0/1\n");
    job->cancel();
}

TEST_CASE("explainStall may be called from any thread while a job runs and ends", "[runtime][stall][threads]") {
    StreamExecutionEnvironment env(ThreadPoolRuntime(2));
    env.setParallelism(2);
    std::vector<Script<Click>> scripts(8);
    for (std::size_t s = 0; s < scripts.size(); ++s) {
        for (int i = 0; i < 2000; ++i) {
            scripts[s].element({i % 7, 1, {}}, Timestamp(i * 1s));
            if (i % 16 == 0) scripts[s].endBlock();
        }
    }
    std::atomic<std::int64_t> total{0};
    env.fromSource(ScriptedSplits<Click>(scripts),
                   WatermarkStrategy::forMonotonousTimestamps().withWatermarkAlignment("all", 100s), "clicks")
        .keyBy(&Click::key)
        .window(TumblingEventTimeWindows::of(1min))
        .sum(&Click::count)
        .addSink([&](const Click& click) { total += click.count; });
    const auto job = env.executeAsync();
    std::vector<std::thread> asking;
    for (int i = 0; i < 2; ++i) {
        asking.emplace_back([&] {
            while (!job->isDone()) (void)job->explainStall().toString();
        });
    }
    job->result();
    for (std::thread& each : asking) each.join();
    CHECK(total == 16000);
    CHECK(job->explainStall().findings.empty());
}
