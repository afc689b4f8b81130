#include <millrace/types/reflection.hpp>

#include "support/catch.hpp"

#include <array>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <variant>
#include <vector>

using namespace std::string_view_literals;

namespace {

struct Trade {
    std::string symbol;
    std::string industry;
    double price;
    int quantity;
    std::chrono::sys_time<std::chrono::nanoseconds> time;
};

struct Point {
    int x, y;
};

// members whose constructors take almost anything: the count must not be misled by them
struct Greedy {
    std::optional<int> number;
    std::optional<std::string> text;
    std::variant<int, std::string> either;
    std::map<int, int> map;
    std::unique_ptr<int> owner;
    std::function<void()> function;
    std::string_view view;
    std::vector<std::unique_ptr<int>> owners;  // asking whether it can be copied would not compile
    Point point;
    std::array<int, 3> three;
    std::pair<int, std::string> pair;
    std::tuple<int, double> tuple;
};

struct WithArrays {
    char symbol[8];
    int one;
    int matrix[2][3];
    Point points[3];
    double last[2];
};

struct Empty {};
struct Base {
    int inherited;
};
struct Derived : Base {
    int own;
};
struct Constructed {
    Constructed() : a(1), b_("b") {}
    int a;
    std::string b_;
};
struct DerivedWithList : Base {
    int own = 0;
};
MILLRACE_FIELDS(Constructed, a, b_)
MILLRACE_FIELDS(DerivedWithList, inherited, own)

struct NoDefault {
    explicit NoDefault(int);
};
struct WithoutDefault {
    int a;
    NoDefault b;
    int c;
};

/// Its last member must not be left out, nor be `{}`: both count as copying from an empty list, which `explicit` forbids.
struct ExplicitDefault {
    explicit ExplicitDefault(int = 0) {}
};
struct ArrayBeforeExplicitDefault {
    int a;
    char symbol[8];
    ExplicitDefault b;
    int matrix[2][2];
    ExplicitDefault c;
};

template <class T>
struct Generic {
    T one;
    int two_2;
};

struct Wide {
    int f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18, f19, f20, f21, f22, f23, f24,
        f25, f26, f27, f28, f29, f30, f31, f32, f33, f34, f35, f36, f37, f38, f39, f40, f41, f42, f43, f44, f45, f46,
        f47, f48, f49, f50, f51, f52, f53, f54, f55, f56, f57, f58, f59, f60, f61, f62, f63, f64;
};
struct ConstructedWide {
    ConstructedWide() : f1() {}
    int f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18, f19, f20, f21, f22, f23, f24,
        f25, f26, f27, f28, f29, f30, f31, f32, f33, f34, f35, f36, f37, f38, f39, f40, f41, f42, f43, f44, f45, f46,
        f47, f48, f49, f50, f51, f52, f53, f54, f55, f56, f57, f58, f59, f60, f61, f62, f63, f64;
};
MILLRACE_FIELDS(ConstructedWide, f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18, f19,
                f20, f21, f22, f23, f24, f25, f26, f27, f28, f29, f30, f31, f32, f33, f34, f35, f36, f37, f38, f39, f40,
                f41, f42, f43, f44, f45, f46, f47, f48, f49, f50, f51, f52, f53, f54, f55, f56, f57, f58, f59, f60, f61,
                f62, f63, f64)
struct TooWide {
    Wide wide;
    int f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18, f19, f20, f21, f22, f23, f24,
        f25, f26, f27, f28, f29, f30, f31, f32, f33, f34, f35, f36, f37, f38, f39, f40, f41, f42, f43, f44, f45, f46,
        f47, f48, f49, f50, f51, f52, f53, f54, f55, f56, f57, f58, f59, f60, f61, f62, f63, f64;
};

template <class T>
std::vector<std::string_view> names() {
    const auto found = millrace::fieldNames<T>();
    return {found.begin(), found.end()};
}

using Names = std::vector<std::string_view>;

}  // namespace

