#include <resume/resume.hpp>

#include <fmt/format.h>
#include <connectors/temp_directory.hpp>
#include <examples/golden.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace millrace;

namespace {

/// The lines of all finished files, sorted.
std::vector<std::string> writtenSales(const resume::Settings& settings) {
    std::vector<std::string> lines;
    for (const auto& entry : std::filesystem::directory_iterator(settings.sales())) {
        if (entry.path().filename().string().starts_with('.')) continue;
        for (std::string& line : testing::sortedLines(entry.path().string())) lines.push_back(std::move(line));
    }
    std::sort(lines.begin(), lines.end());
    return lines;
}

/// Sums in a plain loop.
std::vector<std::string> expectedSales(const resume::Settings& settings) {
    std::map<std::pair<Timestamp, std::string>, std::int64_t> sums;
    for (std::uint64_t i = 0; i < settings.orders; ++i) {
        const resume::Order order = resume::orderAt(i);
        sums[{std::chrono::floor<std::chrono::minutes>(order.time), order.product}] += order.quantity;
    }
    std::vector<std::string> lines;
    for (const auto& [key, sum] : sums) {
        std::string line;
        writeText(key.first, line);
        lines.push_back(line + ',' + key.second + ',' + std::to_string(sum));
    }
    std::sort(lines.begin(), lines.end());
    return lines;
}

/// One run of the program, in a simulation.
std::shared_ptr<JobClient> start(const resume::Settings& settings, std::uint64_t seed, int parallelism) {
    StreamExecutionEnvironment env{SimulatedRuntime(seed)};
    env.setParallelism(parallelism);
    resume::takeCheckpoints(env, settings);
    resume::write(resume::salesPerMinute(env, settings), settings);
    return env.executeAsync("sales");
}

}  // namespace

TEST_CASE("resume: what was suspended, and what ended without notice, comes to the same files", "[examples]") {
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
        CAPTURE(seed);
        const testing::TempDirectory directory(testing::inMemoryDirectory());
        resume::Settings settings;
        settings.directory = directory.path();
        settings.orders = 3000;
        const std::vector<std::string> expected = expectedSales(settings);
        REQUIRE(expected.size() > 50);
        {
            const auto job = start(settings, seed, 2);
            job->waitFor(std::chrono::milliseconds(250));
            job->stop(false);
            CHECK(job->result().status == JobStatus::Finished);
            CHECK(writtenSales(settings).size() < expected.size());
        }
        {
            const auto job = start(settings, seed, 3);  // at another parallelism
            job->triggerCheckpoint();
            const std::size_t covered = writtenSales(settings).size();
            job->waitFor(std::chrono::milliseconds(100));
            CHECK(covered < expected.size());
            job->cancel();  // nothing is flushed or saved
            CHECK_THROWS_AS(job->result(), JobCancelledException);
        }
        start(settings, seed, 1)->result();
        CHECK(testing::difference(writtenSales(settings), expected) == "");
    }
}

TEST_CASE("resume: the files of an undisturbed run are those of a plain loop", "[examples]") {
    const testing::TempDirectory directory(testing::inMemoryDirectory());
    resume::Settings settings;
    settings.directory = directory.path();
    settings.orders = 3000;
    start(settings, 1, 2)->result();
    CHECK(testing::difference(writtenSales(settings), expectedSales(settings)) == "");
}
