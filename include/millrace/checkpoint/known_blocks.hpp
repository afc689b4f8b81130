#ifndef MILLRACE_CHECKPOINT_KNOWN_BLOCKS_HPP
#define MILLRACE_CHECKPOINT_KNOWN_BLOCKS_HPP

#include <millrace/checkpoint/state_file_index.hpp>
#include <millrace/core/config.hpp>
#include <millrace/core/content_hash.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

// What an incremental checkpoint knows of the one before: the blocks of keyed state that are in files already, by their content.

namespace millrace::detail {

/// A state file as other checkpoints refer to it: "chk-41/part-3.state".
struct SharedFile {
    std::string name;
    StateFileOwner owner;
    std::uint64_t size = 0;
};

/// A block of pieces in a state file.
struct KnownBlock {
    ContentHash hash;  ///< of what is in it, before it is compressed
    std::shared_ptr<SharedFile> file;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;  ///< in the file
    std::uint64_t pieces = 0;
    std::uint64_t bytes = 0;  ///< of the pieces
    std::int32_t firstKeyGroup = 0;
    std::int32_t lastKeyGroup = 0;
};

/// The blocks of keyed state that one task has written, or has found written.
struct PartBlocks {
    int task = 0;
    int subtask = 0;
    std::vector<KnownBlock> blocks;
};

/// The blocks of a checkpoint. *Thread safety:* once `sortBlocks` has returned, any thread may read.
struct CheckpointBlocks {
    std::vector<PartBlocks> parts;

    /// Sorts the blocks, and leaves out those in files that are mostly not needed any more, or too many: the next checkpoint
    /// writes them anew.
    void sortBlocks();
    /// Of one task, sorted by hash; null if there are none.
    const std::vector<KnownBlock>* of(int task, int subtask) const noexcept;
    /// The names of all files, each once.
    std::vector<std::string> fileNames() const;
};

/// The block with this content; null if there is none.
const KnownBlock* findBlock(const std::vector<KnownBlock>& sorted, const ContentHash& hash) noexcept;

/// The incremental side of writing one state file.
struct IncrementalPart {
    ContentHash key;  ///< of the hashes, the same in all checkpoints that refer to each other
    const std::vector<KnownBlock>* known = nullptr;  ///< what need not be written again; null: nothing
    std::vector<StateFileIndex> shared{};            ///< other files that the part refers to, and what it needs there
    PartBlocks written{};                            ///< all blocks of keyed state, wherever they are
};

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/checkpoint/known_blocks.ipp>
#endif

#endif  // MILLRACE_CHECKPOINT_KNOWN_BLOCKS_HPP
