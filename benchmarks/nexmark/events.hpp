#ifndef MILLRACE_BENCHMARKS_NEXMARK_EVENTS_HPP
#define MILLRACE_BENCHMARKS_NEXMARK_EVENTS_HPP

#include <millrace/time/timestamp.hpp>

#include <cstdint>
#include <string>
#include <variant>

namespace nexmark {

using millrace::Timestamp;

struct Person {
    std::int64_t id = 0;
    std::string name;
    std::string emailAddress;
    std::string creditCard;
    std::string city;
    std::string state;
    Timestamp dateTime{};
    std::string extra;
};

struct Auction {
    std::int64_t id = 0;
    std::string itemName;
    std::string description;
    std::int64_t initialBid = 0;  ///< in cents, as all prices
    std::int64_t reserve = 0;
    Timestamp dateTime{};
    Timestamp expires{};
    std::int64_t seller = 0;
    std::int64_t category = 0;
    std::string extra;
};

struct Bid {
    std::int64_t auction = 0;
    std::int64_t bidder = 0;
    std::int64_t price = 0;
    std::string channel;
    std::string url;
    Timestamp dateTime{};
    std::string extra;
};

/// What the source emits: one stream of all three. Nearly all are bids, so that is what an empty one is.
using Event = std::variant<Bid, Auction, Person>;

}  // namespace nexmark

#endif  // MILLRACE_BENCHMARKS_NEXMARK_EVENTS_HPP
