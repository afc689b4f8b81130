#include <millrace/checkpoint/state_contents.hpp>
// first: it stands alone
#include <millrace/checkpoint/file_checkpoint_store.hpp>
#include <millrace/state/key_group_state.hpp>
#include <millrace/testing/memory_file_system.hpp>

#include <checkpoint/checkpoint_fixtures.hpp>
#include <support/catch.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

using namespace checkpoint_fixtures;
using Catch::Matchers::ContainsSubstring;
using millrace::testing::MemoryFileSystem;

namespace {

struct Place {
    std::string path;
    std::uint64_t line = 0;
};

/// The pieces of "count" as operators write them, and those of "source".
void writeContents(CheckpointStore& store) {
    MemorySnapshot part;
    const StateLayout windows{"windows",
                              {{"window", &kTypeInfo<std::int64_t>, true},
                               {"key", &kTypeInfo<std::string>},
                               {"value", &kTypeInfo<std::vector<std::int32_t>>}}};
    KeyGroupWriter writer(64, 1);
    for (std::int64_t window = 0; window < 3; ++window) {
        for (int i = 0; i < 20; ++i) {
            const std::string key = "key " + std::to_string(i);
            ByteWriter& group = writer.of(key);
            group.write(window);
            encodeTo(group, key);
            encodeTo(group, std::vector<std::int32_t>(static_cast<std::size_t>(i == 7 ? 100 : i), 1));
        }
    }
    writer.writeTo(part, "count", "panes", windows);

    const StateLayout splits{"splits", {{"split", &kTypeInfo<Place>}, {"watermark", &kTypeInfo<std::int64_t>, true}}};
    part.describe("source", "splits", splits);
    for (const Place& place : {Place{"a.csv", 17}, Place{"b.csv", 0}}) {
        ByteWriter bytes;
        bytes.write(std::uint8_t{1});
        encodeTo(bytes, place);
        bytes.write(std::int64_t{5});
        part.write("source", "splits", kSplitState, bytes.bytes());
    }
    part.describe("count", "in-flight/0",
                  {"in-flight",
                   {{"event", &kTypeInfo<std::uint8_t>, true},
                    {"time", &kTypeInfo<std::int64_t>, true},
                    {"record", &kTypeInfo<std::optional<std::string>>}}});
    for (int channel = 0; channel < 2; ++channel) {
        ByteWriter bytes;
        bytes.write(std::uint8_t{1});
        for (const std::uint8_t event : {4, 0, 1, 0, 0}) {
            bytes.write(event);
            bytes.write(std::int64_t{7});
            encodeTo(bytes, event == 0 ? std::optional<std::string>("record") : std::nullopt);
        }
        part.write("count", "in-flight/0", kChannelState, bytes.bytes());
    }
    part.write("count", "own", 3, bytesOf("?"));
    part.setSchema("count", "own", "value{key:i32,stamp:optional<i64>,value:{a:i32,b:shop.Money@2}}");
    part.write("count", "unknown", 3, bytesOf("?"));

    store.begin(describe(3));
    store.writePart(3, 0, 0, part);
    store.complete(describe(3));
}

}  // namespace

TEST_CASE("the contents of a state are read without its types", "[checkpoint]") {
    const auto disk = std::make_shared<MemoryFileSystem>();
    FileCheckpointStore store("/c", disk);
    writeContents(store);

    const StateContents panes = readStateContents("/c/chk-3", "count", "panes", 2, disk);
    CHECK(panes.entries == 60);
    REQUIRE(panes.largestKeys.size() == 2);
    CHECK(panes.largestKeys[0].key == "key 7");
    CHECK(panes.largestKeys[0].bytes == 3 * (8 + 4 + 5 + 4 + 400));
    CHECK(panes.largestKeys[0].entries == 3);
    CHECK(panes.largestKeys[1].key == "key 19");
    CHECK(panes.largestKeys[1].bytes == 3 * (8 + 4 + 6 + 4 + 4 * 19));
    CHECK(panes.unreadable.empty());

    const StateContents splits = readStateContents("/c/chk-3", "source", "splits", 2, disk);
    CHECK(splits.entries == 2);
    CHECK(splits.largestKeys.empty());
    CHECK(splits.splits == std::vector<std::string>{"{path: a.csv, line: 17}", "{path: b.csv, line: 0}"});

    const StateContents inFlight = readStateContents("/c/chk-3", "count", "in-flight/0", 2, disk);
    CHECK(inFlight.entries == 10);
    CHECK(inFlight.inFlightRecords == 6);
    CHECK(panes.inFlightRecords == 0);

    CHECK(readStateContents("/c/chk-3", "count", "own", 2, disk).unreadable ==
          "it has values of the codec shop.Money@2, which only its program reads");
    CHECK(readStateContents("/c/chk-3", "count", "unknown", 2, disk).unreadable ==
          "the snapshot does not say what its types are");
}

TEST_CASE("contents that do not have the form that the snapshot names are damage", "[checkpoint]") {
    const auto disk = std::make_shared<MemoryFileSystem>();
    FileCheckpointStore store("/c", disk);
    MemorySnapshot part;
    part.write("count", "panes", 3, bytesOf("\1abc"));
    part.setSchema("count", "panes", "windows{window:i64,key:string,value:i64}");
    store.begin(describe(3));
    store.writePart(3, 0, 0, part);
    store.complete(describe(3));
    CHECK_THAT(errorOf([&] { (void)readStateContents("/c/chk-3", "count", "panes", 2, disk); }),
               ContainsSubstring("cannot decode: at byte 1 of 4"));
}
