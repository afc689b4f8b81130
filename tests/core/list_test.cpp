#include <millrace/core/list.hpp>

#include "support/catch.hpp"

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using millrace::detail::List;

namespace {

std::vector<std::string> textsOf(const List<std::string>& list) {
    return {list.begin(), list.end()};
}

/// Counts its living copies; throws when the one with the number `failing` is copied.
struct Counted {
    explicit Counted(int n) : number(n) { ++alive; }
    Counted(const Counted& other) : number(other.number) {
        if (number == failing) throw std::runtime_error("copy");
        ++alive;
    }
    Counted& operator=(const Counted&) = delete;
    ~Counted() { --alive; }

    int number;
    static inline int alive = 0;
    static inline int failing = -1;
};
struct Fragile : Counted {
    using Counted::Counted;
    Fragile(const Fragile&) = default;
    Fragile(Fragile&& other) noexcept : Counted(other.number) {}
};
/// Moving it may throw, so that it is copied when a list grows; over-aligned.
struct alignas(64) Careful : Counted {
    using Counted::Counted;
};

}  // namespace

TEST_CASE("a list keeps its elements in order while it grows", "[core]") {
    List<std::string> list;
    std::vector<std::string> expected;
    for (int i = 0; i < 100; ++i) {
        expected.push_back("a text that is longer than a string holds by itself " + std::to_string(i));
        list.push_back(expected.back());
    }
    CHECK(textsOf(list) == expected);

    list.pop_back();
    expected.pop_back();
    list[3] = expected[3] = "changed";
    List<std::string> copy = list;
    const List<std::string> moved = std::move(list);
    CHECK(textsOf(copy) == expected);
    CHECK(textsOf(moved) == expected);
    copy.clear();
    CHECK(copy.empty());
    copy = moved;
    CHECK(copy.back() == expected.back());
}

TEST_CASE("a list of a size has elements with their initial value", "[core]") {
    const List<int> numbers(3);
    CHECK(std::vector<int>(numbers.begin(), numbers.end()) == std::vector<int>{0, 0, 0});
    List<std::unique_ptr<int>> owners(2);
    owners.emplace_back(new int(7));
    CHECK(owners.size() == 3);
    CHECK(owners.front() == nullptr);
    CHECK(*owners.back() == 7);
}

TEST_CASE("a list whose copy fails loses nothing", "[core]") {
    {
        List<Fragile> list;
        for (int i = 0; i < 10; ++i) list.emplace_back(i);
        Fragile::failing = 6;
        CHECK_THROWS_AS(List<Fragile>(list), std::runtime_error);
        CHECK(Fragile::alive == 10);
        Fragile::failing = -1;
        CHECK(List<Fragile>(list).size() == 10);
    }
    CHECK(Fragile::alive == 0);
}

TEST_CASE("a list whose elements throw when it grows is as it was, wherever they have to lie", "[core]") {
    {
        List<Careful> list;
        for (int i = 0; i < 4; ++i) list.emplace_back(i);
        Careful::failing = 2;
        CHECK_THROWS_AS(list.emplace_back(4), std::runtime_error);
        CHECK(list.size() == 4);
        CHECK(Careful::alive == 4);
        Careful::failing = -1;
        list.emplace_back(4);
        for (int i = 0; i < 5; ++i) {
            CHECK(list[static_cast<std::size_t>(i)].number == i);
            CHECK(reinterpret_cast<std::uintptr_t>(&list[static_cast<std::size_t>(i)]) % 64 == 0);
        }
    }
    CHECK(Careful::alive == 0);
}

TEST_CASE("a list drops what it is told to and keeps the order of the rest", "[core]") {
    List<std::string> list{"a", "bb", "c", "dd", "e"};
    list.eraseIf([](const std::string& text) { return text.size() == 1; });
    CHECK(textsOf(list) == std::vector<std::string>{"bb", "dd"});
    list.eraseIf([](const std::string&) { return false; });
    CHECK(textsOf(list) == std::vector<std::string>{"bb", "dd"});
    list.eraseIf([](const std::string&) { return true; });
    CHECK(list.empty());
}

TEST_CASE("a list without one of its elements keeps the order of the others", "[core]") {
    List<std::string> list = {"a", "b", "c", "d"};
    list.removeAt(1);
    CHECK(textsOf(list) == std::vector<std::string>{"a", "c", "d"});
    list.removeAt(2);
    list.removeAt(0);
    CHECK(textsOf(list) == std::vector<std::string>{"c"});
    list.removeAt(0);
    CHECK(list.empty());
}
