#ifndef MILLRACE_TESTS_FUZZ_STATE_FILE_TARGET_HPP
#define MILLRACE_TESTS_FUZZ_STATE_FILE_TARGET_HPP

#include <millrace/checkpoint/state_file.hpp>
#include <millrace/core/crc32c.hpp>
#include <millrace/core/errors.hpp>
#include <millrace/state/memory_snapshot.hpp>
#include <millrace/testing/memory_file_system.hpp>

#include <fuzz/require.hpp>

#include <cstring>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace fuzz {

inline void readStateFile(std::vector<std::byte> bytes) {
    using namespace millrace;
    using namespace millrace::detail;
    millrace::testing::MemoryFileSystem files;
    const std::string path = "/part-1.state";
    files.setContents(path, std::move(bytes));
    MemorySnapshot snapshot;
    StateFileOwner owner;
    std::vector<StateExtent> extents;
    bool isComplete = false;
    try {
        const StateFileReader reader(files, path);
        owner = reader.owner();
        for (std::uint64_t offset = 0; offset <= reader.size() && offset < 200; offset += 8) {
            StateExtent extent;
            extent.offset = offset;
            extent.length = reader.size() - offset;
            try {
                reader.read(extent, [](int, std::span<const std::byte>) {});
            } catch (const CodecException&) {
                continue;  // hardly any place is right
            } catch (const ConfigurationException&) {
                continue;  // an unknown compression
            }
        }
        reader.readAll([&](std::string_view uid, std::string_view state, int keyGroup,
                           std::span<const std::byte> piece) { snapshot.write(uid, state, keyGroup, piece); });
        isComplete = true;
    } catch (const CodecException&) {
        // what came before the damage has been handed out
    } catch (const ConfigurationException&) {
        // the same: a block of an unknown compression
    }
    // what was read can be written, and is then read as the same
    const SnapshotCompression compression = owner.subtask % 2 != 0 && isAvailable(SnapshotCompression::Zstd)
                                                ? SnapshotCompression::Zstd
                                                : SnapshotCompression::None;
    const StateFileIndex index = writeStateFile(
        files, path, owner, snapshot, [] { return true; }, compression);
    const StateFileReader again(files, path);
    require(!isComplete || again.owner() == owner);
    MemorySnapshot whole;
    again.readAll([&](std::string_view uid, std::string_view state, int keyGroup, std::span<const std::byte> piece) {
        whole.write(uid, state, keyGroup, piece);
    });
    MemorySnapshot byState;
    for (const StateExtent& extent : index.states) {
        again.read(extent, [&](int keyGroup, std::span<const std::byte> piece) {
            byState.write(extent.uid, extent.state, keyGroup, piece);
        });
    }
    const auto listed = [](const MemorySnapshot& each) {
        std::vector<std::tuple<std::string, std::string, int, std::vector<std::byte>>> list;
        each.forEach([&](const auto&... parts) { list.emplace_back(parts...); });
        return list;
    };
    require(listed(whole) == listed(snapshot) && listed(byState) == listed(snapshot));
}

/// A state file: as it is, and with checksums that let it pass.
inline void stateFile(std::span<const std::uint8_t> data) {
    using namespace millrace::detail;
    const auto* const begin = reinterpret_cast<const std::byte*>(data.data());
    std::vector<std::byte> bytes(begin, begin + data.size());
    readStateFile(bytes);
    const auto seal = [&](std::size_t from, std::size_t size, std::size_t to) {
        const std::uint32_t crc = crc32c(std::span(bytes).subspan(from, size));
        std::memcpy(bytes.data() + to, &crc, sizeof crc);
    };
    if (bytes.size() >= 32) seal(0, 28, 28);
    for (std::size_t at = 32; bytes.size() >= at && bytes.size() - at >= 24;) {
        std::uint64_t length = 0;
        std::memcpy(&length, bytes.data() + at + 8, sizeof length);
        const bool isWhole = length <= bytes.size() - at - 24;
        if (isWhole) seal(at + 24, static_cast<std::size_t>(length), at + 16);
        seal(at, 20, at + 20);
        if (!isWhole) break;
        at += 24 + static_cast<std::size_t>(length);
    }
    readStateFile(std::move(bytes));
}

}  // namespace fuzz

#endif  // MILLRACE_TESTS_FUZZ_STATE_FILE_TARGET_HPP
