#include <millrace/connectors/row_file_sink.hpp>

#include <millrace/connectors/file_source.hpp>
#include <millrace/core/log.hpp>
#include <millrace/formats/json_lines_format.hpp>

#include <connectors/fake_source_context.hpp>
#include <connectors/temp_directory.hpp>
#include <support/catch.hpp>
#include <support/checkpointed_run.hpp>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <regex>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace millrace;
using namespace millrace::testsupport;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using testing::readFile;
using testing::TempDirectory;
using Texts = std::vector<std::string>;
namespace fs = std::filesystem;

/// Finished files: path below `directory` and content.
std::map<std::string, std::string> finishedFiles(const std::string& directory) {
    std::map<std::string, std::string> files;
    if (!fs::exists(directory)) return files;
    for (const auto& entry : fs::recursive_directory_iterator(directory)) {
        if (!entry.is_regular_file() || entry.path().filename().string().starts_with('.')) continue;
        files[fs::relative(entry.path(), directory).string()] = readFile(entry.path().string());
    }
    return files;
}
/// Their contents with the bucket in front, sorted.
Texts finishedContents(const std::string& directory) {
    Texts contents;
    for (const auto& [path, content] : finishedFiles(directory)) {
        const std::string bucket = fs::path(path).parent_path().string();
        contents.push_back(bucket + ":" + content);
    }
    std::sort(contents.begin(), contents.end());
    return contents;
}
Texts filesInProgress(const std::string& directory) {
    Texts paths;
    for (const auto& entry : fs::recursive_directory_iterator(directory)) {
        if (entry.path().filename().string().starts_with('.')) paths.push_back(entry.path().string());
    }
    std::sort(paths.begin(), paths.end());
    return paths;
}

struct Reading {
    std::string sensor;
    int value = 0;
};

auto lines(const std::string& path) {
    return FileSink::forRowFormat(path, TextLineFormat{}).withBucketAssigner(BasePathBucketAssigner{});
}
template <class Sink, class T = std::string>
using SinkOperator = detail::WriterSinkOperator<T, Sink>;
template <class T = std::string, class Sink>
std::unique_ptr<OperatorHarness<SinkOperator<Sink, T>>> harnessOf(const Sink& sink, bool isCheckpointed = true) {
    auto harness = std::make_unique<OperatorHarness<SinkOperator<Sink, T>>>(SinkOperator<Sink, T>{sink});
    harness->context.isCheckpointed = isCheckpointed;
    return harness;
}
template <class Harness>
MemorySnapshot checkpoint(Harness& harness, std::int64_t id) {
    harness->stage().prepareBarrier(id);
    return harness->snapshot();
}

TEST_CASE("a part file is in progress, then pending, then finished when its checkpoint is complete",
          "[connectors][file]") {
    const TempDirectory directory;
    const auto harness = harnessOf(lines(directory.path("out")).withRollingPolicy(OnCheckpointRollingPolicy()));
    harness->open();
    harness->element("one", 0);
    harness->element("two", 0);
    REQUIRE(filesInProgress(directory.path("out")).size() == 1);
    const std::string hidden = fs::path(filesInProgress(directory.path("out")).front()).filename().string();
    const std::string uid = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}";
    CHECK(std::regex_match(hidden, std::regex("\\.part-" + uid + "-0\\.inprogress")));
    checkpoint(harness, 1);
    CHECK(finishedContents(directory.path("out")).empty());
    harness->element("three", 0);
    harness->stage().notifyCheckpointComplete(1);
    CHECK(finishedContents(directory.path("out")) == Texts{":one\ntwo\n"});
    CHECK(finishedFiles(directory.path("out")).begin()->first == hidden.substr(1, hidden.size() - 12));

    harness->stage().endInput(0);
    checkpoint(harness, 2);
    CHECK(finishedContents(directory.path("out")) == Texts{":one\ntwo\n"});
    harness->stage().notifyCheckpointComplete(2);
    CHECK(finishedContents(directory.path("out")) == Texts{":one\ntwo\n", ":three\n"});
    CHECK(filesInProgress(directory.path("out")).empty());
    CHECK(testing::readAll(FileSource::lines(directory.path("out"))).size() == 3);
}

