// Card fraud: a trifle, then a great sum, by rules that change while payments run.

#include "fraud_detection.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <arguments.hpp>
#include <ordered_sink.hpp>

#include <chrono>
#include <cstdint>
#include <string>

using namespace millrace;
using namespace fraud_detection;

namespace {

constexpr const char* kUsage = R"(Card fraud: a trifle, then a great sum, by rules that change while payments run.

usage: fraud_detection [OPTION...]
  --input FILE    CSV with account, amount and time (default: the payments that come with the example)
  --rules FILE    CSV with rule, small, large, seconds and time
  --parallelism N
  --help
)";

int run(examples::Arguments& arguments) {
    const auto input = arguments.takeText("--input").value_or(MILLRACE_EXAMPLE_DATA "/transactions.csv");
    const auto rules = arguments.takeText("--rules").value_or(MILLRACE_EXAMPLE_DATA "/rules.csv");
    StreamExecutionEnvironment env;
    env.setParallelism(arguments.take("--parallelism", env.getParallelism(), 1, 128));
    arguments.expectNothingMore();

    const auto [alerts, latePayments] = judge(readPayments(env, input), readRules(env, rules));
    alerts
        .sinkTo(examples::inOrder<Alert>(examples::forEach<Alert>([](const Alert& alert) {
            fmt::print("{:%Y-%m-%d %H:%M:%S}  account {}  {:14}  {:8.2f}, then {:8.2f}\n",
                       std::chrono::floor<std::chrono::seconds>(alert.time), alert.account, alert.rule, alert.small,
                       alert.large);
        })))
        .setParallelism(1);
    std::int64_t late = 0;  // one subtask, and read only after the job: nothing to guard
    latePayments.addSink([&late](const Payment&) { ++late; }).name("late payments").setParallelism(1);
    env.execute("fraud detection");
    fmt::print("\n{} payments came too late to be judged\n", late);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    return examples::runExample(argc, argv, kUsage, run);
}
