#ifndef MILLRACE_CHECKPOINT_KNOWN_BLOCKS_IPP
#define MILLRACE_CHECKPOINT_KNOWN_BLOCKS_IPP

#include <millrace/checkpoint/known_blocks.hpp>
#include <millrace/core/algorithm.hpp>

#include <map>
#include <set>
#include <utility>

namespace millrace::detail {

/// So many files that others have written does a task refer to.
inline constexpr std::size_t kMostSharedFiles = 32;

MILLRACE_INLINE_COLD void CheckpointBlocks::sortBlocks() {
    for (PartBlocks& part : parts) {
        std::map<const SharedFile*, std::uint64_t> needed;
        for (const KnownBlock& block : part.blocks) needed[block.file.get()] += block.length;
        std::vector<std::pair<std::uint64_t, const SharedFile*>> files;
        for (const auto& [file, bytes] : needed) {
            if (2 * bytes >= file->size) files.emplace_back(bytes, file);
        }
        std::sort(files.rbegin(), files.rend());
        if (files.size() > kMostSharedFiles) files.resize(kMostSharedFiles);
        std::set<const SharedFile*> kept;
        for (const auto& [bytes, file] : files) kept.insert(file);
        std::erase_if(part.blocks, [&](const KnownBlock& block) { return !kept.contains(block.file.get()); });
        std::sort(part.blocks.begin(), part.blocks.end(),
                  [](const KnownBlock& a, const KnownBlock& b) { return a.hash < b.hash; });
    }
}

MILLRACE_INLINE_COLD const std::vector<KnownBlock>* CheckpointBlocks::of(int task, int subtask) const noexcept {
    for (const PartBlocks& part : parts) {
        if (part.task == task && part.subtask == subtask) return &part.blocks;
    }
    return nullptr;
}

MILLRACE_INLINE_COLD std::vector<std::string> CheckpointBlocks::fileNames() const {
    std::set<std::string> names;
    for (const PartBlocks& part : parts) {
        for (const KnownBlock& block : part.blocks) names.insert(block.file->name);
    }
    return {names.begin(), names.end()};
}

MILLRACE_INLINE_COLD const KnownBlock* findBlock(const std::vector<KnownBlock>& sorted,
                                                 const ContentHash& hash) noexcept {
    const auto found = std::lower_bound(sorted.begin(), sorted.end(), hash,
                                        [](const KnownBlock& block, const ContentHash& of) { return block.hash < of; });
    return found != sorted.end() && found->hash == hash ? &*found : nullptr;
}

}  // namespace millrace::detail

#endif  // MILLRACE_CHECKPOINT_KNOWN_BLOCKS_IPP
