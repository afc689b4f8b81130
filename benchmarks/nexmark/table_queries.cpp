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
    /// Counts the key where it is new: in `total`, and in the rank's own count.
    void add(std::int64_t key, int rank, std::int64_t& total, std::int64_t& ofRank) {
        ranks_.mutate(key, [&](std::uint8_t& seen) {
            const auto bit = static_cast<std::uint8_t>(1 << rank);
            total += seen == 0 ? 1 : 0;
            ofRank += (seen & bit) == 0 ? 1 : 0;
            seen = static_cast<std::uint8_t>(seen | bit);
        });
    }

private:
    MapState<std::int64_t, std::uint8_t> ranks_;
};

struct ChannelBid {
    std::int64_t auction;
    std::int64_t bidder;
    std::int64_t price;
    Timestamp dateTime;
    std::string channel;
};

// ---- q15: bids, bidders and auctions of each day, by price

struct DayStatistics {
    std::string day;
    std::int64_t totalBids = 0;
    std::int64_t rank1Bids = 0;
    std::int64_t rank2Bids = 0;
    std::int64_t rank3Bids = 0;
    std::int64_t totalBidders = 0;
    std::int64_t rank1Bidders = 0;
    std::int64_t rank2Bidders = 0;
    std::int64_t rank3Bidders = 0;
    std::int64_t totalAuctions = 0;
    std::int64_t rank1Auctions = 0;
    std::int64_t rank2Auctions = 0;
    std::int64_t rank3Auctions = 0;
};
/// Of rank 0, 1 or 2 the first, second or third of three members.
template <class Row>
std::int64_t& ofRank(Row& row, int rank, std::int64_t Row::*first, std::int64_t Row::*second,
                     std::int64_t Row::*third) {
    return row.*(rank == 0 ? first : rank == 1 ? second : third);
}
/// One more bid in a row of statistics.
template <class Row, class BidRow>
void count(Row& row, const BidRow& bid, DistinctKeys& bidders, DistinctKeys& auctions) {
    const int rank = rankOf(bid.price);
    ++row.totalBids;
    ++ofRank(row, rank, &Row::rank1Bids, &Row::rank2Bids, &Row::rank3Bids);
    bidders.add(bid.bidder, rank, row.totalBidders,
                ofRank(row, rank, &Row::rank1Bidders, &Row::rank2Bidders, &Row::rank3Bidders));
    auctions.add(bid.auction, rank, row.totalAuctions,
                 ofRank(row, rank, &Row::rank1Auctions, &Row::rank2Auctions, &Row::rank3Auctions));
}
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
struct StatisticsOfDay {
    ValueState<DayStatistics> row;
    DistinctKeys bidders;
    DistinctKeys auctions;

    void open(KeyedRuntimeContext& context) {
        row = context.getState(ValueStateDescriptor<DayStatistics>{"row"});
        bidders.open(context, "bidders");
        auctions.open(context, "auctions");
    }
    void processElement(const NumberBid& bid, KeyedProcessContext<std::int64_t>&,
                        Collector<Change<DayStatistics>>& out) {
        row.mutate([&](DayStatistics& now) {
            const bool isNew = now.totalBids == 0;
            if (isNew) now.day = dayOf(bid.dateTime);
            DayStatistics before = now;
            count(now, bid, bidders, auctions);
            emitUpdate(std::move(before), now, isNew, out);
        });
    }
};
void q15(const EventStream& events, const QueryContext& context) {
    events.flatMap(numbersOfBids())
        .keyBy([](const NumberBid& bid) { return dayNumberOf(bid.dateTime); })
        .process(StatisticsOfDay{})
        .addSink(ResultSink(context.results));
}

// ---- q16: the same of each channel and day

struct ChannelStatistics {
    std::string channel;
    std::string day;
    std::string minute;  ///< the last one with a bid
    std::int64_t totalBids = 0;
    std::int64_t rank1Bids = 0;
    std::int64_t rank2Bids = 0;
    std::int64_t rank3Bids = 0;
    std::int64_t totalBidders = 0;
    std::int64_t rank1Bidders = 0;
    std::int64_t rank2Bidders = 0;
    std::int64_t rank3Bidders = 0;
    std::int64_t totalAuctions = 0;
    std::int64_t rank1Auctions = 0;
    std::int64_t rank2Auctions = 0;
    std::int64_t rank3Auctions = 0;
};
using ChannelAndDay = std::tuple<std::string, std::int64_t>;
struct StatisticsOfChannel {
    ValueState<ChannelStatistics> row;
    DistinctKeys bidders;
    DistinctKeys auctions;

    void open(KeyedRuntimeContext& context) {
        row = context.getState(ValueStateDescriptor<ChannelStatistics>{"row"});
        bidders.open(context, "bidders");
        auctions.open(context, "auctions");
    }
    void processElement(const ChannelBid& bid, KeyedProcessContext<ChannelAndDay>&,
                        Collector<Change<ChannelStatistics>>& out) {
        row.mutate([&](ChannelStatistics& now) {
            const bool isNew = now.totalBids == 0;
            if (isNew) {
                now.channel = bid.channel;
                now.day = dayOf(bid.dateTime);
            }
            ChannelStatistics before = now;
            now.minute = std::max(now.minute, minuteOf(bid.dateTime));
            count(now, bid, bidders, auctions);
            emitUpdate(std::move(before), now, isNew, out);
        });
    }
};
void q16(const EventStream& events, const QueryContext& context) {
    events
        .flatMap([](Event&& event, Collector<ChannelBid>& out) {
            if (Bid* const bid = std::get_if<Bid>(&event)) {
                out.collect(ChannelBid{bid->auction, bid->bidder, bid->price, bid->dateTime, std::move(bid->channel)});
            }
        })
        .keyBy(&ChannelBid::channel, [](const ChannelBid& bid) { return dayNumberOf(bid.dateTime); })
        .process(StatisticsOfChannel{})
        .addSink(ResultSink(context.results));
}

// ---- q17: bids and prices of each auction and day

struct AuctionStatistics {
    std::int64_t auction = 0;
    std::string day;
    std::int64_t totalBids = 0;
    std::int64_t rank1Bids = 0;
    std::int64_t rank2Bids = 0;
    std::int64_t rank3Bids = 0;
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
            const bool isNew = now.totalBids == 0;
            if (isNew) {
                now.auction = bid.auction;
                now.day = dayOf(bid.dateTime);
                now.minPrice = bid.price;
            }
            AuctionStatistics before = now;
            ++now.totalBids;
            ++ofRank(now, rankOf(bid.price), &AuctionStatistics::rank1Bids, &AuctionStatistics::rank2Bids,
                     &AuctionStatistics::rank3Bids);
            now.minPrice = std::min(now.minPrice, bid.price);
            now.maxPrice = std::max(now.maxPrice, bid.price);
            now.sumPrice += bid.price;
            now.avgPrice = now.sumPrice / now.totalBids;
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
