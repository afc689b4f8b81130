// q15 q16 q17 q18 q19: tables that change with every bid. A row that is replaced is put out before the one that replaces it.

#include "calendar.hpp"
#include "query.hpp"

#include <millrace/millrace.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace nexmark {
namespace {

using millrace::Collector;
using millrace::KeyedProcessContext;
using millrace::KeyedRuntimeContext;
using millrace::MapState;
using millrace::MapStateDescriptor;
using millrace::ValueState;
using millrace::ValueStateDescriptor;

/// 0, 1 or 2: cheap, in between, expensive.
int rankOf(std::int64_t price) {
    return price < 10'000 ? 0 : price < 1'000'000 ? 1 : 2;
}

template <class Row>
void emitUpdate(Row&& before, const Row& after, bool isNew, Collector<Change<Row>>& out) {
    if (!isNew) out.collect(Change<Row>{RowKind::UpdateBefore, std::move(before)});
    out.collect(Change<Row>{isNew ? RowKind::Insert : RowKind::UpdateAfter, after});
}

/// The keys that have been there, each with the ranks in which it has.
class DistinctKeys {
public:
    void open(KeyedRuntimeContext& context, const char* name) {
        ranks_ = context.getMapState(MapStateDescriptor<std::int64_t, std::uint8_t>{name});
    }
    /// Counts the key where it is new: at all, and with this rank.
    void add(std::int64_t key, int rank, CountsByRank& counts) {
        ranks_.mutate(key, [&](std::uint8_t& seen) {
            const auto bit = static_cast<std::uint8_t>(1 << rank);
            counts.total += seen == 0 ? 1 : 0;
            counts.ofRank(rank) += (seen & bit) == 0 ? 1 : 0;
            seen = static_cast<std::uint8_t>(seen | bit);
        });
    }

private:
    MapState<std::int64_t, std::uint8_t> ranks_;
};

struct NumberBid {
    std::int64_t auction;
    std::int64_t bidder;
    std::int64_t price;
    Timestamp dateTime;
};
auto numbersOfBids() {
    return [](const Event& event, Collector<NumberBid>& out) {
        if (const Bid* const bid = std::get_if<Bid>(&event)) {
            out.collect(NumberBid{bid->auction, bid->bidder, bid->price, bid->dateTime});
        }
    };
}
void countBid(CountsByRank& bids, std::int64_t price) {
    ++bids.total;
    ++bids.ofRank(rankOf(price));
}

/// Bids, bidders and auctions by price, in a row that says with `begin(bid)` what they are of, and with `see(bid)` more of them.
template <class Row, class BidRow, class Key>
struct Statistics {
    ValueState<Row> row;
    DistinctKeys bidders;
    DistinctKeys auctions;

    void open(KeyedRuntimeContext& context) {
        row = context.getState(ValueStateDescriptor<Row>{"row"});
        bidders.open(context, "bidders");
        auctions.open(context, "auctions");
    }
    void processElement(const BidRow& bid, KeyedProcessContext<Key>&, Collector<Change<Row>>& out) {
        row.mutate([&](Row& now) {
            const bool isNew = now.bids.total == 0;
            if (isNew) now.begin(bid);
            Row before = now;
            now.see(bid);
            countBid(now.bids, bid.price);
            bidders.add(bid.bidder, rankOf(bid.price), now.bidders);
            auctions.add(bid.auction, rankOf(bid.price), now.auctions);
            emitUpdate(std::move(before), now, isNew, out);
        });
    }
};

// ---- q15: bids, bidders and auctions of each day, by price

struct DayStatistics {
    std::string day;
    CountsByRank bids;
    CountsByRank bidders;
    CountsByRank auctions;

    void begin(const NumberBid& bid) { day = dayOf(bid.dateTime); }
    void see(const NumberBid&) {}
};
void q15(const EventStream& events, const QueryContext& context) {
    events.flatMap(numbersOfBids())
        .keyBy([](const NumberBid& bid) { return dayNumberOf(bid.dateTime); })
        .process(Statistics<DayStatistics, NumberBid, std::int64_t>{})
        .addSink(ResultSink(context.results));
}

// ---- q16: the same of each channel and day

struct ChannelBid {
    std::int64_t auction;
    std::int64_t bidder;
    std::int64_t price;
    Timestamp dateTime;
    std::string channel;
};
struct ChannelStatistics {
    std::string channel;
    std::string day;
    std::string minute;  ///< the last one with a bid
    CountsByRank bids;
    CountsByRank bidders;
    CountsByRank auctions;

    void begin(const ChannelBid& bid) {
        channel = bid.channel;
        day = dayOf(bid.dateTime);
    }
    void see(const ChannelBid& bid) { minute = std::max(minute, minuteOf(bid.dateTime)); }
};
using ChannelAndDay = std::tuple<std::string, std::int64_t>;
void q16(const EventStream& events, const QueryContext& context) {
    events
        .flatMap([](Event&& event, Collector<ChannelBid>& out) {
            if (Bid* const bid = std::get_if<Bid>(&event)) {
                out.collect(ChannelBid{bid->auction, bid->bidder, bid->price, bid->dateTime, std::move(bid->channel)});
            }
        })
        .keyBy(&ChannelBid::channel, [](const ChannelBid& bid) { return dayNumberOf(bid.dateTime); })
        .process(Statistics<ChannelStatistics, ChannelBid, ChannelAndDay>{})
        .addSink(ResultSink(context.results));
}

// ---- q17: bids and prices of each auction and day

struct AuctionStatistics {
    std::int64_t auction = 0;
    std::string day;
    CountsByRank bids;
    std::int64_t minPrice = 0;
    std::int64_t maxPrice = 0;
    std::int64_t avgPrice = 0;
    std::int64_t sumPrice = 0;
};
using AuctionAndDay = std::tuple<std::int64_t, std::int64_t>;
struct StatisticsOfAuction {
    ValueState<AuctionStatistics> row;

