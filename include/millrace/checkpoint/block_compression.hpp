#ifndef MILLRACE_CHECKPOINT_BLOCK_COMPRESSION_HPP
#define MILLRACE_CHECKPOINT_BLOCK_COMPRESSION_HPP

#include <millrace/checkpoint/snapshot_compression.hpp>
#include <millrace/core/bytes.hpp>
#include <millrace/core/config.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

// What stands in a compressed block of a state file: the method's name, the number of bytes before, and the bytes of the method.

namespace millrace::detail {

/// What so many compressed bytes may become: so neither a damaged number nor a file made for it asks for any amount of memory.
inline constexpr std::uint64_t mostUncompressedBytes(std::uint64_t compressed) noexcept {
    return (std::uint64_t{64} << 10) + 1024 * compressed;
}

/// Compresses blocks, one after the other. *Thread safety:* none.
class BlockCompressor {
public:
    /// *Failure:* ConfigurationException for what this program cannot do.
    MILLRACE_INLINE explicit BlockCompressor(SnapshotCompression compression);
    MILLRACE_INLINE ~BlockCompressor();

    /// The block that is `first` and `second`, compressed; empty if it is better left as it is.
    std::span<const std::byte> compress(std::span<const std::byte> first, std::span<const std::byte> second);

private:
    struct Context;
    std::unique_ptr<Context> context_;
    ByteWriter block_;
};

/// *Failure:* CodecException for what is damaged; ConfigurationException for a method that this program does not have.
std::vector<std::byte> decompressBlock(std::span<const std::byte> block);

/// *Failure:* ConfigurationException, beginning with `who`, for what this program cannot do.
void requireCompression(SnapshotCompression compression, std::string_view who);

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/checkpoint/block_compression.ipp>
#endif

#endif  // MILLRACE_CHECKPOINT_BLOCK_COMPRESSION_HPP
