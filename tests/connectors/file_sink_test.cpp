#include <millrace/connectors/file_sink.hpp>
#include <millrace/connectors/file_source.hpp>

#include <connectors/fake_source_context.hpp>
#include <connectors/temp_directory.hpp>
#include <support/catch.hpp>

#include <filesystem>
#include <string>
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

}  // namespace
