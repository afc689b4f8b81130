#ifndef MILLRACE_BENCHMARKS_NEXMARK_GENERATOR_HPP
#define MILLRACE_BENCHMARKS_NEXMARK_GENERATOR_HPP

#include "events.hpp"
#include "random.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <numeric>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>

#include <sys/mman.h>

// The events of the benchmark. Every event is a function of its id alone, by integer arithmetic, so that other programs
// can make the same ones: docs/nexmark.md defines them draw by draw.

namespace nexmark {

/// How fast event time goes, and in what order events come.
struct GeneratorConfig {
    std::uint64_t eventsPerSecond = 100'000;          ///< of event time
    std::uint64_t outOfOrderGroupSize = 1;            ///< events come shuffled within groups of so many
    std::int64_t baseTimeMillis = 1'436'918'400'000;  ///< of the first event: 2015-07-15T00:00:00Z
    std::int64_t highestPrice = 100'000'000;          ///< of a bid; a lower one makes many bids equal
};

namespace detail {

inline constexpr std::uint64_t kEventsPerEpoch = 50;  // 1 person, 3 auctions, 46 bids
inline constexpr std::uint64_t kAuctionsPerEpoch = 3;
inline constexpr std::int64_t kFirstPersonId = 1000;
inline constexpr std::int64_t kFirstAuctionId = 1000;
inline constexpr std::int64_t kFirstCategoryId = 10;
inline constexpr std::uint64_t kHotGroup = 100;  // of 100 people or auctions in a row one is hot
inline constexpr std::uint64_t kInFlightAuctions = 100;
inline constexpr std::uint64_t kActivePeople = 1000;
inline constexpr std::uint64_t kLead = 10;  // ids that do not exist yet, which events may already name
inline constexpr std::uint64_t kChannels = 10'000;

inline constexpr std::uint64_t kUrlSeed = 0x7000000000000000;
inline constexpr std::uint64_t kLettersSeed = 0x7100000000000000;

/// 10^(8 + i/64), rounded
inline constexpr std::array<std::uint32_t, 65> kPowers{
    100000000, 103663293, 107460783, 111397386, 115478198, 119708503, 124093776, 128639694, 133352143, 138237223,
    143301257, 148550802, 153992653, 159633854, 165481710, 171543790, 177827941, 184342299, 191095297, 198095678,
    205352503, 212875166, 220673407, 228757320, 237137371, 245824407, 254829675, 264164832, 273841963, 283873596,
    294272718, 305052789, 316227766, 327812115, 339820833, 352269465, 365174127, 378551525, 392418976, 406794432,
    421696503, 437144481, 453158364, 469758882, 486967525, 504806572, 523299115, 542469094, 562341325, 582941535,
    604296390, 626433537, 649381632, 673170382, 697830585, 723394163, 749894209, 777365030, 805842188, 835362547,
    865964323, 897687132, 930572041, 964661620, 1000000000};
inline constexpr std::array<std::uint64_t, 6> kDecades{1, 10, 100, 1'000, 10'000, 100'000};

inline constexpr std::array<std::string_view, 11> kFirstNames{"Peter", "Paul",  "Luke",  "John",   "Saul",  "Vicky",
                                                              "Kate",  "Julie", "Sarah", "Deiter", "Walter"};
inline constexpr std::array<std::string_view, 9> kLastNames{"Shultz", "Abrams", "Spencer", "White", "Bartels",
                                                            "Walton", "Smith",  "Jones",   "Noris"};
inline constexpr std::array<std::string_view, 10> kCities{
    "Phoenix", "Los Angeles", "San Francisco", "Boise", "Portland", "Bend", "Redmond", "Seattle", "Kent", "Cheyenne"};
inline constexpr std::array<std::string_view, 6> kStates{"AZ", "CA", "ID", "OR", "WA", "WY"};
inline constexpr std::array<std::string_view, 4> kHotChannels{"Google", "Facebook", "Baidu", "Apple"};

/// Appends letters, one in 13 of them a separator; at least 3, below `longest`.
inline void appendWord(std::string& out, Random& random, std::uint64_t longest, char separator) {
    const std::size_t begin = out.size();
    out.resize(begin + 3 + random.below(longest - 3));
    for (char *letter = out.data() + begin, *const end = out.data() + out.size(); letter != end; ++letter) {
        const std::uint64_t drawn = random.next();
        const bool separates = ((drawn >> 32) * 13) >> 32 == 0;
        *letter = separates ? separator : static_cast<char>('a' + (((drawn & 0xFFFFFFFF) * 26) >> 32));
    }
}
/// Letters and spaces, but none at either end.
inline void appendTrimmedWord(std::string& out, Random& random, std::uint64_t longest) {
    const std::size_t begin = out.size();
    appendWord(out, random, longest, ' ');
    while (out.size() > begin && out.back() == ' ') out.pop_back();
    std::size_t blanks = 0;
    while (begin + blanks < out.size() && out[begin + blanks] == ' ') ++blanks;
    out.erase(begin, blanks);
}

/// What all events take their texts from; made once.
/// Events take pieces from anywhere in 2 MB, so most of the time to make one would go by with waiting for memory. On large pages,
/// and asked for ahead, it does not.
class Texts {
public:
    static const Texts& instance() {
        static const Texts texts;
        return texts;
    }
    /// Pieces of it are the `extra` of events.
    std::string_view letters() const noexcept { return {room_.get(), kLetters}; }
    /// Name and url: first of the hot channels, then of the others.
    std::string_view nameOf(std::uint64_t channel) const noexcept {
        const Channel& found = channels()[channel];
        return {found.texts, found.nameSize};
    }
    std::string_view urlOf(std::uint64_t channel) const noexcept {
        const Channel& found = channels()[channel];
        return {found.texts + found.nameSize, found.urlSize};
    }
    void prefetchChannel(std::uint64_t channel) const noexcept {
        const char* const begin = reinterpret_cast<const char*>(&channels()[channel]);
        __builtin_prefetch(begin);
        __builtin_prefetch(begin + 64);
    }
    void prefetchLetters(std::uint64_t begin, std::uint64_t length) const noexcept {
        __builtin_prefetch(room_.get() + begin);
        __builtin_prefetch(room_.get() + begin + length);
    }

private:
    struct alignas(128) Channel {
        std::uint8_t nameSize;
        std::uint8_t urlSize;
        char texts[126];
    };
    static constexpr std::size_t kLetters = std::size_t{1} << 20;
    static constexpr std::size_t kAllChannels = kHotChannels.size() + kChannels;
    static constexpr std::size_t kLargePage = std::size_t{2} << 20;
    static constexpr std::size_t kRoom = 2 * kLargePage;
    static_assert(kLetters + kAllChannels * sizeof(Channel) <= kRoom);

    struct Free {
        void operator()(char* room) const noexcept { std::free(room); }
    };

    Texts() : room_(static_cast<char*>(std::aligned_alloc(kLargePage, kRoom))) {
        if (room_ == nullptr) throw std::bad_alloc();
        ::madvise(room_.get(), kRoom, MADV_HUGEPAGE);  // where it is refused it is only slower
        Random random(kLettersSeed);
        for (std::size_t i = 0; i < kLetters; ++i) room_[i] = static_cast<char>('a' + random.below(26));
        for (std::uint64_t i = 0; i < kAllChannels; ++i) {
            Random ofChannel(kUrlSeed + i);
            std::string name;
            std::string url = "https://www.nexmark.com/";
            for (int directory = 0; directory < 3; ++directory) {
                appendWord(url, ofChannel, 5, '_');
                url += '/';
            }
            url += "item.htm?query=1";
            if (i < kHotChannels.size()) {
                name = kHotChannels[i];
            } else {
                const std::uint64_t number = i - kHotChannels.size();
                name = "channel-" + std::to_string(number);
                if (ofChannel.below(10) > 0) url += "&channel_id=" + std::to_string(reversed(number));
            }
            auto* const channel = ::new (room_.get() + kLetters + i * sizeof(Channel)) Channel;
            channel->nameSize = static_cast<std::uint8_t>(name.size());
            channel->urlSize = static_cast<std::uint8_t>(url.size());
            (name + url).copy(channel->texts, sizeof channel->texts);
        }
    }
    /// The number with its 32 bits in reverse order, read as a signed one, without its sign.
    static std::int64_t reversed(std::uint64_t number) {
        std::uint32_t bits = 0;
        for (int i = 0; i < 32; ++i) bits |= static_cast<std::uint32_t>((number >> i) & 1) << (31 - i);
        const std::int64_t value = static_cast<std::int32_t>(bits);
        return value < 0 ? -value : value;
    }

    const Channel* channels() const noexcept { return reinterpret_cast<const Channel*>(room_.get() + kLetters); }

    std::unique_ptr<char[], Free> room_;
};

}  // namespace detail

/// Makes any event. *Thread safety:* const members may be called from several threads.
class Generator {
public:
    /// *Failure:* std::invalid_argument for a rate of 0 or a group size of 0 or one with a factor of 953.
    explicit Generator(GeneratorConfig config = {}) : config_(config), texts_(&detail::Texts::instance()) {
        if (config.eventsPerSecond == 0)
            throw std::invalid_argument("nexmark: the rate must be at least one event per second");
        if (config.outOfOrderGroupSize == 0 || std::gcd(config.outOfOrderGroupSize, kStride) != 1) {
            throw std::invalid_argument(
                "nexmark: the size of groups out of order must be at least 1, and no multiple of 953");
        }
    }

