#include <millrace/operators/ports.hpp>

#include <millrace/api/exchanges.hpp>

#include "support/catch.hpp"
#include "support/operator_harness.hpp"

#include <map>
#include <memory>
#include <new>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <vector>

using namespace millrace;
using namespace millrace::testsupport;
using namespace millrace::detail;
using Catch::Matchers::ContainsSubstring;

namespace {

class CountingPool final : public SegmentPool {
public:
    ~CountingPool() override { CHECK(open == 0); }
    void* acquire(std::size_t bytes) override {
        ++open;
        return ::operator new(bytes, std::align_val_t{64});
    }
    void release(void* memory, std::size_t) noexcept override {
        --open;
        ::operator delete(memory, std::align_val_t{64});
    }
    int open = 0;
};

/// One step of what a consumer sees: an element with its timestamp and hash, a watermark, or a control event.
std::string show(int value) {
    return std::to_string(value);
}
std::string show(const std::string& value) {
    return value;
}
std::string show(const std::unique_ptr<int>& value) {
    return std::to_string(*value);
}
/// A plain record whose key is not cheap to hash.
struct Place {
    std::int32_t country;
    std::int32_t city;
};
struct Trade {
    Place place;
    std::int32_t amount;
};
std::string show(const Trade& trade) {
    return std::to_string(trade.place.country) + "/" + std::to_string(trade.place.city) + ":" +
           std::to_string(trade.amount);
}

template <class T>
class Consumer final : public ChannelWriter {
public:
    explicit Consumer(SegmentPool& pool) : pool_(pool) {}
    SegmentPool& pool() noexcept override { return pool_; }
    void send(Batch* batch) override {
        ++batches;
        std::size_t mark = 0;
        const auto marksUpTo = [&](std::size_t position) {
            for (; mark < batch->markCount && batch->marks[mark].position <= position; ++mark) {
                trace.push_back("wm " + std::to_string(ticks(batch->marks[mark].watermark)));
            }
        };
        const Block<T> block = batch->block(0, batch->size).template as<T>();
        for (std::size_t i = 0; i < block.size; ++i) {
            marksUpTo(i);
            std::string text = show(block.values[i]);
            if (const auto time = block.timestampOf(i); time != kMinTimestamp)
                text += "@" + std::to_string(ticks(time));
            trace.push_back(text);
            if (block.hashes != nullptr) hashes.push_back(block.hashes[i]);
        }
        marksUpTo(block.size);
        static const char* const kNames[] = {"", "idle", "active", "end", "barrier"};
        if (batch->control != ControlKind::None) trace.push_back(kNames[static_cast<int>(batch->control)]);
        batch->destroy();
    }
    std::vector<std::string> trace;
    std::vector<std::uint32_t> hashes;
    int batches = 0;

private:
    SegmentPool& pool_;
};

template <class T>
struct Edge {
    Edge(int consumersCount, ExchangeKind exchange, const Ports& factory = plainPorts<T>(), std::uint64_t seed = 1,
         int maxParallelism = 128) {
        detail::PointerList<ChannelWriter> channels;
        for (int i = 0; i < consumersCount; ++i) {
            consumers.push_back(std::make_unique<Consumer<T>>(pool));
            channels.add(*consumers.back());
        }
        PortContext context;
        context.exchange = exchange;
        context.seed = seed;
        context.maxParallelism = maxParallelism;
        port = factory->create(channels, context);
    }
    void send(std::vector<T> values, std::int64_t firstTime, bool mayMove = true) {
        std::vector<Timestamp> times;
        for (std::size_t i = 0; i < values.size(); ++i) times.push_back(at(firstTime + static_cast<std::int64_t>(i)));
        port->onBlock(Block<T>{values.data(), times.data(), nullptr, values.size()}, mayMove);
        if (!mayMove) last = std::move(values);
    }
    /// A block with hashes of an earlier exchange, which are of no use to the one behind.
    void sendHashed(std::vector<T> values) {
        const std::vector<std::uint32_t> hashes(values.size(), 0xBADU);
        port->onBlock(Block<T>{values.data(), nullptr, hashes.data(), values.size()}, true);
    }
    std::vector<std::string> trace(std::size_t consumer) { return std::exchange(consumers[consumer]->trace, {}); }

