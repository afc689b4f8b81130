#ifndef MILLRACE_CHECKPOINT_STATE_FILE_INDEX_HPP
#define MILLRACE_CHECKPOINT_STATE_FILE_INDEX_HPP

#include <cstdint>
#include <string>
#include <vector>

namespace millrace::detail {

/// Which checkpoint, task and subtask a file belongs to.
struct StateFileOwner {
    std::int64_t checkpoint = 0;
    std::int32_t task = 0;
    std::int32_t subtask = 0;
    bool operator==(const StateFileOwner&) const = default;
};

/// Where a file has one state of one operator.
struct StateExtent {
    std::string uid;
    std::string state;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;  ///< in the file
    std::uint64_t pieces = 0;
    std::uint64_t bytes = 0;  ///< of the pieces
    std::int32_t firstKeyGroup = 0;
    std::int32_t lastKeyGroup = 0;
    std::string schema{};  ///< what the pieces look like, as `layoutText` spells it; kept in the manifest
    bool operator==(const StateExtent&) const = default;
};

/// What a manifest says of a file.
struct StateFileIndex {
    std::string name;
    StateFileOwner owner;
    std::uint64_t size = 0;
    std::vector<StateExtent> states;
    bool operator==(const StateFileIndex&) const = default;
};

}  // namespace millrace::detail

#endif  // MILLRACE_CHECKPOINT_STATE_FILE_INDEX_HPP
