#ifndef MILLRACE_GRAPH_STABLE_HASH_HPP
#define MILLRACE_GRAPH_STABLE_HASH_HPP

#include <millrace/core/message.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace millrace::detail {

/// FNV-1a (Fowler, Noll, Vo) with 64 bits: uids and fingerprints must be the same on every machine.
class StableHash {
public:
    [[gnu::cold]] StableHash& add(std::string_view text) noexcept {
        for (const char c : text) step(static_cast<unsigned char>(c));
        step(0xff);  // separates "ab","c" from "a","bc"
        return *this;
    }
    [[gnu::cold]] StableHash& add(std::int64_t number) { return add(message("{}", {number})); }
    std::uint64_t value() const noexcept { return hash_; }
    [[gnu::cold]] std::string hex() const {
        constexpr std::string_view kDigits = "0123456789abcdef";
        char text[16];
        for (std::size_t i = 0; i < 16; ++i) text[i] = kDigits[(hash_ >> (60 - 4 * i)) & 15];
        return {text, 16};
    }

private:
    void step(unsigned char byte) noexcept { hash_ = (hash_ ^ byte) * 0x100000001b3ull; }
    std::uint64_t hash_ = 0xcbf29ce484222325ull;
};

}  // namespace millrace::detail

#endif  // MILLRACE_GRAPH_STABLE_HASH_HPP