    CountingPool pool;
    std::vector<std::unique_ptr<Consumer<T>>> consumers;
    Owner<Port> port;
    std::vector<T> last;
};

using Trace = std::vector<std::string>;

/// Checks that a hash exchange has brought each consumer the records of its key groups, and no others, in order: of
/// `values`, sent from time 0 on. If hashes travel, with those of the keys.
template <class T, class KeySelector>
void checkRouted(Edge<T>& edge, const std::vector<T>& values, KeySelector keyOf, bool hashesTravel,
                 int maxParallelism = 128) {
    std::vector<Trace> traces(edge.consumers.size());
    std::vector<std::vector<std::uint32_t>> hashes(edge.consumers.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
        const std::uint32_t hash = keyHash(keyOf(values[i]));
        const int owner = subtaskForKeyGroup(keyGroupFor(hash, maxParallelism), static_cast<int>(edge.consumers.size()),
                                             maxParallelism);
        traces[static_cast<std::size_t>(owner)].push_back(show(values[i]) + "@" + std::to_string(i));
        if (hashesTravel) hashes[static_cast<std::size_t>(owner)].push_back(hash);
    }
    for (std::size_t c = 0; c < edge.consumers.size(); ++c) {
        CAPTURE(c);
        CHECK(edge.trace(c) == traces[c]);
        CHECK(edge.consumers[c]->hashes == hashes[c]);
    }
}

std::vector<Trade> someTrades(int count) {
    std::vector<Trade> trades;
    for (int i = 0; i < count; ++i) trades.push_back({{i * 7919 % 31, -(i * 104729 % 17)}, i});
    return trades;
}
/// Of all lengths around the one up to which a string is kept inline.
std::vector<std::string> someWords(int count) {
    std::vector<std::string> words;
    for (int i = 0; i < count; ++i) {
        words.push_back("word " + std::to_string(i * 7919 % 1009) +
                        std::string(static_cast<std::size_t>(i % 23), static_cast<char>('a' + i % 26)));
    }
    return words;
}

constexpr int kMoreThanTwoChunks = 1300;  // ports choose channels for 512 records at a time

}  // namespace

TEST_CASE("watermarks travel between the records and do not make a batch leave", "[operators]") {
    Edge<int> edge(1, ExchangeKind::Forward);
    edge.port->onWatermark(at(1));
    edge.port->onWatermark(at(2));  // nothing in between: replaces the first
    edge.send({10, 11}, 5);
    edge.port->onWatermark(at(6));
    edge.send({12}, 7);
    edge.port->onWatermark(at(7));
    CHECK(edge.trace(0).empty());
    edge.port->flush();
    edge.port->flush();
    CHECK(edge.consumers[0]->batches == 1);
    CHECK(edge.trace(0) == Trace{"wm 2", "10@5", "11@6", "wm 6", "12@7", "wm 7"});
    edge.port->onIdle();
    edge.port->onActive();
    edge.send({13}, 8);
    edge.port->onWatermark(kMaxTimestamp);
    edge.port->endInput();
    CHECK(edge.trace(0) == Trace{"idle", "active", "13@8", "wm " + std::to_string(INT64_MAX), "end"});
}

TEST_CASE("a batch leaves when it holds eight watermarks or is full", "[operators]") {
    Edge<int> edge(1, ExchangeKind::Forward);
    for (int i = 0; i < 8; ++i) {
        CHECK(edge.consumers[0]->batches == 0);
        edge.send({i}, i);
        edge.port->onWatermark(at(i));
    }
    CHECK(edge.consumers[0]->batches == 1);
    std::vector<int> many(2500, 1);
    edge.send(many, 0);
    CHECK(edge.consumers[0]->batches == 3);
    edge.port->flush();
    CHECK(edge.trace(0).size() == 16 + 2500);
}

TEST_CASE("records with and without timestamps may follow each other in one batch", "[operators]") {
    const int consumers = GENERATE(1, 2, 3);
    Edge<int> edge(consumers, ExchangeKind::Broadcast);
    std::vector<int> bare{1, 2};
    edge.port->onBlock(Block<int>{bare.data(), nullptr, nullptr, 2}, true);
    edge.send({3}, 30);
    edge.port->onBlock(Block<int>{bare.data(), nullptr, nullptr, 1}, true);
    edge.port->flush();
    for (std::size_t i = 0; i < edge.consumers.size(); ++i) CHECK(edge.trace(i) == Trace{"1", "2", "3@30", "1"});
}

