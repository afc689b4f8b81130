#include <millrace/api/keyed_partition_window_stream.hpp>

#include <millrace/batch.hpp>
#include <millrace/checkpointing.hpp>
#include <millrace/metrics/histogram.hpp>
#include <millrace/testing/operator_harness.hpp>

#include "api/api_fixtures.hpp"
#include "connectors/temp_directory.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

using namespace millrace;
using namespace millrace::testsupport;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

namespace {

struct Score {
    std::string team;
    int points = 0;
    std::int64_t time = 0;
    auto operator<=>(const Score&) const = default;
};
using Named = std::pair<std::string, std::int64_t>;

std::vector<Score> scores() {
    std::vector<Score> all;
    for (int i = 0; i < 300; ++i) all.push_back({"team" + std::to_string(i % 7), (i * 37) % 100, (i * 61) % 300});
    return all;
}
std::map<std::string, std::vector<Score>> byTeam(std::vector<Score> all) {
    std::map<std::string, std::vector<Score>> teams;
    for (const Score& score : all) teams[score.team].push_back(score);
    return teams;
}
auto byTime() {
    return WatermarkStrategy::forMonotonousTimestamps().withTimestampAssigner(
        [](const Score& score) { return Timestamp{Duration{score.time}}; });
}

struct Total {
    std::int64_t createAccumulator() const { return 0; }
    void add(const Score& score, std::int64_t& acc) const { acc += score.points; }
    std::int64_t getResult(const std::int64_t& acc) const { return acc; }
};

/// "team: points points …"
struct ListPoints {
    void operator()(std::span<const Score> all, Collector<std::string>& out) const {
        std::string text = all.front().team + ":";
        for (const Score& score : all) text += " " + std::to_string(score.points);
        out.collect(text);
    }
};
std::string listed(const std::vector<Score>& all) {
    std::string text = all.front().team + ":";
    for (const Score& score : all) text += " " + std::to_string(score.points);
    return text;
}
Score better(const Score& a, const Score& b) {
    return b.points > a.points ? b : a;
}

}  // namespace

TEST_CASE("the whole of a key as one window: map, sort, reduce, aggregate, in a stream and in batch",
          "[api][threads]") {
    for (const bool batch : {false, true}) {
        onEveryRuntime([&](StreamEnvironment& env, const std::string& runtime) {
            CAPTURE(runtime, batch);
            env.setParallelism(2);
            if (batch) env.setRuntimeMode(RuntimeExecutionMode::Batch);
            std::vector<std::string> lists;
            std::map<std::string, std::vector<Score>> sortedScores;
            std::vector<Score> best;
            std::vector<std::int64_t> totals;
            for (auto& [team, all] : byTeam(scores())) {
                if (batch) {
                    std::stable_sort(all.begin(), all.end(),
                                     [](const Score& a, const Score& b) { return a.time < b.time; });
                }
                lists.push_back(listed(all));
                best.push_back(all.front());
                std::int64_t total = 0;
                for (const Score& score : all) {
                    best.back() = better(best.back(), score);
                    total += score.points;
                }
                totals.push_back(total);
                std::stable_sort(all.begin(), all.end(),
                                 [](const Score& a, const Score& b) { return a.points > b.points; });
                sortedScores[team] = all;
            }
            const auto keyed = [&] {
                return env.fromCollection(scores()).assignTimestampsAndWatermarks(byTime()).keyBy(&Score::team);
            };
            CHECK(sorted(keyed().mapPartition(ListPoints{}).executeAndCollect()) == lists);
            CHECK(byTeam(keyed().sortPartition(&Score::points, SortOrder::Descending).executeAndCollect()) ==
                  sortedScores);
            CHECK(sorted(keyed().fullWindowPartition().reduce(better).executeAndCollect()) == best);
            CHECK(sorted(keyed().fullWindowPartition().aggregate(Total{}).executeAndCollect()) == sorted(totals));
        });
    }
}

