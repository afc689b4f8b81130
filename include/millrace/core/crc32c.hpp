#ifndef MILLRACE_CORE_CRC32C_HPP
#define MILLRACE_CORE_CRC32C_HPP

#include <millrace/core/config.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace millrace::detail {

/// CRC-32C (Castagnoli) of bytes that follow others of checksum `before`. With SSE 4.2 by the processor, else by tables.
std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t before = 0) noexcept;

/// The same by tables alone.
std::uint32_t crc32cByTables(std::span<const std::byte> bytes, std::uint32_t before = 0) noexcept;

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/core/crc32c.ipp>
#endif

#endif  // MILLRACE_CORE_CRC32C_HPP
