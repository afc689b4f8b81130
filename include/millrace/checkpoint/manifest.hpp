#ifndef MILLRACE_CHECKPOINT_MANIFEST_HPP
#define MILLRACE_CHECKPOINT_MANIFEST_HPP

#include <millrace/checkpoint/checkpoint_store.hpp>
#include <millrace/checkpoint/state_file.hpp>
#include <millrace/core/config.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::detail {

/// The newest version that is read. It is written where a checkpoint refers to others, or has records that were on their way:
/// readers of before know of neither. All others are written as the version before.
inline constexpr int kManifestVersion = 3;
inline constexpr std::uint64_t kLargestManifest = std::uint64_t{1} << 28;

/// The file that makes a directory a checkpoint: what it is of, and what is where.
struct CheckpointManifest {
    int version = kManifestVersion;  ///< that was read
    CheckpointDescription description;
    std::vector<StateFileIndex> parts;
};

/// The text of a manifest: JSON, whose last member is a checksum of what precedes it.
std::string formatManifest(const CheckpointManifest& manifest);

/// Reads such a text, and trusts nothing in it. *Failure:* CodecException naming `path` and what to do.
CheckpointManifest parseManifest(std::string_view text, const std::string& path);

/// The last line of a manifest that begins with `body`.
std::string manifestEnd(std::string_view body);

/// The number in a name that is `before`, a number without leading zeros, `after`; -1 for any other name.
std::int64_t numberInName(std::string_view name, std::string_view before, std::string_view after) noexcept;

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/checkpoint/manifest.ipp>
#endif

#endif  // MILLRACE_CHECKPOINT_MANIFEST_HPP
