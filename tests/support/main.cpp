// The one main of all test binaries.
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_session.hpp>
#include <catch2/catch_test_case_info.hpp>
#include <catch2/reporters/catch_reporter_event_listener.hpp>
#include <catch2/reporters/catch_reporter_registrars.hpp>
#else
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>
#endif

#include <cstdlib>
#include <fstream>

namespace {

#if __has_include(<catch2/catch_all.hpp>)
using EventListener = Catch::EventListenerBase;
#else
using EventListener = Catch::TestEventListenerBase;
#endif

/// Adds the name of each test case to the file $MILLRACE_TESTS_BEGUN before it runs: whoever started a program that hangs or
/// is killed finds there in which one.
struct BegunCases : EventListener {
    using EventListener::EventListener;

    void testCaseStarting(const Catch::TestCaseInfo& testCase) override {
        if (const char* const path = std::getenv("MILLRACE_TESTS_BEGUN")) {
            std::ofstream(path, std::ios::app) << testCase.name << '\n';
        }
    }
};

}  // namespace

CATCH_REGISTER_LISTENER(BegunCases)

int main(int argc, char** argv) {
    return Catch::Session().run(argc, argv);
}
