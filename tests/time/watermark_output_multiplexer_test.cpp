#include <millrace/time/watermark_output_multiplexer.hpp>

#include "support/catch.hpp"

#include <string>

using millrace::ConfigurationException;
using millrace::Duration;
using millrace::Timestamp;
using millrace::WatermarkOutputMultiplexer;

namespace {

Timestamp ticksAfterEpoch(std::int64_t ticks) {
    return Timestamp{Duration{ticks}};
}
std::string shown(const WatermarkOutputMultiplexer::Result& result) {
    std::string text = result.watermark ? std::to_string(result.watermark->time_since_epoch().count()) : "-";
    return text + (result.becameIdle ? " idle" : "");
}

}  // namespace

TEST_CASE("an immediate watermark is passed on once all outputs have one", "[time]") {
    WatermarkOutputMultiplexer outputs;
    outputs.registerOutput("a");
    outputs.registerOutput("b");
    CHECK(shown(outputs.emitImmediate("a", ticksAfterEpoch(5))) == "-");
    CHECK(shown(outputs.emitImmediate("b", ticksAfterEpoch(2))) == "2");
    CHECK(shown(outputs.emitImmediate("b", ticksAfterEpoch(9))) == "5");
    CHECK(shown(outputs.emitImmediate("b", ticksAfterEpoch(8))) == "-");
}

TEST_CASE("a deferred watermark waits for the periodic emit or for an immediate one", "[time]") {
    WatermarkOutputMultiplexer outputs;
    outputs.registerOutput("deferred");
    outputs.registerOutput("immediate");
    outputs.emitDeferred("deferred", ticksAfterEpoch(5));
    CHECK(shown(outputs.emitImmediate("immediate", ticksAfterEpoch(2))) == "2");
    outputs.emitDeferred("immediate", ticksAfterEpoch(4));
    CHECK(shown(outputs.onPeriodicEmit()) == "4");
    CHECK(shown(outputs.onPeriodicEmit()) == "-");
}

TEST_CASE("when all outputs are idle the largest watermark is passed on, then idleness, once", "[time]") {
    WatermarkOutputMultiplexer outputs;
    outputs.registerOutput("a");
    outputs.registerOutput("b");
    outputs.emitImmediate("a", ticksAfterEpoch(5));
    outputs.emitImmediate("b", ticksAfterEpoch(2));
    CHECK(shown(outputs.markIdleImmediate("a")) == "-");
    CHECK(shown(outputs.markIdleImmediate("b")) == "5 idle");
    CHECK(shown(outputs.onPeriodicEmit()) == "-");
    CHECK(shown(outputs.emitImmediate("b", ticksAfterEpoch(7))) == "7");
    CHECK(shown(outputs.markIdleImmediate("b")) == "- idle");
}

TEST_CASE("an output that goes or lags behind does not take the watermark back", "[time]") {
    WatermarkOutputMultiplexer outputs;
    CHECK(shown(outputs.onPeriodicEmit()) == "-");
    outputs.registerOutput("first");
    outputs.emitImmediate("first", ticksAfterEpoch(7));
    outputs.unregisterOutput("first");
    outputs.registerOutput("second");
    CHECK(shown(outputs.emitImmediate("second", ticksAfterEpoch(1))) == "-");
    CHECK(outputs.watermark() == ticksAfterEpoch(7));
    CHECK(shown(outputs.emitImmediate("second", ticksAfterEpoch(8))) == "8");
}

TEST_CASE("outputs of a multiplexer are known by their ids", "[time]") {
    WatermarkOutputMultiplexer outputs;
    outputs.registerOutput("a");
    CHECK_THROWS_AS(outputs.registerOutput("a"), ConfigurationException);
    CHECK_THROWS_WITH(outputs.emitImmediate("b", ticksAfterEpoch(1)),
                      Catch::Matchers::ContainsSubstring("'b' is not registered"));
}