TEST_CASE("the hash exchange sends each key to the owner of its key group, in order", "[operators][property]") {
    const int parallelism = GENERATE(1, 2, 3, 7);
    const auto identity = [](int n) { return n; };
    Edge<int> edge(parallelism, ExchangeKind::Hash, hashPorts<int>(identity));
    std::mt19937 random(7);
    std::vector<Trace> expected(static_cast<std::size_t>(parallelism));
    std::int64_t time = 0;
    for (int round = 0; round < 40; ++round) {
        std::vector<int> values;
        for (unsigned i = random() % 1500; i > 0; --i) {
            values.push_back(static_cast<int>(random() % 1000));
            const int owner = subtaskForKeyGroup(keyGroupFor(keyHash(values.back()), 128), parallelism, 128);
            expected[static_cast<std::size_t>(owner)].push_back(
                std::to_string(values.back()) + "@" + std::to_string(time + static_cast<int>(values.size()) - 1));
        }
        edge.send(values, time);
        time += static_cast<std::int64_t>(values.size());
    }
    edge.port->flush();
    for (std::size_t i = 0; i < expected.size(); ++i) CHECK(edge.trace(i) == expected[i]);
}

TEST_CASE("hashes travel along with keys that are not cheap to hash", "[operators]") {
    const auto text = [](const std::string& s) -> const std::string& { return s; };
    const int parallelism = GENERATE(1, 2);
    Edge<std::string> edge(parallelism, ExchangeKind::Hash, hashPorts<std::string>(text));
    const std::vector<std::string> words{"one", "a word that is too long to be kept inline", "three", ""};
    const bool mayMove = GENERATE(true, false);
    edge.send(words, 0, mayMove);
    if (!mayMove) CHECK(edge.last == words);
    edge.port->flush();
    std::multiset<std::string> arrived;
    for (std::size_t c = 0; c < edge.consumers.size(); ++c) {
        const auto trace = edge.trace(c);
        REQUIRE(edge.consumers[c]->hashes.size() == trace.size());
        for (std::size_t i = 0; i < trace.size(); ++i) {
            const std::string word = trace[i].substr(0, trace[i].find('@'));
            CHECK(edge.consumers[c]->hashes[i] == keyHash(word));
            arrived.insert(word);
        }
    }
    CHECK(arrived == std::multiset<std::string>(words.begin(), words.end()));
}

TEST_CASE("plain records whose keys are tuples or structs travel with their timestamps and the hashes of their keys",
          "[operators]") {
    const int consumers = GENERATE(1, 2, 3);
    const int count = GENERATE(5, kMoreThanTwoChunks);
    CAPTURE(consumers, count);
    const std::vector<Trade> trades = someTrades(count);
    const auto pairOf = [](const Trade& trade) { return std::tuple(trade.place.country, trade.place.city); };
    const auto placeOf = [](const Trade& trade) { return trade.place; };

    Edge<Trade> byPair(consumers, ExchangeKind::Hash, hashPorts<Trade>(pairOf));
    byPair.send(trades, 0);
    byPair.port->flush();
    checkRouted(byPair, trades, pairOf, true);

    Edge<Trade> byPlace(consumers, ExchangeKind::Hash, hashPorts<Trade>(placeOf));
    byPlace.send(trades, 0);
    byPlace.port->flush();
    checkRouted(byPlace, trades, pairOf, true);  // a struct hashes as the tuple of its fields
}

TEST_CASE("many records that own memory are copied and stay as they were where they must not be moved", "[operators]") {
    const int consumers = GENERATE(1, 2, 3);
    const bool mayMove = GENERATE(true, false);
    CAPTURE(consumers, mayMove);
    const std::vector<std::string> words = someWords(kMoreThanTwoChunks);
    const auto text = [](const std::string& word) -> const std::string& { return word; };
    const auto length = [](const std::string& word) { return word.size(); };

    Edge<std::string> byText(consumers, ExchangeKind::Hash, hashPorts<std::string>(text));
    byText.send(words, 0, mayMove);
    if (!mayMove) CHECK(byText.last == words);
    byText.port->flush();
    checkRouted(byText, words, text, true);

    Edge<std::string> byLength(consumers, ExchangeKind::Hash, hashPorts<std::string>(length));
    byLength.send(words, 0, mayMove);
    if (!mayMove) CHECK(byLength.last == words);
    byLength.port->flush();
    checkRouted(byLength, words, length, false);
}

