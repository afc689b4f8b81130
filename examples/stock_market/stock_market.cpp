// How many trades happen by industry each minute, and what is the moving average price?

#include "generator.hpp"
#include "industry_averages.hpp"
#include "minute_table.hpp"
#include "options.hpp"
#include "progress.hpp"
#include "trade.hpp"

#include <millrace/formats/json_lines_format.hpp>
#include <millrace/millrace.hpp>
#include <millrace/runtime/sigint_guard.hpp>

#include <ordered_sink.hpp>

#include <cstdio>
#include <string>

using namespace millrace;
using namespace stock_market;

namespace {

const std::string kTrades = MILLRACE_EXAMPLE_DATA "/trades.csv";
const std::string kListings = MILLRACE_EXAMPLE_DATA "/sp500_constituents.csv";

/// Reading, parsing and time-stamping, in `--readers` subtasks.
DataStream<Trade> readTrades(StreamEnvironment& env, const Options& options) {
    const auto strategy =
        WatermarkStrategy::forBoundedOutOfOrderness(options.outOfOrderness).withTimestampAssigner(&Trade::time);
    const std::string& file = options.input.empty() ? kTrades : options.input;
    // invented trades come at 52 000 per second of event time
    const auto trades =
        options.generate > 0 ? env.fromSource(generatedTrades(kListings, options.generate, 20), strategy, "trades")
        : isJson(file)       ? env.fromSource(FileSource::of(JsonLinesFormat<Trade>{}, file), strategy, "trades")
                             : env.fromSource(FileSource::csv<Trade>(file), strategy, "trades");
    return trades.setParallelism(options.readers);
}

template <class Sink>
void writeInOrder(const DataStream<IndustryAverage>& averages, Sink sink) {
    averages.sinkTo(examples::inOrder<IndustryAverage>(sink)).name("report").setParallelism(1);
}

void report(const DataStream<IndustryAverage>& averages, const std::string& file) {
    if (file.empty()) {
        writeInOrder(averages, MinuteTable(stdout));
    } else if (isJson(file)) {
        writeInOrder(averages, FileSink::of(JsonLinesFormat<IndustryAverage>{}, file));
    } else {
        writeInOrder(averages, FileSink::csv<IndustryAverage>(file));
    }
}

int writeData(StreamEnvironment& env, const std::string& file) {
    const auto trades =
        env.fromSource(bundledTrades(kListings), WatermarkStrategy::noWatermarks(), "trades").setParallelism(1);
    if (isJson(file)) {
        trades.sinkTo(FileSink::of(JsonLinesFormat<Trade>{}, file));
    } else {
        trades.sinkTo(FileSink::csv<Trade>(file));
    }
    env.execute("write trades");
    return 0;
}

int run(examples::Arguments& arguments) {
    const Options options = parseOptions(arguments);
    StreamExecutionEnvironment env;
    if (!options.writeData.empty()) return writeData(env, options.writeData);

    report(industryAverages(readTrades(env, options), options.averagers), options.output);

    if (!options.plan.empty()) {
        const ExecutionPlan plan = env.getExecutionPlan();
        const std::string text = options.plan == "json"  ? plan.toJson()
                                 : options.plan == "dot" ? plan.toDot()
                                                         : plan.toMermaid();
        std::printf("%s\n", text.c_str());
        return 0;
    }
    const auto job = env.executeAsync("stock market");
    const SigintGuard stopOnSigint(job);
    waitWithProgress(*job, "trades", options.generate);
    job->result();
    if (const auto late = progressOf(*job, "trades").late; late > 0) {
        std::fprintf(stderr,
                     "%llu times a trade came too late for a window: a larger --out-of-orderness waits longer\n",
                     static_cast<unsigned long long>(late));
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    return examples::runExample(argc, argv, kUsage, run);
}