TEST_CASE("the fields of a plain aggregate are known with their names", "[types]") {
    static_assert(millrace::fieldCount<Trade>() == 5);
    static_assert(millrace::fieldName<Trade>(3) == "quantity");
    static_assert(std::is_same_v<millrace::FieldType<Trade, 2>, double>);
    static_assert(std::is_same_v<millrace::FieldType<const Trade, 0>, std::string>);
    CHECK(names<Trade>() == Names{"symbol", "industry", "price", "quantity", "time"});
    CHECK(names<Greedy>() == Names{"number", "text", "either", "map", "owner", "function", "view", "owners", "point",
                                   "three", "pair", "tuple"});
    CHECK(names<Generic<std::string>>() == Names{"one", "two_2"});
    CHECK(names<WithoutDefault>() == Names{"a", "b", "c"});
    CHECK(names<Empty>().empty());
    CHECK(names<Wide>().size() == 64);
    CHECK(names<Wide>().back() == "f64");
}

TEST_CASE("an array member is one field, whatever it holds", "[types]") {
    CHECK(names<WithArrays>() == Names{"symbol", "one", "matrix", "points", "last"});
    static_assert(std::is_same_v<millrace::FieldType<WithArrays, 0>, char[8]>);
    CHECK(names<ArrayBeforeExplicitDefault>() == Names{"a", "symbol", "b", "matrix", "c"});
}

TEST_CASE("a type local to a function has fields", "[types]") {
    struct Local {
        int here;
        std::string there;
    };
    struct OneOptional {
        std::optional<int> only;
    };
    struct OneVector {
        std::vector<int> only;
    };
    struct OneRecord {
        Point only;
    };
    CHECK(names<Local>() == Names{"here", "there"});
    CHECK(names<OneOptional>() == Names{"only"});
    CHECK(names<OneVector>() == Names{"only"});
    CHECK(names<OneRecord>() == Names{"only"});
}

TEST_CASE("MILLRACE_FIELDS names the fields of other types", "[types]") {
    CHECK(names<Constructed>() == Names{"a", "b_"});
    CHECK(names<DerivedWithList>() == Names{"inherited", "own"});
    CHECK(names<ConstructedWide>() == names<Wide>());
    DerivedWithList value;
    millrace::forEachField(value, [](std::string_view, int& field) { field = 7; });
    CHECK(value.inherited == 7);
    CHECK(value.own == 7);
}

TEST_CASE("what cannot be listed is not Reflectable", "[types]") {
    static_assert(!millrace::Reflectable<Derived>);
    static_assert(!millrace::Reflectable<NoDefault>);
    static_assert(!millrace::Reflectable<int>);
    static_assert(!millrace::Reflectable<std::string>);
    static_assert(!millrace::Reflectable<std::array<int, 2>>);
    static_assert(!millrace::Reflectable<TooWide>);
    static_assert(!millrace::Reflectable<std::tuple<int>>);
    static_assert(millrace::Reflectable<const Trade>);
}

TEST_CASE("fields are visited in order, by reference", "[types]") {
    Trade trade{"AAPL", "Technology", 12.5, 100, {}};
    Names seen;
    millrace::forEachField(trade, [&](std::string_view name, const auto&) { seen.push_back(name); });
    CHECK(seen == names<Trade>());

    std::size_t sum = 0;
    millrace::forEachFieldIndexed(std::as_const(trade), [&](auto index, const auto& field) {
        static_assert(std::is_const_v<std::remove_reference_t<decltype(field)>>);
        constexpr std::size_t kIndex = index();  // usable at compile time
        sum += kIndex;
    });
    CHECK(sum == 10);

    std::get<3>(millrace::fieldsAsTuple(trade)) = 7;
    CHECK(trade.quantity == 7);
    CHECK(millrace::applyToFields(trade, [](auto&... field) { return sizeof...(field); }) == 5);
}