TEST_CASE("sortPartition of a key gives its elements one after the other, also in the order of all of them", "[api]") {
    StreamExecutionEnvironment env{CallerRuntime()};
    const std::vector<int> found = env.fromData({5, 2, 4, 1, 3, 6, 2})
                                       .keyBy([](int n) { return n % 2; })
                                       .sortPartition()
                                       .setParallelism(1)
                                       .executeAndCollect();
    const bool evenFirst = !found.empty() && found.front() % 2 == 0;
    CHECK(found == (evenFirst ? std::vector<int>{2, 2, 4, 6, 1, 3, 5} : std::vector<int>{1, 3, 5, 2, 2, 4, 6}));
}

TEST_CASE("the whole of a key survives a restore, and is refused where the input never ends", "[api][threads]") {
    auto harness = testing::harnessFor<Score>(
        [](DataStream<Score> all) { return all.keyBy(&Score::team).mapPartition(ListPoints{}); });
    harness.processElement({"a", 1, 0});
    harness.processElement({"b", 2, 0});
    harness.restoreFromOwnSnapshot();
    harness.processElement({"a", 3, 0});
    CHECK(harness.output().elements().empty());
    harness.processWatermark(kMaxTimestamp);
    CHECK(sorted(harness.output().elements()) == std::vector<std::string>{"a: 1 3", "b: 2"});

    StreamExecutionEnvironment env;
    auto [numbers, channel] = env.fromChannel<int>();
    numbers.keyBy([](int n) { return n; }).sortPartition().print();
    CHECK_THAT(messageOf([&] { env.execute(); }),
               ContainsSubstring(
                   "'sortPartition' gives its results when its input ends, but the source 'channel' never ends"));
}

TEST_CASE("a keyed stream joins others as the stream that it is; the result has no keys", "[api][threads]") {
    onEveryRuntime([](StreamEnvironment& env, const std::string& runtime) {
        CAPTURE(runtime);
        env.setParallelism(3);
        // an execution consumes what was built
        const auto all = [&] { return env.fromCollection(scores()); };
        const auto keyed = [&] { return all().keyBy(&Score::team); };
        std::vector<Score> twice = scores();
        for (const Score& score : scores()) twice.push_back(score);
        std::sort(twice.begin(), twice.end());
        CHECK(sorted(keyed().unionWith(all()).executeAndCollect()) == twice);
        CHECK(sorted(all().unionWith(keyed()).executeAndCollect()) == twice);
        const auto itself = keyed();
        CHECK(sorted(itself.unionWith(itself).rebalance().executeAndCollect()) == twice);
        static_assert(std::is_same_v<decltype(itself.unionWith(itself)), DataStream<Score>>);

        const auto names = [&] { return env.fromData<Named>({{"team1", 1}, {"team9", 9}}); };
        const auto joined = [](const auto& pairs) {
            return pairs.where(&Score::team).equalTo([](const Named& named) { return named.first; });
        };
        const std::size_t count = byTeam(scores())["team1"].size();
        CHECK(joined(keyed().join(names()))
                  .apply([](const Score&, const Named& named) { return named.second; })
                  .executeAndCollect() == std::vector<std::int64_t>(count, 1));
        CHECK(joined(keyed().rightOuterJoin(names()))
                  .apply([](const Score* score, const Named& named) { return score == nullptr ? named.second : 0; })
                  .filter([](std::int64_t n) { return n != 0; })
                  .executeAndCollect() == std::vector<std::int64_t>{9});
        const auto byNumber = [&] { return names().keyBy([](const Named& named) { return named.second; }); };
        CHECK(sorted(joined(keyed().coGroup(byNumber()))
                         .apply([](std::span<const Score> some, std::span<const Named> named, Collector<Named>& out) {
                             for (const Named& each : named) {
                                 out.collect({each.first, static_cast<std::int64_t>(some.size())});
                             }
                         })
                         .executeAndCollect()) ==
              std::vector<Named>{{"team1", static_cast<std::int64_t>(count)}, {"team9", 0}});
    });
}

