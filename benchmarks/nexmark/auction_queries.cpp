// q4 q6 q9: what the winning bids of auctions say.

#include "query.hpp"

#include <millrace/millrace.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace nexmark {
namespace {

using millrace::Collector;
using millrace::KeyedProcessContext;
using millrace::KeyedRuntimeContext;
using millrace::ListState;
using millrace::ListStateDescriptor;
using millrace::OnTimerContext;
using millrace::OutputTag;
using millrace::ProcessContext;
using millrace::ValueState;
using millrace::ValueStateDescriptor;

/// An auction and its best bid, once no better one can come.
template <class AuctionRow, class BidRow>
struct Won {
    AuctionRow auction;
    BidRow bid;
};

/// Input 1 are auctions, input 2 bids, in any order between them. A bid counts from the begin of its auction to its end, both
/// included. An auction is kept until event time has passed its end, and a bid that is there before its auction (or after
/// its end) until event time has come to the bid: an auction that it could belong to has come by then.
template <class AuctionRow, class BidRow>
struct WinningBids {
    using Result = Won<AuctionRow, BidRow>;

    ValueState<AuctionRow> auction;
    ValueState<BidRow> best;
    ListState<BidRow> early;

    void open(KeyedRuntimeContext& context) {
        auction = context.getState(ValueStateDescriptor<AuctionRow>{"auction"});
        best = context.getState(ValueStateDescriptor<BidRow>{"best"});
        early = context.getListState(ListStateDescriptor<BidRow>{"early"});
    }
    void processElement1(AuctionRow&& opened, KeyedProcessContext<std::int64_t>& context, Collector<Result>&) {
        context.timerService().registerEventTimeTimer(opened.expires);
        for (const BidRow& bid : early.get()) {
            if (isIn(bid, opened)) consider(BidRow(bid));
        }
        early.clear();
        auction.update(std::move(opened));
    }
    void processElement2(BidRow&& bid, KeyedProcessContext<std::int64_t>& context, Collector<Result>&) {
        if (const AuctionRow* const open = auction.value()) {
            if (isIn(bid, *open)) consider(std::move(bid));
        } else {
            context.timerService().registerEventTimeTimer(bid.dateTime);
            early.add(std::move(bid));
        }
    }
    void onTimer(Timestamp time, OnTimerContext<std::int64_t>&, Collector<Result>& out) {
        const AuctionRow* const open = auction.value();
        if (open != nullptr && open->expires <= time) {
            if (best.value() != nullptr) {
                Result won;
                auction.mutate([&](AuctionRow& row) { won.auction = std::move(row); });
                best.mutate([&](BidRow& row) { won.bid = std::move(row); });
                out.collect(std::move(won));
                best.clear();
            }
            auction.clear();
        } else if (open == nullptr) {
            std::vector<BidRow> left;
            for (const BidRow& bid : early.get()) {
                if (bid.dateTime > time) left.push_back(bid);
            }
            early.update(std::move(left));
        }
    }

private:
    static bool isIn(const BidRow& bid, const AuctionRow& open) {
        return bid.dateTime >= open.dateTime && bid.dateTime <= open.expires;
    }
    /// The highest price wins; of equal ones the first, and of those in one millisecond the one that sorts first.
    static bool isBetter(const BidRow& bid, const BidRow& than) {
        if (bid.price != than.price) return bid.price > than.price;
        return std::tie(bid.dateTime, bid.bidder, bid.extra) < std::tie(than.dateTime, than.bidder, than.extra);
    }
    void consider(BidRow&& bid) {
        const BidRow* const before = best.value();
        if (before == nullptr || isBetter(bid, *before)) best.update(std::move(bid));
    }
};

/// The winning bids of all auctions, from the rows that two functions make of auctions and bids.
template <class AuctionRow, class BidRow, class OfAuction, class OfBid>
auto winningBids(const EventStream& events, OfAuction ofAuction, OfBid ofBid) {
    const OutputTag<AuctionRow> opened("auctions");
    const auto bids =
        events.process([opened, ofAuction, ofBid](Event&& event, ProcessContext& ctx, Collector<BidRow>& out) {
            if (Bid* const bid = std::get_if<Bid>(&event)) {
                out.collect(ofBid(std::move(*bid)));
            } else if (Auction* const auction = std::get_if<Auction>(&event)) {
                ctx.output(opened, ofAuction(std::move(*auction)));
            }
        });
    return bids.getSideOutput(opened)
        .connect(bids)
        .keyBy(&AuctionRow::id, &BidRow::auction)
        .process(WinningBids<AuctionRow, BidRow>{});
}

// ---- q4: the average winning price of each category

struct CategoryAuction {
    std::int64_t id;
    std::int64_t category;
    Timestamp dateTime;
    Timestamp expires;
};
/// Only the price matters, so bids of equal price need not be told from each other.
struct PriceBid {
    std::int64_t auction;
    std::int64_t price;
    Timestamp dateTime;
    std::int64_t bidder;
    std::int64_t extra = 0;
};
PriceBid priceOf(Bid&& bid) {
    return {bid.auction, bid.price, bid.dateTime, bid.bidder};
}
struct CategoryPrice {
    std::int64_t id;
    std::int64_t final;
};
struct AveragePrice {
    struct Sum {
        std::int64_t total = 0;
        std::int64_t count = 0;
    };
    ValueState<Sum> sum;

