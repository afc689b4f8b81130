#include <millrace/types/value_migration.hpp>
// first: it stands alone
#include <millrace/core/chrono.hpp>
#include <millrace/types/codec.hpp>

#include <support/catch.hpp>

#include <array>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

using namespace millrace;
using namespace millrace::detail;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

namespace {

/// What has become of each field, a line each.
std::string changesOf(const std::vector<FieldChange>& changes) {
    std::string text;
    for (const FieldChange& each : changes) {
        text += std::string(toString(each.fate)) + " " + each.field;
        if (!each.note.empty()) text += " (" + each.note + ")";
        text += "\n";
    }
    return text;
}

template <class Old, class New>
struct Migration {
    // as from a snapshot: nothing is known of the old type but its text
    Schema from = parseSchema(codecName<Old>());
    Schema to = schemaOf(kTypeInfo<New>);
    std::vector<FieldChange> changes;
    MigrationStep step = MigrationPlanner(changes).plan(from, to, "v");

    New operator()(const Old& old) const {
        const std::vector<std::byte> bytes = encodeToBytes(old);
        ByteReader reader(bytes);
        ByteWriter writer;
        migrateValue(step, reader, writer);
        reader.expectEnd();
        return decodeFromBytes<New>(writer.bytes());
    }
};

template <class New, class Old>
New migrated(const Old& old) {
    return Migration<Old, New>()(old);
}
template <class Old, class New>
std::string changes() {
    return changesOf(Migration<Old, New>().changes);
}

template <class Fn>
std::string messageOf(Fn fn) {
    try {
        fn();
    } catch (const std::exception& error) {
        return describeException(error);
    }
    return "no exception";
}

}  // namespace

// ---- schemas ----

namespace {

struct Empty {
    bool operator==(const Empty&) const = default;
};
enum class Colour : std::uint16_t { Red };
struct Everything {
    bool flag = true;
    char letter = 'x';
    std::int8_t i8 = -1;
    std::uint64_t u64 = std::numeric_limits<std::uint64_t>::max();
    float f32 = 1.5F;
    double f64 = -2.25;
    Colour colour{};
    std::string text = "a\nb";
    std::chrono::milliseconds wait{1500};
    std::chrono::sys_time<std::chrono::nanoseconds> time{std::chrono::nanoseconds(1)};
    std::optional<int> none;
    std::optional<int> some = 7;
    std::variant<int, std::string> either = std::string("e");
    std::tuple<int, Empty> pair{};
    std::array<short, 2> two{1, 2};
    std::vector<bool> list{true, false};
    std::set<int> set{3, 1};
    std::map<std::string, int> map{{"k", 1}};
    Empty empty;
};

}  // namespace

TEST_CASE("a schema that was read from its text is that of the type", "[types]") {
    const Schema known = schemaOf(kTypeInfo<Everything>);
    const Schema read = parseSchema(codecName<Everything>());
    const auto same = [](const auto& self, const Schema& a, const Schema& b) -> bool {
        bool equal = a.kind == b.kind && a.letter == b.letter && a.bytes == b.bytes && a.num == b.num &&
                     a.den == b.den && a.text == b.text && a.names == b.names && a.parts.size() == b.parts.size() &&
                     (a.kind != TypeKind::Array || a.count == b.count) && fixedBytes(a) == fixedBytes(b);
        for (std::size_t i = 0; equal && i < a.parts.size(); ++i) equal = self(self, a.parts[i], b.parts[i]);
        return equal;
    };
    CHECK(same(same, known, read));

    const std::vector<std::byte> bytes = encodeToBytes(Everything{});
    ByteReader reader(bytes);
    skipValue(read, reader);
    CHECK(reader.remaining() == 0);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        ByteReader cut{std::span(bytes).first(size)};
        CHECK_THROWS_AS(skipValue(read, cut), CodecException);
    }
}

