// The one main of all test binaries.

#include "rounds.hpp"

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_session.hpp>
#include <catch2/catch_test_case_info.hpp>
#include <catch2/reporters/catch_reporter_event_listener.hpp>
#include <catch2/reporters/catch_reporter_registrars.hpp>
#else
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>
#endif

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

// A sanitizer has a pthread_create of its own.
#if defined(__GLIBC__) && !defined(MILLRACE_TESTS_SANITIZED)
#define MILLRACE_TESTS_NOTE_THREADS
#include <dlfcn.h>
#include <pthread.h>
#endif

namespace {

/// Whether the thread at hand has started one. Only the one that runs the test cases looks at it: what a thread of an earlier
/// case still starts says nothing about the case at hand.
thread_local bool hasStartedThread = false;

}  // namespace

#ifdef MILLRACE_TESTS_NOTE_THREADS
// Defined in the program itself, so the calls of all libraries come here.
extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*run)(void*),
                              void* argument) noexcept {
    static const auto start = reinterpret_cast<decltype(&pthread_create)>(::dlsym(RTLD_NEXT, "pthread_create"));
    hasStartedThread = true;
    return start(thread, attributes, run, argument);
}
#endif

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

/// Finds the test cases that run threads without saying so in their tags: ThreadSanitizer runs only those that do.
struct CasesWithThreads : EventListener {
    using EventListener::EventListener;

    static std::vector<std::string>& untagged() {
        static std::vector<std::string> names;
        return names;
    }

    void testCaseStarting(const Catch::TestCaseInfo& testCase) override {
        name_ = testCase.name;
        tagged_ = testCase.tagsAsString().find("[threads]") != std::string::npos;
        hasStartedThread = false;
    }
    void testCaseEnded(const Catch::TestCaseStats&) override {
        if (hasStartedThread && !tagged_) untagged().push_back(name_);
    }

private:
    std::string name_;
    bool tagged_ = false;
};

}  // namespace

CATCH_REGISTER_LISTENER(BegunCases)
CATCH_REGISTER_LISTENER(CasesWithThreads)

int main(int argc, char** argv) {
    const int status = Catch::Session().run(argc, argv);
    for (const std::string& name : CasesWithThreads::untagged()) {
        std::cerr << "error: this test case starts threads, but has no tag [threads]: " << name << '\n';
    }
    return std::max(status, CasesWithThreads::untagged().empty() ? 0 : 1);
}
