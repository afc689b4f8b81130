#include <millrace/connectors/channel.hpp>
#include <millrace/connectors/channel_sink.hpp>
#include <millrace/connectors/channel_source.hpp>

#include <connectors/fake_source_context.hpp>
#include <support/catch.hpp>

#include <algorithm>
#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace millrace;
using namespace std::chrono_literals;
using testing::FakeSourceContext;

static_assert(SourceType<ChannelSource<std::unique_ptr<int>>>);
static_assert(SinkFor<ChannelSink<std::string>, std::string>);

struct Blocks {
    std::vector<int> values = std::vector<int>(4);
    std::vector<Timestamp> times = std::vector<Timestamp>(4);
    template <class Reader>
    FillResult fill(Reader& reader) {
        return reader.fill(values, times);
    }
    std::vector<int> first(std::size_t count) const {
        return {values.begin(), values.begin() + static_cast<std::ptrdiff_t>(count)};
    }
};

TEST_CASE("what the host pushes comes out in order, and closing ends the split", "[connectors][channel]") {
    FakeSourceContext fake;
    const Channel<int> channel(10);
    auto reader = ChannelSource(channel).createReader(fake.context());
    reader.open({});
    CHECK(channel.pushAll(std::vector{1, 2, 3, 4, 5}) == 5);
    channel.close();

    Blocks block;
    FillResult result = block.fill(reader);
    CHECK(block.first(result.count) == std::vector{1, 2, 3, 4});
    CHECK(result.status == SourceStatus::MoreAvailable);
    result = block.fill(reader);
    CHECK(block.first(result.count) == std::vector{5});
    result = block.fill(reader);
    CHECK(result.count == 0);
    CHECK(result.status == SourceStatus::EndOfSplit);
}

TEST_CASE("a reader that found nothing is woken once, by the next push", "[connectors][channel]") {
    FakeSourceContext fake;
    const Channel<int> channel(10);
    auto reader = ChannelSource(channel).createReader(fake.context());
    reader.open({});
    Blocks block;
    CHECK(block.fill(reader).status == SourceStatus::NothingAvailable);
    CHECK(fake.wakeUps() == 0);
    CHECK(channel.push(1));
    CHECK(channel.push(2));
    CHECK(fake.wakeUps() == 1);
    CHECK(block.fill(reader).count == 2);
    CHECK(block.fill(reader).status == SourceStatus::NothingAvailable);
    channel.close();
    CHECK(fake.wakeUps() == 2);
    CHECK(block.fill(reader).status == SourceStatus::EndOfSplit);
}

TEST_CASE("a full channel refuses tryPush, leaves the element alone, and takes more once it has been read",
          "[connectors][channel]") {
    FakeSourceContext fake;
    const Channel<std::string> channel(2);
    CHECK(channel.tryPush("a"));
    CHECK(channel.tryPush("b"));
    std::string element = "a long text that is stored on the heap";
    CHECK_FALSE(channel.tryPush(std::move(element)));
    CHECK(element == "a long text that is stored on the heap");  // NOLINT(bugprone-use-after-move): the promise
    CHECK_FALSE(channel.closed());
    CHECK(channel.size() == 2);

    auto reader = ChannelSource(channel).createReader(fake.context());
    reader.open({});
    std::vector<std::string> values(4);
    std::vector<Timestamp> times(4);
    CHECK(reader.fill(values, times).count == 2);
    CHECK(channel.tryPush(std::move(element)));
}

TEST_CASE("after the job has ended or close(), a push is refused", "[connectors][channel]") {
    FakeSourceContext fake;
    const Channel<int> channel(2);
    {
        auto reader = ChannelSource(channel).createReader(fake.context());
        reader.open({});
        CHECK(channel.push(1));
        if (GENERATE(true, false)) reader.close();  // else its destructor
    }
    CHECK(channel.closed());
    CHECK_FALSE(channel.push(2));
    CHECK_FALSE(channel.tryPush(2));

    const Channel<int> closed(2);
    closed.close();
    CHECK_FALSE(closed.push(1));
    CHECK(closed.pushAll(std::vector{1, 2}) == 0);
}

TEST_CASE("a producer that waits in push is released when the job ends", "[connectors][channel][threads]") {
    FakeSourceContext fake;
    const Channel<int> channel(1);
    auto reader = ChannelSource(channel).createReader(fake.context());
    reader.open({});
    CHECK(channel.push(1));
    // whether it already waits or only comes to it: the answer is the same
    auto pushed = std::async(std::launch::async, [&] { return channel.push(2); });
    reader.close();
    CHECK_FALSE(pushed.get());
}