TEST_CASE("many records that cannot be copied are moved to the owners of their keys", "[operators]") {
    const int consumers = GENERATE(1, 2, 3);
    CAPTURE(consumers);
    const auto make = [] {
        std::vector<std::unique_ptr<int>> values;
        for (int i = 0; i < kMoreThanTwoChunks; ++i) values.push_back(std::make_unique<int>(i * 7919 % 1009));
        return values;
    };
    const auto number = [](const std::unique_ptr<int>& value) { return *value; };
    const auto digits = [](const std::unique_ptr<int>& value) { return std::to_string(*value); };

    Edge<std::unique_ptr<int>> byNumber(consumers, ExchangeKind::Hash, hashPorts<std::unique_ptr<int>>(number));
    byNumber.send(make(), 0);
    byNumber.port->flush();
    checkRouted(byNumber, make(), number, false);

    Edge<std::unique_ptr<int>> byDigits(consumers, ExchangeKind::Hash, hashPorts<std::unique_ptr<int>>(digits));
    byDigits.send(make(), 0);
    byDigits.port->flush();
    checkRouted(byDigits, make(), digits, true);
}

TEST_CASE("a maximum parallelism that is not a power of two has its own key groups", "[operators]") {
    const int maxParallelism = GENERATE(7, 100, 129);
    const int consumers = GENERATE(2, 3, 7);
    CAPTURE(maxParallelism, consumers);
    std::vector<int> numbers;
    for (int i = 0; i < 2000; ++i) numbers.push_back(i * 7919 - 1'000'000);
    const auto identity = [](int n) { return n; };
    Edge<int> byNumber(consumers, ExchangeKind::Hash, hashPorts<int>(identity), 1, maxParallelism);
    byNumber.send(numbers, 0);
    byNumber.port->flush();
    checkRouted(byNumber, numbers, identity, false, maxParallelism);

    const std::vector<Trade> trades = someTrades(kMoreThanTwoChunks);
    const auto placeOf = [](const Trade& trade) { return trade.place; };
    Edge<Trade> byPlace(consumers, ExchangeKind::Hash, hashPorts<Trade>(placeOf), 1, maxParallelism);
    byPlace.send(trades, 0);
    byPlace.port->flush();
    checkRouted(byPlace, trades, placeOf, true, maxParallelism);
}

TEST_CASE("hashes of an earlier exchange do not travel on to consumers that are not chosen by them", "[operators]") {
    const auto identity = [](int n) { return n; };
    const auto modulo = [](int key, int partitions) { return key % partitions; };
    const auto isBare = [](const Edge<int>& edge) {
        for (const auto& consumer : edge.consumers) {
            if (!consumer->hashes.empty()) return false;
        }
        return true;
    };
    std::vector<int> numbers;
    Trace all;
    for (int i = 0; i < kMoreThanTwoChunks; ++i) {
        numbers.push_back(i);
        all.push_back(std::to_string(i));
    }
    std::vector<Trace> dealt(2);
    for (std::size_t i = 0; i < all.size(); ++i) dealt[i % 2].push_back(all[i]);

    Edge<int> rebalanced(2, ExchangeKind::Rebalance);
    rebalanced.sendHashed(numbers);
    rebalanced.port->flush();
    std::vector<Trace> turns{rebalanced.trace(0), rebalanced.trace(1)};
    if (!turns[0].empty() && turns[0].front() != "0") std::swap(turns[0], turns[1]);  // the start is a random one
    CHECK(turns == dealt);
    CHECK(isBare(rebalanced));

    Edge<int> custom(2, ExchangeKind::Custom, customPorts<int>(modulo, identity));
    custom.sendHashed(numbers);
    custom.port->flush();
    CHECK(std::vector<Trace>{custom.trace(0), custom.trace(1)} == dealt);
    CHECK(isBare(custom));

    Edge<int> hashed(1, ExchangeKind::Hash, hashPorts<int>(identity));
    hashed.sendHashed(numbers);
    hashed.port->flush();
    CHECK(hashed.trace(0) == all);
    CHECK(isBare(hashed));
}

