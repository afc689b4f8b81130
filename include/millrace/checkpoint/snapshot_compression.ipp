#ifndef MILLRACE_CHECKPOINT_SNAPSHOT_COMPRESSION_IPP
#define MILLRACE_CHECKPOINT_SNAPSHOT_COMPRESSION_IPP

#include <millrace/checkpoint/snapshot_compression.hpp>
#include <millrace/core/config.hpp>

namespace millrace {

MILLRACE_INLINE_COLD bool isAvailable(SnapshotCompression compression) noexcept {
#ifdef MILLRACE_HAS_ZSTD
    constexpr bool kHasZstd = true;
#else
    constexpr bool kHasZstd = false;
#endif
    return compression == SnapshotCompression::None || kHasZstd;
}

}  // namespace millrace

#endif  // MILLRACE_CHECKPOINT_SNAPSHOT_COMPRESSION_IPP
