#include <millrace/core/functional.hpp>

#include "support/catch.hpp"

#include <memory>
#include <string>
#include <type_traits>

namespace detail = millrace::detail;

namespace {

struct Item {
    std::string name;
    int times(int n) const { return 3 * n; }
    std::string& longer(char c) { return name += c; }
};

}  // namespace

TEST_CASE("invoke calls functions and members as std::invoke does", "[core]") {
    Item item{"a"};
    const auto sum = [](int a, int b) { return a + b; };
    CHECK(detail::invoke(sum, 1, 2) == 3);
    CHECK(detail::invoke(&Item::name, item) == "a");
    CHECK(detail::invoke(&Item::name, &item) == "a");
    CHECK(detail::invoke(&Item::times, std::as_const(item), 2) == 6);
    CHECK(detail::invoke(&Item::times, std::make_shared<Item>(), 2) == 6);
    CHECK(&detail::invoke(&Item::longer, item, 'b') == &item.name);
    CHECK(item.name == "ab");

    detail::invoke(&Item::name, item) = "changed";
    CHECK(item.name == "changed");
    static_assert(std::is_same_v<decltype(detail::invoke(&Item::name, std::as_const(item))), const std::string&>);
    static_assert(std::is_same_v<decltype(detail::invoke(&Item::name, Item{})), std::string&&>);
}
