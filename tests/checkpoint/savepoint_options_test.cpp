#include <millrace/checkpoint/savepoint_options.hpp>

#include <millrace/core/errors.hpp>

#include <support/catch.hpp>

#include <initializer_list>
#include <string>
#include <vector>

using namespace millrace;
using Catch::Matchers::ContainsSubstring;

namespace {

struct Parsed {
    SavepointOptions options;
    std::vector<std::string> rest;
};

Parsed parse(std::initializer_list<std::string> words) {
    std::vector<std::string> all{"program"};
    all.insert(all.end(), words);
    std::vector<char*> argv;
    for (std::string& word : all) argv.push_back(word.data());
    argv.push_back(nullptr);
    int argc = static_cast<int>(all.size());
    Parsed parsed{SavepointOptions::fromArguments(argc, argv.data()), {}};
    for (int i = 0; i < argc; ++i) parsed.rest.emplace_back(argv[static_cast<std::size_t>(i)]);
    CHECK(argv[static_cast<std::size_t>(argc)] == nullptr);
    return parsed;
}

}  // namespace

TEST_CASE("options about savepoints are taken out of the command line, the others stay in order", "[checkpoint]") {
    const Parsed none = parse({"--rate", "5", "file"});
    CHECK(none.options.restoreFrom.empty());
    CHECK_FALSE(none.options.allowNonRestoredState);
    CHECK(none.options.directory == "savepoints");
    CHECK(none.rest == std::vector<std::string>{"program", "--rate", "5", "file"});

    const Parsed all = parse({"--rate", "5", "--from-savepoint", "saved/1", "--allow-non-restored-state", "file",
                              "--savepoints=saved dir", "--from-savepoints", "--", "--from-savepoint", "x"});
    CHECK(all.options.restoreFrom == "saved/1");
    CHECK(all.options.allowNonRestoredState);
    CHECK(all.options.directory == "saved dir");
    CHECK(all.rest == std::vector<std::string>{"program", "--rate", "5", "file", "--from-savepoints", "--",
                                               "--from-savepoint", "x"});

    CHECK(parse({"--from-savepoint=a", "--from-savepoint", "b"}).options.restoreFrom == "b");
    int argc = 0;
    CHECK(SavepointOptions::fromArguments(argc, nullptr).restoreFrom.empty());
    CHECK(argc == 0);
}

TEST_CASE("an option about savepoints without its value says what to write", "[checkpoint]") {
    for (const auto& words : {std::initializer_list<std::string>{"--from-savepoint"},
                              {"--from-savepoint", "--rate"},
                              {"--from-savepoint="}}) {
        try {
            parse(words);
            FAIL("it was taken");
        } catch (const ConfigurationException& error) {
            CHECK_THAT(error.what(),
                       ContainsSubstring("--from-savepoint: a directory is missing; write --from-savepoint DIR"));
        }
    }
}

TEST_CASE("what was not given on the command line stays as the program has set it", "[checkpoint]") {
    CheckpointConfig config;
    config.restoreFrom = "its own";
    config.allowNonRestoredState = true;
    parse({}).options.applyTo(config);
    CHECK(config.restoreFrom == "its own");
    CHECK(config.allowNonRestoredState);
    config.allowNonRestoredState = false;
    parse({"--from-savepoint", "given", "--allow-non-restored-state"}).options.applyTo(config);
    CHECK(config.restoreFrom == "given");
    CHECK(config.allowNonRestoredState);
}