    /// The id of the event that comes at the `position`-th place.
    std::uint64_t idAt(std::uint64_t position) const noexcept {
        const std::uint64_t size = config_.outOfOrderGroupSize;
        if (size == 1) return position;
        return position / size * size + position * kStride % size;
    }
    std::int64_t millisAt(std::uint64_t id) const noexcept {
        return config_.baseTimeMillis + static_cast<std::int64_t>(id * 1000 / config_.eventsPerSecond);
    }

    /// Where the texts of a bid are.
    struct BidTexts {
        std::uint32_t channel = 0;
        std::uint32_t extraBegin = 0;
        std::uint32_t extraLength = 0;
    };

    /// Writes event `id` over `event`, whose texts keep their room. Returns its time.
    Timestamp make(std::uint64_t id, Event& event) const {
        BidTexts texts;
        const Timestamp time = begin(id, event, texts);
        finish(event, texts);
        return time;
    }
    /// The same in two steps, so that of a number of events all first ones can be done before the second ones: the texts of
    /// bids come from all over memory.
    Timestamp begin(std::uint64_t id, Event& event, BidTexts& texts) const {
        Random random(id);
        const std::int64_t millis = millisAt(id);
        const std::uint64_t place = id % detail::kEventsPerEpoch;
        if (place > detail::kAuctionsPerEpoch) [[likely]] {
            beginBid(id, random, millis, as<Bid>(event), texts);
        } else if (place > 0) {
            makeAuction(id, random, millis, as<Auction>(event));
        } else {
            makePerson(id, random, millis, as<Person>(event));
        }
        return timeOf(millis);
    }
    void finish(Event& event, const BidTexts& texts) const {
        Bid* const bid = std::get_if<Bid>(&event);
        if (bid == nullptr) return;
        bid->channel = texts_->nameOf(texts.channel);
        bid->url = texts_->urlOf(texts.channel);
        bid->extra = texts_->letters().substr(texts.extraBegin, texts.extraLength);
    }

private:
    static constexpr std::uint64_t kStride = 953;

