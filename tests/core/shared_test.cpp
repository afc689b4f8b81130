#include <millrace/core/shared.hpp>

#include <millrace/core/list.hpp>

#include "support/catch.hpp"

#include <atomic>
#include <thread>
#include <utility>
#include <vector>

using namespace millrace::detail;

namespace {

std::atomic<int> alive{0};

struct Counted : SharedObject {
    Counted() { ++alive; }
    ~Counted() override { --alive; }
    int number = 1;
};
struct Other {
    virtual ~Other() = default;
    int before = 7;
};
/// Its Counted does not begin where it does itself.
struct Derived : Other, Counted {
    int behind = 2;
};

}  // namespace

TEST_CASE("a shared object ends with the last of its references, whatever their type", "[core]") {
    {
        Shared<Derived> derived(new Derived);
        Shared<Counted> base = derived;
        Shared<const Counted> constant = base;
        CHECK(base.get() == derived.get());
        CHECK(constant.get() == derived.get());
        CHECK(constant->number == 1);
        CHECK((*derived).behind == 2);
        derived = nullptr;
        base = nullptr;
        CHECK(alive == 1);
        constant = Shared<const Counted>(new Counted);
        CHECK(alive == 1);
        CHECK(constant);
    }
    CHECK(alive == 0);
}

TEST_CASE("a reference may be given to itself, moved, swapped, and kept in lists", "[core]") {
    {
        Shared<Counted> one(new Counted);
        const Shared<Counted>& same = one;
        one = same;
        Shared<Counted>& moved = one;
        one = std::move(moved);
        REQUIRE(one);
        Shared<Counted> two = std::move(one);
        CHECK(one == nullptr);
        one.swap(two);
        CHECK(one);
        CHECK(two == nullptr);
        List<Shared<Counted>> list;
        for (int i = 0; i < 100; ++i) list.push_back(one);
        list.removeAt(3);
        const List<Shared<Counted>> copy = list;
        list.clear();
        one = nullptr;
        CHECK(copy.size() == 99);
        CHECK(alive == 1);
    }
    CHECK(alive == 0);
}

TEST_CASE("threads may come and go with references to one object", "[core][threads]") {
    {
        Shared<Counted> one(new Counted);
        std::vector<std::thread> threads;
        for (int i = 0; i < 3; ++i) {
            threads.emplace_back([one] {
                for (int round = 0; round < 1000; ++round) const Shared<Counted> again = one;
            });
        }
        one = nullptr;
        for (std::thread& thread : threads) thread.join();
    }
    CHECK(alive == 0);
}
