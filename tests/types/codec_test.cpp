#include <millrace/state/keyed_state_store.hpp>
#include <millrace/state/list_state.hpp>
#include <millrace/state/map_state.hpp>
#include <millrace/state/value_state.hpp>
#include <millrace/types/codec.hpp>

#include "support/catch.hpp"
#include "support/rounds.hpp"

#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <deque>
#include <initializer_list>
#include <limits>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

using namespace millrace;
using namespace millrace::detail;

namespace codec_test {

enum class Side : std::uint8_t { Buy, Sell };

struct Point {
    int x = 0;
    double y = 0;
    bool operator==(const Point&) const = default;
};

struct Money {
    Money() = default;
    explicit Money(std::int64_t c) : cents(c) {}
    std::int64_t cents = 0;
    bool operator==(const Money&) const = default;
};

/// Every family of types at once.
struct Everything {
    bool flag = false;
    char letter = 0;
    std::int8_t small = 0;
    std::uint16_t port = 0;
    long large = 0;
    float ratio = 0;
    Side side = Side::Buy;
    std::string text;
    std::chrono::milliseconds length{};
    std::chrono::sys_time<std::chrono::nanoseconds> time;
    std::optional<int> maybe;
    std::optional<std::string> maybeText;
    std::variant<std::monostate, int, std::string, Point> either;
    std::tuple<int, std::string> tuple;
    std::pair<Point, bool> pair;
    std::array<int, 3> three{};
    std::array<std::string, 2> texts;
    char symbol[8] = {};
    std::vector<int> numbers;
    std::vector<std::string> words;
    std::vector<bool> flags;
    std::vector<Point> points;
    std::deque<int> deque;
    std::list<Point> list;
    std::map<std::string, int> map;
    std::set<int> set;
    std::unordered_map<int, std::string> hashMap;
    std::unordered_set<std::string> hashSet;
    Money money;

    bool operator==(const Everything&) const = default;
};

struct Leaf {
    Money money;
    std::vector<Money> more;
};

/// Braces around one would make another with that one in it, as with the values of libraries for JSON.
struct Nest {
    Nest() = default;
    Nest(std::initializer_list<Nest> in) : depth(in.size() == 0 ? 0 : in.begin()->depth + 1) {}
    int depth = 0;
};

}  // namespace codec_test

template <>
struct millrace::Codec<codec_test::Money> {
    static void encode(const codec_test::Money& value, ByteWriter& writer) { writer.write(value.cents); }
    static void decode(ByteReader& reader, codec_test::Money& value) {
        value = codec_test::Money(reader.read<std::int64_t>());
    }
    static std::string name() { return "shop.Money"; }
    static constexpr std::uint32_t version() { return 2; }
    static constexpr bool isDeterministic() { return true; }
};

template <>
struct millrace::Codec<codec_test::Nest> {
    static void encode(const codec_test::Nest& value, ByteWriter& writer) { writer.write(value.depth); }
    static void decode(ByteReader& reader, codec_test::Nest& value) { value.depth = reader.read<int>(); }
    static std::string name() { return "test.Nest"; }
    static constexpr std::uint32_t version() { return 1; }
    static constexpr bool isDeterministic() { return true; }
};

using namespace codec_test;

namespace {

std::string randomText(std::mt19937_64& random) {
    std::string text(random() % 40, '\0');
    for (char& c : text) c = static_cast<char>(random());
    return text;
}

Everything randomValue(std::mt19937_64& random) {
    const auto number = [&] { return static_cast<int>(random()); };
    const auto few = [&] { return random() % 6; };
    const auto point = [&] { return Point{number(), std::ldexp(number(), -20)}; };
    Everything value;
    value.flag = random() % 2 == 0;
    value.letter = static_cast<char>(random());
    value.small = static_cast<std::int8_t>(random());
    value.port = static_cast<std::uint16_t>(random());
    value.large = static_cast<long>(random());
    value.ratio = static_cast<float>(number());
    value.side = random() % 2 == 0 ? Side::Buy : Side::Sell;
    value.text = randomText(random);
    value.length = std::chrono::milliseconds(number());
    value.time += std::chrono::nanoseconds(static_cast<std::int64_t>(random()));
    if (random() % 2 == 0) value.maybe = number();
    if (random() % 2 == 0) value.maybeText = randomText(random);
    switch (random() % 4) {
        case 0:
            break;
        case 1:
            value.either = number();
            break;
        case 2:
            value.either = randomText(random);
            break;
        default:
            value.either = point();
    }
    value.tuple = {number(), randomText(random)};
    value.pair = {point(), random() % 2 == 0};
    for (int& n : value.three) n = number();
    for (auto& text : value.texts) text = randomText(random);
    for (char& c : value.symbol) c = static_cast<char>(random());
    for (auto n = few(); n > 0; --n) value.numbers.push_back(number());
    for (auto n = few(); n > 0; --n) value.words.push_back(randomText(random));
    for (auto n = few(); n > 0; --n) value.flags.push_back(random() % 2 == 0);
    for (auto n = few(); n > 0; --n) value.points.push_back(point());
    for (auto n = few(); n > 0; --n) value.deque.push_back(number());
    for (auto n = few(); n > 0; --n) value.list.push_back(point());
    for (auto n = few(); n > 0; --n) value.map[randomText(random)] = number();
    for (auto n = few(); n > 0; --n) value.set.insert(number());
    for (auto n = few(); n > 0; --n) value.hashMap[number()] = randomText(random);
    for (auto n = few(); n > 0; --n) value.hashSet.insert(randomText(random));
    value.money = Money(static_cast<std::int64_t>(random()));
    return value;
}

struct NoCodecMember {
    int a;
    std::thread worker;
};
struct ConstMember {
    const int a;
};

}  // namespace

