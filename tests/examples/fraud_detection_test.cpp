#include <fraud_detection/fraud_detection.hpp>

#include <fmt/format.h>
#include <examples/golden.hpp>

#include <chrono>

using namespace millrace;
using namespace fraud_detection;

TEST_CASE("fraud_detection: the alerts are those of a plain loop over sorted payments, on every runtime",
          "[examples]") {
    const auto expected = testing::golden("fraud_detection.csv");
    testing::onEveryRuntime([&](StreamEnvironment& env) {
        const auto found = alerts(readPayments(env, testing::exampleFile("fraud_detection/data/transactions.csv")),
                                  readRules(env, testing::exampleFile("fraud_detection/data/rules.csv")))
                               .executeAndCollect();
        const auto actual = testing::lines(found, [](const Alert& alert) {
            const auto time = std::chrono::floor<std::chrono::milliseconds>(alert.time).time_since_epoch().count();
            return fmt::format("{},{},{},{:.2f},{:.2f}", time, alert.account, alert.rule, alert.small, alert.large);
        });
        CHECK(testing::difference(actual, expected) == "");
    });
}
