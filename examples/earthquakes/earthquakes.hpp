#ifndef EARTHQUAKES_EARTHQUAKES_HPP
#define EARTHQUAKES_EARTHQUAKES_HPP

#include <millrace/formats/json_lines_format.hpp>
#include <millrace/millrace.hpp>

#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>

namespace earthquakes {

/// An event as a network reports it: it happened at `time`, and was last looked at in `updated`.
struct Earthquake {
    std::string id;
    std::string net;
    std::optional<double> mag;
    std::string place;
    millrace::Timestamp time;
    millrace::Timestamp updated;
};

/// What one network has seen in six hours.
struct Activity {
    millrace::Timestamp start;
    millrace::Timestamp end;
    std::string net;
    std::int64_t events;
    std::optional<double> strongest;  ///< none if no event has a magnitude
    std::string place;                ///< of the strongest

    auto operator<=>(const Activity&) const = default;
};

/// Counts events and keeps the strongest one; of equals the one that was reported first.
struct CountAndStrongest {
    struct Accumulator {
        std::int64_t events = 0;
        std::optional<double> strongest;
        std::string place;
    };
    Accumulator createAccumulator() const { return {}; }
    void add(const Earthquake& event, Accumulator& acc) const {
        ++acc.events;
        if (event.mag > acc.strongest) {  // nothing is less than any magnitude
            acc.strongest = event.mag;
            acc.place = event.place;
        }
    }
    Accumulator getResult(const Accumulator& acc) const { return acc; }
};

inline const millrace::OutputTag<Earthquake> kLate("late events");

struct Results {
    millrace::DataStream<Activity> activity;
    millrace::DataStream<Earthquake> late;
};

/// Reads the reports in the order in which they were made. Networks look again at what is hours or days old, so event
/// time jumps to and fro; a day of patience is enough for most. The watermark follows every single report: which ones
/// are late then depends on their order alone, and a replay tells the same story as the original.
inline millrace::DataStream<Earthquake> readReports(millrace::StreamEnvironment& env, const std::string& file) {
    using namespace std::chrono_literals;
    return env
        .fromSource(millrace::FileSource::of(millrace::JsonLinesFormat<Earthquake>{}, file),
                    millrace::WatermarkStrategy::forBoundedOutOfOrdernessPerRecord(24h).withTimestampAssigner(
                        &Earthquake::time),
                    "reports")
        .setParallelism(1);
}

/// Number of events and the strongest of them, for each network and six hours; and the events that came too late.
inline Results activityOfNetworks(const millrace::DataStream<Earthquake>& reports) {
    using namespace std::chrono_literals;
    const millrace::DataStream<Activity> activity =
        reports.keyBy(&Earthquake::net)
            .window(millrace::TumblingEventTimeWindows::of(6h))
            .sideOutputLateData(kLate)
            .aggregate(CountAndStrongest{},
                       [](const std::string& net, const millrace::TimeWindow& window,
                          const CountAndStrongest::Accumulator& acc) {
                           return Activity{window.start, window.end, net, acc.events, acc.strongest, acc.place};
                       })
            .name("activity");
    return {activity, activity.getSideOutput(kLate)};
}

}  // namespace earthquakes

#endif  // EARTHQUAKES_EARTHQUAKES_HPP
