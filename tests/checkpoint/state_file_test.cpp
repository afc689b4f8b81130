#include <millrace/checkpoint/state_file.hpp>
// first: it stands alone
#include <millrace/checkpoint/block_compression.hpp>
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
constexpr SnapshotCompression kZstd = SnapshotCompression::Zstd;

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
        CHECK_THAT(error(), ContainsSubstring("unknown kind of block: 9, 0, 0"));
    }
    SECTION("an end that is compressed") {
        bytes[bytes.size() - 40 + 5] = std::byte{1};
        seal(bytes.size() - 40, 20);
        CHECK_THAT(error(), ContainsSubstring("unknown kind of block: 2, 1, 0"));
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

TEST_CASE("a compression that the program does not have is refused before anything is written", "[checkpoint]") {
    MemoryFileSystem files;
    const std::string error = errorOf([&] { (void)writeStateFile(files, kPath, {1, 0, 0}, sample(), kAlways, kZstd); });
    CHECK((error.empty()) == isAvailable(kZstd));
    CHECK((files.kindOf(kPath) == FileKind::File) == isAvailable(kZstd));
    if (!isAvailable(kZstd)) {
        CHECK(error ==
              "compression by zstd was asked for, which this program was built without; build it with zstd (Debian: "
              "libzstd-dev): millrace's CMake targets find it by themselves, others define MILLRACE_HAS_ZSTD and link "
              "zstd");
    }
}

TEST_CASE("a block compressed by a method that the program does not have is refused by the method's name",
          "[checkpoint]") {
    MemoryFileSystem files;
    MemorySnapshot snapshot;
    // the payload is replaced, so that it need not be what any method makes
    snapshot.write("u", "s", 0, std::vector<std::byte>(1000));
    const auto errorFor = [&](std::string_view method) {
        (void)writeStateFile(files, kPath, {1, 0, 0}, snapshot, kAlways);
        std::vector<std::byte> bytes = files.contents(kPath);
        ByteWriter payload;
        payload.writeString(method);
        payload.write(std::uint64_t{1000});
        std::memcpy(bytes.data() + 32 + 24, payload.data(), payload.size());
        bytes[32 + 5] = std::byte{1};
        std::uint64_t length = 0;
        std::memcpy(&length, bytes.data() + 32 + 8, sizeof length);
        const std::uint32_t crc = crc32c(std::span(bytes).subspan(32 + 24, static_cast<std::size_t>(length)));
        std::memcpy(bytes.data() + 32 + 16, &crc, sizeof crc);
        const std::uint32_t headerCrc = crc32c(std::span(bytes).subspan(32, 20));
        std::memcpy(bytes.data() + 32 + 20, &headerCrc, sizeof headerCrc);
        files.setContents(kPath, bytes);
        try {
            (void)allOf(StateFileReader(files, kPath));
        } catch (const ConfigurationException& error) {
            return std::string("refused: ") + error.what();
        } catch (const CodecException& error) {
            return std::string("damaged: ") + error.what();
        }
        return std::string();
    };
    CHECK(errorFor("lz4") ==
          "refused: the state file '/part-1.state' has a block at byte 32 that is compressed by 'lz4', which this "
          "version "
          "of millrace does not know. Restore it with the version that wrote it, or a later one");
    if (isAvailable(kZstd)) {
        CHECK_THAT(errorFor("zstd"),
                   ContainsSubstring("damaged: the state file '/part-1.state' is damaged at byte 32") &&
                       ContainsSubstring("zstd says: "));
    } else {
        CHECK(
            errorFor("zstd") ==
            "refused: the state file '/part-1.state' has a block at byte 32 that is compressed by zstd, which this "
            "program was built without; build it with zstd (Debian: libzstd-dev): millrace's CMake targets find it by "
            "themselves, others define MILLRACE_HAS_ZSTD and link zstd");
    }
}

#ifdef MILLRACE_HAS_ZSTD

TEST_CASE("a compressed state file gives back what was written, whole and by state", "[checkpoint]") {
    MemoryFileSystem files;
    const StateFileIndex plain = writeStateFile(files, "/part-2.state", {12, 3, 1}, sample(), kAlways);
    const StateFileIndex index = writeStateFile(files, kPath, {12, 3, 1}, sample(), kAlways, kZstd);
    CHECK(index.size == files.contents(kPath).size());
    CHECK(index.size + 900 < plain.size);  // of the thousand z
    const StateFileReader reader(files, kPath);
    CHECK(allOf(reader) == kSampleText);
    std::string parts;
    for (const StateExtent& extent : index.states) parts += partOf(reader, extent);
    CHECK(parts == kSampleText);
    // what is short is not made longer, and is as it would be without compression
    CHECK(index.states[0] == plain.states[0]);
    CHECK(index.states[2].bytes == plain.states[2].bytes);
    CHECK(index.states[2].length < plain.states[2].length);
}

TEST_CASE("compressed state larger than a block, and what cannot be compressed, comes back", "[checkpoint]") {
    MemoryFileSystem files;
    MemorySnapshot snapshot;
    std::vector<std::pair<int, std::string>> expected;
    std::uint64_t random = 88172645463325252U;
    for (int group = 0; group < 30; ++group) {
        // far larger than a block: all the same, half random, random
        std::string bytes(group % 9 == 0 ? 3'000'000 : 100'000, static_cast<char>('a' + group % 26));
        for (std::size_t i = 0; i < bytes.size() * static_cast<std::size_t>(group % 3) / 2; ++i) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            bytes[i] = static_cast<char>(random);
        }
        if (group == 27) bytes.assign(60'000'000, '\0');  // could become 1/30000, which no reader believes
        expected.emplace_back(group, std::move(bytes));
        snapshot.write("u", "s", group, bytesOf(expected.back().second));
    }
    const StateFileIndex index = writeStateFile(files, kPath, {1, 0, 0}, snapshot, kAlways, kZstd);
    std::vector<std::pair<int, std::string>> found;
    const StateFileReader reader(files, kPath);
    reader.read(index.states.at(0), [&](int keyGroup, std::span<const std::byte> piece) {
        found.emplace_back(keyGroup, std::string(reinterpret_cast<const char*>(piece.data()), piece.size()));
    });
    CHECK((found == expected));
    CHECK(index.states[0].pieces == 30);
    CHECK(index.size < index.states[0].bytes - 4'000'000);
}

TEST_CASE("a compressed state file that is cut, or has a flipped bit, is an error that names it", "[checkpoint]") {
    MemoryFileSystem files;
    (void)writeStateFile(files, kPath, {12, 3, 1}, sample(), kAlways, kZstd);
    const std::vector<std::byte> whole = files.contents(kPath);
    const auto expectDamage = [&](std::vector<std::byte> bytes) {
        files.setContents(kPath, std::move(bytes));
        const std::string error = errorOf([&] { (void)allOf(StateFileReader(files, kPath)); });
        if (!error.starts_with("the state file '/part-1.state' is damaged at byte ")) FAIL(error);
    };
    for (std::size_t size = 0; size < whole.size(); ++size) {
        CAPTURE(size);
        expectDamage({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)});
    }
    for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
        CAPTURE(bit);
        std::vector<std::byte> bytes = whole;
        bytes[bit / 8] ^= static_cast<std::byte>(1 << (bit % 8));
        expectDamage(std::move(bytes));
    }
}