TEST_CASE("hashes of an earlier exchange give way to those of the key at hand", "[operators]") {
    const int consumers = GENERATE(1, 2);
    CAPTURE(consumers);
    const auto text = [](const std::string& word) -> const std::string& { return word; };
    const std::vector<std::string> words = someWords(kMoreThanTwoChunks);
    Edge<std::string> edge(consumers, ExchangeKind::Hash, hashPorts<std::string>(text));
    edge.sendHashed(words);
    edge.port->flush();
    std::size_t arrived = 0;
    for (std::size_t c = 0; c < edge.consumers.size(); ++c) {
        std::vector<std::uint32_t> hashes;
        for (const std::string& word : edge.trace(c)) hashes.push_back(keyHash(word));
        CHECK(edge.consumers[c]->hashes == hashes);
        arrived += hashes.size();
    }
    CHECK(arrived == words.size());
}

TEST_CASE("rebalance takes turns, from a seeded start", "[operators]") {
    std::set<std::string> starts;
    for (std::uint64_t seed = 0; seed < 30; ++seed) {
        Edge<int> edge(3, ExchangeKind::Rebalance, plainPorts<int>(), seed);
        edge.send({0, 1, 2, 3}, 0);
        edge.send({4, 5, 6}, 4);
        edge.port->flush();
        std::multiset<Trace> traces;
        for (std::size_t i = 0; i < 3; ++i) {
            traces.insert(edge.trace(i));
            if (traces.count({"0@0", "3@3", "6@6"}) == 1) starts.insert(std::to_string(i));
        }
        CHECK(traces == std::multiset<Trace>{{"0@0", "3@3", "6@6"}, {"1@1", "4@4"}, {"2@2", "5@5"}});
    }
    CHECK(starts.size() == 3);
}

TEST_CASE("shuffle spreads evenly, and the same for the same seed", "[operators]") {
    const auto run = [](std::uint64_t seed) {
        Edge<int> edge(2, ExchangeKind::Shuffle, plainPorts<int>(), seed);
        edge.send(std::vector<int>(4000, 1), 0);
        edge.port->flush();
        return edge.trace(0);
    };
    CHECK(run(5) == run(5));
    CHECK(run(5) != run(6));
    CHECK(run(5).size() > 1800);
    CHECK(run(5).size() < 2200);
}

TEST_CASE("broadcast copies to all, global sends to the first; control events reach everybody", "[operators]") {
    Edge<std::string> all(2, ExchangeKind::Broadcast);
    all.send({"x", "y"}, 1);
    all.port->onWatermark(at(2));
    all.port->endInput();
    CHECK(all.trace(0) == Trace{"x@1", "y@2", "wm 2", "end"});
    CHECK(all.trace(1) == Trace{"x@1", "y@2", "wm 2", "end"});

    Edge<std::unique_ptr<int>> one(2, ExchangeKind::Global);
    std::vector<std::unique_ptr<int>> values;
    values.push_back(std::make_unique<int>(4));
    one.send(std::move(values), 1);
    one.port->onWatermark(at(2));
    one.port->endInput();
    CHECK(one.trace(0) == Trace{"4@1", "wm 2", "end"});
    CHECK(one.trace(1) == Trace{"wm 2", "end"});
}

TEST_CASE("records that cannot be copied are refused where a copy is needed", "[operators]") {
    Edge<std::unique_ptr<int>> edge(2, ExchangeKind::Broadcast);
    std::vector<std::unique_ptr<int>> values;
    values.push_back(std::make_unique<int>(4));
    CHECK_THROWS_WITH(edge.send(std::move(values), 1), ContainsSubstring("cannot be copied"));
}

TEST_CASE("a partitioner chooses; an index outside is named", "[operators]") {
    const auto identity = [](int n) { return n; };
    const auto partitioner = [](int key, int partitions) { return key >= 0 ? key % partitions : key; };
    Edge<int> edge(3, ExchangeKind::Custom, customPorts<int>(partitioner, identity));
    edge.send({0, 1, 2, 3, 4}, 0);
    edge.port->flush();
    CHECK(edge.trace(0) == Trace{"0@0", "3@3"});
    CHECK(edge.trace(1) == Trace{"1@1", "4@4"});
    CHECK(edge.trace(2) == Trace{"2@2"});
    CHECK_THROWS_WITH(edge.send({-7}, 0), ContainsSubstring("returned -7 for 3 partitions"));
}
