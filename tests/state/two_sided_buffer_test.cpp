#include <millrace/state/two_sided_buffer.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <new>
#include <random>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

using namespace millrace;
using detail::TwoSidedBuffer;

namespace {

/// Its move may throw, so no buffer keeps it in itself; counts what is alive.
struct Immovable {
    static inline int alive = 0;
    std::int64_t value;

    explicit Immovable(std::int64_t v) : value(v) { ++alive; }
    Immovable(const Immovable& other) : value(other.value) { ++alive; }
    Immovable& operator=(const Immovable&) = default;
    ~Immovable() { --alive; }
};
std::int64_t numberOf(const Immovable& value) {
    return value.value;
}
std::int64_t numberOf(std::int64_t value) {
    return value;
}
std::int64_t numberOf(const std::string& text) {
    return std::stoll(text.substr(text.rfind(' ') + 1));
}
template <class T>
T made(std::int64_t number) {
    if constexpr (std::is_same_v<T, std::string>) {
        return "longer than what fits into a string itself: " + std::to_string(number);
    } else {
        return T(number);
    }
}
Timestamp at(std::int64_t ticks) {
    return Timestamp{Duration{ticks}};
}
std::int64_t ticksOf(Timestamp t) {
    return t.time_since_epoch().count();
}

using Entries = std::vector<std::pair<std::int64_t, std::int64_t>>;

template <bool kLeft, class Buffer>
Entries entriesOf(const Buffer& buffer, Timestamp after = kMinTimestamp) {
    Entries all;
    buffer.template forEachAfter<kLeft>(
        after, [&](Timestamp time, const auto& value) { all.emplace_back(ticksOf(time), numberOf(value)); });
    CHECK(buffer.template countAfter<kLeft>(after) == all.size());
    return all;
}
template <bool kLeft, class Buffer>
Entries within(Buffer& buffer, std::int64_t first, std::int64_t last) {
    Entries found;
    buffer.template forEachWithin<kLeft>(at(first), at(last), [&](Timestamp time, const auto& value) {
        found.emplace_back(ticksOf(time), numberOf(value));
    });
    return found;
}

void insertSorted(Entries& entries, std::int64_t time, std::int64_t number) {
    auto place = entries.end();
    while (place != entries.begin() && place[-1].first > time) --place;
    entries.insert(place, {time, number});
}
Entries part(const Entries& entries, std::int64_t first, std::int64_t last) {
    Entries found;
    for (const auto& entry : entries) {
        if (entry.first >= first && entry.first <= last) found.push_back(entry);
    }
    return found;
}

template <class L, class R, std::size_t kRoom>
struct Kind {
    using Buffer = TwoSidedBuffer<L, R, kRoom>;
    using Left = L;
    using Right = R;
};

}  // namespace

