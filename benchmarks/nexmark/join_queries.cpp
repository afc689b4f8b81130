// q3 q20 q23: joins without windows. Ids are unique, so whoever finds its partner need not be kept.

#include "query.hpp"

#include <millrace/millrace.hpp>

#include <cstdint>
#include <string>
#include <utility>
#include <variant>

namespace nexmark {
namespace {

using millrace::Collector;
using millrace::KeyedProcessContext;
using millrace::KeyedRuntimeContext;
using millrace::ListState;
using millrace::ListStateDescriptor;
using millrace::OutputTag;
using millrace::ProcessContext;
using millrace::ValueState;
using millrace::ValueStateDescriptor;

constexpr std::int64_t kCategory = 10;

/// Joins two inputs of which the first has one element of each key: `emit(one, element, out)` makes the row. Those of the
/// second that come before it wait.
template <class One, class Many, class Row>
struct JoinWithOne {
    ValueState<One> one;
    ListState<Many> waiting;

    void open(KeyedRuntimeContext& context) {
        one = context.getState(ValueStateDescriptor<One>{"one"});
        waiting = context.getListState(ListStateDescriptor<Many>{"waiting"});
    }
    void processElement1(One&& element, KeyedProcessContext<std::int64_t>&, Collector<Row>& out) {
        for (const Many& each : waiting.get()) emit(element, Many(each), out);
        waiting.clear();
        one.update(std::move(element));
    }
    void processElement2(Many&& element, KeyedProcessContext<std::int64_t>&, Collector<Row>& out) {
        if (const One* const known = one.value()) {
            emit(*known, std::move(element), out);
        } else {
            waiting.add(std::move(element));
        }
    }
};

// ---- q3: who sells in a category, in some states

struct Seller {
    std::int64_t id;
    bool isLocal;  ///< in one of the states asked for; of others only that is known
    std::string name;
    std::string city;
    std::string state;
};
struct Offer {
    std::int64_t seller;
    std::int64_t auction;
};
struct LocalOffer {
    std::string name;
    std::string city;
    std::string state;
    std::int64_t id;
};
void emit(const Seller& person, Offer&& offer, Collector<LocalOffer>& out) {
    if (person.isLocal) out.collect(LocalOffer{person.name, person.city, person.state, offer.auction});
}
void q3(const EventStream& events, const QueryContext& context) {
    const OutputTag<Offer> offers("offers");
    const auto people = events.process([offers](Event&& event, ProcessContext& ctx, Collector<Seller>& out) {
        if (Person* const person = std::get_if<Person>(&event)) {
            if (person->state == "OR" || person->state == "ID" || person->state == "CA") {
                out.collect(Seller{person->id, true, std::move(person->name), std::move(person->city),
                                   std::move(person->state)});
            } else {
                out.collect(Seller{person->id, false, {}, {}, {}});
            }
        } else if (const Auction* const auction = std::get_if<Auction>(&event)) {
            if (auction->category == kCategory) ctx.output(offers, Offer{auction->seller, auction->id});
        }
    });
    people.connect(people.getSideOutput(offers))
        .keyBy(&Seller::id, &Offer::seller)
        .process(JoinWithOne<Seller, Offer, LocalOffer>{})
        .addSink(ResultSink(context.results));
}

// ---- q20: the bids on auctions of a category

struct BidOnAuction {
    std::int64_t auction;
    std::int64_t bidder;
    std::int64_t price;
    std::string channel;
    std::string url;
    Timestamp bidDateTime;
    std::string bidExtra;
    std::string itemName;
    std::string description;
    std::int64_t initialBid;
    std::int64_t reserve;
    Timestamp auctionDateTime;
    Timestamp expires;
    std::int64_t seller;
    std::int64_t category;
    std::string auctionExtra;
};
/// Auctions of other categories come without their texts.
void emit(const Auction& a, Bid&& b, Collector<BidOnAuction>& out) {
    if (a.category != kCategory) return;
    out.collect(BidOnAuction{b.auction, b.bidder, b.price, std::move(b.channel), std::move(b.url), b.dateTime,
                             std::move(b.extra), a.itemName, a.description, a.initialBid, a.reserve, a.dateTime,
                             a.expires, a.seller, a.category, a.extra});
}
void q20(const EventStream& events, const QueryContext& context) {
    const OutputTag<Auction> auctions("auctions");
    const auto bids = events.process([auctions](Event&& event, ProcessContext& ctx, Collector<Bid>& out) {
        if (Bid* const bid = std::get_if<Bid>(&event)) {
            out.collect(std::move(*bid));
        } else if (Auction* const auction = std::get_if<Auction>(&event)) {
            if (auction->category == kCategory) {
                ctx.output(auctions, std::move(*auction));
            } else {
                Auction other;
                other.id = auction->id;
                other.category = auction->category;
                ctx.output(auctions, std::move(other));
            }
        }
    });
    bids.getSideOutput(auctions)
        .connect(bids)
        .keyBy(&Auction::id, &Bid::auction)
        .process(JoinWithOne<Auction, Bid, BidOnAuction>{})
        .addSink(ResultSink(context.results));
}

// ---- q23: bidders with their bids and the auctions that they have opened themselves

struct BidOfSeller {
    std::int64_t bidder;
    std::int64_t price;
    std::string channel;
    std::string url;
    std::string bidExtra;
    std::int64_t personId;
    std::string name;
    std::string emailAddress;
    std::string creditCard;
    std::string city;
    std::string state;
    std::string personExtra;
    std::string itemName;
    std::string description;
    std::int64_t initialBid;
    std::int64_t reserve;
    Timestamp auctionDateTime;
    Timestamp expires;
    std::int64_t seller;
    std::int64_t category;
    std::string auctionExtra;
};
/// All three streams have the same key, so they meet in one operator: each pair of a bid and an auction of a person is put out
/// as soon as all three are there.
struct BidsOfSellers {
    ValueState<Person> person;
    ListState<Auction> auctions;
    ListState<Bid> bids;