    void open(KeyedRuntimeContext& context) { row = context.getState(ValueStateDescriptor<AuctionStatistics>{"row"}); }
    void processElement(const NumberBid& bid, KeyedProcessContext<AuctionAndDay>&,
                        Collector<Change<AuctionStatistics>>& out) {
        row.mutate([&](AuctionStatistics& now) {
            const bool isNew = now.bids.total == 0;
            if (isNew) {
                now.auction = bid.auction;
                now.day = dayOf(bid.dateTime);
                now.minPrice = bid.price;
            }
            AuctionStatistics before = now;
            countBid(now.bids, bid.price);
            now.minPrice = std::min(now.minPrice, bid.price);
            now.maxPrice = std::max(now.maxPrice, bid.price);
            now.sumPrice += bid.price;
            now.avgPrice = now.sumPrice / now.bids.total;
            emitUpdate(std::move(before), now, isNew, out);
        });
    }
};
void q17(const EventStream& events, const QueryContext& context) {
    events.flatMap(numbersOfBids())
        .keyBy(&NumberBid::auction, [](const NumberBid& bid) { return dayNumberOf(bid.dateTime); })
        .process(StatisticsOfAuction{})
        .addSink(ResultSink(context.results));
}

// ---- q18: the last bid of each bidder on each auction

auto wholeBids() {
    return [](Event&& event, Collector<Bid>& out) {
        if (Bid* const bid = std::get_if<Bid>(&event)) out.collect(std::move(*bid));
    };
}
using BidderAndAuction = std::tuple<std::int64_t, std::int64_t>;
struct LastBid {
    ValueState<Bid> last;

    void open(KeyedRuntimeContext& context) { last = context.getState(ValueStateDescriptor<Bid>{"last"}); }
    void processElement(Bid&& bid, KeyedProcessContext<BidderAndAuction>&, Collector<Change<Bid>>& out) {
        const Bid* const before = last.value();
        if (before == nullptr) {
            out.collect(Change<Bid>{RowKind::Insert, bid});
            last.update(std::move(bid));
        } else if (isLater(bid, *before)) {
            last.mutate([&](Bid& kept) {
                out.collect(Change<Bid>{RowKind::UpdateBefore, std::exchange(kept, std::move(bid))});
                out.collect(Change<Bid>{RowKind::UpdateAfter, kept});
            });
        }
    }

private:
    /// Those of one millisecond are told apart by their price, so that the result does not depend on the order of arrival.
    static bool isLater(const Bid& bid, const Bid& than) {
        return std::tie(bid.dateTime, bid.price, bid.extra) > std::tie(than.dateTime, than.price, than.extra);
    }
};
void q18(const EventStream& events, const QueryContext& context) {
    events.flatMap(wholeBids())
        .keyBy(&Bid::bidder, &Bid::auction)
        .process(LastBid{})
        .addSink(ResultSink(context.results));
}

// ---- q19: the ten highest bids on each auction

struct RankedBid {
    std::int64_t auction;
    std::int64_t bidder;
    std::int64_t price;
    std::string channel;
    std::string url;
    Timestamp dateTime;
    std::string extra;
    std::int64_t rankNumber;
};
RankedBid ranked(const Bid& bid, std::size_t place) {
    return {bid.auction, bid.bidder,   bid.price, bid.channel,
            bid.url,     bid.dateTime, bid.extra, static_cast<std::int64_t>(place + 1)};
}
struct HighestTen {
    static constexpr std::size_t kMost = 10;
    ValueState<std::vector<Bid>> top;  // the highest first

    void open(KeyedRuntimeContext& context) { top = context.getState(ValueStateDescriptor<std::vector<Bid>>{"top"}); }
    void processElement(Bid&& bid, KeyedProcessContext<std::int64_t>&, Collector<Change<RankedBid>>& out) {
        top.mutate([&](std::vector<Bid>& bids) {
            const auto at = std::lower_bound(bids.begin(), bids.end(), bid, isHigher);
            const auto place = static_cast<std::size_t>(at - bids.begin());
            if (place == kMost) return;
            // from that place on every row gets another bid
            for (std::size_t i = place; i < bids.size(); ++i) {
                out.collect(Change<RankedBid>{RowKind::UpdateBefore, ranked(bids[i], i)});
            }
            const std::size_t before = bids.size();
            if (before == kMost) bids.pop_back();
            bids.insert(bids.begin() + static_cast<std::ptrdiff_t>(place), std::move(bid));
            for (std::size_t i = place; i < bids.size(); ++i) {
                out.collect(Change<RankedBid>{i < before ? RowKind::UpdateAfter : RowKind::Insert, ranked(bids[i], i)});
            }
        });
    }

private:
    static bool isHigher(const Bid& bid, const Bid& than) {
        if (bid.price != than.price) return bid.price > than.price;
        return std::tie(bid.dateTime, bid.bidder, bid.extra) < std::tie(than.dateTime, than.bidder, than.extra);
    }
};
void q19(const EventStream& events, const QueryContext& context) {
    events.flatMap(wholeBids()).keyBy(&Bid::auction).process(HighestTen{}).addSink(ResultSink(context.results));
}

}  // namespace

std::vector<Query> tableQueries() {
    return {{"q15", q15}, {"q16", q16}, {"q17", q17}, {"q18", q18}, {"q19", q19}};
}

}  // namespace nexmark
