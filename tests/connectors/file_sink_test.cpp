#include <millrace/connectors/file_sink.hpp>
#include <millrace/connectors/file_source.hpp>

#include <connectors/fake_source_context.hpp>
#include <connectors/temp_directory.hpp>
#include <support/catch.hpp>
#include <support/checkpointed_run.hpp>

#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace millrace;
using Catch::Matchers::ContainsSubstring;
using testing::readAll;
using testing::readFile;
using testing::TempDirectory;
using Lines = std::vector<std::string>;

struct Average {
    std::string industry;
    double price;
    bool operator==(const Average&) const = default;
};

static_assert(SinkFor<FormatFileSink<TextLineFormat>, std::string>);
static_assert(SinkFor<FormatFileSink<CsvFormat<Average>>, Average>);

TEST_CASE("a file has its name when the input has ended, not before", "[connectors][file]") {
    const TempDirectory directory;
    const auto path = directory.write("out.txt", "from the last run\n");
    auto writer = FileSink::lines(path).createWriter({});
    writer.write("one", {});
    writer.write("two", {});
    writer.flush(false);
    CHECK(readFile(path) == "from the last run\n");
    CHECK(readFile(directory.path(".out.txt.inprogress")) == "one\ntwo\n");
    CHECK(readAll(FileSource::lines(directory.path())) == Lines{"from the last run"});  // not seen by a reader
    writer.write("three", {});
    writer.flush(true);
    writer.close();
    CHECK(readFile(path) == "one\ntwo\nthree\n");
    CHECK_FALSE(std::filesystem::exists(directory.path(".out.txt.inprogress")));
}

TEST_CASE("what a failed job has written stays in the file in progress", "[connectors][file]") {
    const TempDirectory directory;
    auto writer = FileSink::lines(directory.path("out.txt")).createWriter({});
    writer.write("one", {});
    writer.close();
    CHECK_FALSE(std::filesystem::exists(directory.path("out.txt")));
    CHECK(readFile(directory.path(".out.txt.inprogress")) == "one\n");
}

TEST_CASE("CSV that was written is read back, from one file or from parts", "[connectors][file]") {
    const TempDirectory directory;
    const int parallelism = GENERATE(1, 3);
    CAPTURE(parallelism);
    const auto path = directory.path("averages.csv");
    const auto sink = FileSink::csv<Average>(path);
    std::vector<Average> written;
    for (int subtask = 0; subtask < parallelism; ++subtask) {
        auto writer = sink.createWriter({subtask, parallelism, {}});
        for (int i = 0; i < 5000; ++i) {
            written.push_back({"Food, \"beverages\" & " + std::to_string(subtask), i / 4.0});
            writer.write(written.back(), {});
        }
        writer.flush(true);
        writer.close();
    }
    CHECK((readAll(FileSource::csv<Average>(path), 1000) == written));
    CHECK(std::filesystem::exists(directory.path("averages.csv/averages-2.csv")) == (parallelism == 3));
}

TEST_CASE("parts of an earlier run with more subtasks are not mixed in", "[connectors][file]") {
    const TempDirectory directory;
    directory.write("out.csv/out-2.csv", "industry,price\n");
    const auto sink = FileSink::csv<Average>(directory.path("out.csv"));
    CHECK_THROWS_WITH(sink.createWriter({0, 2, {}}), ContainsSubstring("out-2.csv") && ContainsSubstring("remove"));
    CHECK_NOTHROW(sink.createWriter({0, 3, {}}));
    CHECK_THROWS_WITH(sink.createWriter({}), ContainsSubstring("Is a directory"));
}

TEST_CASE("a file that cannot be written is an error with path and cause", "[connectors][file]") {
    const TempDirectory directory;
    const auto nowhere = FileSink::lines(directory.path("missing/out.txt"));
    CHECK_THROWS_AS(nowhere.createWriter({}), IoException);
    CHECK_THROWS_WITH(nowhere.createWriter({}),
                      ContainsSubstring("missing/") && ContainsSubstring("No such file or directory"));
    CHECK_THROWS_AS(FileSink::lines(""), ConfigurationException);

    // /dev/full stands for a disk that is full; devices are written to directly
    auto writer = FileSink::lines("/dev/full").createWriter({});
    writer.write("one", {});
    CHECK_THROWS_WITH(writer.flush(true), ContainsSubstring("/dev/full") && ContainsSubstring("No space left"));
    CHECK_NOTHROW(writer.close());
}