TEST_CASE("decoding what was encoded gives the same value, also into a value that is in use", "[types]") {
    const auto seed = GENERATE(range(0, testsupport::roundsToTry(200)));
    CAPTURE(seed);
    std::mt19937_64 random(static_cast<std::uint64_t>(seed));
    const Everything value = randomValue(random);
    const auto bytes = encodeToBytes(value);
    CHECK(decodeFromBytes<Everything>(bytes) == value);

    Everything used = randomValue(random);
    ByteReader reader(bytes);
    Codec<Everything>::decode(reader, used);
    CHECK(used == value);
    CHECK(reader.remaining() == 0);
}

TEST_CASE("bytes that were cut or changed throw or give another value, and never more than that", "[types]") {
    const auto seed = GENERATE(range(0, testsupport::roundsToTry(20)));
    CAPTURE(seed);
    std::mt19937_64 random(static_cast<std::uint64_t>(seed));
    const auto bytes = encodeToBytes(randomValue(random));
    for (std::size_t length = 0; length < bytes.size(); ++length) {
        CHECK_THROWS_AS(decodeFromBytes<Everything>(std::span(bytes).first(length)), CodecException);
    }
    auto longer = bytes;
    longer.push_back(std::byte{0});
    CHECK_THROWS_AS(decodeFromBytes<Everything>(longer), CodecException);

    int accepted = 0;
    const auto decode = [&](std::span<const std::byte> input) {
        try {
            decodeFromBytes<Everything>(input);
            ++accepted;
        } catch (const CodecException&) {}
    };
    for (int i = 0; i < 500; ++i) {
        auto changed = bytes;
        for (auto n = random() % 4 + 1; n > 0; --n) {
            changed[random() % changed.size()] = static_cast<std::byte>(random() % 3 == 0 ? 0xff : random());
        }
        decode(changed);
        std::vector<std::byte> noise(random() % 400);
        for (auto& byte : noise) byte = static_cast<std::byte>(random());
        decode(noise);
    }
    CHECK(accepted > 0);  // a changed number is still a number
}

TEST_CASE("a length is bounded by the bytes that follow, before anything is allocated", "[types]") {
    ByteWriter writer;
    writer.write(std::uint32_t{0xffffffff});
    CHECK_THROWS_AS(decodeFromBytes<std::vector<double>>(writer.bytes()), CodecException);
    CHECK_THROWS_AS(decodeFromBytes<std::vector<std::monostate>>(writer.bytes()), CodecException);
    CHECK_THROWS_AS(decodeFromBytes<std::string>(writer.bytes()), CodecException);
    using Map = std::map<int, int>;
    CHECK_THROWS_WITH(decodeFromBytes<Map>(writer.bytes()),
                      "cannot decode: at byte 4 of 4: expected a map with 4294967295 elements, found only 0 bytes");
}

TEST_CASE("bytes that no value has are refused with their place", "[types]") {
    const std::vector<std::byte> two{std::byte{2}};
    CHECK_THROWS_WITH(decodeFromBytes<bool>(two), "cannot decode: at byte 1 of 1: expected a bool (0 or 1), found 2");
    CHECK_THROWS_AS(decodeFromBytes<std::optional<int>>(two), CodecException);
    CHECK_THROWS_AS(decodeFromBytes<std::monostate>(two), CodecException);
    using Either = std::variant<int, std::string>;
    CHECK_THROWS_WITH(decodeFromBytes<Either>(two),
                      "cannot decode: at byte 1 of 1: expected one of the 2 alternatives of a variant, found number 2");
    const auto twice = encodeToBytes(std::vector<int>{7, 7});
    CHECK_THROWS_WITH(decodeFromBytes<std::set<int>>(twice),
                      "cannot decode: at byte 12 of 12: an element of a set stands there twice");
}

