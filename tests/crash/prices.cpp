#include "pipelines.hpp"

#include <millrace/connectors/two_phase_commit_sink.hpp>
#include <millrace/millrace.hpp>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <unistd.h>

namespace crash {
namespace prices {

using namespace millrace;
using namespace std::chrono_literals;

constexpr std::uint64_t kSales = 15'000;
constexpr std::uint64_t kChanges = 1'500;

struct Sale {
    std::int64_t product;
    std::int64_t quantity;
    Timestamp time;
};
struct PriceChange {
    std::int64_t cents;
    Timestamp time;
};
struct Priced {
    std::int64_t product;
    Timestamp time;
    std::int64_t cents;
};

const MapStateDescriptor<std::int64_t, std::int64_t> kPriceFrom("price from");  // by milliseconds

Sale saleAt(std::uint64_t number) {
    const std::uint64_t random = mixed(number, 8);
    return {static_cast<std::int64_t>((random >> 40) % 50), static_cast<std::int64_t>(1 + (random >> 20) % 9),
            Timestamp(24h * 365) + std::chrono::milliseconds(100 * number) - std::chrono::milliseconds(random % 3000)};
}
PriceChange changeAt(std::uint64_t number) {
    return {static_cast<std::int64_t>(100 + mixed(number, 9) % 1000), Timestamp(24h * 365) + number * 1s - 4s};
}

/// Waits until all changes of the price up to a sale are known, which its timer tells: so it does not matter which came first.
struct SellAtPrice {
    MapState<std::int64_t, std::int64_t> waiting;  // quantity by time

    void open(KeyedRuntimeContext& context) {
        waiting = context.getMapState(MapStateDescriptor<std::int64_t, std::int64_t>{"waiting"});
    }
    void processElement(const Sale& sale, KeyedReadOnlyContext<std::int64_t>& context, Collector<Priced>&) {
        waiting.mutate(millisecondsOf(sale.time), [&](std::int64_t& quantity) { quantity += sale.quantity; });
        context.timerService().registerEventTimeTimer(sale.time);
    }
    void processBroadcastElement(const PriceChange& change, KeyedBroadcastContext<std::int64_t>& context,
                                 Collector<Priced>&) {
        context.getBroadcastState(kPriceFrom).put(millisecondsOf(change.time), change.cents);
    }
    void onTimer(Timestamp time, KeyedReadOnlyContext<std::int64_t>& context, Collector<Priced>& out) {
        const std::int64_t now = millisecondsOf(time);
        const std::int64_t second = now - now % 1000;  // changes come at full seconds, the last at the end of the input
        const std::int64_t* const price = context.getBroadcastState(kPriceFrom).get(second);
        out.collect(Priced{context.currentKey(), time, waiting.getOr(now, 0) * (price == nullptr ? 1 : *price)});
        waiting.remove(now);
    }

private:
    static std::int64_t millisecondsOf(Timestamp time) { return time.time_since_epoch() / 1ms; }
};

/// A file for each transaction: open and prepared under a hidden name, committed under a visible one.
struct Transactions {
    std::string directory;
    std::string lines;
    int subtask = 0;
    int count = 0;

    void open(RuntimeContext& context) {
        subtask = context.subtaskIndex();
        std::filesystem::create_directories(directory);
    }
    std::string beginTransaction() {
        lines.clear();
        const auto now = std::chrono::system_clock::now().time_since_epoch().count();  // process ids come again
        return std::to_string(now) + "-" + std::to_string(::getpid()) + "-" + std::to_string(subtask) + "-" +
               std::to_string(++count);
    }
    void invoke(std::string&, const Priced& priced) {
        lines += std::to_string(priced.product) + "," + std::to_string(priced.time.time_since_epoch().count()) + "," +
                 std::to_string(priced.cents) + "\n";
    }
    void preCommit(std::string& name) { std::ofstream(hidden(name)) << lines; }
    void commit(const std::string& name) {
        if (std::rename(hidden(name).c_str(), visible(name).c_str()) != 0 && !std::filesystem::exists(visible(name))) {
            throw std::runtime_error("there is no transaction " + name);
        }
    }
    void abort(const std::string& name) { std::remove(hidden(name).c_str()); }

private:
    std::string hidden(const std::string& name) const { return directory + "/." + name; }
    std::string visible(const std::string& name) const { return directory + "/" + name; }
};

void build(StreamEnvironment& env, const Settings& settings) {
    const auto changes =
        env.fromSource(
               DataGeneratorSource(changeAt, kChanges, paced(kChanges, settings)),
               WatermarkStrategy::forBoundedOutOfOrdernessPerRecord(0s).withTimestampAssigner(&PriceChange::time),
               "changes")
            .uid("changes")
            .setParallelism(1);
    env.fromSource(DataGeneratorSource(saleAt, kSales, paced(kSales, settings)),
                   WatermarkStrategy::forBoundedOutOfOrdernessPerRecord(3s).withTimestampAssigner(&Sale::time), "sales")
        .uid("sales")
        .setParallelism(1)
        .keyBy(&Sale::product)
        .connect(changes.broadcast(kPriceFrom))
        .process(SellAtPrice{})
        .uid("prices")
        .sinkTo(TwoPhaseCommitSink(Transactions{settings.directory + "/out", {}}))
        .uid("transactions");
}

std::vector<std::string> committed(const Settings& settings) {
    return finishedLines(settings.directory + "/out");
}

}  // namespace prices

const Pipeline kPrices{"prices", [](const Settings&) {}, prices::build, prices::committed};

}  // namespace crash