TEMPLATE_TEST_CASE("a buffer of two kinds holds what two sorted lists would", "[state]",
                   (Kind<std::int64_t, std::int64_t, 3>), (Kind<std::int64_t, std::string, 2>),
                   (Kind<std::string, std::string, 4>), (Kind<std::string, std::int64_t, 0>),
                   (Kind<Immovable, std::int64_t, 3>)) {
    using Buffer = typename TestType::Buffer;
    const auto seed = GENERATE(range(1, 9));
    CAPTURE(seed);
    {
        std::mt19937 random(static_cast<std::uint32_t>(seed));
        const auto below = [&random](std::uint32_t n) { return static_cast<std::int64_t>(random() % n); };
        typename Buffer::Pool pool;
        Buffer buffer;
        Entries lefts, rights;
        std::int64_t clock = 0;
        std::size_t most = 0;
        for (std::int64_t step = 0; step < 3'000; ++step) {
            switch (below(8)) {
                case 0:
                case 1:
                case 2: {
                    clock += below(4);
                    const std::int64_t time = clock - (below(3) == 0 ? below(9) : 0);
                    if (below(2) == 0) {
                        buffer.template add<true>(pool, at(time), made<typename TestType::Left>(step));
                        insertSorted(lefts, time, step);
                    } else {
                        buffer.template add<false>(pool, at(time), made<typename TestType::Right>(step));
                        insertSorted(rights, time, step);
                    }
                    break;
                }
                case 3:
                case 4:
                case 5: {
                    const std::int64_t left = clock - below(14);
                    const std::int64_t right = clock - below(14);
                    CHECK(entriesOf<true>(buffer, at(left)) == part(lefts, left + 1, clock));
                    CHECK(entriesOf<false>(buffer, at(right)) == part(rights, right + 1, clock));
                    buffer.dropUntil(pool, at(left), at(right));
                    std::erase_if(lefts, [&](const auto& entry) { return entry.first <= left; });
                    std::erase_if(rights, [&](const auto& entry) { return entry.first <= right; });
                    break;
                }
                case 6: {
                    const std::int64_t first = clock - below(20);
                    const std::int64_t last = first + below(12);
                    CHECK(within<true>(buffer, first, last) == part(lefts, first, last));
                    CHECK(within<false>(buffer, first, last) == part(rights, first, last));
                    break;
                }
                default: {
                    Buffer moved(std::move(buffer));
                    CHECK(buffer.empty());
                    std::destroy_at(&buffer);
                    ::new (static_cast<void*>(&buffer)) Buffer(std::move(moved));
                }
            }
            REQUIRE(entriesOf<true>(buffer) == lefts);
            REQUIRE(entriesOf<false>(buffer) == rights);
            REQUIRE(buffer.empty() == (lefts.empty() && rights.empty()));
            REQUIRE(buffer.template lastTime<true>() == (lefts.empty() ? kMinTimestamp : at(lefts.back().first)));
            REQUIRE(buffer.template lastTime<false>() == (rights.empty() ? kMinTimestamp : at(rights.back().first)));
            most = std::max(most, lefts.size() + rights.size());
        }
        CHECK(most > 6);  // more than any of them has room for
    }
    CHECK(Immovable::alive == 0);
}

TEST_CASE("a buffer of two kinds finds times at the ends of all time, and none beyond an interval that is cut there",
          "[state]") {
    constexpr std::int64_t kLowest = std::numeric_limits<std::int64_t>::min() + 1;
    constexpr std::int64_t kHighest = std::numeric_limits<std::int64_t>::max();
    using Buffer = TwoSidedBuffer<std::int64_t, std::int64_t, 4>;
    Buffer::Pool pool;
    Buffer buffer;
    Entries all;
    for (const std::int64_t time : {kLowest, std::int64_t{-1}, std::int64_t{0}, kHighest}) {
        buffer.add<true>(pool, at(time), std::int64_t{time});
        all.emplace_back(time, time);
    }
    for (const std::int64_t first : {kLowest - 1, kLowest, std::int64_t{-1}, std::int64_t{0}, kHighest}) {
        for (const std::int64_t last : {kLowest - 1, kLowest, std::int64_t{-1}, std::int64_t{0}, kHighest}) {
            if (first <= last) CHECK(within<true>(buffer, first, last) == part(all, first, last));
        }
    }
    CHECK(within<false>(buffer, kLowest, kHighest) == Entries{});
}

TEST_CASE("what one buffer of two kinds has had on the heap serves the next one", "[state]") {
    using Buffer = TwoSidedBuffer<std::string, std::int64_t, 2>;
    Buffer::Pool pool;
    Buffer first, second;
    for (Buffer* const buffer : {&first, &second, &first}) {
        for (std::int64_t time = 0; time < 20; ++time) {
            buffer->add<true>(pool, at(time), made<std::string>(time));
            buffer->add<false>(pool, at(time), std::int64_t{time});
        }
        buffer->dropUntil(pool, at(18), at(17));
        CHECK(entriesOf<true>(*buffer) == Entries{{19, 19}});
        CHECK(entriesOf<false>(*buffer) == Entries{{18, 18}, {19, 19}});
        buffer->dropUntil(pool, at(19), at(18));  // they are few enough now to be in the object
        CHECK(entriesOf<false>(*buffer) == Entries{{19, 19}});
        buffer->dropUntil(pool, at(19), at(19));
        CHECK(buffer->empty());
    }
}