TEST_CASE("a producer does not wait for a job that was given up before it ran", "[connectors][channel][threads]") {
    const Channel<int> channel(1);
    CHECK(channel.push(1));
    std::future<bool> pushed;
    {
        const ChannelSource source(channel);
        const ChannelSource copy = source;
        pushed = std::async(std::launch::async, [&] { return channel.push(2); });
    }
    CHECK_FALSE(pushed.get());
    const ChannelSource again(channel);  // another pipeline is built on it: what waits is still there
    CHECK_FALSE(channel.closed());
    CHECK(channel.size() == 1);
}

TEST_CASE("a restarted job reads the channel again", "[connectors][channel]") {
    FakeSourceContext fake;
    const Channel<int> channel(4);
    const ChannelSource source(channel);
    { auto reader = source.createReader(fake.context()); }
    CHECK(channel.closed());
    auto reader = source.createReader(fake.context());
    reader.open({});
    CHECK_FALSE(channel.closed());
    CHECK(channel.push(1));
    Blocks block;
    CHECK(block.fill(reader).count == 1);
}

TEST_CASE("several producers and a slow reader: nothing is lost, each one's order is kept",
          "[connectors][channel][threads]") {
    constexpr int kProducers = 3;
    constexpr int kEach = 3000;
    FakeSourceContext fake;
    const Channel<int> channel(16);
    std::atomic<int> open = kProducers;
    std::vector<std::thread> producers;
    for (int producer = 0; producer < kProducers; ++producer) {
        producers.emplace_back([&, producer] {
            bool taken = true;
            for (int i = 0; i < kEach && taken; ++i) taken = channel.push(producer * kEach + i);
            if (--open == 0) channel.close();
        });
    }
    std::vector<int> records;
    auto reader = ChannelSource(channel).createReader(fake.context());
    testing::readSplit(reader, ChannelSplit{}, records, 5, fake);
    for (std::thread& producer : producers) producer.join();

    REQUIRE(records.size() == kProducers * kEach);
    for (int producer = 0; producer < kProducers; ++producer) {
        std::vector<int> own;
        std::copy_if(records.begin(), records.end(), std::back_inserter(own),
                     [&](int record) { return record / kEach == producer; });
        CHECK(own.size() == kEach);
        CHECK(std::is_sorted(own.begin(), own.end()));
    }
}

TEST_CASE("pushing and stepping on one thread does not hang but says so", "[connectors][channel]") {
    FakeSourceContext fake;
    const Channel<int> channel(1);
    auto reader = ChannelSource(channel).createReader(fake.context());
    reader.open({});
    Blocks block;
    block.fill(reader);  // this thread runs the pipeline
    CHECK(channel.push(1));
    CHECK_THROWS_WITH(channel.push(2), Catch::Matchers::ContainsSubstring("capacity 1") &&
                                           Catch::Matchers::ContainsSubstring("tryPush"));
    CHECK_FALSE(channel.tryPush(2));
}

TEST_CASE("a channel without capacity is refused", "[connectors][channel]") {
    CHECK_THROWS_AS(Channel<int>(0), ConfigurationException);
}

TEST_CASE("the host pops what a sink has written, then learns of the end", "[connectors][channel]") {
    const Channel<std::string> channel(10);
    {
        const ChannelSink sink(channel);
        auto writer = sink.createWriter(WriterInitContext{});
        writer.write("a", {});
        writer.write("b", {});
        CHECK(channel.popFor(0ns) == "a");
        writer.flush(true);
        writer.close();
        CHECK(channel.pop() == "b");
        CHECK(channel.pop() == std::nullopt);
        CHECK(channel.closed());
    }
}

TEST_CASE("tryPop, popFor and drain never wait for more", "[connectors][channel]") {
    const Channel<int> channel(10);
    CHECK(channel.tryPop() == std::nullopt);
    CHECK(channel.popFor(0ns) == std::nullopt);
    CHECK(channel.popFor(1us) == std::nullopt);
    CHECK(channel.drain().empty());
    CHECK(channel.pushAll(std::vector{1, 2, 3}) == 3);
    CHECK(channel.tryPop() == 1);
    CHECK(channel.drain() == std::vector{2, 3});
    CHECK(channel.tryPop() == std::nullopt);
}

TEST_CASE("a long queue popped one by one keeps its order while it grows", "[connectors][channel]") {
    const Channel<int> channel(1000);
    int next = 0;
    int expected = 0;
    for (int round = 0; round < 200; ++round) {
        for (int i = 0; i < 30; ++i) REQUIRE(channel.push(next++));
        for (int i = 0; i < 27; ++i) REQUIRE(channel.tryPop() == expected++);
    }
    CHECK(channel.size() == 600);
    CHECK(channel.drain().front() == expected);
}

