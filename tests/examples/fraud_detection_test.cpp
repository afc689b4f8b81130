#include <fraud_detection/fraud_detection.hpp>

#include <fmt/format.h>
#include <examples/golden.hpp>
#include <millrace/testing/operator_harness.hpp>

#include <chrono>
#include <cstdint>
#include <vector>

using namespace millrace;
using namespace fraud_detection;
using namespace std::chrono_literals;
using millrace::testing::element;
using millrace::testing::harnessForKeyedBroadcast;
using millrace::testing::sideElement;
using millrace::testing::trace;
using millrace::testing::watermark;

namespace {

Timestamp second(int n) {
    return Timestamp(n * 1s);
}
/// The detector alone: input 1 are the payments, input 2 the rules.
auto detector() {
    return harnessForKeyedBroadcast<Payment, Rule>(&Payment::account, Detector{}, kRules);
}
template <class Harness>
void pay(Harness& harness, std::int64_t account, double amount, int time) {
    harness.processElement1({account, amount, second(time)}, second(time));
}
template <class Harness>
void rule(Harness& harness, const Rule& rule) {
    harness.processElement2(rule, rule.time);
}

}  // namespace

TEST_CASE("fraud_detection: the alerts are those of a plain loop over sorted payments, on every runtime",
          "[examples][threads]") {
    const auto expected = testing::golden("fraud_detection.csv");
    testing::onEveryRuntime([&](StreamEnvironment& env) {
        const auto [alerts, latePayments] =
            judge(readPayments(env, testing::exampleFile("fraud_detection/data/transactions.csv")),
                  readRules(env, testing::exampleFile("fraud_detection/data/rules.csv")));
        std::int64_t late = 0;
        latePayments.addSink([&late](const Payment&) { ++late; }).setParallelism(1);
        const auto found = alerts.executeAndCollect();
        CHECK(late == 0);
        const auto actual = testing::lines(found, [](const Alert& alert) {
            const auto time = std::chrono::floor<std::chrono::milliseconds>(alert.time).time_since_epoch().count();
            return fmt::format("{},{},{},{:.2f},{:.2f}", time, alert.account, alert.rule, alert.small, alert.large);
        });
        CHECK(testing::difference(actual, expected) == "");
    });
}

TEST_CASE(
    "fraud_detection: payments are judged in the order of their times, when the watermark says that all are there",
    "[examples]") {
    auto harness = detector();
    pay(harness, 7, 600, 30);
    pay(harness, 7, 0.5, 10);
    pay(harness, 8, 0.5, 20);  // of another account
    CHECK(harness.output() == trace());
    rule(harness, {"card test", 1, 500, 60, second(0)});  // comes after the payments, and is older
    harness.processBothWatermarks(second(29));
    CHECK(harness.takeOutput() == trace(watermark(second(29))));
    harness.processBothWatermarks(second(30));
    CHECK(harness.takeOutput() ==
          trace(element(Alert{second(30), 7, "card test", 0.5, 600}, second(30)), watermark(second(30))));
}

TEST_CASE("fraud_detection: a late payment goes to the side output, and is not the one before the next", "[examples]") {
    auto harness = detector();
    const std::vector<Payment>& late = harness.sideOutput(kLatePayments);
    rule(harness, {"card test", 1, 500, 60, second(0)});
    pay(harness, 7, 50, 25);
    harness.processBothWatermarks(second(30));
    pay(harness, 7, 0.5,
        30);  // at the watermark: a timer for it would come with the next one, behind what is judged by now
    CHECK(harness.takeOutput() ==
          trace(watermark(second(30)), sideElement("late payments", Payment{7, 0.5, second(30)}, second(30))));
    pay(harness, 7, 600, 31);
    harness.processBothWatermarks(second(31));
    CHECK(harness.takeOutput() == trace(watermark(second(31))));
    CHECK(late == std::vector<Payment>{{7, 0.5, second(30)}});
}

TEST_CASE("fraud_detection: the version of a rule counts that is valid at the time of the payment; 0 seconds retire it",
          "[examples]") {
    auto harness = detector();
    rule(harness, {"card test", 1, 500, 60, second(0)});
    rule(harness, {"card test", 0, 0, 0, second(100)});
    rule(harness, {"card test", 2, 300, 10, second(200)});
    for (const int start : {50, 150, 250}) {
        pay(harness, 7, 0.5, start);
        pay(harness, 7, 600, start + 10);
    }
    pay(harness, 7, 0.5, 300);
    pay(harness, 7, 600, 311);  // a second too late for the last version
    harness.processBothWatermarks(second(400));
    CHECK(harness.takeOutput() == trace(element(Alert{second(60), 7, "card test", 0.5, 600}, second(60)),
                                        element(Alert{second(260), 7, "card test", 0.5, 600}, second(260)),
                                        watermark(second(400))));
}

TEST_CASE("fraud_detection: rules, waiting payments and the last one of an account survive a restore", "[examples]") {
    auto harness = detector();
    rule(harness, {"card test", 1, 500, 60, second(0)});
    pay(harness, 7, 0.5, 10);
    harness.processBothWatermarks(second(10));  // judged: the last one of account 7
    pay(harness, 7, 600, 20);
    pay(harness, 8, 0.6, 15);  // waiting, as is the one before
    harness.takeOutput();

    harness.restoreFromOwnSnapshot();
    pay(harness, 8, 700, 25);
    harness.processBothWatermarks(second(30));
    CHECK(harness.takeOutput() == trace(element(Alert{second(20), 7, "card test", 0.5, 600}, second(20)),
                                        element(Alert{second(25), 8, "card test", 0.6, 700}, second(25)),
                                        watermark(second(30))));
}
