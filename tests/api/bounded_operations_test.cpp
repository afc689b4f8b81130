#include <millrace/api/bounded_operations.hpp>

#include <millrace/testing/verify_exactly_once.hpp>

#include "api/api_fixtures.hpp"
#include "support/catch.hpp"
#include "support/rounds.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

using namespace millrace;
using namespace millrace::testsupport;

namespace {

struct Player {
    std::string team;
    int points = 0;
    auto operator<=>(const Player&) const = default;
};

const std::vector<Player> kPlayers = {{"red", 3}, {"blue", 7}, {"red", 5}, {"green", 1}, {"blue", 7}, {"red", 4}};

}  // namespace

TEST_CASE("a bounded stream as one window per subtask: map, sort, reduce, aggregate", "[api][threads]") {
    onEveryRuntime([](StreamEnvironment& env, const std::string& runtime) {
        CAPTURE(runtime);
        const auto players = [&] { return env.fromCollection(kPlayers); };  // at parallelism 1
        CHECK(players()
                  .mapPartition([](std::span<const Player> all, Collector<std::string>& out) {
                      out.collect(std::to_string(all.size()) + " players");
                  })
                  .executeAndCollect() == std::vector<std::string>{"6 players"});
        CHECK(players().sortPartition(&Player::points, SortOrder::Descending).executeAndCollect() ==
              std::vector<Player>{{"blue", 7}, {"blue", 7}, {"red", 5}, {"red", 4}, {"red", 3}, {"green", 1}});
        CHECK(players().map([](const Player& player) { return player.points; }).sortPartition().executeAndCollect() ==
              std::vector<int>{1, 3, 4, 5, 7, 7});
        CHECK(players()
                  .fullWindowPartition()
                  .reduce([](const Player& a, const Player& b) {
                      return Player{a.team, a.points + b.points};
                  })
                  .executeAndCollect() == std::vector<Player>{{"red", 27}});
        struct Count {
            int createAccumulator() const { return 0; }
            void add(const Player&, int& acc) const { ++acc; }
            int getResult(const int& acc) const { return acc; }
            void merge(int& into, const int& other) const { into += other; }
        };
        CHECK(players()
                  .rebalance()
                  .fullWindowPartition()
                  .aggregate(Count{})
                  .setParallelism(4)
                  .fullWindowPartition()
                  .reduce([](int a, int b) { return a + b; })
                  .setParallelism(1)
                  .executeAndCollect() == std::vector<int>{6});
    });
}

TEST_CASE("first: so many of all, or of each key", "[api][threads]") {
    onEveryRuntime([](StreamEnvironment& env, const std::string& runtime) {
        CAPTURE(runtime);
        CHECK(env.fromSequence(1, 1000).first(10).executeAndCollect().size() == 10);
        CHECK(env.fromCollection(kPlayers).first(2).executeAndCollect() ==
              std::vector<Player>{{"red", 3}, {"blue", 7}});
        CHECK(sorted(env.fromCollection(kPlayers).keyBy(&Player::team).first(2).executeAndCollect()) ==
              std::vector<Player>{{"blue", 7}, {"blue", 7}, {"green", 1}, {"red", 3}, {"red", 5}});
    });
}

TEST_CASE("first: of none or less is an error where it is written", "[api]") {
    StreamExecutionEnvironment env{CallerRuntime{}};
    const auto players = env.fromCollection(kPlayers);
    CHECK(messageOf([&] { players.first(0); }) == "first(0) lets no element pass; give it 1 or more");
    CHECK(messageOf([&] { players.keyBy(&Player::team).first(static_cast<std::uint64_t>(-1)); }) ==
          "first(-1) lets no element pass; give it 1 or more");
}

TEST_CASE("distinct: each element once, by all of it or by a key", "[api][threads]") {
    onEveryRuntime([](StreamEnvironment& env, const std::string& runtime) {
        CAPTURE(runtime);
        CHECK(sorted(env.fromCollection(kPlayers).distinct().executeAndCollect()) ==
              std::vector<Player>{{"blue", 7}, {"green", 1}, {"red", 3}, {"red", 4}, {"red", 5}});
        CHECK(sorted(env.fromCollection(kPlayers).distinct(&Player::team).executeAndCollect()) ==
              std::vector<Player>{{"blue", 7}, {"green", 1}, {"red", 3}});
    });
}

TEST_CASE("cross: every element with every one of the other stream, at any parallelism", "[api][threads]") {
    onEveryRuntime([](StreamEnvironment& env, const std::string& runtime) {
        CAPTURE(runtime);
        std::vector<std::pair<std::int64_t, char>> expected;
        for (std::int64_t number = 1; number <= 300; ++number) {
            for (const char letter : {'a', 'b', 'c'}) expected.emplace_back(number, letter);
        }
        const auto pair = [](std::int64_t number, char letter) { return std::pair(number, letter); };
        CHECK(sorted(env.fromSequence(1, 300).cross(env.fromData('a', 'b', 'c'), pair).executeAndCollect()) ==
              expected);
        CHECK(env.fromSequence(1, 3)
                  .cross(env.fromData('a').filter([](char) { return false; }), pair)
                  .executeAndCollect()
                  .empty());
    });
}

TEST_CASE("operators that wait for the end are exactly once, also at another parallelism", "[api]") {
    // cross() saved the other stream in every subtask and restored all copies: at fewer subtasks pairs came more than once,
    // at more of them some were missing.
    using Players = const DataStream<Player>&;
    const auto isExactlyOnce = [](auto pipeline) {
        return testing::verifyExactlyOnce<Player>(
            pipeline,
            [](testing::Random& random) {
                return Player{random.chance(50) ? "red" : "blue", static_cast<int>(random.below(8))};
            },
            {.runs = roundsToTry(150), .mostEvents = 30});
    };
    const auto total = [](std::span<const Player> all) {
        int points = 0;
        for (const Player& player : all) points += player.points;
        return points;
    };
    CHECK(isExactlyOnce([](Players players) {
        return players.filter([](const Player& player) { return player.points > 3; })
            .cross(players.filter([](const Player& player) { return player.points < 3; }),
                   [](const Player& strong, const Player& weak) { return std::pair(strong, weak); });
    }));
    CHECK(isExactlyOnce([](Players players) {
        return players.mapPartition([](std::span<const Player> all, Collector<Player>& out) {
            for (const Player& player : all) out.collect(player);
        });
    }));
    CHECK(isExactlyOnce([](Players players) { return players.global().sortPartition(&Player::points); }));
    CHECK(isExactlyOnce([total](Players players) {
        return players.keyBy(&Player::team).groupReduce([total](std::span<const Player> all) { return total(all); });
    }));
    CHECK(isExactlyOnce([](Players players) { return players.distinct(); }));
    CHECK(isExactlyOnce([](Players players) { return players.map([](const Player&) { return 1; }).first(20); }));
    CHECK(isExactlyOnce([](Players players) {
        return players.fullOuterJoin(players.filter([](const Player& player) { return player.team == "red"; }))
            .where(&Player::points)
            .equalTo(&Player::points)
            .apply([](const Player* left, const Player* right) {
                return std::pair(left != nullptr ? left->team : "-", right != nullptr ? right->points : -1);
            });
    }));
}

TEST_CASE("what ends with its input refuses a source that never ends, by name", "[api][threads]") {
    StreamExecutionEnvironment env;
    auto [numbers, channel] = env.fromChannel<int>();
    numbers.sortPartition().print();
    CHECK(messageOf([&] { env.execute(); })
              .find("'sortPartition' gives its results when its input ends, but the source "
                    "'channel' never ends") != std::string::npos);
}