// ---- with checkpoints ----

using AverageSink = detail::WriterSinkOperator<Average, FormatFileSink<CsvFormat<Average>>>;
using Harness = testsupport::OperatorHarness<AverageSink>;

std::unique_ptr<Harness> harnessOf(const std::string& path, int subtask = 0, int parallelism = 1) {
    auto harness = std::make_unique<Harness>(AverageSink{FileSink::csv<Average>(path)});
    harness->context.isCheckpointed = true;
    harness->context.subtaskIndex = subtask;
    harness->context.parallelism = parallelism;
    return harness;
}

TEST_CASE("a file has each record once, wherever the job crashes, and its name after the last checkpoint",
          "[connectors][file]") {
    std::vector<Average> input;
    std::string expected = "industry,price\n";
    for (int i = 0; i < 9; ++i) {
        input.push_back({"industry " + std::to_string(i), 1.0 * i});
        expected += "industry " + std::to_string(i) + "," + std::to_string(i) + "\n";
    }
    bool more = true;
    for (std::size_t first = 0; more; ++first) {
        for (const std::size_t apart : {0, 1, 3, 6}) {
            CAPTURE(first, apart);
            const TempDirectory directory(testing::inMemoryDirectory());
            const std::string path = directory.write("out.csv", "from the last run\n");
            testsupport::CheckpointedRun<AverageSink> run(AverageSink{FileSink::csv<Average>(path)}, input, 4);
            const bool crashed =
                run.run(apart == 0 ? std::set<std::size_t>{first} : std::set<std::size_t>{first, first + apart});
            CHECK(readFile(path) == expected);
            CHECK_FALSE(std::filesystem::exists(directory.path(".out.csv.inprogress")));
            CHECK(run.ended());
            if (apart == 0) more = crashed;
        }
    }
}

TEST_CASE("a file is not committed before its checkpoint is complete, and once is enough", "[connectors][file]") {
    const TempDirectory directory;
    const auto harness = harnessOf(directory.path("out.csv"));
    harness->open();
    harness->element({"a", 1}, 0);
    harness->stage().endInput(0);
    harness->stage().prepareBarrier(1);
    const MemorySnapshot snapshot = harness->snapshot();
    CHECK_FALSE(std::filesystem::exists(directory.path("out.csv")));
    harness->stage().notifyCheckpointComplete(1);
    CHECK(readFile(directory.path("out.csv")) == "industry,price\na,1\n");
    for (int times = 0; times < 2; ++times) {
        const auto restored = harnessOf(directory.path("out.csv"));
        restored->openFrom(snapshot);
        restored->stage().endInput(0);
        CHECK(readFile(directory.path("out.csv")) == "industry,price\na,1\n");
    }
}

TEST_CASE("one file per subtask cannot be shared out: another parallelism is refused", "[connectors][file]") {
    const TempDirectory directory;
    std::vector<MemorySnapshot> taken;
    for (int subtask = 0; subtask < 2; ++subtask) {
        const auto harness = harnessOf(directory.path("out.csv"), subtask, 2);
        harness->open();
        harness->element({"a", 1}, 0);
        harness->stage().prepareBarrier(1);
        taken.push_back(harness->snapshot());
    }
    const auto messageOf = [&](int subtask, int parallelism) -> std::string {
        try {
            const auto states = testsupport::rescaled(taken, parallelism);
            harnessOf(directory.path("out.csv"), subtask, parallelism)
                ->openFrom(*states[static_cast<std::size_t>(subtask)]);
        } catch (const std::exception& error) {
            return describeException(error);
        }
        return "";
    };
    CHECK(messageOf(1, 2).empty());
    CHECK_THAT(messageOf(0, 1), ContainsSubstring("Is a directory"));
    CHECK(messageOf(2, 3).empty());  // the third has no file yet
    directory.write("out.csv/out-2.csv", "x");
    CHECK_THAT(messageOf(2, 3), ContainsSubstring("no file of this subtask, but there is one already") &&
                                    ContainsSubstring("FileSink::forRowFormat"));
}

}  // namespace
