#include <fuzz/channel_target.hpp>
#include <fuzz/codec_target.hpp>
#include <fuzz/csv_target.hpp>
#include <fuzz/json_target.hpp>
#include <fuzz/manifest_target.hpp>
#include <fuzz/pieces_target.hpp>
#include <fuzz/schema_target.hpp>
#include <fuzz/state_file_target.hpp>
#include <support/catch.hpp>
#include <support/rounds.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

// Runs the decoders on the inputs that fuzzing begins with, and on those that once found something; tests/fuzz/run looks
// for new ones.

namespace {

using Target = void (*)(std::span<const std::uint8_t>);

std::vector<std::vector<std::uint8_t>> corpusOf(const std::string& name) {
    std::vector<std::filesystem::path> paths;
    for (const auto& entry : std::filesystem::directory_iterator(MILLRACE_TEST_DATA "/fuzz/" + name)) {
        paths.push_back(entry.path());
    }
    std::sort(paths.begin(), paths.end());
    std::vector<std::vector<std::uint8_t>> corpus;
    for (const auto& path : paths) {
        std::ifstream file(path, std::ios::binary);
        corpus.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    }
    return corpus;
}

/// All inputs of a corpus, whole, cut in various places, and with one byte changed.
void runCorpus(const std::string& name, Target target) {
    const auto corpus = corpusOf(name);
    CHECK(corpus.size() >= 3);
    target({});
    for (const std::vector<std::uint8_t>& input : corpus) {
        target(input);
        const std::size_t step = input.size() / millrace::testsupport::roundsToTry(std::size_t{64}) + 1;
        for (std::size_t at = 0; at < input.size(); at += step) {
            target(std::span(input).first(at));
            std::vector<std::uint8_t> changed = input;
            for (const std::uint8_t value : {std::uint8_t{0}, std::uint8_t{0xff}, std::uint8_t{'"'}, std::uint8_t{1}}) {
                changed[at] = value;
                target(changed);
            }
        }
    }
}

}  // namespace

TEST_CASE("decoders take any input of the fuzzing corpus", "[fuzz]") {
    const auto [name, target] = GENERATE(table<const char*, Target>({{"codec", &fuzz::codec},
                                                                     {"csv", &fuzz::csv},
                                                                     {"channel", &fuzz::channel},
                                                                     {"json", &fuzz::json},
                                                                     {"manifest", &fuzz::manifest},
                                                                     {"pieces", &fuzz::pieces},
                                                                     {"schema", &fuzz::schema},
                                                                     {"state_file", &fuzz::stateFile}}));
    CAPTURE(name);
    CHECK_NOTHROW(runCorpus(name, target));
}