TEST_CASE("without checkpoints all part files are finished when the input ends", "[connectors][file]") {
    const TempDirectory directory;
    const auto sink = FileSink::forRowFormat(directory.path("out"), CsvFormat<Reading>{})
                          .withBucketAssigner(&Reading::sensor)
                          .withOutputFileConfig({.partPrefix = "readings", .partSuffix = ".csv"})
                          .build();
    const auto harness = harnessOf<Reading>(sink, false);
    harness->open();
    for (int i = 0; i < 4; ++i) harness->element({i % 2 == 0 ? "even" : "odd/deep", i}, 0);
    CHECK(finishedContents(directory.path("out")).empty());
    harness->stage().endInput(0);
    harness->stage().close();
    CHECK(finishedContents(directory.path("out")) ==
          Texts{"even:sensor,value\neven,0\neven,2\n", "odd/deep:sensor,value\nodd/deep,1\nodd/deep,3\n"});
    for (const auto& [path, content] : finishedFiles(directory.path("out"))) {
        const std::string name = fs::path(path).filename().string();
        CHECK(name.starts_with("readings-"));
        CHECK(name.ends_with(".csv"));
    }
}

TEST_CASE("JSON lines go into part files, too", "[connectors][file]") {
    const TempDirectory directory;
    const auto sink = FileSink::forRowFormat(directory.path(), JsonLinesFormat<Reading>{})
                          .withBucketAssigner(BasePathBucketAssigner{});
    const auto harness = harnessOf<Reading>(sink, false);
    harness->open();
    harness->element({"a", 1}, 0);
    harness->stage().endInput(0);
    CHECK(finishedContents(directory.path()) == Texts{":{\"sensor\":\"a\",\"value\":1}\n"});
}

TEST_CASE("a part rolls with the record after the one that makes it too large, and at a checkpoint",
          "[connectors][file]") {
    const TempDirectory directory;
    const auto harness =
        harnessOf(lines(directory.path()).withRollingPolicy(DefaultRollingPolicy().withMaxPartSize(7)));
    harness->open();
    harness->element("1234567", 0);  // 8 bytes: larger
    harness->element("abc", 0);      // a new part of 4 bytes
    harness->element("de", 0);       // 7 bytes: not larger
    harness->element("f", 0);        // 9 bytes
    checkpoint(harness, 1);
    harness->element("g", 0);
    harness->stage().notifyCheckpointComplete(1);
    CHECK(finishedContents(directory.path()) == Texts{":1234567\n", ":abc\nde\nf\n"});
    checkpoint(harness, 2);
    harness->stage().notifyCheckpointComplete(2);
    CHECK(finishedContents(directory.path()).size() == 2);  // "g" goes on
}

