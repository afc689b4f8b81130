#include <word_count/word_count.hpp>

#include <examples/golden.hpp>
#include <millrace/runtime/caller_runtime.hpp>

#include <map>
#include <string>
#include <utility>
#include <vector>

using namespace millrace;
using namespace word_count;

TEST_CASE("word_count: the last count of each word is that of a plain loop", "[examples]") {
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
