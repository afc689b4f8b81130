// q0 q1 q2 q10 q13 q14 q21 q22: what can be said of one bid alone.

#include "calendar.hpp"
#include "query.hpp"

#include <millrace/connectors/row_file_sink.hpp>
#include <millrace/millrace.hpp>

#include <cctype>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace nexmark {
namespace {

using millrace::Collector;
using millrace::FileSink;
using millrace::RuntimeContext;

/// For flatMap: `fn(Bid&&, Collector<Row>&)` for the bids among the events.
template <class Row, class Fn>
auto ofBids(Fn fn) {
    return [fn = std::move(fn)](Event&& event, Collector<Row>& out) mutable {
        if (Bid* const bid = std::get_if<Bid>(&event)) fn(std::move(*bid), out);
    };
}

// ---- q0: the bids as they are

struct PlainBid {
    std::int64_t auction;
    std::int64_t bidder;
    std::int64_t price;
    Timestamp dateTime;
    std::string extra;
};
void q0(const EventStream& events, const QueryContext& context) {
    events
        .flatMap(ofBids<PlainBid>([](Bid&& bid, auto& out) {
            out.collect(PlainBid{bid.auction, bid.bidder, bid.price, bid.dateTime, std::move(bid.extra)});
        }))
        .addSink(ResultSink(context.results));
}

// ---- q1: prices in another currency, exactly: in thousandths of a cent

void q1(const EventStream& events, const QueryContext& context) {
    events
        .flatMap(ofBids<PlainBid>([](Bid&& bid, auto& out) {
            out.collect(PlainBid{bid.auction, bid.bidder, 908 * bid.price, bid.dateTime, std::move(bid.extra)});
        }))
        .addSink(ResultSink(context.results));
}

// ---- q2: bids on some auctions

struct AuctionPrice {
    std::int64_t auction;
    std::int64_t price;
};
void q2(const EventStream& events, const QueryContext& context) {
    events
        .flatMap(ofBids<AuctionPrice>([](Bid&& bid, auto& out) {
            if (bid.auction % 123 == 0) out.collect(AuctionPrice{bid.auction, bid.price});
        }))
        .addSink(ResultSink(context.results));
}

// ---- q10: all bids in files, by day and minute

struct LoggedBid {
    std::int64_t auction;
    std::int64_t bidder;
    std::int64_t price;
    Timestamp dateTime;
    std::string extra;
    std::string dt;
    std::string hm;
};
struct DayAndMinute {
    std::string text;
    std::string_view operator()(const LoggedBid& bid) {
        text = "dt=";
        text += bid.dt;
        text += "/hm=";
        text += bid.hm;
        return text;
    }
};
void q10(const EventStream& events, const QueryContext& context) {
    const auto bids = events.flatMap(ofBids<LoggedBid>([](Bid&& bid, auto& out) {
        out.collect(LoggedBid{bid.auction, bid.bidder, bid.price, bid.dateTime, std::move(bid.extra),
                              dayOf(bid.dateTime), minuteOf(bid.dateTime)});
    }));
    millrace::DataStream<LoggedBid> counted = bids.inspect(ResultSink(context.results));
    counted.sinkTo(FileSink::forRowFormat(context.directory, millrace::CsvFormat<LoggedBid>{})
                       .withBucketAssigner(DayAndMinute{})
                       .withOutputFileConfig({.partSuffix = ".csv"}));
}

// ---- q13: bids with a value from a table of 10 000 rows

struct BidWithValue {
    std::int64_t auction;
    std::int64_t bidder;
    std::int64_t price;
    Timestamp dateTime;
    std::string value;
};
struct LookUp {
    std::unordered_map<std::int64_t, std::string> table;