    template <class T>
    static T& as(Event& event) {
        T* const found = std::get_if<T>(&event);
        return found != nullptr ? *found : event.emplace<T>();
    }
    static Timestamp timeOf(std::int64_t millis) noexcept { return Timestamp(std::chrono::milliseconds(millis)); }

    /// Auctions and people are numbered from 0 here; the last one that there is when event `id` happens.
    static std::uint64_t lastAuction(std::uint64_t id) noexcept {
        const std::uint64_t epoch = id / detail::kEventsPerEpoch;
        const std::uint64_t place = id % detail::kEventsPerEpoch;
        return epoch * detail::kAuctionsPerEpoch + std::min(place, detail::kAuctionsPerEpoch) - 1;
    }
    static std::uint64_t lastPerson(std::uint64_t id) noexcept { return id / detail::kEventsPerEpoch; }
    static std::uint64_t hotOf(std::uint64_t last) noexcept { return last / detail::kHotGroup * detail::kHotGroup; }

    static std::uint64_t activePerson(std::uint64_t id, Random& random) noexcept {
        const std::uint64_t people = lastPerson(id) + 1;
        const std::uint64_t active = std::min(people, detail::kActivePeople);
        return people - active + random.below(active + detail::kLead);
    }
    static std::uint64_t auctionInFlight(std::uint64_t id, Random& random) noexcept {
        const std::uint64_t last = lastAuction(id);
        const std::uint64_t first = last > detail::kInFlightAuctions ? last - detail::kInFlightAuctions : 0;
        return first + random.below(last - first + 1 + detail::kLead);
    }
    /// In cents, from 100 to 10^8: the logarithm is uniform.
    static std::int64_t price(Random& random) noexcept {
        const std::uint64_t drawn = random.next();
        const std::uint64_t decade = ((drawn >> 32) * 6) >> 32;
        const std::uint64_t step = (drawn >> 26) & 63;
        const std::uint64_t within = drawn & 0x3FFFFFF;
        const std::uint64_t low = detail::kPowers[step];
        const std::uint64_t power = low + (((detail::kPowers[step + 1] - low) * within) >> 26);
        return static_cast<std::int64_t>((power * detail::kDecades[decade] + 500'000) / 1'000'000);
    }
    struct Piece {
        std::uint64_t begin = 0;
        std::uint64_t length = 0;
    };
    /// The piece of the letters that brings an event of `size` bytes to `average`, a fifth more or less.
    Piece extraOf(Random& random, std::size_t size, std::size_t average) const noexcept {
        if (size > average) return {};
        const std::size_t missing = average - size;
        const std::size_t delta = (2 * missing + 5) / 10;
        const std::size_t length = missing - delta + (delta == 0 ? 0 : random.below(2 * delta));
        return {random.below(texts_->letters().size() - length), length};
    }
    void makeExtra(std::string& extra, Random& random, std::size_t size, std::size_t average) const {
        const Piece piece = extraOf(random, size, average);
        extra = texts_->letters().substr(piece.begin, piece.length);
    }

    void makePerson(std::uint64_t id, Random& random, std::int64_t millis, Person& person) const {
        person.id = detail::kFirstPersonId + static_cast<std::int64_t>(lastPerson(id));
        person.name = detail::kFirstNames[random.below(detail::kFirstNames.size())];
        person.name += ' ';
        person.name += detail::kLastNames[random.below(detail::kLastNames.size())];
        person.emailAddress.clear();
        detail::appendTrimmedWord(person.emailAddress, random, 7);
        person.emailAddress += '@';
        detail::appendTrimmedWord(person.emailAddress, random, 5);
        person.emailAddress += ".com";
        person.creditCard.clear();
        for (int group = 0; group < 4; ++group) {
            if (group > 0) person.creditCard += ' ';
            const std::uint64_t digits = random.below(10'000);
            for (const std::uint64_t unit : {1000, 100, 10, 1})
                person.creditCard += static_cast<char>('0' + digits / unit % 10);
        }
        person.city = detail::kCities[random.below(detail::kCities.size())];
        person.state = detail::kStates[random.below(detail::kStates.size())];
        person.dateTime = timeOf(millis);
        makeExtra(person.extra, random,
                  8 + person.name.size() + person.emailAddress.size() + person.creditCard.size() + person.city.size() +
                      person.state.size(),
                  200);
    }

    void makeAuction(std::uint64_t id, Random& random, std::int64_t millis, Auction& auction) const {
        auction.id = detail::kFirstAuctionId + static_cast<std::int64_t>(lastAuction(id));
        const std::uint64_t seller = random.below(4) > 0 ? hotOf(lastPerson(id)) : activePerson(id, random);
        auction.seller = detail::kFirstPersonId + static_cast<std::int64_t>(seller);
        auction.category = detail::kFirstCategoryId + static_cast<std::int64_t>(random.below(5));
        auction.initialBid = price(random);
        constexpr std::uint64_t kAhead =
            detail::kInFlightAuctions * detail::kEventsPerEpoch / detail::kAuctionsPerEpoch;
        const auto horizon = static_cast<std::uint64_t>(millisAt(id + kAhead) - millis);
        auction.dateTime = timeOf(millis);
        auction.expires =
            timeOf(millis + 1 + static_cast<std::int64_t>(random.below(std::max<std::uint64_t>(2 * horizon, 1))));
        auction.itemName.clear();
        detail::appendTrimmedWord(auction.itemName, random, 20);
        auction.description.clear();
        detail::appendTrimmedWord(auction.description, random, 100);
        auction.reserve = auction.initialBid + price(random);
        makeExtra(auction.extra, random, 48 + auction.itemName.size() + auction.description.size(), 500);
    }

    void beginBid(std::uint64_t id, Random& random, std::int64_t millis, Bid& bid, BidTexts& texts) const {
        const std::uint64_t auction = random.below(2) > 0 ? hotOf(lastAuction(id)) : auctionInFlight(id, random);
        const std::uint64_t bidder = random.below(4) > 0 ? hotOf(lastPerson(id)) + 1 : activePerson(id, random);
        bid.auction = detail::kFirstAuctionId + static_cast<std::int64_t>(auction);
        bid.bidder = detail::kFirstPersonId + static_cast<std::int64_t>(bidder);
        bid.price = std::min(price(random), config_.highestPrice);
        const std::uint64_t channel = random.below(2) > 0
                                          ? random.below(detail::kHotChannels.size())
                                          : detail::kHotChannels.size() + random.below(detail::kChannels);
        bid.dateTime = timeOf(millis);
        const Piece extra = extraOf(random, 32, 100);
        texts = {static_cast<std::uint32_t>(channel), static_cast<std::uint32_t>(extra.begin),
                 static_cast<std::uint32_t>(extra.length)};
        texts_->prefetchChannel(channel);
        texts_->prefetchLetters(extra.begin, extra.length);
    }

    GeneratorConfig config_;
    const detail::Texts* texts_;
};

}  // namespace nexmark

#endif  // MILLRACE_BENCHMARKS_NEXMARK_GENERATOR_HPP
