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

/// Tells whether there is a way back to it while it goes.
struct Watched : WatchedObject {
    explicit Watched(bool& seen) : foundWhileGoing(seen), itself(*this) { ++alive; }
    ~Watched() override {
        foundWhileGoing = static_cast<bool>(itself.lock());
        --alive;
    }
    bool& foundWhileGoing;
    WeakReference itself;
    int number = 5;
};
/// Says itself what becomes of it.
struct Kept : SharedObject {
    explicit Kept(const Kept*& place) : last(place) {}
    const Kept*& last;

private:
    void endShared() const noexcept override { last = this; }
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

TEST_CASE("a weak reference finds its object until the last of the others has gone", "[core]") {
    bool foundWhileGoing = true;
    Shared<Watched> one(new Watched(foundWhileGoing));
    const Weak<Watched> weak(*one);
    const WeakReference reference(*one);
    CHECK(reference == weak);
    CHECK_FALSE(reference == WeakReference());
    CHECK(WeakReference().lock() == nullptr);
    {
        const Shared<Watched> found = weak.lock();
        REQUIRE(found);
        CHECK(found->number == 5);
        one = nullptr;
        CHECK(alive == 1);
        CHECK(reference.lock());
    }
    CHECK(alive == 0);
    CHECK_FALSE(foundWhileGoing);
    CHECK(weak.lock() == nullptr);
    CHECK(reference.lock() == nullptr);
    Shared<Watched> other(new Watched(foundWhileGoing));
    CHECK_FALSE(reference == WeakReference(*other));
}

TEST_CASE("an object may say what becomes of it when its last reference has gone", "[core]") {
    const Kept* last = nullptr;
    {
        const Shared<Kept> one(new Kept(last));
        const Shared<Kept> two = one;
    }
    REQUIRE(last != nullptr);
    delete last;
}

TEST_CASE("threads may look for an object while its last reference goes", "[core][threads]") {
    for (int round = 0; round < 200; ++round) {
        bool foundWhileGoing = false;
        Shared<Watched> one(new Watched(foundWhileGoing));
        const Weak<Watched> weak(*one);
        std::atomic<int> wrong{0};
        std::vector<std::thread> threads;
        for (int i = 0; i < 2; ++i) {
            threads.emplace_back([&wrong, weak] {
                while (const Shared<Watched> found = weak.lock()) wrong += found->number != 5;
            });
        }
        one = nullptr;
        for (std::thread& thread : threads) thread.join();
        CHECK(wrong == 0);
        CHECK(alive == 0);
        CHECK_FALSE(foundWhileGoing);
    }
}
