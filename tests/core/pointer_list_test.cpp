#include <millrace/core/pointer_list.hpp>

#include "support/catch.hpp"

#include <utility>
#include <vector>

using millrace::detail::OwnerList;
using millrace::detail::PointerList;

namespace {

struct Counted {
    explicit Counted(int n) : number(n) { ++alive; }
    Counted(const Counted& other) : number(other.number) { ++alive; }
    Counted& operator=(const Counted&) = delete;
    ~Counted() { --alive; }

    int number;
    static inline int alive = 0;
};
struct Incomplete;

template <class List>
std::vector<int> numbersIn(const List& list) {
    std::vector<int> numbers;
    for (const Counted& each : list) numbers.push_back(each.number);
    return numbers;
}

}  // namespace

TEST_CASE("a list of pointers keeps the order and owns nothing", "[core]") {
    Counted one(1), two(2), three(3);
    PointerList<Counted> list;
    CHECK(list.empty());
    list.add(one);
    list.add(three);
    list.addAt(1, two);
    CHECK(numbersIn(list) == std::vector<int>{1, 2, 3});
    CHECK((list.size() == 3 && &list.front() == &one && &list.back() == &three && &list[1] == &two));
    list.removeAt(0);
    CHECK(numbersIn(list) == std::vector<int>{2, 3});
    list.clear();
    CHECK(list.empty());
    CHECK(Counted::alive == 3);
}

TEST_CASE("a list of objects of its own destroys them once, whoever has it by then", "[core]") {
    {
        OwnerList<Counted> list;
        list.clear();  // of an empty one, too
        Counted& first = list.add(new Counted(1));
        list.add(new Counted(3));
        list.addAt(1, new Counted(2));
        CHECK(&list.front() == &first);
        CHECK(numbersIn(list) == std::vector<int>{1, 2, 3});

        OwnerList<Counted> copy(list);
        CHECK(Counted::alive == 6);
        OwnerList<Counted> moved(std::move(copy));
        CHECK(numbersIn(moved) == std::vector<int>{1, 2, 3});
        CHECK(Counted::alive == 6);

        Counted* const released = moved.release(1);
        CHECK(numbersIn(moved) == std::vector<int>{1, 3});
        delete released;

        OwnerList<Counted> empty;
        empty.swap(moved);
        CHECK(moved.empty());
        CHECK(numbersIn(empty) == std::vector<int>{1, 3});
        moved.add(new Counted(9));
        list = moved;  // what it had goes
        CHECK(numbersIn(list) == std::vector<int>{9});
        list = std::move(empty);
        CHECK(numbersIn(list) == std::vector<int>{1, 3});
        const OwnerList<Counted>& same = list;
        list = same;
        CHECK(numbersIn(list) == std::vector<int>{1, 3});
        CHECK(Counted::alive == 3);  // two of `list`, one of `moved`
        list.clear();
        CHECK(Counted::alive == 1);
        list.add(new Counted(4));
    }
    CHECK(Counted::alive == 0);
}

TEST_CASE("who only has a list need not know what would be in it", "[core]") {
    const OwnerList<Incomplete> list;
    CHECK(list.size() == 0);
}