    void open(KeyedRuntimeContext& context) { sum = context.getState(ValueStateDescriptor<Sum>{"sum"}); }
    void processElement(const Won<CategoryAuction, PriceBid>& won, KeyedProcessContext<std::int64_t>& context,
                        Collector<Change<CategoryPrice>>& out) {
        const std::int64_t category = context.currentKey();
        const Sum before = sum.valueOr({});
        const Sum after{before.total + won.bid.price, before.count + 1};
        sum.update(after);
        if (before.count > 0) out.collect({RowKind::UpdateBefore, {category, before.total / before.count}});
        out.collect({before.count > 0 ? RowKind::UpdateAfter : RowKind::Insert, {category, after.total / after.count}});
    }
};
void q4(const EventStream& events, const QueryContext& context) {
    winningBids<CategoryAuction, PriceBid>(
        events,
        [](Auction&& auction) {
            return CategoryAuction{auction.id, auction.category, auction.dateTime, auction.expires};
        },
        priceOf)
        .keyBy([](const Won<CategoryAuction, PriceBid>& won) { return won.auction.category; })
        .process(AveragePrice{})
        .addSink(ResultSink(context.results));
}

// ---- q6: the average of the last winning prices of each seller: of an auction and the 10 that ended before it

struct SellerAuction {
    std::int64_t id;
    std::int64_t seller;
    Timestamp dateTime;
    Timestamp expires;
};
struct SellerPrice {
    std::int64_t seller;
    std::int64_t avgPrice;
};
struct Sale {
    Timestamp expires;
    std::int64_t auction;
    std::int64_t price;
};
/// Sales wait until event time has come to their end, so that they are in order.
struct AverageOfLastSales {
    static constexpr std::size_t kPreceding = 10;

    ListState<Sale> waiting;
    ListState<std::int64_t> last;

    void open(KeyedRuntimeContext& context) {
        waiting = context.getListState(ListStateDescriptor<Sale>{"waiting"});
        last = context.getListState(ListStateDescriptor<std::int64_t>{"last"});
    }
    void processElement(const Won<SellerAuction, PriceBid>& won, KeyedProcessContext<std::int64_t>& context,
                        Collector<SellerPrice>&) {
        waiting.add(Sale{won.auction.expires, won.auction.id, won.bid.price});
        context.timerService().registerEventTimeTimer(won.auction.expires);
    }
    void onTimer(Timestamp time, OnTimerContext<std::int64_t>& context, Collector<SellerPrice>& out) {
        std::vector<Sale> due;
        std::vector<Sale> left;
        for (const Sale& sale : waiting.get()) (sale.expires <= time ? due : left).push_back(sale);
        if (due.empty()) return;
        waiting.update(std::move(left));
        std::sort(due.begin(), due.end(), [](const Sale& a, const Sale& b) {
            return std::tie(a.expires, a.auction) < std::tie(b.expires, b.auction);
        });
        const auto before = last.get();
        std::vector<std::int64_t> prices(before.begin(), before.end());
        for (const Sale& sale : due) {
            if (prices.size() > kPreceding) prices.erase(prices.begin());
            prices.push_back(sale.price);
            std::int64_t total = 0;
            for (const std::int64_t price : prices) total += price;
            out.collect(SellerPrice{context.currentKey(), total / static_cast<std::int64_t>(prices.size())});
        }
        last.update(std::move(prices));
    }
};
void q6(const EventStream& events, const QueryContext& context) {
    winningBids<SellerAuction, PriceBid>(
        events,
        [](Auction&& auction) {
            return SellerAuction{auction.id, auction.seller, auction.dateTime, auction.expires};
        },
        priceOf)
        .keyBy([](const Won<SellerAuction, PriceBid>& won) { return won.auction.seller; })
        .process(AverageOfLastSales{})
        .addSink(ResultSink(context.results));
}

// ---- q9: each auction with its winning bid

struct BidOfAuction {
    std::int64_t auction;
    std::int64_t bidder;
    std::int64_t price;
    Timestamp dateTime;
    std::string extra;
};
struct SoldAuction {
    std::int64_t id;
    std::string itemName;
    std::string description;
    std::int64_t initialBid;
    std::int64_t reserve;
    Timestamp dateTime;
    Timestamp expires;
    std::int64_t seller;
    std::int64_t category;
    std::string extra;
    std::int64_t auction;
    std::int64_t bidder;
    std::int64_t price;
    Timestamp bidDateTime;
    std::string bidExtra;
};
void q9(const EventStream& events, const QueryContext& context) {
    winningBids<Auction, BidOfAuction>(
        events, [](Auction&& auction) { return std::move(auction); },
        [](Bid&& bid) {
            return BidOfAuction{bid.auction, bid.bidder, bid.price, bid.dateTime, std::move(bid.extra)};
        })
        .map([](Won<Auction, BidOfAuction>&& won) {
            Auction& a = won.auction;
            BidOfAuction& b = won.bid;
            return SoldAuction{a.id,
                               std::move(a.itemName),
                               std::move(a.description),
                               a.initialBid,
                               a.reserve,
                               a.dateTime,
                               a.expires,
                               a.seller,
                               a.category,
                               std::move(a.extra),
                               b.auction,
                               b.bidder,
                               b.price,
                               b.dateTime,
                               std::move(b.extra)};
        })
        .addSink(ResultSink(context.results));
}

}  // namespace

std::vector<Query> auctionQueries() {
    return {{"q4", q4}, {"q6", q6}, {"q9", q9}};
}

}  // namespace nexmark