TEST_CASE("encoded values are shown without their type", "[types]") {
    const std::vector<std::byte> bytes = encodeToBytes(Everything{});
    ByteReader reader(bytes);
    std::string text;
    describeEncoded(parseSchema(codecName<Everything>()), reader, text);
    CHECK(text ==
          "{flag: true, letter: x, i8: -1, u64: 18446744073709551615, f32: 1.5, f64: -2.25, colour: 0, text: a\nb, "
          "wait: 1500ms, time: 1970-01-01T00:00:00.000000001Z, none: none, some: 7, either: e, pair: (0, {}), two: [1, "
          "2], list: [true, false], set: [1, 3], map: [(k, 1)], empty: {}}");
}

TEST_CASE("damaged schemas are refused where they are damaged", "[types]") {
    const std::string whole = codecName<Everything>();
    for (std::size_t size = 0; size + 1 < whole.size(); ++size) {
        CHECK_THROWS_AS(parseSchema(whole.substr(0, size)), CodecException);
    }
    for (const std::string text :
         {"", "{", "{a}", "{a:}", "{a:i32", "list<>", "list<i32", "map<i32>", "i32,", "i32>", "array<i32>",
          "array<i32,x>", "duration<string,1/1s>", "duration<i64,1/0s>", "enum<string>", "x<{"}) {
        CAPTURE(text);
        CHECK_THAT(messageOf([&] { (void)parseSchema(text); }), ContainsSubstring("is damaged at character"));
    }
    std::string deep;
    for (int i = 0; i < 100'000; ++i) deep += "list<";
    CHECK_THAT(messageOf([&] { (void)parseSchema(deep); }), ContainsSubstring("fewer types in one another"));
    CHECK(parseSchema("shop.Money<EUR,2>@3").codecName() == "shop.Money<EUR,2>");
    CHECK(parseSchema("shop.Money<EUR,2>@3").version == 3);
    CHECK(parseSchema("x@y").codecName() == "x@y");
}

// ---- fields ----

namespace {

struct V1 {
    std::int32_t id = 0;
    std::string name;
    std::string gone;
    float weight = 0;
};
struct V2 {
    std::string name;
    double weight = 0;
    std::int64_t id = 0;
    int added = 42;
    std::vector<std::string> tags{"new"};
    bool operator==(const V2&) const = default;
};

}  // namespace

TEST_CASE("fields go by name: moved, widened, added with their default, dropped", "[types]") {
    CHECK(migrated<V2>(V1{7, "seven", "x", 1.5F}) == V2{"seven", 1.5, 7, 42, {"new"}});
    CHECK(changes<V1, V2>() ==
          "kept v.name\nconverted v.weight (wider)\nconverted v.id (wider)\ndefaulted v.added\ndefaulted v.tags\n"
          "dropped v.gone\n");
    CHECK(changes<V1, V1>() == "kept v.id\nkept v.name\nkept v.gone\nkept v.weight\n");
    CHECK(migrated<V2>(Empty{}) == V2{});
    CHECK(migrated<Empty>(V1{}) == Empty{});
}

namespace {

template <class T>
struct Of {
    T x{};
    bool operator==(const Of&) const = default;
};

}  // namespace

TEST_CASE("numbers become wider, never narrower", "[types]") {
    CHECK(migrated<std::int64_t>(std::int8_t{-5}) == -5);
    CHECK(migrated<std::int16_t>(std::uint8_t{200}) == 200);
    CHECK(migrated<std::uint64_t>(std::uint32_t{4'000'000'000}) == 4'000'000'000);
    CHECK(migrated<std::int64_t>(std::uint32_t{4'000'000'000}) == 4'000'000'000);
    CHECK(migrated<double>(std::int32_t{-2'000'000'000}) == -2e9);
    CHECK(migrated<double>(std::uint32_t{4'000'000'000}) == 4e9);
    CHECK(migrated<float>(std::int16_t{-7}) == -7.0F);
    CHECK(migrated<double>(0.25F) == 0.25);
    CHECK(migrated<std::int64_t>(std::numeric_limits<std::int32_t>::min()) == std::numeric_limits<std::int32_t>::min());
    const std::string refused = "incompatible v (a number may become wider, but this one would not always fit)\n";
    CHECK(changes<std::int64_t, std::int32_t>() == refused);
    CHECK(changes<std::uint32_t, std::int32_t>() == refused);
    CHECK(changes<std::int32_t, std::uint64_t>() == refused);
    CHECK(changes<std::int64_t, double>() == refused);
    CHECK(changes<std::int32_t, float>() == refused);
    CHECK(changes<double, float>() == refused);
    CHECK(changes<double, std::int64_t>() == refused);
    CHECK(changes<char, std::int32_t>() == refused);
    CHECK_THAT((changes<bool, std::int32_t>()), ContainsSubstring("incompatible v (types that have nothing in common"));
    CHECK_THAT((changes<std::int32_t, std::string>()),
               ContainsSubstring("incompatible v (types that have nothing in common"));
}

namespace {

enum class Small : std::uint8_t { A, B };
enum class Large : std::uint32_t { A, B, C };

}  // namespace

TEST_CASE("enums may grow", "[types]") {
    CHECK(migrated<Large>(Small::B) == Large::B);
    CHECK(changes<Small, Large>() == "converted v (wider)\n");
    CHECK_THAT((changes<Large, Small>()), ContainsSubstring("incompatible v (what was saved would not always fit)"));
}

TEST_CASE("times and durations become finer", "[types]") {
    using std::chrono::sys_time;
    CHECK(migrated<std::chrono::nanoseconds>(1500ms) == 1500ms);
    CHECK(migrated<sys_time<std::chrono::nanoseconds>>(sys_time<std::chrono::milliseconds>(-3ms)) ==
          sys_time<std::chrono::nanoseconds>(-3ms));
    CHECK(migrated<std::chrono::milliseconds>(std::chrono::hours(2)) == 2h);
    CHECK_THAT((changes<std::chrono::nanoseconds, std::chrono::milliseconds>()), ContainsSubstring("incompatible v"));
    CHECK_THAT((changes<std::chrono::seconds, sys_time<std::chrono::seconds>>()), ContainsSubstring("incompatible v"));
    const auto tooLarge = std::chrono::milliseconds(std::numeric_limits<std::int64_t>::max() / 1000);
    CHECK_THAT(messageOf([&] { (void)migrated<std::chrono::nanoseconds>(tooLarge); }),
               ContainsSubstring("too large for its new, finer unit"));
    CHECK(migrated<sys_time<std::chrono::nanoseconds>>(sys_time<std::chrono::milliseconds>::max()) ==
          sys_time<std::chrono::nanoseconds>::max());
}

namespace {

struct Required {
    std::int32_t x = -1;
    std::string text = "unknown";
    bool operator==(const Required&) const = default;
};
struct Optional {
    std::optional<std::int16_t> x;
    std::optional<std::string> text;
};
struct AllOptional {
    std::optional<std::int64_t> x;
    std::optional<std::string> text;
    bool operator==(const AllOptional&) const = default;
};

}  // namespace

TEST_CASE("optional and required become one another", "[types]") {
    CHECK(migrated<AllOptional>(Required{5, "five"}) == AllOptional{5, "five"});
    CHECK(migrated<AllOptional>(Optional{5, {}}) == AllOptional{5, {}});
    CHECK(migrated<Required>(Optional{5, {}}) == Required{5, "unknown"});
    CHECK(migrated<Required>(Optional{{}, "t"}) == Required{-1, "t"});
    CHECK(migrated<int>(std::optional<int>{}) == 0);
    CHECK(changes<Required, AllOptional>() == "converted v.x (always there)\nconverted v.text (always there)\n");
    CHECK(changes<Optional, Required>() ==
          "converted v.x (its default where it was absent)\nconverted v.text (its default where it was absent)\n");
    CHECK_THAT((changes<std::optional<std::int64_t>, int>()), ContainsSubstring("incompatible v (a number"));
}

TEST_CASE("what is in containers changes as well", "[types]") {
    CHECK(migrated<std::vector<V2>>(std::vector<V1>{{1, "a", "", 0}, {2, "b", "", 1}}) ==
          std::vector<V2>{{"a", 0, 1, 42, {"new"}}, {"b", 1, 2, 42, {"new"}}});
    CHECK(migrated<std::map<std::int64_t, std::optional<double>>>(std::map<std::int32_t, std::optional<float>>{
              {-1, 0.5F}, {2, {}}}) == std::map<std::int64_t, std::optional<double>>{{-1, 0.5}, {2, {}}});
    CHECK(migrated<std::set<std::int64_t>>(std::set<std::int16_t>{-3, 3}) == std::set<std::int64_t>{-3, 3});
    CHECK(migrated<std::array<double, 2>>(std::array<float, 2>{1, 2}) == std::array<double, 2>{1, 2});
    CHECK(migrated<std::tuple<std::int64_t, std::string>>(std::tuple<int, std::string>{1, "x"}) ==
          std::tuple<std::int64_t, std::string>{1, "x"});
    CHECK(changes<std::vector<V1>, std::vector<V2>>() ==
          "kept v[].name\nconverted v[].weight (wider)\nconverted v[].id (wider)\ndefaulted v[].added\ndefaulted "
          "v[].tags\ndropped v[].gone\n");
    CHECK_THAT((changes<std::array<int, 2>, std::array<int, 3>>()),
               ContainsSubstring("incompatible v (an array of another"));
    CHECK_THAT((changes<std::tuple<int>, std::tuple<int, int>>()),
               ContainsSubstring("incompatible v (a tuple of another"));
    CHECK_THAT((changes<std::vector<int>, std::set<int>>()),
               ContainsSubstring("incompatible v (types that have nothing"));
    // two keys could become one
    CHECK_THAT((changes<std::map<std::optional<int>, int>, std::map<int, int>>()),
               ContainsSubstring("incompatible v[].key (elements of a set and keys of a map must stay different"));
}

TEST_CASE("a variant may get more alternatives, which may move, but not lose one", "[types]") {
    using Old = std::variant<std::int32_t, std::string>;
    using Moved = std::variant<std::string, double, std::int32_t>;
    using Wider = std::variant<std::int64_t, std::string, double>;
    CHECK(migrated<Moved>(Old{5}) == Moved{5});
    CHECK(migrated<Moved>(Old{"x"}) == Moved{"x"});
    CHECK(migrated<Wider>(Old{5}) == Wider{std::int64_t{5}});
    CHECK_THAT((changes<Wider, std::variant<std::int64_t, std::string>>()),
               ContainsSubstring("incompatible v(2) (the variant has lost this alternative"));
}

// ---- what a type says itself ----

namespace {

struct Account1 {
    std::int32_t amount = 0;
    std::string owner;
};
struct Account2 {
    std::string owner;
    std::int64_t balance = 0;
    int amount = 9;  // another one than that of old
    bool operator==(const Account2&) const = default;
};
struct Name1 {
    std::string first;
    std::string last;
};
struct Name2 {
    std::string full;
    bool operator==(const Name2&) const = default;
};
struct Person1 {
    Name1 name;
    int age = 0;
};
struct Person2 {
    Name2 name;
    std::int64_t age = 0;
    bool operator==(const Person2&) const = default;
};

}  // namespace

template <>
struct millrace::SchemaEvolution<Account2> {
    static constexpr RenamedField renamed[] = {{"amount", "balance"}};
};
template <>
struct millrace::SchemaEvolution<Name2> {
    using OldTypes = std::tuple<Name1, std::string>;
    static Name2 migrate(const Name1& old) { return {old.first + " " + old.last}; }
    static Name2 migrate(const std::string& old) { return {"the " + old}; }
};

TEST_CASE("a field has another name, which counts until the snapshot knows the new one", "[types]") {
    CHECK(migrated<Account2>(Account1{5, "o"}) == Account2{"o", 5, 9});
    CHECK(changes<Account1, Account2>() ==
          "kept v.owner\nconverted v.balance (was called amount; wider)\ndefaulted v.amount\n");
    struct Account3 {  // what a program with Account2 has saved, but in another order
        std::int64_t balance = 1;
        int amount = 2;
    };
    CHECK(migrated<Account2>(Account3{}) == Account2{"", 1, 2});
    CHECK(changes<Account3, Account2>() == "defaulted v.owner\nkept v.balance\nkept v.amount\n");
}

TEST_CASE("a function of the user's makes the new type of an old one, wherever it stands", "[types]") {
    CHECK(migrated<Name2>(Name1{"Ada", "L"}) == Name2{"Ada L"});
    CHECK(migrated<Name2>(std::string("queen")) == Name2{"the queen"});
    CHECK(migrated<std::vector<Person2>>(std::vector<Person1>{{{"A", "B"}, 3}}) == std::vector<Person2>{{{"A B"}, 3}});
    CHECK(changes<Person1, Person2>() == "converted v.name (by SchemaEvolution::migrate)\nconverted v.age (wider)\n");
    CHECK(migrated<Name2>(Name2{"as it is"}) == Name2{"as it is"});
}

// ---- codecs of users ----

namespace {

/// Version `Version` of a codec for a number; from version 2 on it is written with a mark.
template <std::uint32_t Version>
struct Money {
    std::int64_t cents = 0;
    bool operator==(const Money&) const = default;
};
struct Holder1 {
    Money<1> money;
    Money<1> dropped;
    int count = 0;
};
struct Holder2 {
    int count = 0;
    Money<2> money;
    Money<2> added{77};
    bool operator==(const Holder2&) const = default;
};
template <std::uint32_t Version>
struct Stuck {
    int x = 0;
};
struct Foreign {
    int x = 0;
};
struct HasForeign {
    Foreign foreign;
    int count = 3;
};
struct HasNone {
    int count = 0;
};

}  // namespace

template <std::uint32_t Version>
struct millrace::Codec<Money<Version>> {
    using T = Money<Version>;
    static void encode(const T& value, ByteWriter& writer) {
        if (Version > 1) writer.write('m');
        writer.write(value.cents);
    }
    static void decode(ByteReader& reader, T& value) { decodeVersion(reader, value, Version); }
    static void decodeVersion(ByteReader& reader, T& value, std::uint32_t version) {
        if (version > 1 && reader.read<char>() != 'm') reader.fail("no money");
        value.cents = reader.read<std::int64_t>();
    }
    static std::string name() { return "shop.Money"; }
    static constexpr std::uint32_t version() { return Version; }
};
template <std::uint32_t Version>
struct millrace::Codec<Stuck<Version>> {
    static void encode(const Stuck<Version>& value, ByteWriter& writer) { writer.write(value.x); }
    static void decode(ByteReader& reader, Stuck<Version>& value) { value.x = reader.read<int>(); }
    static std::string name() { return "shop.Stuck"; }
    static constexpr std::uint32_t version() { return Version; }
};
template <>
struct millrace::Codec<Foreign> {
    static void encode(const Foreign& value, ByteWriter& writer) { writer.write(value.x); }
    static void decode(ByteReader& reader, Foreign& value) { value.x = reader.read<int>(); }
    static std::string name() { return "shop.Foreign"; }
};

TEST_CASE("codecs of users read their older versions, also to read over them", "[types]") {
    CHECK(migrated<Money<2>>(Money<1>{5}) == Money<2>{5});
    CHECK(migrated<Holder2>(Holder1{{5}, {6}, 7}) == Holder2{7, {5}, {77}});
    CHECK(changes<Holder1, Holder2>() ==
          "kept v.count\nconverted v.money (by decodeVersion of its codec)\ndefaulted v.added\ndropped v.dropped\n");
    CHECK(changes<Money<3>, Money<2>>() ==
          "incompatible v (a newer program has saved it: its codec shop.Money has version 3, this program's has 2. "
          "Restore it with that program, or update the codec)\n");
    CHECK(changes<Stuck<1>, Stuck<2>>() ==
          "incompatible v (the codec shop.Stuck has version 2 and does not read version 1: give it static void "
          "decodeVersion(ByteReader&, T&, std::uint32_t version))\n");
    CHECK_THAT((changes<Foreign, Money<2>>()), ContainsSubstring("understood by that codec alone"));
    CHECK_THAT((changes<std::int64_t, Money<2>>()), ContainsSubstring("understood by that codec alone"));
    CHECK_THAT(
        (changes<HasForeign, HasNone>()),
        ContainsSubstring("incompatible v.foreign (this program has no codec shop.Foreign, and cannot read over"));
}