TEST_CASE("the out-queue stays open until the last subtask has ended", "[connectors][channel]") {
    const Channel<int> channel(10);
    const ChannelSink sink(channel);
    auto first = sink.createWriter(WriterInitContext{0, 2, {}});
    first.flush(true);
    first.close();  // before the second has even been made
    CHECK_FALSE(channel.closed());
    auto second = sink.createWriter(WriterInitContext{1, 2, {}});
    second.write(1, {});
    second.flush(true);
    second.close();
    CHECK(channel.closed());
    CHECK(channel.pop() == 1);
    CHECK(channel.pop() == std::nullopt);
}

TEST_CASE("the out-queue ends at once when the job fails", "[connectors][channel][threads]") {
    const Channel<int> channel(10);
    const ChannelSink sink(channel);
    auto first = sink.createWriter(WriterInitContext{0, 2, {}});
    auto second = sink.createWriter(WriterInitContext{1, 2, {}});
    auto popped = std::async(std::launch::async, [&] { return channel.pop(); });
    first.close();  // without the end of the input
    CHECK(popped.get() == std::nullopt);
    CHECK(channel.closed());
    second.close();
}

TEST_CASE("the out-queue ends when the job never got to make a writer", "[connectors][channel]") {
    const Channel<int> channel(10);
    { const ChannelSink sink(channel); }
    CHECK(channel.pop() == std::nullopt);
}

TEST_CASE("two sinks share a channel, which ends with the second", "[connectors][channel]") {
    const Channel<int> channel(10);
    const ChannelSink left(channel);
    const ChannelSink right(channel);
    for (const auto* sink : {&left, &right}) {
        CHECK_FALSE(channel.closed());
        auto writer = sink->createWriter(WriterInitContext{});
        writer.flush(true);
        writer.close();
    }
    CHECK(channel.closed());
}

TEST_CASE("a sink whose subtask can be paused never waits and asks to go on when half is free",
          "[connectors][channel]") {
    const Channel<int> channel(4);
    int wakeUps = 0;
    auto writer = ChannelSink(channel).createWriter(WriterInitContext{0, 1, [&] { ++wakeUps; }});
    writer.write(1, {});
    CHECK(writer.afterBlock());
    for (int i = 2; i <= 6; ++i) writer.write(i, {});
    CHECK_FALSE(writer.afterBlock());  // took all six, two more than it has room for
    CHECK_FALSE(writer.afterBlock());
    CHECK(channel.size() == 6);
    for (int i = 1; i <= 3; ++i) CHECK(channel.tryPop() == i);
    CHECK(wakeUps == 0);
    CHECK(channel.tryPop() == 4);
    CHECK(wakeUps == 1);
    CHECK(writer.afterBlock());

    for (int i = 0; i < 4; ++i) writer.write(i, {});
    CHECK_FALSE(writer.afterBlock());
    channel.close();  // the host has seen enough: the job goes on without it
    CHECK(wakeUps == 2);
    writer.write(9, {});
    CHECK(writer.afterBlock());
}

TEST_CASE("a sink whose subtask cannot be paused waits for room, and is released when the host closes",
          "[connectors][channel][threads]") {
    const Channel<int> channel(2);
    auto written = std::async(std::launch::async, [&] {
        auto writer = ChannelSink(channel).createWriter(WriterInitContext{});
        for (int i = 0; i < 1000; ++i) writer.write(i, {});
        writer.flush(true);
        writer.close();
        return true;
    });
    for (int i = 0; i < 500; ++i) CHECK(channel.pop() == i);
    channel.close();
    CHECK(written.get());
}

TEST_CASE("popping and stepping on one thread does not hang but says so", "[connectors][channel]") {
    const Channel<int> channel(1);
    auto writer = ChannelSink(channel).createWriter(WriterInitContext{});
    writer.write(1, {});
    CHECK(channel.pop() == 1);
    CHECK_THROWS_WITH(channel.pop(), Catch::Matchers::ContainsSubstring("tryPop"));
    writer.write(2, {});
    CHECK_THROWS_WITH(writer.write(3, {}), Catch::Matchers::ContainsSubstring("capacity 1"));
}

TEST_CASE("a channel joins two jobs", "[connectors][channel][threads]") {
    FakeSourceContext fake;
    const Channel<int> channel(3);
    auto upstream = std::async(std::launch::async, [&] {
        auto writer = ChannelSink(channel).createWriter(WriterInitContext{});
        for (int i = 0; i < 100; ++i) writer.write(i, {});
        writer.flush(true);
        writer.close();
    });
    std::vector<int> records;
    auto reader = ChannelSource(channel).createReader(fake.context());
    testing::readSplit(reader, ChannelSplit{}, records, 7, fake);
    upstream.get();
    CHECK(records.size() == 100);
    CHECK(std::is_sorted(records.begin(), records.end()));
}

}  // namespace
