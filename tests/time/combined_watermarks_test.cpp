#include <millrace/time/combined_watermarks.hpp>

#include "support/catch.hpp"

#include <cstdint>
#include <string>
#include <vector>

using namespace millrace;
using detail::CombinedWatermarks;
using detail::EventTimeChange;
using detail::StatusChange;

namespace {

/// Writes down what is passed on: "w7", "idle", "active".
struct Recorder {
    explicit Recorder(std::size_t inputs) : combined(inputs) {}

    void watermark(std::size_t input, std::int64_t time) { note(combined.watermark(input, Timestamp{Duration{time}})); }
    void idle(std::size_t input) { note(combined.idle(input)); }
    void active(std::size_t input) { note(combined.active(input)); }
    std::vector<std::string> take() { return std::exchange(seen, {}); }

    void note(const EventTimeChange& change) {
        if (change.hasWatermark()) seen.push_back("w" + std::to_string(change.watermark.time_since_epoch().count()));
        if (change.status == StatusChange::Idle) seen.emplace_back("idle");
        if (change.status == StatusChange::Active) seen.emplace_back("active");
    }

    CombinedWatermarks combined;
    std::vector<std::string> seen;
};
using Trace = std::vector<std::string>;

}  // namespace

TEST_CASE("two inputs have the smaller of their watermarks, once both have one", "[time]") {
    Recorder inputs(2);
    inputs.watermark(0, 5);
    CHECK(inputs.take().empty());
    inputs.watermark(1, 3);
    inputs.watermark(0, 7);
    inputs.watermark(1, 10);
    inputs.watermark(1, 9);  // smaller than its last one: ignored
    inputs.watermark(0, 20);
    CHECK(inputs.take() == Trace{"w3", "w7", "w10"});
    CHECK(inputs.combined.current() == Timestamp{Duration{10}});
}

TEST_CASE("an idle input does not count; active again, it holds event time back until it has caught up", "[time]") {
    Recorder inputs(2);
    inputs.watermark(0, 5);
    inputs.watermark(1, 9);
    inputs.idle(0);
    CHECK(inputs.take() == Trace{"w5", "w9"});
    inputs.active(0);
    inputs.watermark(0, 7);
    inputs.watermark(1, 12);
    CHECK(inputs.take().empty());  // not 12: input 0 is at 7
    inputs.watermark(0, 11);
    CHECK(inputs.take() == Trace{"w11"});
}

TEST_CASE("when all inputs are idle the largest watermark comes first, then idle; one active input ends that",
          "[time]") {
    Recorder inputs(3);
    inputs.watermark(0, 5);
    inputs.watermark(1, 9);
    inputs.watermark(2, 1);
    CHECK(inputs.take() == Trace{"w1"});
    inputs.idle(2);
    inputs.idle(2);
    CHECK(inputs.take() == Trace{"w5"});
    inputs.idle(1);
    CHECK(inputs.take().empty());
    inputs.idle(0);
    CHECK(inputs.take() == Trace{"w9", "idle"});
    inputs.active(2);
    inputs.active(1);
    CHECK(inputs.take() == Trace{"active"});
}

TEST_CASE("a watermark makes its input active", "[time]") {
    Recorder inputs(2);
    inputs.watermark(0, 5);
    inputs.idle(1);
    CHECK(inputs.take() == Trace{"w5"});
    inputs.watermark(1, 6);
    inputs.watermark(0, 8);
    CHECK(inputs.take() == Trace{"w6"});
}
