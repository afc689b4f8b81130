#include <millrace/connectors/file_sink.hpp>
#include <millrace/connectors/file_source.hpp>
#include <millrace/formats/json_lines_format.hpp>

#include <connectors/fake_source_context.hpp>
#include <connectors/temp_directory.hpp>
#include <support/catch.hpp>

#include <string>
#include <vector>

namespace {

using namespace millrace;
using Catch::Matchers::ContainsSubstring;
using testing::readAll;
using testing::TempDirectory;

struct Reading {
    std::string sensor;
    double value;
    bool operator==(const Reading&) const = default;
};

TEST_CASE("JSON lines go through files as any format does", "[connectors][file]") {
    const TempDirectory directory;
    const auto path = directory.path("readings.jsonl");
    const std::vector<Reading> written{{"roof \"north\"", 1.5}, {"cellar", -2}};
    auto writer = FileSink::of(JsonLinesFormat<Reading>{}, path).createWriter({});
    for (const Reading& reading : written) writer.write(reading, {});
    writer.flush(true);
    writer.close();
    CHECK(readAll(FileSource::of(JsonLinesFormat<Reading>{}, path).splitSize(10)) == written);
}

TEST_CASE("a malformed JSON line says where and why", "[connectors][file]") {
    const TempDirectory directory;
    const auto path = directory.write("readings.jsonl",
                                      "{\"sensor\": \"a\", \"value\": 1}\n\n"
                                      "{\"sensor\": \"b\", \"value\": \"high\"}\n");
    CHECK_THROWS_AS(readAll(FileSource::of(JsonLinesFormat<Reading>{}, path)), FormatException);
    CHECK_THROWS_WITH(readAll(FileSource::of(JsonLinesFormat<Reading>{}, path)),
                      ContainsSubstring(path + ":3:") && ContainsSubstring("value") && ContainsSubstring("high"));
}

}  // namespace