    void open(KeyedRuntimeContext& context) {
        person = context.getState(ValueStateDescriptor<Person>{"person"});
        auctions = context.getListState(ListStateDescriptor<Auction>{"auctions"});
        bids = context.getListState(ListStateDescriptor<Bid>{"bids"});
    }
    void processElement(Event&& event, KeyedProcessContext<std::int64_t>&, Collector<BidOfSeller>& out) {
        if (Bid* const bid = std::get_if<Bid>(&event)) {
            if (const Person* const known = person.value()) {
                for (const Auction& auction : auctions.get()) emit(*bid, *known, auction, out);
            }
            bids.add(std::move(*bid));
        } else if (Auction* const auction = std::get_if<Auction>(&event)) {
            if (const Person* const known = person.value()) {
                for (const Bid& each : bids.get()) emit(each, *known, *auction, out);
            }
            auctions.add(std::move(*auction));
        } else {
            Person& registered = std::get<Person>(event);
            for (const Bid& each : bids.get()) {
                for (const Auction& own : auctions.get()) emit(each, registered, own, out);
            }
            person.update(std::move(registered));
        }
    }

private:
    static void emit(const Bid& b, const Person& p, const Auction& a, Collector<BidOfSeller>& out) {
        out.collect(BidOfSeller{b.bidder,   b.price,        b.channel,    b.url,     b.extra,    p.id,
                                p.name,     p.emailAddress, p.creditCard, p.city,    p.state,    p.extra,
                                a.itemName, a.description,  a.initialBid, a.reserve, a.dateTime, a.expires,
                                a.seller,   a.category,     a.extra});
    }
};
struct PersonOf {
    std::int64_t operator()(const Event& event) const {
        if (const Bid* const bid = std::get_if<Bid>(&event)) return bid->bidder;
        if (const Auction* const auction = std::get_if<Auction>(&event)) return auction->seller;
        return std::get<Person>(event).id;
    }
};
void q23(const EventStream& events, const QueryContext& context) {
    events.keyBy(PersonOf{}).process(BidsOfSellers{}).addSink(ResultSink(context.results));
}

}  // namespace

std::vector<Query> joinQueries() {
    return {{"q3", q3}, {"q20", q20}, {"q23", q23}};
}

}  // namespace nexmark
