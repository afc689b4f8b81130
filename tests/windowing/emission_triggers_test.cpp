#include <millrace/windowing/triggers/emission_triggers.hpp>

#include "windowing/general_window_fixtures.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

using namespace millrace;
using namespace millrace::testsupport;
using std::chrono_literals::operator""ns;

namespace {

const auto kTens = TumblingEventTimeWindows::of(10ns);
const auto kSessions = EventTimeSessionWindows::withGap(10ns);

template <class Op>
using Steps = std::vector<std::function<void(OperatorHarness<Op>&)>>;

/// Takes the steps, and restores the operator before the one with the number `cut`. Returns what has come out, and the
/// watermarks.
template <class Op>
auto runWithCut(const Op& op, const Steps<std::type_identity_t<Op>>& steps, std::size_t cut) {
    struct Outcome {
        Texts texts;
        std::vector<std::int64_t> watermarks;
    } outcome;
    auto harness = std::make_unique<OperatorHarness<Op>>(op);
    harness->open();
    const auto collect = [&] {
        for (Emitted<std::string>& each : harness->take()) outcome.texts.push_back(std::move(each));
        for (const auto& each : harness->output.watermarks) outcome.watermarks.push_back(each.time);
    };
    for (std::size_t i = 0; i < steps.size(); ++i) {
        if (i == cut) {
            collect();
            const MemorySnapshot snapshot = harness->snapshot();
            const Timestamp now = harness->context.now;
            harness = std::make_unique<OperatorHarness<Op>>(op);
            harness->context.now = now;
            harness->openFrom(snapshot);
        }
        steps[i](*harness);
    }
    collect();
    return outcome;
}

}  // namespace

TEST_CASE("emitFinal: event time behind the windows lags by the lateness, and ends with that in front of them",
          "[windowing]") {
    OperatorHarness harness(listsOf(kTens, detail::FinalTrigger{5ns}, detail::NoEvictor{}, 5ns));
    harness.open();
    harness.watermark(INT64_MIN + 3);  // as early as time can be: it has not begun behind the windows
    CHECK(harness.output.watermarks.empty());
    harness.element({1, 1}, 1);
    for (const std::int64_t time : {9, 13, 14, 40}) harness.watermark(time);
    harness.element({1, 2}, 41);
    harness.watermark(kEndOfTime);
    CHECK(harness.take() == Texts{{"1[0,10):1", 9}, {"1[40,50):2", 49}});
    using Watermark = RecordingPort<std::string>::Watermark;
    CHECK(harness.output.watermarks == std::vector<Watermark>{{4, 0}, {8, 0}, {9, 1}, {35, 1}, {kEndOfTime, 2}});
}

TEST_CASE("emitFinal and emitOnWallClock: sessions that merge give one result, wherever a restore is in between",
          "[windowing][state]") {
    for (std::size_t cut = 0; cut <= 8; ++cut) {
        CAPTURE(cut);
        {
            const auto op = listsOf(kSessions, detail::FinalTrigger{5ns}, detail::NoEvictor{}, 5ns);
            using Harness = OperatorHarness<std::remove_const_t<decltype(op)>>;
            const auto outcome =
                runWithCut(op,
                           {[](Harness& h) {
                                h.element({1, 1}, 0);
                            },
                            [](Harness& h) {
                                h.element({1, 2}, 15);
                            },
                            [](Harness& h) { h.watermark(13); },  // the first ends at 9, and is kept until 14
                            [](Harness& h) {
                                h.element({1, 3}, 8);
                            },                                    // all become [0, 25)
                            [](Harness& h) { h.watermark(14); },  // when the first alone would have been final
                            [](Harness& h) {
                                h.element({1, 4}, 14);
                            },  // in the middle
                            [](Harness& h) { h.watermark(28); }, [](Harness& h) { h.watermark(29); }},
                           cut);
            CHECK(outcome.texts == Texts{{"1[0,25):1 2 3 4", 24}});
            CHECK(outcome.watermarks == std::vector<std::int64_t>{8, 9, 23, 24});
        }
        {
            const auto op = listsOf(kSessions, detail::WallClockTrigger<EventTimeTrigger>({}, 100ns));
            using Harness = OperatorHarness<std::remove_const_t<decltype(op)>>;
            const auto outcome = runWithCut(op,
                                            {[](Harness& h) {
                                                 h.element({1, 1}, 0);
                                             },  // to be shown at 100
                                             [](Harness& h) { clockTo(h, 50); },
                                             [](Harness& h) {
                                                 h.element({1, 2}, 15);
                                             },  // at 150
                                             [](Harness& h) {
                                                 h.element({1, 3}, 8);
                                             },  // one session, at the earlier time
                                             [](Harness& h) { clockTo(h, 99); }, [](Harness& h) { clockTo(h, 100); },
                                             [](Harness& h) { clockTo(h, 300); }, [](Harness& h) { h.watermark(24); }},
                                            cut);
            CHECK(outcome.texts == Texts{{"1[0,25):1 2 3", 24}, {"1[0,25):1 2 3", 24}});
            CHECK(outcome.watermarks == std::vector<std::int64_t>{24});
        }
    }
}