TEST_CASE("a stream whose keys are in place is keyed again without an exchange", "[api][threads]") {
    for (const bool batch : {false, true}) {
        onEveryRuntime([&](StreamEnvironment& env, const std::string& runtime) {
            CAPTURE(runtime, batch);
            env.setParallelism(3);
            if (batch) env.setRuntimeMode(RuntimeExecutionMode::Batch);
            // the first keyed operator has a parallelism of its own, which the second one follows
            const auto bests = env.fromCollection(scores())
                                   .assignTimestampsAndWatermarks(byTime())
                                   .keyBy(&Score::team)
                                   .window(TumblingEventTimeWindows::of(300ns))
                                   .reduce(better)
                                   .setParallelism(2);
            const auto counts = reinterpretAsKeyedStream(bests, &Score::team).sum(&Score::points);
            std::vector<std::pair<std::string, int>> expected;
            for (const auto& [team, all] : byTeam(scores())) {
                Score best = all.front();
                for (const Score& score : all) best = better(best, score);
                expected.emplace_back(team, best.points);
            }
            std::vector<std::pair<std::string, int>> found;
            for (const Score& score : counts.executeAndCollect()) found.emplace_back(score.team, score.points);
            CHECK(sorted(found) == expected);
        });
    }
    StreamExecutionEnvironment env;
    const DataStream<Score> all = env.fromCollection(scores());
    reinterpretAsKeyedStream(all.keyBy(&Score::team).sum(&Score::points), &Score::team)
        .max(&Score::points)
        .addSink([](const Score&) {});
    const std::string plan = env.getExecutionPlan().toJson();
    CHECK(plan.find("HASH") != std::string::npos);
    CHECK(plan.find("HASH") == plan.rfind("HASH"));
    CHECK_THAT(messageOf([&] { reinterpretAsKeyedStream(all.rebalance(), &Score::team); }),
               ContainsSubstring("reinterpretAsKeyedStream: the stream ends in an exchange"));
}

TEST_CASE("keys in place and their state go to other subtasks together", "[api]") {
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
        CAPTURE(seed);
        const testing::TempDirectory directory(testing::inMemoryDirectory());
        std::map<std::string, int> last;
        const auto run = [&](int parallelism, bool stops) {
            StreamExecutionEnvironment env{SimulatedRuntime(seed)};
            env.setParallelism(parallelism);
            env.enableCheckpointing({.interval = 5ms, .directory = directory.path("kept")});
            const auto ones = env.fromSource(DataGeneratorSource(
                                                 [](std::uint64_t i) {
                                                     return Score{"team" + std::to_string(i % 5), 1, 0};
                                                 },
                                                 500, RateLimiterStrategy::perSecond(10000)),
                                             WatermarkStrategy::noWatermarks(), "ones");
            const auto sums = ones.keyBy(&Score::team).sum(&Score::points).uid("sums");
            reinterpretAsKeyedStream(sums, &Score::team)
                .max(&Score::points)
                .uid("max of sums")
                .addSink([&last](const Score& score) { last[score.team] = score.points; })
                .setParallelism(1);
            if (!stops) {
                env.execute();
                return;
            }
            const auto job = env.executeAsync();
            env.runtime().advance(20ms);
            job->stop(false);
            CHECK(job->result().status == JobStatus::Finished);
        };
        run(2, true);
        run(3, false);
        CHECK(last == std::map<std::string, int>{
                          {"team0", 100}, {"team1", 100}, {"team2", 100}, {"team3", 100}, {"team4", 100}});
    }
}

TEST_CASE("project: some elements of a tuple or a pair, some fields of a record", "[api][threads]") {
    using Row = std::tuple<int, std::string, double>;
    onEveryRuntime([](StreamEnvironment& env, const std::string& runtime) {
        CAPTURE(runtime);
        const auto rows = [&] { return env.fromData<Row>({{1, "one", 1.5}, {2, "two", 2.5}}); };
        CHECK(rows().project<2, 1>().executeAndCollect() ==
              std::vector<std::tuple<double, std::string>>{{1.5, "one"}, {2.5, "two"}});
        CHECK(rows().project<1, 0, 1>().project<2>().executeAndCollect() ==
              std::vector<std::tuple<std::string>>{{"one"}, {"two"}});
        CHECK(rows()
                  .map([](const Row& row) { return std::pair(std::get<0>(row), true); })
                  .project<0>()
                  .executeAndCollect() == std::vector<std::tuple<int>>{{1}, {2}});
        CHECK(env.fromCollection(scores())
                  .filter([](const Score& score) { return score.time < 2; })
                  .project([](const Score& score) { return score.team.size(); }, &Score::points, &Score::team)
                  .executeAndCollect() ==
              std::vector<std::tuple<std::size_t, int, std::string>>{{5, 0, "team0"}, {5, 17, "team3"}});
        CHECK(sorted(rows().keyBy([](const Row& row) { return std::get<0>(row); }).project<1>().executeAndCollect()) ==
              std::vector<std::tuple<std::string>>{{"one"}, {"two"}});
    });
}

