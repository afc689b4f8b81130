#include <millrace/checkpoint/state_file.hpp>
// first: it stands alone
#include <millrace/core/crc32c.hpp>
#include <millrace/testing/memory_file_system.hpp>

#include <checkpoint/checkpoint_fixtures.hpp>
#include <support/catch.hpp>

#include <algorithm>
#include <cstring>

using namespace checkpoint_fixtures;
using Catch::Matchers::ContainsSubstring;
using millrace::testing::MemoryFileSystem;

namespace {

const std::string kPath = "/part-1.state";
const auto kAlways = [] { return true; };

MemorySnapshot sample() {
    return snapshotOf({{"a", "list", kSplitState, "one"},
                       {"a", "list", kUnionState, "two"},
                       {"a", "map", 3, ""},
                       {"b", "list", 0, std::string(1000, 'z')},
                       {"b", "list", 127, std::string("\0\1\2", 3)}});
}

std::string allOf(const StateFileReader& reader) {
    std::string text;
    reader.readAll([&](std::string_view uid, std::string_view state, int keyGroup, std::span<const std::byte> bytes) {
        text += std::string(uid) + "/" + std::string(state) + "/" + std::to_string(keyGroup) + "=";
        text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        text += ";";
    });
    return text;
}

std::string partOf(const StateFileReader& reader, const StateExtent& extent) {
    std::string text;
    reader.read(extent, [&](int keyGroup, std::span<const std::byte> bytes) {
        text += extent.uid + "/" + extent.state + "/" + std::to_string(keyGroup) + "=";
        text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        text += ";";
    });
    return text;
}

const std::string kSampleText = "a/list/-1=one;a/list/-2=two;a/map/3=;b/list/0=" + std::string(1000, 'z') +
                                ";b/list/127=" + std::string("\0\1\2", 3) + ";";

}  // namespace

TEST_CASE("a state file gives back what was written, whole and by state", "[checkpoint]") {
    MemoryFileSystem files;
    const StateFileIndex index = writeStateFile(files, kPath, {12, 3, 1}, sample(), kAlways);
    CHECK(index.name == "part-1.state");
    CHECK(index.size == files.contents(kPath).size());
    const StateFileReader reader(files, kPath);
    CHECK(reader.owner() == StateFileOwner{12, 3, 1});
    CHECK(allOf(reader) == kSampleText);
    REQUIRE(index.states.size() == 3);
    std::string parts;
    for (const StateExtent& extent : index.states) parts += partOf(reader, extent);
    CHECK(parts == kSampleText);
    CHECK(index.states[0] == StateExtent{"a", "list", 32, 24 + 5 + 8 + 4 + 2 * 15, 2, 6, -2, -1});
}

TEST_CASE("a state file without pieces is one", "[checkpoint]") {
    MemoryFileSystem files;
    const StateFileIndex index = writeStateFile(files, kPath, {1, 0, 0}, MemorySnapshot{}, kAlways);
    CHECK(index.size == 32 + 24 + 16);
    CHECK(allOf(StateFileReader(files, kPath)).empty());
}

TEST_CASE("state larger than a block is cut into blocks, and a piece is never cut", "[checkpoint]") {
    MemoryFileSystem files;
    MemorySnapshot snapshot;
    std::vector<std::pair<int, std::string>> expected;
    std::uint64_t bytes = 0;
    for (int group = 0; group < 40; ++group) {
        // some far larger than a block, some far smaller, one of just its size
        const std::size_t size = group == 7 ? std::size_t{1} << 20 : group % 9 == 0 ? 3'000'000 : 100'000 + 7 * group;
        expected.emplace_back(group, std::string(size, static_cast<char>('a' + group % 26)));
        snapshot.write("u", "s", group, bytesOf(expected.back().second));
        bytes += size;
    }
    const StateFileIndex index = writeStateFile(files, kPath, {1, 0, 0}, snapshot, kAlways);
    std::vector<std::pair<int, std::string>> found;
    const StateFileReader reader(files, kPath);
    reader.read(index.states.at(0), [&](int keyGroup, std::span<const std::byte> piece) {
        found.emplace_back(keyGroup, std::string(reinterpret_cast<const char*>(piece.data()), piece.size()));
    });
    CHECK((found == expected));
    CHECK(index.states[0].bytes == bytes);
    CHECK(index.states[0].pieces == 40);
    CHECK_FALSE(allOf(reader).empty());
}

TEST_CASE("a state file is given up when it is not wanted any more", "[checkpoint]") {
    MemoryFileSystem files;
    int asked = 0;
    (void)writeStateFile(files, kPath, {1, 0, 0}, sample(), [&] { return ++asked < 2; });
    CHECK(asked == 2);
    CHECK_THAT(errorOf([&] { (void)allOf(StateFileReader(files, kPath)); }), ContainsSubstring("is damaged at byte"));
}

TEST_CASE("a state file cut anywhere is an error that names it", "[checkpoint]") {
    MemoryFileSystem files;
    const StateFileIndex index = writeStateFile(files, kPath, {12, 3, 1}, sample(), kAlways);
    const std::vector<std::byte> whole = files.contents(kPath);
    for (std::size_t size = 0; size < whole.size(); ++size) {
        CAPTURE(size);
        files.setContents(kPath, {whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)});
        const std::string error = errorOf([&] { (void)allOf(StateFileReader(files, kPath)); });
        if (!error.starts_with("the state file '/part-1.state' is damaged at byte ")) FAIL(error);
        for (const StateExtent& extent : index.states) {
            if (extent.offset + extent.length <= size) continue;  // may be read: it is all there
            if (errorOf([&] { (void)partOf(StateFileReader(files, kPath), extent); }).empty()) FAIL(extent.uid);
        }
    }
    std::vector<std::byte> longer = whole;
    longer.push_back(std::byte{0});
    files.setContents(kPath, longer);
    CHECK_THAT(errorOf([&] { (void)allOf(StateFileReader(files, kPath)); }),
               ContainsSubstring("more follows behind the end"));
}

