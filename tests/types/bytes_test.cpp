#include <millrace/core/bytes.hpp>

#include "support/catch.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

using namespace millrace;

TEST_CASE("what a ByteWriter writes, a ByteReader reads", "[types]") {
    ByteWriter writer;
    writer.write(std::uint32_t{0x01020304});
    writer.write(-2.5);
    writer.writeString("millrace");
    writer.overwrite(0, std::uint16_t{0xffff});

    CHECK(writer.bytes()[0] == std::byte{0xff});  // little endian
    CHECK(writer.bytes()[2] == std::byte{0x02});
    ByteReader reader(writer.bytes());
    CHECK(reader.read<std::uint32_t>() == 0x0102ffff);
    CHECK(reader.read<double>() == -2.5);
    CHECK(reader.readString() == "millrace");
    CHECK_NOTHROW(reader.expectEnd());
}

TEST_CASE("a ByteWriter keeps its memory when it is cleared, and its bytes when it is moved", "[types]") {
    ByteWriter writer(1000);
    for (int i = 0; i < 100000; ++i) writer.write(i);
    const std::byte* const memory = writer.data();
    ByteWriter moved = std::move(writer);
    CHECK(moved.size() == 400000);
    CHECK(moved.data() == memory);
    moved.clear();
    moved.write(1);
    CHECK(moved.data() == memory);
}

TEST_CASE("a ByteReader says where the bytes end and what was expected there", "[types]") {
    const std::vector<std::byte> bytes(6, std::byte{0xff});
    ByteReader reader(bytes);
    reader.read<std::uint32_t>();
    CHECK_THROWS_WITH(reader.read<std::uint64_t>("a price"),
                      "cannot decode: at byte 4 of 6: expected a price of 8 bytes, found 2");
    CHECK_THROWS_WITH(reader.expectEnd(), "cannot decode: at byte 4 of 6: expected the end, found 2 more bytes");

    ByteReader again(bytes);
    CHECK_THROWS_WITH(again.readLength(1, "a list"),
                      "cannot decode: at byte 4 of 6: expected a list with 4294967295 elements, found only 2 bytes");
    ByteReader version(bytes);
    CHECK_THROWS_WITH(version.expectVersion(3), "cannot decode: at byte 1 of 6: format version 3 expected, found 255");
    ByteReader text(bytes);
    CHECK_THROWS_WITH(text.readString(),
                      "cannot decode: at byte 4 of 6: expected a string with 4294967295 elements, found only 2 bytes");
    CHECK_THROWS_WITH(ByteReader(bytes).fail("nothing fits"), "cannot decode: at byte 0 of 6: nothing fits");
}

TEST_CASE("a ByteWriter says what it cannot write", "[types]") {
    ByteWriter writer;
    writer.write(std::uint32_t{1});
    CHECK_THROWS_WITH(writer.overwrite(9, std::uint8_t{1}), "overwrite at byte 9 of 4");
    CHECK_THROWS_WITH(writer.overwrite(1, std::uint32_t{1}), "overwrite at byte 1 of 4");
    if constexpr (sizeof(std::size_t) > 4) {
        CHECK_THROWS_WITH(writer.writeLength(std::size_t{1} << 32),
                          "cannot encode 4294967296 elements or bytes in one value: at most 4294967295 are supported");
    }
    CHECK(writer.size() == 4);
}
