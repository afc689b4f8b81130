#ifndef MILLRACE_STATE_SNAPSHOT_HPP
#define MILLRACE_STATE_SNAPSHOT_HPP

#include <millrace/core/function_ref.hpp>
#include <millrace/core/owner.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace millrace {

class ByteReader;

// In place of a key group: state that belongs to no key, by how its pieces are spread over the subtasks that restore it.
// Which subtask wrote a piece is kept beside it.

/// Pieces are the elements of a list: each goes to one subtask, in turn (Flink's operator list state). @internal
inline constexpr int kSplitState = -1;
/// Every subtask gets all pieces of all subtasks (Flink's union list state). @internal
inline constexpr int kUnionState = -2;
/// Every subtask has written the same: each gets the pieces of one of them. @internal
inline constexpr int kBroadcastState = -3;
/// Written once for all subtasks, such as the splits that a source has not handed out yet. @internal
inline constexpr int kSharedState = -4;
/// What was on its way into the subtask that wrote it, when a barrier overtook it. @internal
inline constexpr int kChannelState = -5;

namespace detail {
/// How the names of lists that functions keep, and that belong to no key, begin in snapshots.
inline constexpr std::string_view kOperatorStatePrefix = "operator/";
/// What a piece of a broadcast state begins with.
inline constexpr std::uint8_t kBroadcastFormat = 2;

struct StateLayout;
std::string layoutText(const StateLayout& layout);
class TableWriter;
}  // namespace detail

class SnapshotSink;

/// State of a stage as it was when it was handed to a sink. @internal
/// *Thread safety:* may be written on another thread than that of the stage, which goes on meanwhile, or has ended.
class DeferredState {
public:
    virtual ~DeferredState() = default;
    virtual void writeTo(SnapshotSink& sink) = 0;
};

/// Where a stage writes its state. The unit is (operator uid, state name, key group). @internal
class SnapshotSink {
public:
    virtual ~SnapshotSink() = default;
    /// Takes state that may be written later, and on another thread. At once, where the sink has no better time.
    virtual void writeLater(detail::Owner<DeferredState> state) { state->writeTo(*this); }
    /// Who writes tables into it: at once, by and by, or on another thread.
    virtual detail::TableWriter& tableWriter() noexcept = 0;
    /// Adds one piece of state. Pieces with equal names are kept in the order in which they were written.
    virtual void write(std::string_view uid, std::string_view state, int keyGroup,
                       std::span<const std::byte> bytes) = 0;
    /// Whether the sink looks for what it has already: then what is far apart in memory should not share pieces, so that a
    /// change in one place leaves the others as they were.
    virtual bool wantsSegments() const noexcept { return false; }
    /// What follows is from elsewhere in memory. Only for who `wantsSegments`.
    virtual void endSegment() {}
    /// What the pieces of a state look like. Who keeps that spells it by `layoutText` and sets it as the schema.
    virtual void describe(std::string_view uid, std::string_view state, const detail::StateLayout& layout) = 0;
    /// The same, as `layoutText` spells it.
    virtual void setSchema(std::string_view uid, std::string_view state, std::string schema) {
        (void)uid;
        (void)state;
        (void)schema;
    }
};

/// What one task has to write into a snapshot. @internal
class SnapshotPart {
public:
    virtual ~SnapshotPart() = default;
    virtual bool empty() const = 0;
    /// Writes all of it, by uid and state. Once: what waits to be written is gone then.
    virtual void writeTo(SnapshotSink& sink) const = 0;
};

/// Where a restored stage finds its state: exactly the pieces of the key groups that it owns. @internal
class SnapshotSource {
public:
    using Visitor = detail::FunctionRef<void(int keyGroup, std::span<const std::byte> bytes)>;
    virtual ~SnapshotSource() = default;
    virtual void read(std::string_view uid, std::string_view state, const Visitor& visit) const = 0;
    /// The same for who wants the pieces in this form; the state may have been saved by a program with other types.
    /// *Failure:* CodecException for what cannot be brought into it.
    virtual void readAs(std::string_view uid, std::string_view state, const detail::StateLayout& layout,
                        const Visitor& visit) const {
        (void)layout;
        read(uid, state, visit);
    }
    /// Calls `readOne(context, reader)` until each piece that `readAs` gives, and that begins with `version`, is used up.
    /// *Failure:* CodecException naming uid and state for another version or for damaged bytes.
    virtual void readEntries(std::string_view uid, std::string_view state, const detail::StateLayout& layout,
                             std::uint8_t version, void (*readOne)(void* context, ByteReader& reader),
                             void* context) const = 0;
    /// About how many bytes `read` will find; 0 where that is not known.
    virtual std::uint64_t bytesOf(std::string_view uid, std::string_view state) const {
        (void)uid;
        (void)state;
        return 0;
    }
    /// The checkpoint that it is part of; 0 if it is of none.
    virtual std::int64_t checkpointId() const { return 0; }
};

}  // namespace millrace

#endif  // MILLRACE_STATE_SNAPSHOT_HPP
