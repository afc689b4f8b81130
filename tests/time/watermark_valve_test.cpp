#include <millrace/time/watermark_valve.hpp>

#include <support/catch.hpp>

#include <algorithm>
#include <optional>
#include <random>
#include <string>
#include <vector>

using millrace::Duration;
using millrace::kMaxTimestamp;
using millrace::kMinTimestamp;
using millrace::Timestamp;
using millrace::detail::EventTimeChange;
using millrace::detail::StatusChange;
using millrace::detail::WatermarkValve;

namespace {

Timestamp at(std::int64_t ticks) {
    return Timestamp{Duration{ticks}};
}

/// Shorthand of the conformance vectors: "0:25" watermark 25 on channel 0, "0:idle", "0:active"; output "25@1", "idle@3".
std::string run(std::size_t channels, const std::vector<std::string>& input) {
    WatermarkValve valve(channels);
    std::string output;
    for (std::size_t i = 0; i < input.size(); ++i) {
        const std::size_t colon = input[i].find(':');
        const std::size_t channel = std::stoul(input[i].substr(0, colon));
        const std::string what = input[i].substr(colon + 1);
        const EventTimeChange result = what == "idle"     ? valve.idle(channel)
                                       : what == "active" ? valve.active(channel)
                                       : what == "max"    ? valve.watermark(channel, kMaxTimestamp)
                                                          : valve.watermark(channel, at(std::stoll(what)));
        const std::string where = "@" + std::to_string(i) + " ";
        if (result.watermark == kMaxTimestamp) {
            output += "max" + where;
        } else if (result.hasWatermark()) {
            output += std::to_string(result.watermark.time_since_epoch().count()) + where;
        }
        if (result.status == StatusChange::Idle) output += "idle" + where;
        if (result.status == StatusChange::Active) output += "active" + where;
    }
    if (!output.empty()) output.pop_back();
    return output;
}

/// FORMAT.md §6.1, sentence by sentence.
class NaiveValve {
public:
    explicit NaiveValve(std::size_t n) : channels_(n) {}
    EventTimeChange watermark(std::size_t c, Timestamp w) {
        if (channels_[c].idle || allIdle() || w <= channels_[c].watermark) return {};
        channels_[c].watermark = w;
        if (w >= last_) channels_[c].aligned = true;
        return {emitMinimum(), StatusChange::None};
    }
    EventTimeChange idle(std::size_t c) {
        if (channels_[c].idle) return {};
        channels_[c].idle = true;
        channels_[c].aligned = false;
        const bool held = channels_[c].watermark == last_;
        if (!allIdle()) return {held ? emitMinimum() : kMinTimestamp, StatusChange::None};
        Timestamp emitted = kMinTimestamp;
        if (held) {
            Timestamp largest = kMinTimestamp;
            for (const auto& each : channels_) largest = std::max(largest, each.watermark);
            if (largest > last_) emitted = last_ = largest;
        }
        return {emitted, StatusChange::Idle};
    }
    EventTimeChange active(std::size_t c) {
        if (!channels_[c].idle) return {};
        const bool wasIdle = allIdle();
        channels_[c].idle = false;
        if (channels_[c].watermark >= last_) channels_[c].aligned = true;
        return {kMinTimestamp, wasIdle ? StatusChange::Active : StatusChange::None};
    }

private:
    struct Channel {
        Timestamp watermark = kMinTimestamp;
        bool idle = false;
        bool aligned = true;
    };
    bool allIdle() const {
        return std::all_of(channels_.begin(), channels_.end(), [](const Channel& c) { return c.idle; });
    }
    Timestamp emitMinimum() {
        std::optional<Timestamp> smallest;
        for (const auto& each : channels_) {
            if (each.aligned && (!smallest || each.watermark < *smallest)) smallest = each.watermark;
        }
        if (!smallest || *smallest <= last_) return kMinTimestamp;
        return last_ = *smallest;
    }
    std::vector<Channel> channels_;
    Timestamp last_ = kMinTimestamp;
};

}  // namespace

TEST_CASE("one channel: watermarks pass when they grow, idleness when it changes", "[time][watermark_valve]") {
    CHECK(run(1, {"0:0", "0:25"}) == "0@0 25@1");
    CHECK(run(1, {"0:25", "0:18", "0:42"}) == "25@0 42@2");
    CHECK(run(1, {"0:active", "0:idle", "0:idle", "0:active"}) == "idle@1 active@3");
    // a watermark that arrives while the channel is idle is ignored
    CHECK(run(1, {"0:25", "0:idle", "0:50", "0:active", "0:50"}) == "25@0 idle@1 active@3 50@4");
}

TEST_CASE("several channels: the smallest watermark of those that are aligned", "[time][watermark_valve]") {
    CHECK(run(3, {"0:0", "1:0", "2:0"}) == "0@2");
    CHECK(run(3, {"0:25", "1:10", "2:17", "0:12", "1:8", "2:15"}) == "10@2");
    CHECK(run(3, {"0:15", "1:10", "2:idle", "1:18", "0:20"}) == "10@2 15@3 18@4");
    CHECK(run(3, {"0:25", "1:10", "2:17", "1:idle", "2:idle"}) == "10@2 17@3 25@4");
}

TEST_CASE("a channel that comes back counts again only once it has caught up", "[time][watermark_valve]") {
    CHECK(run(3, {"0:10", "1:7", "2:idle", "2:active", "0:idle", "1:idle"}) == "7@2");
    CHECK(run(3, {"0:5", "1:9", "2:7", "0:idle", "0:active", "0:8", "0:6", "2:11", "1:idle", "1:active", "1:20"}) ==
          "5@2 7@3 8@7");
}

TEST_CASE("the last watermark passes when all channels have sent it", "[time][watermark_valve]") {
    CHECK(run(2, {"0:max", "1:5", "1:max"}) == "5@1 max@2");
}

TEST_CASE("when all become idle the largest watermark is emitted before the status", "[time][watermark_valve]") {
    CHECK(run(2, {"0:5", "1:9", "1:idle", "0:idle"}) == "5@1 9@3 idle@3");
}

TEST_CASE("the valve agrees with its rules written naively", "[time][watermark_valve]") {
    const auto seed = GENERATE(range(0U, 60U));
    CAPTURE(seed);
    std::mt19937 random(seed);
    const std::size_t n = 1 + random() % 6;
    WatermarkValve valve(n);
    NaiveValve naive(n);
    for (int i = 0; i < 2000; ++i) {
        const std::size_t channel = random() % n;
        EventTimeChange got;
        EventTimeChange expected;
        if (const auto what = random() % 10; what < 6) {
            const Timestamp w = at(static_cast<std::int64_t>(random() % 20) + i / 20);
            got = valve.watermark(channel, w);
            expected = naive.watermark(channel, w);
        } else if (what < 8) {
            got = valve.idle(channel);
            expected = naive.idle(channel);
        } else {
            got = valve.active(channel);
            expected = naive.active(channel);
        }
        REQUIRE(got.watermark == expected.watermark);
        REQUIRE(got.status == expected.status);
    }
}
