#include <millrace/api/data_stream.hpp>

#include "api/api_fixtures.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <ostream>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

using namespace millrace;
using namespace millrace::testsupport;

namespace {

/// A record of so many words that says where it came from.
template <std::size_t kWords>
struct Wide {
    std::array<std::int64_t, kWords> words{};
    bool operator==(const Wide&) const = default;
};
template <std::size_t kWords>
Wide<kWords> wide(std::int64_t number) {
    Wide<kWords> made;
    for (std::size_t i = 0; i < kWords; ++i) made.words[i] = number * static_cast<std::int64_t>(i + 1);
    return made;
}

/// What came, and with which timestamp.
struct Seen {
    std::int64_t number = 0;
    std::int64_t time = -1;
    bool operator==(const Seen&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Seen& seen) {
    return out << seen.number << '@' << seen.time;
}

struct Look {
    template <class Record>
    void processElement(const Record& record, ProcessContext& context, Collector<Seen>& out) {
        Seen seen;
        if constexpr (std::is_same_v<Record, std::string>) {
            seen.number = std::stoll(record);
        } else if constexpr (std::is_same_v<Record, std::int64_t>) {
            seen.number = record;
        } else {
            seen.number = record.words[0];
            CHECK(record == wide<sizeof(record) / sizeof(std::int64_t)>(seen.number));
        }
        if (const std::optional<Timestamp> time = context.timestamp()) seen.time = time->time_since_epoch().count();
        out.collect(seen);
    }
};

std::vector<std::int64_t> numbers(std::int64_t first, std::int64_t last) {
    std::vector<std::int64_t> made;
    for (std::int64_t number = first; number <= last; ++number) made.push_back(number);
    return made;
}

constexpr std::int64_t kRecords = 5000;

/// `build(stream)` makes a stream of what `expected(number)` gives, if anything, for 1 to 5000.
template <class Record, class Make, class Build, class Expected>
void compare(Make make, Build build, Expected expected) {
    for (const bool timed : {false, true}) {
        onEveryRuntime([&](StreamEnvironment& env, const std::string& runtime) {
            INFO(runtime << (timed ? ", timed" : ""));
            std::vector<Record> records;
            std::vector<Seen> wanted;
            for (std::int64_t number = 1; number <= kRecords; ++number) {
                records.push_back(make(number));
                const std::optional<std::int64_t> result = expected(number);
                if (result) wanted.push_back({*result, timed ? 7 * number : -1});
            }
            auto strategy = WatermarkStrategy::forMonotonousTimestamps().withTimestampAssigner(
                [](const Record& record) { return Timestamp(Duration(7 * record.words[0])); });
            const auto source = env.fromCollection(std::move(records));
            const auto seen = timed ? build(source.assignTimestampsAndWatermarks(strategy)) : build(source);
            CHECK(seen == wanted);
        });
    }
}

template <std::size_t kWords>
bool isOdd(const Wide<kWords>& record) {
    return record.words[0] % 2 == 1;
}

template <std::size_t kWords>
void compareWidth() {
    using Record = Wide<kWords>;
    const auto third = [](const Record& record) { return record.words[0] % 3 == 0; };
    const auto isOf = [](std::int64_t number, auto... divisors) {
        return number % 2 == 1 && ((number % divisors == 0) && ...);
    };
    INFO(kWords << " words");
    // into another type, into the same one, and into one that owns memory
    compare<Record>(
        wide<kWords>,
        [](auto stream) {
            return stream.filter(isOdd<kWords>)
                .map([](const Record& record) { return record.words[0]; })
                .template process<Seen>(Look())
                .executeAndCollect();
        },
        [&](std::int64_t n) { return isOf(n) ? std::optional(n) : std::nullopt; });
    compare<Record>(
        wide<kWords>,
        [](auto stream) {
            return stream.filter(isOdd<kWords>)
                .map([](const Record& record) { return wide<kWords>(record.words[0] + 2); })
                .template process<Seen>(Look())
                .executeAndCollect();
        },
        [&](std::int64_t n) { return isOf(n) ? std::optional(n + 2) : std::nullopt; });
    compare<Record>(
        wide<kWords>,
        [](auto stream) {
            return stream.filter(isOdd<kWords>)
                .map([](const Record& record) { return std::to_string(record.words[0]); })
                .template process<Seen>(Look())
                .executeAndCollect();
        },
        [&](std::int64_t n) { return isOf(n) ? std::optional(n) : std::nullopt; });
    // filters behind filters, and such that end what a filter began
    compare<Record>(
        wide<kWords>,
        [&](auto stream) {
            return stream.filter(isOdd<kWords>).filter(third).template process<Seen>(Look()).executeAndCollect();
        },
        [&](std::int64_t n) { return isOf(n, 3) ? std::optional(n) : std::nullopt; });
    compare<Record>(
        wide<kWords>,
        [&](auto stream) {
            return stream.filter(isOdd<kWords>)
                .filter(third)
                .map([](const Record& record) { return record.words[0] + 1; })
                .filter([](std::int64_t number) { return number % 5 == 1; })
                .map([](std::int64_t number) { return number - 1; })
                .template process<Seen>(Look())
                .executeAndCollect();
        },
        [&](std::int64_t n) { return isOf(n, 3, 5) ? std::optional(n) : std::nullopt; });
    for (const bool all : {true, false}) {
        compare<Record>(
            wide<kWords>,
            [all](auto stream) {
                return stream.filter([all](const Record&) { return all; })
                    .map([](const Record& record) { return record.words[0]; })
                    .template process<Seen>(Look())
                    .executeAndCollect();
            },
            [all](std::int64_t n) { return all ? std::optional(n) : std::nullopt; });
    }
}

}  // namespace

TEST_CASE("filters in front of maps and of filters keep the records that a loop keeps, with their timestamps",
          "[operators][threads]") {
    compareWidth<1>();
    compareWidth<5>();
}

TEST_CASE("a filter in front of a map gets records one by one", "[operators][threads]") {
    onEveryRuntime([](StreamEnvironment& env, const std::string& runtime) {
        INFO(runtime);
        const auto seen =
            env.fromCollection(numbers(1, 100))
                .flatMap([](std::int64_t number, Collector<std::string>& out) { out.collect(std::to_string(number)); })
                .map([](const std::string& text) { return wide<2>(std::stoll(text)); })
                .filter(isOdd<2>)
                .filter([](const Wide<2>& record) { return record.words[0] % 3 == 0; })
                .map([](const Wide<2>& record) { return record.words[0]; })
                .executeAndCollect();
        std::vector<std::int64_t> wanted;
        for (std::int64_t number = 3; number <= 100; number += 6) wanted.push_back(number);
        CHECK(seen == wanted);
    });
}

TEST_CASE("a map behind a filter is not called for what the filter drops", "[operators][threads]") {
    onEveryRuntime([](StreamEnvironment& env, const std::string& runtime) {
        INFO(runtime);
        const auto seen = env.fromCollection(numbers(-100, 100))
                              .filter([](std::int64_t number) { return number != 0; })
                              .map([](std::int64_t number) {
                                  if (number == 0) throw std::runtime_error("called for 0");
                                  return 10'000 / number;
                              })
                              .executeAndCollect();
        std::vector<std::int64_t> wanted;
        for (std::int64_t number = -100; number <= 100; ++number) {
            if (number != 0) wanted.push_back(10'000 / number);
        }
        CHECK(seen == wanted);
    });
}

TEST_CASE("two branches of one stream filter and change its records in place, each for itself",
          "[operators][threads]") {
    using Record = Wide<3>;
    for (const bool timed : {false, true}) {
        onEveryRuntime([&](StreamEnvironment& env, const std::string& runtime) {
            INFO(runtime << (timed ? ", timed" : ""));
            std::vector<Record> records;
            for (const std::int64_t number : numbers(1, kRecords)) records.push_back(wide<3>(number));
            DataStream<Record> source = env.fromCollection(std::move(records));
            if (timed) {
                source = source.assignTimestampsAndWatermarks(
                    WatermarkStrategy::forMonotonousTimestamps().withTimestampAssigner(
                        [](const Record& record) { return Timestamp(Duration(7 * record.words[0])); }));
            }
            const auto odd =
                source.filter(isOdd<3>).map([](const Record& record) { return wide<3>(record.words[0] + 1); });
            const auto third = source.filter([](const Record& record) { return record.words[0] % 3 == 0; })
                                   .map([](const Record& record) { return wide<3>(-record.words[0]); });
            auto seen = odd.unionWith(third).process<Seen>(Look()).executeAndCollect();
            std::vector<Seen> wanted;
            for (const std::int64_t number : numbers(1, kRecords)) {
                if (number % 2 == 1) wanted.push_back({number + 1, timed ? 7 * number : -1});
                if (number % 3 == 0) wanted.push_back({-number, timed ? 7 * number : -1});
            }
            const auto byNumber = [](const Seen& a, const Seen& b) { return a.number < b.number; };
            std::sort(seen.begin(), seen.end(), byNumber);
            std::sort(wanted.begin(), wanted.end(), byNumber);
            CHECK(seen == wanted);
        });
    }
}

TEST_CASE("records of a wide alignment lie where they must behind a filter and a map", "[operators][threads]") {
    struct alignas(128) Aligned {
        std::int64_t number = 0;
    };
    onEveryRuntime([](StreamEnvironment& env, const std::string& runtime) {
        INFO(runtime);
        const auto seen = env.fromCollection(numbers(1, 100))
                              .map([](std::int64_t number) { return Aligned{number}; })
                              .filter([](const Aligned& record) { return record.number % 2 == 0; })
                              .map([](const Aligned& record) {
                                  const bool isAligned = reinterpret_cast<std::uintptr_t>(&record) % 128 == 0;
                                  return isAligned ? record.number : -1;
                              })
                              .executeAndCollect();
        std::vector<std::int64_t> wanted;
        for (std::int64_t number = 2; number <= 100; number += 2) wanted.push_back(number);
        CHECK(seen == wanted);
    });
}
