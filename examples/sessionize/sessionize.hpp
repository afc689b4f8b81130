#ifndef SESSIONIZE_SESSIONIZE_HPP
#define SESSIONIZE_SESSIONIZE_HPP

#include <millrace/millrace.hpp>

#include <compare>
#include <cstdint>
#include <string>

namespace sessionize {

struct Click {
    std::string user;
    std::string page;
    millrace::Timestamp time;
};

/// One visit: clicks of one user with less than the gap between them.
struct Visit {
    millrace::Timestamp end;  ///< the gap after the last click
    std::string user;
    millrace::Timestamp start;
    std::int64_t clicks;
    std::string entry;  ///< the page of the first click
    bool ordered;       ///< saw the page /checkout

    auto operator<=>(const Visit&) const = default;
};

/// Sessions grow together when a click falls between them, so what is known of each has to be merged.
struct Summary {
    struct Accumulator {
        std::int64_t clicks = 0;
        millrace::Timestamp first = millrace::kMaxTimestamp;
        std::string entry;
        bool ordered = false;
    };
    Accumulator createAccumulator() const { return {}; }
    void add(const Click& click, Accumulator& acc) const {
        merge(acc, {1, click.time, click.page, click.page == "/checkout"});
    }
    void merge(Accumulator& into, const Accumulator& other) const {
        into.clicks += other.clicks;
        into.ordered = into.ordered || other.ordered;
        if (other.first < into.first) {
            into.first = other.first;
            into.entry = other.entry;
        }
    }
    Accumulator getResult(const Accumulator& acc) const { return acc; }
};

inline const millrace::OutputTag<Click> kLate("late clicks");

struct Results {
    millrace::DataStream<Visit> visits;
    millrace::DataStream<Click> late;
};

/// Reads clicks in the order of their arrival. The watermark follows every single click, so which ones are late depends on
/// that order alone.
inline millrace::DataStream<Click> readClicks(millrace::StreamEnvironment& env, const std::string& file,
                                              millrace::Duration patience) {
    return env
        .fromSource(millrace::FileSource::of(millrace::CsvFormat<Click>{}, file),
                    millrace::WatermarkStrategy::forBoundedOutOfOrdernessPerRecord(patience).withTimestampAssigner(
                        &Click::time),
                    "clicks")
        .setParallelism(1);
}

/// The visits, and the clicks whose visit was over when they came.
inline Results visitsOf(const millrace::DataStream<Click>& clicks, millrace::Duration gap) {
    const millrace::DataStream<Visit> visits =
        clicks.keyBy(&Click::user)
            .window(millrace::EventTimeSessionWindows::withGap(gap))
            .sideOutputLateData(kLate)
            .aggregate(
                Summary{},
                [](const std::string& user, const millrace::TimeWindow& window, const Summary::Accumulator& acc) {
                    return Visit{window.end, user, window.start, acc.clicks, acc.entry, acc.ordered};
                })
            .name("visits");
    return {visits, visits.getSideOutput(kLate)};
}

}  // namespace sessionize

#endif  // SESSIONIZE_SESSIONIZE_HPP
