#include <word_count/word_count.hpp>

#include <examples/golden.hpp>
#include <millrace/runtime/caller_runtime.hpp>
#include <millrace/testing/check_equivalent.hpp>

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

using namespace millrace;
using namespace word_count;

TEST_CASE("word_count: the last count of each word is that of a plain loop", "[examples][threads]") {
    const auto expected = testing::golden("word_count.csv");
    testing::onEveryRuntime([&](StreamEnvironment& env) {
        // small splits, so that several subtasks have something to read
        const auto source =
            FileSource::lines(testing::exampleFile("word_count/data/the_mill_race.txt")).splitSize(1000);
        const auto text = env.fromSource(source, WatermarkStrategy::noWatermarks(), "text");

        std::map<std::string, std::int64_t> last;
        for (const WordCount& count : countWords(text).executeAndCollect()) {
            CHECK(count.count == last[count.word] + 1);  // one by one: nothing is lost or counted twice on the way
            last[count.word] = count.count;
        }
        const std::vector<std::pair<std::string, std::int64_t>> counts(last.begin(), last.end());
        const auto actual =
            testing::lines(counts, [](const auto& count) { return count.first + "," + std::to_string(count.second); });
        CHECK(testing::difference(actual, expected) == "");
    });
}

TEST_CASE("word_count: a word is a run of letters, with apostrophes inside", "[examples]") {
    const auto words = [](const std::string& line) {
        StreamExecutionEnvironment env(CallerRuntime{});
        std::vector<std::string> found;
        for (const WordCount& count : env.fromData(line).flatMap(splitIntoWords).executeAndCollect()) {
            found.push_back(count.word);
        }
        return found;
    };
    CHECK(words("") == std::vector<std::string>{});
    CHECK(words("The miller's wheel") == std::vector<std::string>{"the", "miller's", "wheel"});
    CHECK(words("'Not yet,' -- 3 gates'") == std::vector<std::string>{"not", "yet", "gates"});
}

TEST_CASE("word_count: the counts of a word are 1, 2, 3 and so on, in whatever order and by however many lines come",
          "[examples]") {
    const auto numbered = [](const DataStream<std::string>& lines) {
        return lines.flatMap(splitIntoWords)
            .keyBy(&WordCount::word)
            .groupReduce([](const std::string& word, std::span<const WordCount> all, Collector<WordCount>& out) {
                for (std::size_t i = 0; i < all.size(); ++i) out.collect({word, static_cast<std::int64_t>(i) + 1});
            });
    };
    CHECK(millrace::testing::checkEquivalent<std::string>(countWords, numbered, [](millrace::testing::Random& random) {
        std::string line;
        for (std::int64_t words = random.below(4); words >= 0; --words) {
            line += random.oneOf({"The", "the", "mill", "miller's", "race"});
            line += random.oneOf({" ", ", ", "' ", "\n"});
        }
        return line;
    }));
}
