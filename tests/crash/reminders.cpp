#include "pipelines.hpp"

#include <millrace/connectors/row_file_sink.hpp>
#include <millrace/millrace.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace crash {
namespace reminders {

using namespace millrace;
using namespace std::chrono_literals;

constexpr std::uint64_t kLogins = 20'000;

struct Login {
    std::string user;
    std::int64_t city;
    Timestamp time;
};
/// What is known of a user when they have not been seen for a while.
struct Reminder {
    std::string user;
    Timestamp time;
    std::int64_t logins;
    std::int64_t sum;
    std::string cities;
};

/// One a second, of 300 users, up to 20 s late, and some later than that.
Login loginAt(std::uint64_t number) {
    const std::uint64_t random = mixed(number, 7);
    const auto delay = std::chrono::milliseconds((random >> 8) % ((random & 63) == 0 ? 120'000 : 20'000));
    return {"user" + std::to_string((random >> 32) % 300), static_cast<std::int64_t>((random >> 28) % 7),
            Timestamp(24h * 365) + std::chrono::seconds(number) - delay};
}

/// Counts and sums up the logins of a user; after 90 s without one says so, and every ten minutes forgets where they were.
struct Remind {
    ValueState<Timestamp> due;
    ListState<std::int64_t> numbers;
    MapState<std::int64_t, std::int64_t> cities;

    void open(KeyedRuntimeContext& context) {
        due = context.getState(ValueStateDescriptor<Timestamp>{"due"});
        numbers = context.getListState(ListStateDescriptor<std::int64_t>{"numbers"});
        cities = context.getMapState(MapStateDescriptor<std::int64_t, std::int64_t>{"cities"});
    }
    void processElement(const Login& login, KeyedProcessContext<std::string>& context, Collector<Reminder>&) {
        if (const Timestamp* before = due.value()) {
            if (*before > login.time + 90s) return count(login);
            context.timerService().deleteEventTimeTimer(*before);
        }
        due.update(login.time + 90s);
        context.timerService().registerEventTimeTimer(login.time + 90s);
        context.timerService().registerEventTimeTimer(std::chrono::floor<std::chrono::minutes>(login.time) + 10min);
        count(login);
    }
    void onTimer(Timestamp time, OnTimerContext<std::string>& context, Collector<Reminder>& out) {
        if (due.value() == nullptr || *due.value() != time) return cities.clear();
        std::int64_t sum = 0;
        for (const std::int64_t number : numbers.get()) sum += number;
        std::vector<std::string> known;
        for (const auto& [city, logins] : cities.entries()) {
            known.push_back(std::to_string(city) + ":" + std::to_string(logins));
        }
        std::sort(known.begin(), known.end());
        std::string text;
        for (const std::string& city : known) text += city + " ";
        out.collect(Reminder{context.currentKey(), time, static_cast<std::int64_t>(numbers.get().size()), sum, text});
        if (numbers.get().size() > 20) numbers.clear();
        due.clear();
    }

private:
    void count(const Login& login) {
        numbers.add(login.time.time_since_epoch() / 1ms % 1000);
        cities.mutate(login.city, [](std::int64_t& logins) { ++logins; });
    }
};

void build(StreamEnvironment& env, const Settings& settings) {
    env.fromSource(DataGeneratorSource(loginAt, kLogins, paced(kLogins, settings)),
                   WatermarkStrategy::forBoundedOutOfOrdernessPerRecord(20s).withTimestampAssigner(&Login::time),
                   "logins")
        .uid("logins")
        .setParallelism(1)
        .keyBy(&Login::user)
        .process(Remind{})
        .uid("remind")
        .sinkTo(FileSink::forRowFormat(settings.directory + "/out", CsvFormat<Reminder>{}.withoutHeader())
                    .withBucketAssigner(BasePathBucketAssigner{})
                    .withRollingPolicy(DefaultRollingPolicy().withMaxPartSize(4000)))
        .uid("files");
}

std::vector<std::string> committed(const Settings& settings) {
    return finishedLines(settings.directory + "/out");
}

}  // namespace reminders

const Pipeline kReminders{"reminders", [](const Settings&) {}, reminders::build, reminders::committed};

}  // namespace crash
