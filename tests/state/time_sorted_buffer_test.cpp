#include <millrace/state/time_sorted_buffer.hpp>

#include "support/catch.hpp"

#include <cstdint>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace millrace;
using detail::TimeSortedBuffer;

namespace {

/// Its move may throw, and does when told to; counts what is alive.
struct Fragile {
    static inline int alive = 0;
    static inline int copiesUntilThrow = -1;
    std::int64_t value;

    explicit Fragile(std::int64_t v) : value(v) { ++alive; }
    Fragile(const Fragile& other) : value(other.value) {
        if (copiesUntilThrow >= 0 && copiesUntilThrow-- == 0) throw std::runtime_error("as asked");
        ++alive;
    }
    Fragile& operator=(const Fragile&) = default;
    ~Fragile() { --alive; }
};
std::int64_t valueOf(const Fragile& fragile) {
    return fragile.value;
}
std::int64_t valueOf(std::int64_t value) {
    return value;
}
std::int64_t valueOf(const std::string& text) {
    return std::stoll(text.substr(text.rfind(' ') + 1));
}
template <class T>
T made(std::int64_t value) {
    if constexpr (std::is_same_v<T, std::string>) {
        return "longer than what fits into a string itself: " + std::to_string(value);
    } else {
        return T(value);
    }
}

using Entries = std::vector<std::pair<std::int64_t, std::int64_t>>;

template <class Buffer>
Entries entriesOf(Buffer& buffer) {
    Entries all;
    for (const auto& entry : buffer) all.emplace_back(entry.time.time_since_epoch().count(), valueOf(entry.value));
    return all;
}

template <class T, std::size_t kInline>
struct Kind {
    using Value = T;
    static constexpr std::size_t kPlaces = kInline;
};

}  // namespace

TEMPLATE_TEST_CASE("a time-sorted buffer holds what a sorted list would", "[state]", (Kind<std::int64_t, 3>),
                   (Kind<std::int64_t, 0>), (Kind<std::string, 2>), (Kind<Fragile, 2>)) {
    using T = typename TestType::Value;
    using Buffer = TimeSortedBuffer<T, TestType::kPlaces>;
    const auto seed = GENERATE(range(1, 9));
    CAPTURE(seed);
    {
        std::mt19937 random(static_cast<std::uint32_t>(seed));
        Buffer buffer;
        Entries expected;
        std::int64_t clock = 0;
        for (std::int64_t step = 0; step < 2'000; ++step) {
            if (random() % 3 != 0) {
                clock += random() % 4;
                const std::int64_t time = clock - static_cast<std::int64_t>(random() % 5);
                buffer.add(Timestamp{Duration{time}}, made<T>(step));
                auto at = expected.end();
                while (at != expected.begin() && at[-1].first > time) --at;
                expected.insert(at, {time, step});
            } else if (random() % 2 == 0) {
                const std::int64_t last = clock - static_cast<std::int64_t>(random() % 30);
                buffer.dropUntil(Timestamp{Duration{last}});
                std::erase_if(expected, [&](const auto& entry) { return entry.first <= last; });
            } else {
                Buffer moved(std::move(buffer));
                CHECK(buffer.empty());
                std::destroy_at(&buffer);
                ::new (static_cast<void*>(&buffer)) Buffer(std::move(moved));
            }
            REQUIRE(entriesOf(buffer) == expected);
            const std::int64_t from = clock - static_cast<std::int64_t>(random() % 40);
            std::size_t before = 0;
            while (before < expected.size() && expected[before].first < from) ++before;
            REQUIRE(buffer.firstNotBefore(Timestamp{Duration{from}}) == buffer.begin() + before);
        }
    }
    CHECK(Fragile::alive == 0);
}

TEST_CASE("a time-sorted buffer is as it was when a value cannot be copied", "[state]") {
    for (int failing = 0; failing < 12; ++failing) {
        TimeSortedBuffer<Fragile, 2> buffer;
        for (const std::int64_t time : {10, 20, 30, 40}) buffer.add(Timestamp{Duration{time}}, Fragile(time));
        const Entries before = entriesOf(buffer);
        Fragile::copiesUntilThrow = failing;
        bool threw = false;
        try {
            for (const std::int64_t time : {15, 50, 5}) buffer.add(Timestamp{Duration{time}}, Fragile(time));
        } catch (const std::runtime_error&) {
            threw = true;
        }
        Fragile::copiesUntilThrow = -1;
        if (failing == 0) CHECK((threw && entriesOf(buffer) == before));
        for (std::size_t i = 1; i < buffer.size(); ++i) CHECK(buffer.begin()[i - 1].time <= buffer.begin()[i].time);
        CHECK(buffer.size() >= before.size());
    }
    CHECK(Fragile::alive == 0);
}

TEST_CASE("a time-sorted buffer that cannot be moved stays where it is, and nothing of it is lost", "[state]") {
    for (const bool hasSpareMemory : {false, true}) {
        TimeSortedBuffer<Fragile, 2> buffer;
        if (hasSpareMemory) {
            for (const std::int64_t time : {1, 2, 3}) buffer.add(Timestamp{Duration{time}}, Fragile(time));
            buffer.dropUntil(Timestamp{Duration{3}});
        }
        for (const std::int64_t time : {10, 20}) buffer.add(Timestamp{Duration{time}}, Fragile(time));
        Fragile::copiesUntilThrow = 1;
        CHECK_THROWS_AS((TimeSortedBuffer<Fragile, 2>(std::move(buffer))), std::runtime_error);
        Fragile::copiesUntilThrow = -1;
        CHECK(entriesOf(buffer) == Entries{{10, 10}, {20, 20}});
        CHECK(Fragile::alive == 2);
        buffer.add(Timestamp{Duration{15}}, Fragile(15));
        CHECK(entriesOf(buffer) == Entries{{10, 10}, {15, 15}, {20, 20}});
    }
    CHECK(Fragile::alive == 0);
}
