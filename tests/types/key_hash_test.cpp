#include <millrace/types/key_hash.hpp>

#include "support/catch.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

using namespace millrace;

namespace key_hash_test {

enum class Colour : short { Red = -1, Green = 42 };

struct Listing {
    int venue;
    std::string symbol;
    bool operator==(const Listing&) const = default;
};

struct Opaque {
    Opaque() = default;
    explicit Opaque(int v) : value(v) {}
    int value = 0;
    bool operator==(const Opaque&) const = default;
};

struct NotComparable {
    int a;
};

}  // namespace key_hash_test

template <>
struct millrace::KeyHash<key_hash_test::Opaque> {
    static std::uint64_t of(const key_hash_test::Opaque& key) { return static_cast<std::uint64_t>(key.value); }
};

using namespace key_hash_test;

// The figures were computed from the definition in key_hash.hpp by a Python program, not by this code. They are
// frozen: changing one sends the keys of every old snapshot to other key groups.
TEST_CASE("the hash of a key never changes", "[types]") {
    static_assert(keyHash(0) == 0xa4ab2eeaU);
    static_assert(keyHash(1) == 0xeca8f520U);
    static_assert(keyHash(-1) == 0xbcc39640U);
    static_assert(keyHash(42) == 0xf8047fc7U);
    static_assert(keyHash(std::numeric_limits<std::int64_t>::min()) == 0x5eb88d61U);
    static_assert(keyHash(std::numeric_limits<std::int64_t>::max()) == 0x22cf7451U);
    static_assert(keyHash(1.5) == 0xf2013659U);
    CHECK(keyHash("") == 0xa4ab2eeaU);
    CHECK(keyHash("A") == 0x65863a2dU);
    CHECK(keyHash("AB") == 0x7b95795dU);
    CHECK(keyHash("ABC") == 0xd7bcd5adU);
    CHECK(keyHash("AAPL") == 0xaeb90e2cU);
    CHECK(keyHash("GOOGL") == 0xf6fbd39eU);
    CHECK(keyHash("1234567") == 0x098f4cd2U);
    CHECK(keyHash("12345678") == 0x5b38b7b9U);
    CHECK(keyHash("Information Technology") == 0x8f965461U);
    CHECK(keyHash("\xc3\xa9") == 0xaa1704c3U);
    CHECK(keyHash(std::string(300, 'x')) == 0x7e72e470U);
    CHECK(keyHash(std::pair(7, std::string("AAPL"))) == 0x5b3eb374U);
    CHECK(keyHash(std::optional<int>()) == 0xa4ab2eeaU);
    CHECK(keyHash(std::optional<int>(5)) == 0xe1783a18U);
    CHECK(keyHash(std::array{1, 2, 3}) == 0xe96297abU);
    CHECK(keyHash(std::array<char, 8>{'A', 'B'}) == 0x74c643a2U);
    CHECK(keyHash(std::variant<int, std::string>("AAPL")) == 0x335d18fcU);
}

TEST_CASE("integers hash by value, whatever their width", "[types]") {
    static_assert(keyHash(std::int8_t{-1}) == keyHash(-1));
    static_assert(keyHash(std::int64_t{-1}) == keyHash(-1));
    static_assert(keyHash(std::uint8_t{200}) == keyHash(200L));
    static_assert(keyHash(true) == keyHash(1));
    static_assert(keyHash('A') == keyHash(65));
    static_assert(keyHash(Colour::Red) == keyHash(-1));
    static_assert(keyHash(std::chrono::seconds(42)) == keyHash(42));
    static_assert(keyHash(std::chrono::sys_time<std::chrono::nanoseconds>{}) == keyHash(0));
}

TEST_CASE("equal keys hash alike in every form they come in", "[types]") {
    CHECK(keyHash(0.0) == keyHash(-0.0));
    CHECK(keyHash(1.5F) == keyHash(1.5));
    const std::string text = "Information Technology";
    CHECK(keyHash(std::string_view(text)) == keyHash(text));
    CHECK(keyHash(text.c_str()) == keyHash(text));
    CHECK(keyHash("Information Technology") == keyHash(text));
    const int venue = 7;
    CHECK(keyHash(std::tie(venue, text)) == keyHash(Listing{7, text}));
    CHECK(keyHash(std::pair(venue, std::string_view(text))) == keyHash(Listing{7, text}));
    CHECK(keyHash(Opaque(9)) == keyHash(9));
}

TEST_CASE("a called hash is the hash, in every form that keys come in", "[types]") {
    const auto check = [](const auto& key) { CHECK(detail::keyHashByCall(key) == keyHash(key)); };
    check(7);
    check(true);
    check(1.5);
    check(Colour{});
    check(std::chrono::seconds(3));
    check(std::string("Information Technology"));
    check(std::string_view("Technology"));
    check("Information");
    const char padded[8] = "abc";
    check(padded);
    CHECK(detail::keyHashByCall(padded) == keyHash(std::string("abc")));
    check(Listing{7, "text"});
    check(std::tuple(1, std::string("two")));
    check(std::optional<int>());
    check(std::variant<int, std::string>("two"));
    check(std::array<int, 3>{1, 2, 3});
    check(Opaque(9));
}

TEST_CASE("strings that differ by their end only, or by zeros, hash differently", "[types]") {
    std::unordered_set<std::uint32_t> hashes;
    for (std::size_t length = 0; length < 100; ++length) {
        hashes.insert(keyHash(std::string(length, '\0')));
        hashes.insert(keyHash(std::string(length, 'a') + "b"));
    }
    CHECK(hashes.size() == 200);
}

TEST_CASE("the hash spreads integers and short strings evenly", "[types]") {
    constexpr int kKeys = 1 << 16;
    std::vector<int> perBucket(64);
    std::unordered_set<std::uint32_t> distinct;
    for (int i = 0; i < kKeys; ++i) {
        ++perBucket[keyHash(i) % 64];
        distinct.insert(keyHash(std::to_string(i)));
    }
    for (const int count : perBucket) {
        CHECK(count > kKeys / 64 * 3 / 4);
        CHECK(count < kKeys / 64 * 5 / 4);
    }
    CHECK(distinct.size() > kKeys - 8);  // about half a collision is expected
}

TEST_CASE("a key type is the owned form of what a selector returns", "[types]") {
    static_assert(std::is_same_v<KeyDecay<const int&>, int>);
    static_assert(std::is_same_v<KeyDecay<std::string_view>, std::string>);
    static_assert(std::is_same_v<KeyDecay<const char*>, std::string>);
    static_assert(std::is_same_v<KeyDecay<const char(&)[5]>, std::string>);
    using Tied = std::tuple<const std::string&, std::string_view, int&>;
    static_assert(std::is_same_v<KeyDecay<Tied>, std::tuple<std::string, std::string, int>>);
    static_assert(std::is_same_v<KeyDecay<std::pair<const int&, const char*>>, std::pair<int, std::string>>);
}

TEST_CASE("keys are hashable, comparable and copyable", "[types]") {
    static_assert(KeyType<int> && KeyType<std::string> && KeyType<double> && KeyType<Colour>);
    static_assert(KeyType<Listing> && KeyType<Opaque> && KeyType<std::optional<Listing>>);
    static_assert(KeyType<std::tuple<int, std::string>>);
    static_assert(!KeyType<NotComparable> && HashableKey<NotComparable>);
    static_assert(!HashableKey<std::vector<int>>);
    static_assert(!HashableKey<std::unique_ptr<int>>);
    static_assert(!HashableKey<int*>);
    static_assert(!HashableKey<long double>);
}
