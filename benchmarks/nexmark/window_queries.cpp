// q5 q7 q8 q11 q12: windows.

#include "query.hpp"

#include <millrace/api/joined_streams.hpp>
#include <millrace/millrace.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace nexmark {
namespace {

using namespace std::chrono_literals;
using millrace::Collector;
using millrace::EventTimeSessionWindows;
using millrace::OutputTag;
using millrace::ProcessContext;
using millrace::SlidingEventTimeWindows;
using millrace::TimeWindow;
using millrace::TumblingEventTimeWindows;
using millrace::TumblingProcessingTimeWindows;

/// One of the numbers of each bid, which is all that some queries need.
auto numberOfBids(std::int64_t Bid::*number) {
    return [number](const Event& event, Collector<std::int64_t>& out) {
        if (const Bid* const bid = std::get_if<Bid>(&event)) out.collect(bid->*number);
    };
}
constexpr auto kItself = [](std::int64_t number) { return number; };

struct Count {
    struct Accumulator {
        std::int64_t count = 0;
    };
    Accumulator createAccumulator() const { return {}; }
    void add(std::int64_t, Accumulator& acc) const { ++acc.count; }
    std::int64_t getResult(const Accumulator& acc) const { return acc.count; }
    void merge(Accumulator& into, const Accumulator& other) const { into.count += other.count; }
    void subtract(Accumulator& from, const Accumulator& other) const { from.count -= other.count; }
};

// ---- q5: the auctions with most bids of the last 10 s, every 2 s

struct AuctionCount {
    std::int64_t auction;
    std::int64_t num;
};
struct MostBids {
    struct Accumulator {
        std::int64_t num = 0;
        std::vector<std::int64_t> auctions;
    };
    Accumulator createAccumulator() const { return {}; }
    void add(const AuctionCount& count, Accumulator& acc) const {
        if (count.num < acc.num) return;
        if (count.num > acc.num) acc.auctions.clear();
        acc.num = count.num;
        acc.auctions.push_back(count.auction);
    }
    const Accumulator& getResult(const Accumulator& acc) const { return acc; }
};
void q5(const EventStream& events, const QueryContext& context) {
    events.flatMap(numberOfBids(&Bid::auction))
        .keyBy(kItself)
        .window(SlidingEventTimeWindows::of(10s, 2s))
        .aggregate(Count{},
                   [](std::int64_t auction, const TimeWindow&, std::int64_t num) {
                       return AuctionCount{auction, num};
                   })
        .windowAll(TumblingEventTimeWindows::of(2s))  // one sliding window ends in each
        .aggregate(MostBids{})
        .flatMap([](const MostBids::Accumulator& most, Collector<AuctionCount>& out) {
            for (const std::int64_t auction : most.auctions) out.collect(AuctionCount{auction, most.num});
        })
        .addSink(ResultSink(context.results));
}

// ---- q7: the bids with the highest price of every 10 s

struct HighBid {
    std::int64_t auction;
    std::int64_t price;
    std::int64_t bidder;
    Timestamp dateTime;
    std::string extra;
};
struct HighestBids {
    using Accumulator = std::vector<HighBid>;  // of one price
    Accumulator createAccumulator() const { return {}; }
    void add(const HighBid& bid, Accumulator& acc) const {
        if (!acc.empty() && bid.price < acc.front().price) return;
        if (!acc.empty() && bid.price > acc.front().price) acc.clear();
        acc.push_back(bid);
    }
    void add(const Accumulator& bids, Accumulator& acc) const {
        for (const HighBid& bid : bids) add(bid, acc);
    }
    const Accumulator& getResult(const Accumulator& acc) const { return acc; }
};
void q7(const EventStream& events, const QueryContext& context) {
    events
        .flatMap([](Event&& event, Collector<HighBid>& out) {
            if (Bid* const bid = std::get_if<Bid>(&event)) {
                out.collect(HighBid{bid->auction, bid->price, bid->bidder, bid->dateTime, std::move(bid->extra)});
            }
        })
        .keyBy([](const HighBid& bid) { return bid.auction % 64; })  // first in parallel, then the highest of those
        .window(TumblingEventTimeWindows::of(10s))
        .aggregate(HighestBids{})
        .windowAll(TumblingEventTimeWindows::of(10s))
        .aggregate(HighestBids{})
        .flatMap([](const HighestBids::Accumulator& bids, Collector<HighBid>& out) {
            for (const HighBid& bid : bids) out.collect(bid);
        })
        .addSink(ResultSink(context.results));
}

// ---- q8: who has registered and opened an auction in the same 10 s

struct NewPerson {
    std::int64_t id;
    std::string name;
    Timestamp dateTime;
};
struct NewSeller {
    std::int64_t id;
    std::string name;
    Timestamp startTime;
};
/// People and auctions of one id and window.
struct PeopleWithAuctions {
    TumblingEventTimeWindows windows;

    void operator()(std::span<const NewPerson> people, std::span<const std::int64_t> auctions,
                    Collector<NewSeller>& out) const {
        if (auctions.empty()) return;
        for (const NewPerson& person : people) {
            out.collect(NewSeller{person.id, person.name, windows.assignWindow(person.dateTime).start});
        }
    }
};
void q8(const EventStream& events, const QueryContext& context) {
    const auto windows = TumblingEventTimeWindows::of(10s);
    const OutputTag<std::int64_t> sellers("sellers");
    const auto persons = events.process([sellers](Event&& event, ProcessContext& ctx, Collector<NewPerson>& out) {
        if (Person* const person = std::get_if<Person>(&event)) {
            out.collect(NewPerson{person->id, std::move(person->name), person->dateTime});
        } else if (const Auction* const auction = std::get_if<Auction>(&event)) {
            ctx.output(sellers, auction->seller);
        }
    });
    persons.coGroup(persons.getSideOutput(sellers))
        .where(&NewPerson::id)
        .equalTo(kItself)
        .window(windows)
        .apply(PeopleWithAuctions{windows})
        .addSink(ResultSink(context.results));
}

// ---- q11: bids of a bidder who is never quiet for more than 10 s

struct BidderCount {
    std::int64_t bidder;
    std::int64_t bidCount;
    Timestamp startTime;
    Timestamp endTime;
};
constexpr auto kBidderCount = [](std::int64_t bidder, const TimeWindow& window, std::int64_t count) {
    return BidderCount{bidder, count, window.start, window.end};
};
void q11(const EventStream& events, const QueryContext& context) {
    events.flatMap(numberOfBids(&Bid::bidder))
        .keyBy(kItself)
        .window(EventTimeSessionWindows::withGap(10s))
        .aggregate(Count{}, kBidderCount)
        .addSink(ResultSink(context.results));
}

// ---- q12: bids of a bidder in every 10 s by the clock

void q12(const EventStream& events, const QueryContext& context) {
    events.flatMap(numberOfBids(&Bid::bidder))
        .keyBy(kItself)
        .window(TumblingProcessingTimeWindows::of(10s))
        .aggregate(Count{}, kBidderCount)
        .addSink(ResultSink(context.results));
}

}  // namespace

std::vector<Query> windowQueries() {
    return {{"q5", q5}, {"q7", q7}, {"q8", q8}, {"q11", q11}, {"q12", q12, true}};
}

}  // namespace nexmark
