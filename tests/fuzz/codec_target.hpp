#ifndef MILLRACE_TESTS_FUZZ_CODEC_TARGET_HPP
#define MILLRACE_TESTS_FUZZ_CODEC_TARGET_HPP

#include <millrace/core/errors.hpp>
#include <millrace/time/timestamp.hpp>
#include <millrace/types/codec.hpp>

#include <fuzz/require.hpp>

#include <array>
#include <chrono>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

namespace fuzz {

enum class Side : std::uint8_t { Buy, Sell };

struct Position {
    std::string symbol;
    Side side = Side::Buy;
    double amount = 0;
    std::optional<std::int32_t> limit;
    bool isOpen = false;
};

struct Account {
    std::vector<Position> positions;
    std::map<std::string, std::variant<std::int64_t, std::string, Position>> notes;
    std::array<std::uint16_t, 3> codes{};
    std::tuple<millrace::Timestamp, std::chrono::milliseconds> times;
};

template <class T>
void decodeAs(std::span<const std::byte> bytes) {
    std::vector<std::byte> written;
    try {
        written = millrace::encodeToBytes(millrace::decodeFromBytes<T>(bytes));
    } catch (const millrace::CodecException&) {
        return;
    }
    require(millrace::encodeToBytes(millrace::decodeFromBytes<T>(written)) == written);
}

/// The first byte chooses a type.
inline void codec(std::span<const std::uint8_t> data) {
    const std::size_t type = choose(data, 10);
    const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data.data()), data.size());
    switch (type) {
        case 0:
            return decodeAs<bool>(bytes);
        case 1:
            return decodeAs<std::string>(bytes);
        case 2:
            return decodeAs<std::vector<std::uint32_t>>(bytes);
        case 3:
            return decodeAs<std::vector<std::optional<std::string>>>(bytes);
        case 4:
            return decodeAs<std::map<std::int64_t, std::set<std::string>>>(bytes);
        case 5:
            return decodeAs<std::variant<double, std::string, std::vector<bool>>>(bytes);
        case 6:
            return decodeAs<Position>(bytes);
        case 7:
            return decodeAs<Account>(bytes);
        case 8:
            return decodeAs<std::deque<std::pair<Side, float>>>(bytes);
        default:
            return decodeAs<std::optional<std::vector<std::vector<std::string>>>>(bytes);
    }
}

}  // namespace fuzz

#endif  // MILLRACE_TESTS_FUZZ_CODEC_TARGET_HPP