TEST_CASE("a part rolls when it has been open, or idle, for too long, by the clock of the job", "[connectors][file]") {
    const TempDirectory directory;
    const auto harness =
        harnessOf(lines(directory.path())
                      .withRollingPolicy(DefaultRollingPolicy().withRolloverInterval(10s).withInactivityInterval(4s))
                      .withBucketCheckInterval(2s));
    const auto advanceTo = [&](std::int64_t seconds) {
        auto& context = harness->context;
        context.now = Timestamp(seconds * 1s);
        harness->stage().onProcessingTime(context.now);
    };
    const auto finished = [&] {
        checkpoint(harness, 1);
        harness->stage().notifyCheckpointComplete(1);
        return finishedContents(directory.path());
    };
    harness->open();
    CHECK(harness->context.requested == std::vector<std::int64_t>{2'000'000'000});
    for (int second = 0; second < 12; second += 2) {
        advanceTo(second);
        harness->element("busy " + std::to_string(second), 0);
    }
    CHECK(finished() == Texts{":busy 0\nbusy 2\nbusy 4\nbusy 6\nbusy 8\n"});  // rolled at 10 s
    advanceTo(12);
    advanceTo(14);
    CHECK(finished().size() == 1);
    advanceTo(16);  // nothing since the look at 12 s
    CHECK(finished() == Texts{":busy 0\nbusy 2\nbusy 4\nbusy 6\nbusy 8\n", ":busy 10\n"});
}

TEST_CASE("the default is a bucket per hour of processing time and the policy of 128 MiB and 60 s",
          "[connectors][file]") {
    const TempDirectory directory;
    const auto harness = harnessOf(FileSink::forRowFormat(directory.path(), TextLineFormat{}));
    harness->context.now = Timestamp(std::chrono::sys_days{std::chrono::year{2024} / 3 / 9} + 7h + 59min + 59s);
    harness->open();
    harness->element("a", 0);
    harness->context.now += 1s;
    harness->element("b", 0);
    harness->stage().endInput(0);
    checkpoint(harness, 1);
    harness->stage().notifyCheckpointComplete(1);
    CHECK(finishedContents(directory.path()) == Texts{"2024-03-09--07:a\n", "2024-03-09--08:b\n"});
    const RollingPolicy policy = DefaultRollingPolicy();
    CHECK(policy.maxPartSize == 134'217'728);
    CHECK(policy.rolloverInterval == 60s);
    CHECK(policy.inactivityInterval == 60s);
    CHECK_FALSE(policy.onCheckpoint);
}

TEST_CASE("a bucket's text follows its pattern, before 1970 too, and the offset from UTC", "[connectors][file]") {
    const Timestamp time(std::chrono::sys_days{std::chrono::year{2024} / 12 / 31} + 23h + 5min + 9s + 1ns);
    CHECK(DateTimeBucketAssigner("yyyy/MM/dd").bucketAt(time) == "2024/12/31");
    CHECK(DateTimeBucketAssigner("yyyyMMdd'T'HHmmss", 1h).bucketAt(time) == "20250101T000509");
    CHECK(DateTimeBucketAssigner("'hour '''HH").bucketAt(time) == "hour '23");
    CHECK(DateTimeBucketAssigner("yyyy-MM-dd--HH").bucketAt(Timestamp(-1ns)) == "1969-12-31--23");
    DateTimeBucketAssigner hours("HH:mm");
    CHECK(hours.bucketAt(Timestamp(59s)) == "00:00");
    CHECK(hours.bucketAt(Timestamp(60s)) == "00:01");
    CHECK(hours.bucketAt(Timestamp(59s)) == "00:00");
    CHECK_THROWS_WITH(DateTimeBucketAssigner("yyyy-QQ"), ContainsSubstring("'QQ' in \"yyyy-QQ\" is none of yyyy"));
    CHECK_THROWS_WITH(DateTimeBucketAssigner("yy"), ContainsSubstring("'yy'"));
    CHECK_THROWS_WITH(DateTimeBucketAssigner("'open"), ContainsSubstring("not closed"));
}

TEST_CASE("a bucket outside of the path, and settings that cannot work, are refused", "[connectors][file]") {
    const TempDirectory directory;
    for (const std::string bucket : {"..", "a/../../b", "/etc", "a//b", "a/"}) {
        CAPTURE(bucket);
        const auto harness = harnessOf(
            FileSink::forRowFormat(directory.path(), TextLineFormat{}).withBucketAssigner([bucket](const std::string&) {
                return bucket;
            }));
        harness->open();
        CHECK_THROWS_AS(harness->element("x", 0), UserFunctionException);
    }
    const auto sink = lines(directory.path());
    CHECK_THROWS_AS(sink.withOutputFileConfig({.partPrefix = ".part"}), ConfigurationException);
    CHECK_THROWS_AS(sink.withOutputFileConfig({.partSuffix = "/x"}), ConfigurationException);
    CHECK_THROWS_AS(sink.withBucketCheckInterval(0s), ConfigurationException);
    CHECK_THROWS_AS(DefaultRollingPolicy().withMaxPartSize(0), ConfigurationException);
    CHECK_THROWS_AS(DefaultRollingPolicy().withRolloverInterval(0s), ConfigurationException);
    CHECK_THROWS_AS(lines(""), ConfigurationException);
    const auto path = directory.write("file", "x");
    CHECK_THROWS_WITH(lines(path).createWriter({}), ContainsSubstring("Not a directory"));
}

// ---- failures ----

/// Runs with crashes at every step, alone and in pairs, and compares what is finished at the end.
template <class MakeSink>
void crashEverywhere(MakeSink makeSink, Duration timePerElement, bool compareFiles) {
    Texts input;
    for (int i = 0; i < 13; ++i) input.push_back("line " + std::to_string(i));
    const auto run = [&](const std::set<std::size_t>& crashes, Texts& contents) {
        const TempDirectory directory(testing::inMemoryDirectory());
        const std::string path = directory.path("out");
        using Sink = decltype(makeSink(path));
        CheckpointedRun<SinkOperator<Sink>> job(SinkOperator<Sink>{makeSink(path)}, input, 4);
        job.timePerElement = timePerElement;
        std::map<std::string, std::string> seen;
        job.afterStep = [&] {
            auto now = finishedFiles(path);
            for (const auto& [name, content] : seen) {
                if (now[name] != content) FAIL("finished file " << name << " has changed");
            }
            seen = std::move(now);
        };
        const bool crashed = job.run(crashes);
        CHECK(job.ended());
        contents = finishedContents(path);
        if (compareFiles) return crashed;
        std::multiset<std::string> all;
        for (const std::string& content : contents) {
            const std::size_t colon = content.find(':');
            for (std::size_t at = colon + 1; at < content.size(); at = content.find('\n', at) + 1) {
                all.insert(content.substr(0, colon + 1) + content.substr(at, content.find('\n', at) - at));
            }
        }
        contents.assign(all.begin(), all.end());
        return crashed;
    };
    Texts expected;
    run({}, expected);
    CHECK(!expected.empty());
    bool more = true;
    for (std::size_t first = 0; more; ++first) {
        for (const std::size_t apart : {0, 1, 2, 5, 9}) {
            CAPTURE(first, apart);
            Texts contents;
            const bool crashed =
                run(apart == 0 ? std::set<std::size_t>{first} : std::set<std::size_t>{first, first + apart}, contents);
            CHECK(contents == expected);
            if (apart == 0) more = crashed;
        }
    }
}

TEST_CASE("a file sink that crashes at any step finishes the same files as an undisturbed one", "[connectors][file]") {
    SECTION("rolled at checkpoints") {
        crashEverywhere(
            [](const std::string& path) { return lines(path).withRollingPolicy(OnCheckpointRollingPolicy()); }, 0s,
            true);
    }
    SECTION("rolled by size") {
        crashEverywhere(
            [](const std::string& path) {
                return lines(path).withRollingPolicy(DefaultRollingPolicy().withMaxPartSize(30));
            },
            0s, true);
    }
    SECTION("one part in each of two buckets, until the end") {
        crashEverywhere(
            [](const std::string& path) {
                return lines(path).withBucketAssigner(
                    [](const std::string& line) { return std::to_string(line.size() % 2); });
            },
            0s, true);
    }
    SECTION("rolled by time: the same lines") {
        crashEverywhere(
            [](const std::string& path) {
                return lines(path)
                    .withRollingPolicy(DefaultRollingPolicy().withRolloverInterval(3s))
                    .withBucketCheckInterval(1s);
            },
            1s, false);
    }
}

TEST_CASE("a restored part in progress is cut to its length in the checkpoint and written on", "[connectors][file]") {
    const TempDirectory directory;
    const auto sink = lines(directory.path());
    MemorySnapshot snapshot;
    {
        const auto harness = harnessOf(sink);
        harness->open();
        harness->element("one", 0);
        snapshot = checkpoint(harness, 1);
        CHECK(readFile(filesInProgress(directory.path()).front()) == "one\n");
        harness->element("two", 0);
        checkpoint(harness, 2);
        CHECK(readFile(filesInProgress(directory.path()).front()) == "one\ntwo\n");
    }
    const auto harness = harnessOf(sink);
    harness->openFrom(snapshot);
    CHECK(readFile(filesInProgress(directory.path()).front()) == "one\n");
    harness->element("2", 0);
    harness->stage().endInput(0);
    checkpoint(harness, 2);
    harness->stage().notifyCheckpointComplete(2);
    CHECK(finishedContents(directory.path()) == Texts{":one\n2\n"});
    CHECK(filesInProgress(directory.path()).empty());
}

TEST_CASE("parts in progress and pending parts are shared out when the parallelism changes", "[connectors][file]") {
    const auto [from, to] = GENERATE(std::pair(2, 3), std::pair(3, 1));
    CAPTURE(from, to);
    const TempDirectory directory;
    const auto sink = lines(directory.path()).withRollingPolicy(DefaultRollingPolicy().withMaxPartSize(10));
    std::vector<MemorySnapshot> taken;
    Texts expected;
    for (int subtask = 0; subtask < from; ++subtask) {
        const auto harness = harnessOf(sink);
        harness->open();
        const std::string name = "subtask " + std::to_string(subtask);
        harness->element(name + " a", 0);
        harness->element(name + " b", 0);
        harness->element("c", 0);
        taken.push_back(checkpoint(harness, 1));
        harness->element("lost", 0);
        for (const char* end : {" a", " b", " c"}) expected.push_back(name + end);
    }
    std::vector<std::unique_ptr<OperatorHarness<SinkOperator<decltype(lines(""))>>>> restored;
    for (const auto& state : rescaled(taken, to)) {
        restored.push_back(harnessOf(sink));
        restored.back()->openFrom(*state);
    }
    CHECK(finishedContents(directory.path()).size() == static_cast<std::size_t>(2 * from));
    std::size_t number = 0;
    for (const auto& harness : restored) harness->element("new " + std::to_string(number++), 0);
    for (const auto& harness : restored) {
        harness->stage().endInput(0);
        checkpoint(harness, 2);
        harness->stage().notifyCheckpointComplete(2);
    }
    std::string all;
    for (const std::string& content : finishedContents(directory.path())) all += content.substr(1);
    Texts found;
    for (std::size_t at = 0; at < all.size(); at = all.find('\n', at) + 1) {
        found.push_back(all.substr(at, all.find('\n', at) - at));
    }
    std::sort(found.begin(), found.end());
    Texts wanted;
    for (int subtask = 0; subtask < from; ++subtask) {
        wanted.push_back("c");
        for (const char* end : {" a", " b"}) wanted.push_back("subtask " + std::to_string(subtask) + end);
    }
    for (std::size_t i = 0; i < number; ++i) wanted.push_back("new " + std::to_string(i));
    std::sort(wanted.begin(), wanted.end());
    CHECK(found == wanted);
}

TEST_CASE("a part that cannot be committed or written on fails the job and says why", "[connectors][file]") {
    const TempDirectory directory;
    const auto sink = lines(directory.path("out"));
    const auto messageOf = [](auto call) -> std::string {
        try {
            call();
        } catch (const std::exception& error) {
            return describeException(error);
        }
        return "no exception";
    };
    const auto harness = harnessOf(sink);
    harness->open();
    harness->element("one", 0);
    const MemorySnapshot inProgress = checkpoint(harness, 1);
    harness->element("two", 0);
    harness->stage().endInput(0);
    const MemorySnapshot pending = checkpoint(harness, 2);
    const std::string hidden = filesInProgress(directory.path("out")).front();
    const auto restore = [&](const MemorySnapshot& snapshot) {
        const auto restored = harnessOf(sink);
        restored->openFrom(snapshot);
    };

    SECTION("gone before it was committed") {
        fs::remove(hidden);
        CHECK_THAT(messageOf([&] { harness->stage().notifyCheckpointComplete(2); }),
                   ContainsSubstring("cannot commit the output file") && ContainsSubstring("No such file") &&
                       ContainsSubstring("part-"));
    }
    SECTION("the directory is gone") {
        fs::rename(directory.path("out"), directory.path("elsewhere"));
        CHECK_THAT(messageOf([&] { harness->stage().notifyCheckpointComplete(2); }), ContainsSubstring("No such file"));
        fs::rename(directory.path("elsewhere"), directory.path("out"));
        restore(pending);  // the job starts again: now it can be committed
        CHECK(finishedContents(directory.path("out")) == Texts{":one\ntwo\n"});
    }
    SECTION("committed twice, and moved away in between") {
        harness->stage().notifyCheckpointComplete(2);
        CHECK(finishedContents(directory.path("out")) == Texts{":one\ntwo\n"});
        restore(pending);
        restore(pending);
        CHECK(finishedContents(directory.path("out")) == Texts{":one\ntwo\n"});
        fs::remove_all(directory.path("out"));
        Texts logged;
        setLogCallback([&](LogLevel, std::string_view text) { logged.emplace_back(text); });
        restore(pending);
        setLogCallback({});
        CHECK(finishedContents(directory.path("out")).empty());
        REQUIRE(logged.size() == 1);
        CHECK_THAT(logged.front(), ContainsSubstring("taken for committed"));
    }
    SECTION("finished after the checkpoint that is restored") {
        harness->stage().notifyCheckpointComplete(2);
        CHECK_THAT(messageOf([&] { restore(inProgress); }),
                   ContainsSubstring("was finished after the checkpoint that is restored"));
        CHECK(finishedContents(directory.path("out")) == Texts{":one\ntwo\n"});
    }
    SECTION("shorter than the checkpoint knows it") {
        fs::resize_file(hidden, 2);
        CHECK_THAT(messageOf([&] { restore(inProgress); }),
                   ContainsSubstring("the checkpoint has 4 bytes of it, but there are 2"));
    }
    SECTION("gone") {
        fs::remove(hidden);
        CHECK_THAT(messageOf([&] { restore(inProgress); }),
                   ContainsSubstring("cannot go on writing") && ContainsSubstring("No such file"));
    }
}

}  // namespace