    void open(RuntimeContext&) {
        for (std::int64_t key = 0; key < 10'000; ++key) table.emplace(key, std::to_string(key));
    }
    void operator()(Event&& event, Collector<BidWithValue>& out) const {
        const Bid* const bid = std::get_if<Bid>(&event);
        if (bid == nullptr) return;
        const auto found = table.find(bid->auction % 10'000);
        if (found == table.end()) return;
        out.collect(BidWithValue{bid->auction, bid->bidder, bid->price, bid->dateTime, found->second});
    }
};
void q13(const EventStream& events, const QueryContext& context) {
    events.flatMap(LookUp{}).addSink(ResultSink(context.results));
}

// ---- q14: prices within limits, with the time of day and the number of letters c

struct ClassifiedBid {
    std::int64_t auction;
    std::int64_t bidder;
    std::int64_t price;  ///< in thousandths of a cent
    std::string bidTimeType;
    Timestamp dateTime;
    std::string extra;
    std::int64_t cCounts;
};
std::string_view timeTypeOf(std::int64_t hour) {
    if (hour >= 8 && hour <= 18) return "dayTime";
    if (hour <= 6 || hour >= 20) return "nightTime";
    return "otherTime";
}
void q14(const EventStream& events, const QueryContext& context) {
    events
        .flatMap(ofBids<ClassifiedBid>([](Bid&& bid, auto& out) {
            const std::int64_t price = 908 * bid.price;
            if (price <= 1'000'000'000 || price >= 50'000'000'000) return;
            std::int64_t count = 0;
            for (const char c : bid.extra) count += c == 'c' ? 1 : 0;
            out.collect(ClassifiedBid{bid.auction, bid.bidder, price, std::string(timeTypeOf(hourOf(bid.dateTime))),
                                      bid.dateTime, std::move(bid.extra), count});
        }))
        .addSink(ResultSink(context.results));
}

// ---- q21: the id of a bid's channel

struct BidWithChannel {
    std::int64_t auction;
    std::int64_t bidder;
    std::int64_t price;
    std::string channel;
    std::string channelId;
};
bool equalsLowered(std::string_view text, std::string_view lower) {
    if (text.size() != lower.size()) return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (std::tolower(static_cast<unsigned char>(text[i])) != lower[i]) return false;
    }
    return true;
}
/// What `(&|^)channel_id=([^&]*)` finds in the url; false if it finds nothing.
bool findChannelId(std::string_view url, std::string_view& id) {
    constexpr std::string_view kName = "channel_id=";
    for (std::size_t at = 0; (at = url.find(kName, at)) != std::string_view::npos; ++at) {
        if (at != 0 && url[at - 1] != '&') continue;
        id = url.substr(at + kName.size());
        id = id.substr(0, id.find('&'));
        return true;
    }
    return false;
}
void q21(const EventStream& events, const QueryContext& context) {
    events
        .flatMap(ofBids<BidWithChannel>([](Bid&& bid, auto& out) {
            std::string_view id;
            if (equalsLowered(bid.channel, "apple")) {
                id = "0";
            } else if (equalsLowered(bid.channel, "google")) {
                id = "1";
            } else if (equalsLowered(bid.channel, "facebook")) {
                id = "2";
            } else if (equalsLowered(bid.channel, "baidu")) {
                id = "3";
            } else if (!findChannelId(bid.url, id)) {
                return;
            }
            out.collect(BidWithChannel{bid.auction, bid.bidder, bid.price, std::move(bid.channel), std::string(id)});
        }))
        .addSink(ResultSink(context.results));
}

// ---- q22: the directories of a bid's url

struct BidWithDirectories {
    std::int64_t auction;
    std::int64_t bidder;
    std::int64_t price;
    std::string channel;
    std::string dir1;
    std::string dir2;
    std::string dir3;
};
void q22(const EventStream& events, const QueryContext& context) {
    events
        .flatMap(ofBids<BidWithDirectories>([](Bid&& bid, auto& out) {
            std::string_view parts[6];
            std::string_view rest = bid.url;
            for (std::string_view& part : parts) {
                const std::size_t end = rest.find('/');
                part = rest.substr(0, end);
                rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
            }
            out.collect(BidWithDirectories{bid.auction, bid.bidder, bid.price, std::move(bid.channel),
                                           std::string(parts[3]), std::string(parts[4]), std::string(parts[5])});
        }))
        .addSink(ResultSink(context.results));
}

}  // namespace

std::vector<Query> bidQueries() {
    return {{"q0", q0},   {"q1", q1},   {"q2", q2},   {"q10", q10, false, false},
            {"q13", q13}, {"q14", q14}, {"q21", q21}, {"q22", q22}};
}

}  // namespace nexmark