TEST_CASE("accumulators of every kind are merged over the subtasks; so is one of a user's own", "[api][threads]") {
    struct Product final : Accumulator {
        double product = 1;
        void add(double x) { product *= x; }
        AccumulatorValue value() const override { return product; }
        void mergeInto(Accumulator& total) const override { static_cast<Product&>(total).add(product); }
    };
    struct Measure {
        AverageAccumulator* average = nullptr;
        LongMinimum* least = nullptr;
        LongMaximum* greatest = nullptr;
        Histogram* digits = nullptr;
        ListAccumulator* primes = nullptr;
        Product* product = nullptr;
        void open(RuntimeContext& context) {
            average = &context.accumulator<AverageAccumulator>("average");
            least = &context.accumulator<LongMinimum>("least");
            greatest = &context.accumulator<LongMaximum>("greatest");
            digits = &context.accumulator<Histogram>("digits");
            primes = &context.accumulator<ListAccumulator>("small primes");
            product = &context.accumulator<Product>("product");
        }
        std::int64_t operator()(std::int64_t n) {
            average->add(static_cast<double>(n));
            least->add(n);
            greatest->add(n);
            digits->add(static_cast<std::int64_t>(std::to_string(n).size()));
            if (n == 2 || n == 3 || n == 5) primes->add(std::to_string(n));
            if (n <= 10) product->add(static_cast<double>(n));
            return n;
        }
    };
    onEveryRuntime([](StreamEnvironment& env, const std::string& runtime) {
        CAPTURE(runtime);
        env.fromSequence(1, 200).rebalance().map(Measure{}).setParallelism(3).addSink([](std::int64_t) {});
        const JobExecutionResult result = env.execute();
        CHECK(result.accumulator<double>("average") == 100.5);
        CHECK(result.accumulator("least") == 1);
        CHECK(result.accumulator("greatest") == 200);
        CHECK(result.accumulator<std::vector<NumberCount>>("digits") ==
              std::vector<NumberCount>{{1, 9}, {2, 90}, {3, 101}});
        CHECK(sorted(result.accumulator<std::vector<std::string>>("small primes")) ==
              std::vector<std::string>{"2", "3", "5"});
        CHECK(result.accumulator<double>("product") == 3628800);
        CHECK_THAT(messageOf([&] { (void)result.accumulator("digits"); }),
                   ContainsSubstring("no accumulator 'digits' of this type"));
    });
    Accumulators none;
    none.create<AverageAccumulator>("average");
    none.create<LongMinimum>("least");
    none.create<LongMaximum>("greatest");
    none.create<Histogram>("counts");
    CHECK(none.values().map() ==
          std::map<std::string, AccumulatorValue>{
              {"average", 0.0}, {"least", INT64_MAX}, {"greatest", INT64_MIN}, {"counts", std::vector<NumberCount>{}}});
}

TEST_CASE("a function learns which attempt it belongs to", "[api]") {
    struct FailsTwice {
        std::vector<int>* attempts;
        int attempt = 0;
        void open(RuntimeContext& context) {
            attempt = context.attemptNumber();
            attempts->push_back(attempt);
        }
        int operator()(int n) const {
            if (attempt < 2) throw std::runtime_error("not yet");
            return n;
        }
    };
    StreamExecutionEnvironment env{SimulatedRuntime(1)};
    env.enableCheckpointing({.restart = RestartStrategy::fixedDelay(3, 10ms)});
    std::vector<int> attempts;
    std::vector<int> other;
    env.fromData({1, 2}).map(FailsTwice{&attempts}).addSink([](int) {});
    struct Notes {
        std::vector<int>* attempts;
        void open(RuntimeContext& context) { attempts->push_back(context.attemptNumber()); }
        int operator()(int n) const { return n; }
    };
    env.fromData({1, 2}).map(Notes{&other}).addSink([](int) {});  // a part of its own, which need not start again
    env.execute();
    CHECK(attempts == std::vector<int>{0, 1, 2});
    CHECK(other == std::vector<int>{0});
}