TEST_CASE("emitFinal: a window that is restored with another allowed lateness gives its result, too",
          "[windowing][state]") {
    const auto windows = [](Duration lateness) {
        return OperatorHarness(listsOf(kTens, detail::FinalTrigger{lateness}, detail::NoEvictor{}, lateness));
    };
    auto before = windows(5ns);
    before.open();
    before.element({1, 1}, 1);
    const MemorySnapshot snapshot = before.snapshot();
    for (const std::int64_t lateness : {0, 2, 5, 9}) {
        CAPTURE(lateness);
        auto harness = windows(Duration{lateness});
        harness.openFrom(snapshot);
        harness.watermark(8 + lateness);
        CHECK(harness.take().empty());
        harness.watermark(9 + lateness);
        CHECK(harness.take() == Texts{{"1[0,10):1", 9}});
        CHECK(harness.snapshot().empty());
    }
}

TEST_CASE("emitEvery: where the watermark jumps there is one result, wherever a restore is in between",
          "[windowing][state]") {
    const auto op = listsOf(TumblingEventTimeWindows::of(100ns), detail::EarlyTrigger(10ns));
    using Harness = OperatorHarness<std::remove_const_t<decltype(op)>>;
    for (std::size_t cut = 0; cut <= 9; ++cut) {
        CAPTURE(cut);
        const auto outcome = runWithCut(op,
                                        {[](Harness& h) {
                                             h.element({1, 1}, 1);
                                         },
                                         [](Harness& h) { h.watermark(55); },  // 10 to 50
                                         [](Harness& h) { h.watermark(59); }, [](Harness& h) { h.watermark(60); },
                                         [](Harness& h) {
                                             h.element({1, 2}, 3);
                                         },  // behind the watermark: shown at 70, not at once
                                         [](Harness& h) { h.watermark(69); }, [](Harness& h) { h.watermark(70); },
                                         [](Harness& h) {
                                             h.element({1, 3}, 88);
                                         },
                                         [](Harness& h) { h.watermark(500); }},  // 80, 90 and the end
                                        cut);
        CHECK(outcome.texts ==
              Texts{{"1[0,100):1", 99}, {"1[0,100):1", 99}, {"1[0,100):1 2", 99}, {"1[0,100):1 2 3", 99}});
    }
    // the trigger that emitEvery is not: one result for each multiple that has been passed
    OperatorHarness continuous(listsOf(kTens, ContinuousEventTimeTrigger::of(4ns)));
    continuous.open();
    continuous.element({1, 1}, 1);
    continuous.watermark(9);
    CHECK(continuous.take() == Texts{{"1[0,10):1", 9}, {"1[0,10):1", 9}, {"1[0,10):1", 9}});
}

TEST_CASE("emitEvery: a session that the watermark passes with several multiples is shown once more", "[windowing]") {
    OperatorHarness harness(listsOf(kSessions, detail::EarlyTrigger(4ns)));
    harness.open();
    harness.element({1, 1}, 1);
    harness.watermark(5);
    CHECK(harness.take() == Texts{{"1[1,11):1", 10}});
    harness.element({1, 2}, 8);
    harness.watermark(30);  // 8, 12, 16 and the end
    CHECK(harness.take() == Texts{{"1[1,18):1 2", 17}});
}
