#ifndef MILLRACE_CHECKPOINT_SNAPSHOT_COMPRESSION_HPP
#define MILLRACE_CHECKPOINT_SNAPSHOT_COMPRESSION_HPP

#include <cstdint>

namespace millrace {

/// How the state of checkpoints and savepoints is compressed on the disk. @public
enum class SnapshotCompression : std::uint8_t {
    None,
    /// Needs a program built with zstd: CMake's targets are where it is found, others define MILLRACE_HAS_ZSTD and link zstd.
    Zstd
};

/// Whether this program can write and read it. @public
bool isAvailable(SnapshotCompression compression) noexcept;

}  // namespace millrace

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/checkpoint/snapshot_compression.ipp>
#endif

#endif  // MILLRACE_CHECKPOINT_SNAPSHOT_COMPRESSION_HPP
