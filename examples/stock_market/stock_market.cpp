// How many trades happen by industry each minute, and what is the moving average price?

#include "industry_averages.hpp"
#include "minute_table.hpp"
#include "options.hpp"
#include "progress.hpp"
#include "trade_source.hpp"

#include <millrace/formats/json_lines_format.hpp>
#include <millrace/millrace.hpp>
#include <millrace/runtime/sigint_guard.hpp>

#include <ordered_sink.hpp>

#include <cstdio>
#include <string>

using namespace millrace;
using namespace stock_market;

namespace {

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

int run(examples::Arguments& arguments) {
    const Options options = parseOptions(arguments);
    StreamExecutionEnvironment env;
    if (!options.writeData.empty()) {
        writeBundledTrades(env, options.writeData);
        return 0;
    }

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
