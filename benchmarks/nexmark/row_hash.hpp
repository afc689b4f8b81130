#ifndef MILLRACE_BENCHMARKS_NEXMARK_ROW_HASH_HPP
#define MILLRACE_BENCHMARKS_NEXMARK_ROW_HASH_HPP

#include "events.hpp"
#include "random.hpp"

#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace nexmark {

inline std::int64_t millisOf(Timestamp time) noexcept {
    return time.time_since_epoch() / std::chrono::milliseconds(1);
}

/// Hash of a row, field by field; of a text its length, first and last eight bytes. Defined in `docs/nexmark.md`, so
/// that other engines can be compared.
class RowHash {
public:
    RowHash& add(std::int64_t value) noexcept {
        hash_ = (hash_ ^ static_cast<std::uint64_t>(value)) * 0x9E3779B97F4A7C15;
        hash_ ^= hash_ >> 32;
        return *this;
    }
    RowHash& add(Timestamp time) noexcept { return add(millisOf(time)); }
    RowHash& add(std::string_view text) noexcept {
        static_assert(std::endian::native == std::endian::little);
        const std::size_t part = text.size() < 8 ? text.size() : 8;
        std::uint64_t first = 0;
        std::uint64_t last = 0;
        if (part == 8) [[likely]] {
            std::memcpy(&first, text.data(), 8);
            std::memcpy(&last, text.data() + text.size() - 8, 8);
        } else if (part > 0) {
            std::memcpy(&first, text.data(), part);
            last = first;
        }
        return add(static_cast<std::int64_t>(text.size()))
            .add(static_cast<std::int64_t>(first))
            .add(static_cast<std::int64_t>(last));
    }
    std::uint64_t value() const noexcept { return mix(hash_); }

private:
    std::uint64_t hash_ = 0x6D696C6C72616365;
};

template <class... Fields>
std::uint64_t hashOf(const Fields&... fields) noexcept {
    RowHash hash;
    (hash.add(fields), ...);
    return hash.value();
}

inline std::uint64_t hashOfRow(const Person& p) noexcept {
    return hashOf(std::int64_t{0}, p.id, p.name, p.emailAddress, p.creditCard, p.city, p.state, p.dateTime, p.extra);
}
inline std::uint64_t hashOfRow(const Auction& a) noexcept {
    return hashOf(std::int64_t{1}, a.id, a.itemName, a.description, a.initialBid, a.reserve, a.dateTime, a.expires,
                  a.seller, a.category, a.extra);
}
inline std::uint64_t hashOfRow(const Bid& b) noexcept {
    return hashOf(std::int64_t{2}, b.auction, b.bidder, b.price, b.channel, b.url, b.dateTime, b.extra);
}
inline std::uint64_t hashOfRow(const Event& event) noexcept {
    return std::visit([](const auto& each) { return hashOfRow(each); }, event);
}

}  // namespace nexmark

#endif  // MILLRACE_BENCHMARKS_NEXMARK_ROW_HASH_HPP