TEST_CASE("the bytes of a value are frozen", "[types]") {
    struct Record {
        std::int16_t a;
        std::string b;
        std::optional<bool> c;
        std::vector<std::uint8_t> d;
    };
    const auto bytes = encodeToBytes(Record{-2, "xy", true, {7, 8}});
    const std::vector<int> expected{0xfe, 0xff, 2, 0, 0, 0, 'x', 'y', 1, 1, 2, 0, 0, 0, 7, 8};
    std::vector<int> found;
    for (const std::byte byte : bytes) found.push_back(std::to_integer<int>(byte));
    CHECK(found == expected);
}

TEST_CASE("the name of a derived codec spells the structure and not the compiler's names", "[types]") {
    CHECK(codecName<Everything>() ==
          "{flag:bool,letter:char,small:i8,port:u16,large:i64,ratio:f32,side:enum<u8>,text:string,"
          "length:duration<i64,1/1000s>,time:time<i64,1/1000000000s>,maybe:optional<i32>,maybeText:optional<string>,"
          "either:variant<{},i32,string,{x:i32,y:f64}>,tuple:tuple<i32,string>,pair:tuple<{x:i32,y:f64},bool>,"
          "three:array<i32,3>,texts:array<string,2>,symbol:array<char,8>,numbers:list<i32>,words:list<string>,"
          "flags:list<bool>,points:list<{x:i32,y:f64}>,deque:list<i32>,list:list<{x:i32,y:f64}>,map:map<string,i32>,"
          "set:set<i32>,hashMap:map<i32,string>,hashSet:set<string>,money:shop.Money@2}");
}

TEST_CASE("a specialisation of Codec counts wherever its type occurs", "[types]") {
    static_assert(codecVersion<Money>() == 2);
    static_assert(codecVersion<Leaf>() == 1);
    CHECK(codecName<Leaf>() == "{money:shop.Money@2,more:list<shop.Money@2>}");
    CHECK(encodeToBytes(Leaf{Money(1), {Money(2)}}).size() == 8 + 4 + 8);
}

TEST_CASE("only codecs without hashed containers and floating point numbers are deterministic", "[types]") {
    using Ordered = std::map<std::string, std::vector<int>>;
    using Hashed = std::unordered_map<int, int>;
    static_assert(codecIsDeterministic<Ordered>());
    static_assert(codecIsDeterministic<Leaf>());
    static_assert(!codecIsDeterministic<Hashed>());
    static_assert(!codecIsDeterministic<std::optional<double>>());
    CHECK(encodeToBytes(0.0) != encodeToBytes(-0.0));  // though they are equal
}

TEST_CASE("types that cannot be restored have no codec", "[types]") {
    static_assert(HasCodec<Everything>);
    static_assert(!HasCodec<NoCodecMember>);
    static_assert(!HasCodec<std::vector<NoCodecMember>>);
    static_assert(!HasCodec<ConstMember>);
    static_assert(!HasCodec<int*>);
    static_assert(!HasCodec<const char*>);
    static_assert(!HasCodec<std::string_view>);
    static_assert(!HasCodec<std::unique_ptr<int>>);
    static_assert(!HasCodec<long double>);
    static_assert(!HasCodec<std::chrono::steady_clock::time_point>);
    static_assert(!HasCodec<std::multimap<int, int>>);
}

TEST_CASE("floating point numbers keep every bit", "[types]") {
    for (const double value : {-0.0, std::numeric_limits<double>::denorm_min(), std::numeric_limits<double>::infinity(),
                               std::numeric_limits<double>::quiet_NaN()}) {
        CHECK(std::bit_cast<std::uint64_t>(decodeFromBytes<double>(encodeToBytes(value))) ==
              std::bit_cast<std::uint64_t>(value));
    }
}

TEST_CASE("a value that braces would put into another is kept as it is", "[state]") {
    KeyedStateStore<int> store;
    auto value = declareState<ValueState<Nest>>(store.cells(), ValueStateDescriptor<Nest>("value"));
    auto map = declareState<MapState<int, Nest>>(store.cells(), MapStateDescriptor<int, Nest>("map"));
    auto list = declareState<ListState<Nest>>(store.cells(), ListStateDescriptor<Nest>("list"));
    store.cells().seal(nullptr, nullptr);
    store.setCurrentKey(1);
    value.update(Nest({Nest()}));
    CHECK(value.value()->depth == 1);
    value.update(Nest({Nest()}));
    CHECK(value.value()->depth == 1);
    map.put(1, Nest({Nest()}));
    CHECK(map.get(1)->depth == 1);
    list.add(Nest({Nest()}));
    CHECK(list.get()[0].depth == 1);
}