TEST_CASE("a compressed block that claims to be larger than its bytes can be gets no memory", "[checkpoint]") {
    BlockCompressor compressor(kZstd);
    const std::vector<std::byte> zeros(std::size_t{1} << 20);
    const std::span<const std::byte> compressed = compressor.compress(zeros, {});
    REQUIRE_FALSE(compressed.empty());
    CHECK(decompressBlock(compressed) == zeros);
    const auto claiming = [&](std::uint64_t size) {
        std::vector<std::byte> block(compressed.begin(), compressed.end());
        std::memcpy(block.data() + 4 + 4, &size, sizeof size);
        return errorOf([&] { (void)decompressBlock(block); });
    };
    CHECK_THAT(claiming(std::uint64_t{1} << 30), ContainsSubstring("compressed bytes cannot be 1073741824"));
    CHECK_THAT(claiming(~std::uint64_t{0}), ContainsSubstring("compressed bytes cannot be"));
    CHECK(claiming(zeros.size() + 1) == "1048577 bytes were expected of zstd, but it gave 1048576");
    CHECK_THAT(claiming(zeros.size() - 1), ContainsSubstring("zstd says: "));
    CHECK_THAT(claiming(0), ContainsSubstring("zstd says: "));
    const std::vector<std::byte> many(std::size_t{60} << 20);
    const std::span<const std::byte> padded = compressor.compress(many, {});
    CHECK(padded.size() > many.size() / 1024 - 100);
    CHECK((decompressBlock(padded) == many));
}

#endif