TEST_CASE("every flipped bit of a state file is noticed", "[checkpoint]") {
    MemoryFileSystem files;
    (void)writeStateFile(files, kPath, {12, 3, 1}, sample(), kAlways);
    const std::vector<std::byte> whole = files.contents(kPath);
    for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
        std::vector<std::byte> bytes = whole;
        bytes[bit / 8] ^= static_cast<std::byte>(1 << (bit % 8));
        files.setContents(kPath, std::move(bytes));
        const std::string error = errorOf([&] { (void)allOf(StateFileReader(files, kPath)); });
        if (!error.starts_with("the state file '/part-1.state' is damaged at byte "))
            FAIL("bit " << bit << ": " << error);
    }
}

TEST_CASE("what a state file is not is said", "[checkpoint]") {
    MemoryFileSystem files;
    (void)writeStateFile(files, kPath, {12, 3, 1}, sample(), kAlways);
    std::vector<std::byte> bytes = files.contents(kPath);
    const auto seal = [&](std::size_t from, std::size_t size) {
        const std::uint32_t crc = crc32c(std::span(bytes).subspan(from, size));
        std::memcpy(bytes.data() + from + size, &crc, sizeof crc);
        files.setContents(kPath, bytes);
    };
    const auto error = [&] { return errorOf([&] { (void)allOf(StateFileReader(files, kPath)); }); };

    SECTION("another kind of file") {
        files.setContents(kPath, bytesOf("PK\3\4 this is something else altogether"));
        CHECK(error() ==
              "the state file '/part-1.state' is damaged at byte 0 of 38: it does not begin as a state file of "
              "millrace does. Restore from another checkpoint, or from a copy of this one");
    }
    SECTION("a later version of the format") {
        bytes[8] = std::byte{2};
        seal(0, 28);
        CHECK(error() ==
              "the state file '/part-1.state' has format version 2 and flags 0 (at byte 8), but this build of "
              "millrace reads version 1 and flags 0. Restore it with the version that wrote it, or a later one");
    }
    SECTION("a flag that is not known") {
        bytes[10] = std::byte{4};
        seal(0, 28);
        CHECK_THAT(error(), ContainsSubstring("format version 1 and flags 4"));
    }
    SECTION("a block of more bytes than there are") {
        const std::uint64_t length = std::uint64_t{1} << 62;
        std::memcpy(bytes.data() + 32 + 8, &length, sizeof length);
        seal(32, 20);
        CHECK_THAT(error(), ContainsSubstring("is damaged at byte 32 of") &&
                                ContainsSubstring("a block of 4611686018427387904 bytes was expected, but only"));
    }
    SECTION("an unknown kind of block") {
        bytes[32 + 4] = std::byte{9};
        seal(32, 20);
        CHECK_THAT(error(), ContainsSubstring("unknown kind of block: 9, 0"));
    }
    SECTION("a compressed block") {
        bytes[32 + 5] = std::byte{1};
        seal(32, 20);
        CHECK(error() ==
              "the state file '/part-1.state' has a block at byte 32 that is compressed by method 1, which this "
              "build of millrace cannot undo. Restore it with a build that has that method");
    }
}

TEST_CASE("what the visitor of a state file throws comes out as it is", "[checkpoint]") {
    MemoryFileSystem files;
    const StateFileIndex index = writeStateFile(files, kPath, {12, 3, 1}, sample(), kAlways);
    const StateFileReader reader(files, kPath);
    CHECK(errorOf([&] {
              reader.read(index.states[0],
                          [](int, std::span<const std::byte>) { throw CodecException("no such colour"); });
          }) == "no such colour");
}

TEST_CASE("an index that does not fit its state file is noticed", "[checkpoint]") {
    MemoryFileSystem files;
    const StateFileIndex index = writeStateFile(files, kPath, {12, 3, 1}, sample(), kAlways);
    const StateFileReader reader(files, kPath);
    const auto error = [&](auto change) {
        StateExtent extent = index.states[0];
        change(extent);
        return errorOf([&] { (void)partOf(reader, extent); });
    };
    CHECK(error([](StateExtent&) {}).empty());
    CHECK_THAT(error([](StateExtent& extent) { extent.uid = "b"; }),
               ContainsSubstring("state 'list' of uid 'a' is here instead of 'list' of 'b'"));
    CHECK_THAT(error([](StateExtent& extent) { extent.pieces = 3; }),
               ContainsSubstring("3 pieces were expected, but 2 are here"));
    CHECK_THAT(error([](StateExtent& extent) { extent.firstKeyGroup = -1; }),
               ContainsSubstring("key group -2 is not among those of the manifest"));
    CHECK_THAT(error([](StateExtent& extent) { ++extent.offset; }), ContainsSubstring("no block begins here"));
    CHECK_THAT(error([](StateExtent& extent) { --extent.length; }), ContainsSubstring("bytes was expected, but only"));
    CHECK_THAT(error([](StateExtent& extent) { extent.offset = ~std::uint64_t{0} - 5; }),
               ContainsSubstring("the manifest says"));
    CHECK_THAT(error([&](StateExtent& extent) {
                   extent.offset = index.size - 40;
                   extent.length = 40;
               }),
               ContainsSubstring("the file ends before the manifest says"));
}
