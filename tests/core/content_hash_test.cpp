#include <millrace/core/content_hash.hpp>
// first: it stands alone
#include <support/catch.hpp>

#include <cstdint>
#include <cstring>
#include <set>
#include <vector>

using namespace millrace::detail;

namespace {

std::vector<std::byte> counting(std::size_t count) {
    std::vector<std::byte> bytes;
    for (std::size_t i = 0; i < count; ++i) bytes.push_back(static_cast<std::byte>(i));
    return bytes;
}
std::vector<unsigned> bytesOf(const ContentHash& hash) {
    unsigned char bytes[sizeof hash];
    std::memcpy(bytes, &hash, sizeof hash);
    return {bytes, bytes + sizeof bytes};
}

}  // namespace

TEST_CASE("hashes of content are the published ones of SipHash", "[core]") {
    ContentHash key;
    std::memcpy(&key, counting(16).data(), sizeof key);
    CHECK(bytesOf(contentHash(key, {})) == std::vector<unsigned>{0xa3, 0x81, 0x7f, 0x04, 0xba, 0x25, 0xa8, 0xe6, 0x6d,
                                                                 0xf6, 0x72, 0x14, 0xc7, 0x55, 0x02, 0x93});
    CHECK(bytesOf(contentHash(key, counting(1))) == std::vector<unsigned>{0xda, 0x87, 0xc1, 0xd8, 0x6b, 0x99, 0xaf,
                                                                          0x44, 0x34, 0x76, 0x59, 0x11, 0x9b, 0x22,
                                                                          0xfc, 0x45});
    CHECK(bytesOf(contentHash(key, counting(2))) == std::vector<unsigned>{0x81, 0x77, 0x22, 0x8d, 0xa4, 0xa4, 0x5d,
                                                                          0xc7, 0xfc, 0xa3, 0x8b, 0xde, 0xf6, 0x0a,
                                                                          0xff, 0xe4});
}

// Without one, blocks can be made that are taken for each other in every run of every program.
TEST_CASE("hashes of content depend on a key that is another one each time", "[core]") {
    const std::vector<std::byte> bytes = counting(100);
    std::set<ContentHash> hashes;
    for (int i = 0; i < 20; ++i) hashes.insert(contentHash(randomContentKey(), bytes));
    CHECK(hashes.size() == 20);
}

TEST_CASE("every byte and every length counts in a hash of content", "[core]") {
    const ContentHash key{1, 2};
    std::set<ContentHash> hashes;
    std::size_t made = 0;
    for (std::size_t size = 0; size < 40; ++size) {
        std::vector<std::byte> bytes(size);
        for (std::size_t i = 0; i <= size; ++i, ++made) {
            if (i < size) bytes[i] = std::byte{1};
            hashes.insert(contentHash(key, bytes));
            hashes.insert(contentHash(key, counting(3), bytes));
            if (i < size) bytes[i] = std::byte{0};
        }
    }
    CHECK(hashes.size() == 2 * made);
    CHECK(contentHash(key, counting(5), counting(7)) == contentHash(key, counting(5), counting(7)));
}
