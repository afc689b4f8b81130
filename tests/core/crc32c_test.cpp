#include <millrace/core/crc32c.hpp>
// first: it stands alone
#include <support/catch.hpp>

#include <cstdint>
#include <string_view>
#include <vector>

using namespace millrace::detail;

namespace {

std::uint32_t bitByBit(std::span<const std::byte> bytes) {
    std::uint32_t crc = ~0U;
    for (const std::byte b : bytes) {
        crc ^= std::to_integer<std::uint32_t>(b);
        for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? (crc >> 1) ^ 0x82f63b78U : crc >> 1;
    }
    return ~crc;
}

}  // namespace

TEST_CASE("CRC-32C gives the published values", "[core]") {
    const std::string_view digits = "123456789";
    const std::vector<std::byte> zeros(32);
    const std::vector<std::byte> ones(32, std::byte{0xff});
    for (const auto crc : {&crc32c, &crc32cByTables}) {
        CHECK(crc({}, 0) == 0);
        CHECK(crc(std::as_bytes(std::span(digits)), 0) == 0xe3069283U);  // the check value of the catalogue of CRCs
        CHECK(crc(zeros, 0) == 0x8a9136aaU);                             // RFC 3720, B.4
        CHECK(crc(ones, 0) == 0x62a8ab43U);
    }
}

TEST_CASE("CRC-32C is the same by tables, by the processor and bit by bit, also in two steps", "[core]") {
    std::vector<std::byte> bytes;
    for (std::uint32_t i = 0; i < 100; ++i) bytes.push_back(static_cast<std::byte>(i * 167 + 13));
    for (std::size_t begin = 0; begin < 9; ++begin) {
        for (std::size_t end = begin; end <= bytes.size(); ++end) {
            const std::span<const std::byte> part(bytes.data() + begin, end - begin);
            const std::uint32_t expected = bitByBit(part);
            const std::size_t half = part.size() / 3;
            const bool isEqual = crc32c(part) == expected && crc32cByTables(part) == expected &&
                                 crc32c(part.subspan(half), crc32c(part.first(half))) == expected &&
                                 crc32cByTables(part.subspan(half), crc32cByTables(part.first(half))) == expected;
            if (!isEqual) FAIL("bytes " << begin << " to " << end);
        }
    }
}

TEST_CASE("CRC-32C of long input, which the processor goes through in three places, is the same", "[core]") {
    std::vector<std::byte> bytes(20'000);
    std::uint32_t state = 1;
    for (std::byte& each : bytes) each = static_cast<std::byte>((state = state * 1664525 + 1013904223) >> 24);
    for (const std::size_t size : {3071u, 3072u, 3073u, 3079u, 3080u, 6143u, 6144u, 9217u, 19'990u}) {
        CAPTURE(size);
        const std::span<const std::byte> part(bytes.data() + 3, size);
        const std::uint32_t expected = bitByBit(part);
        CHECK(crc32c(part) == expected);
        CHECK(crc32cByTables(part) == expected);
        CHECK(crc32c(part.subspan(7), crc32c(part.first(7))) == expected);
    }
}
