#ifndef MILLRACE_TESTS_CHECKPOINT_CHECKPOINT_FIXTURES_HPP
#define MILLRACE_TESTS_CHECKPOINT_CHECKPOINT_FIXTURES_HPP

#include <millrace/checkpoint/checkpoint_store.hpp>
#include <millrace/core/errors.hpp>

#include <algorithm>
#include <cstdlib>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ftw.h>
#include <unistd.h>

namespace checkpoint_fixtures {

using namespace millrace;
using namespace millrace::detail;

/// What the function throws; "" if it does not.
template <class Fn>
std::string errorOf(Fn fn) {
    try {
        fn();
    } catch (const MillraceException& error) {
        return error.what();
    }
    return {};
}

inline std::vector<std::byte> bytesOf(std::string_view text) {
    const auto* const data = reinterpret_cast<const std::byte*>(text.data());
    return {data, data + text.size()};
}

struct Piece {
    std::string uid;
    std::string state;
    int keyGroup;
    std::string bytes;
};

inline MemorySnapshot snapshotOf(std::initializer_list<Piece> pieces) {
    MemorySnapshot snapshot;
    for (const Piece& piece : pieces) snapshot.write(piece.uid, piece.state, piece.keyGroup, bytesOf(piece.bytes));
    return snapshot;
}

inline CheckpointDescription describe(std::int64_t id, CheckpointKind kind = CheckpointKind::Checkpoint) {
    CheckpointDescription description;
    description.id = id;
    description.kind = kind;
    description.jobName = "clicks \"per minute\"";
    description.fingerprint = "0123456789abcdef";
    description.triggered = Timestamp(Duration(1'700'000'000'123'456'789 + id));
    description.maxParallelism = 64;
    description.operators.add(new CheckpointedOperator{"source", "clicks", "Source", 2, 1});
    description.operators.add(new CheckpointedOperator{"count", "count per page", "Window", 2, 0});
    return description;
}

/// Says what one state looks like.
inline MemorySnapshot described(MemorySnapshot snapshot, std::string_view uid, std::string_view state,
                                std::string schema) {
    snapshot.setSchema(uid, state, std::move(schema));
    return snapshot;
}

/// Writes and completes a checkpoint whose state says which one it is.
inline CheckpointInfo write(CheckpointStore& store, const CheckpointDescription& description) {
    const std::string mark = "checkpoint " + std::to_string(description.id) + ": ";
    store.begin(description);
    store.writePart(description.id, 0, 1, snapshotOf({{"source", "splits", kSplitState, mark + "split 2"}}));
    store.writePart(description.id, 1, 1,
                    snapshotOf({{"count", "panes", 40, mark + "forty"}, {"count", "panes", 63, ""}}));
    store.writePart(description.id, 0, 0,
                    snapshotOf({{"source", "splits", kSplitState, mark + "split 1"},
                                {"source", "pending", kSharedState, mark + "pending"}}));
    store.writePart(description.id, 1, 0,
                    snapshotOf({{"count", "panes", 0, mark + "zero"},
                                {"count", "panes", 31, std::string(300, 'x')},
                                {"count", "timers", 7, std::string("\0\xff\x80", 3)}}));
    return store.complete(description);
}

/// All that can be read of a checkpoint, as text.
inline std::string contentsOf(const StoredCheckpoint& checkpoint) {
    const CheckpointDescription& d = checkpoint.description();
    std::string text = std::to_string(d.id) + (d.kind == CheckpointKind::Savepoint ? " savepoint " : " checkpoint ") +
                       d.jobName + " " + d.fingerprint + " " + std::to_string(d.triggered.time_since_epoch().count()) +
                       " " + std::to_string(d.maxParallelism) + "\n";
    for (const CheckpointedOperator& each : d.operators) {
        text += each.uid + " " + each.name + " " + each.kind + " " + std::to_string(each.parallelism) + " " +
                std::to_string(each.finishedSubtasks) + "\n";
        for (const std::string& state : checkpoint.statesOf(each.uid)) {
            text += "  " + state + " " + checkpoint.schemaOf(each.uid, state) + "\n";
            checkpoint.read(each.uid, state, [&](int subtask, int keyGroup, std::span<const std::byte> bytes) {
                text += "    " + std::to_string(subtask) + " " + std::to_string(keyGroup) + " ";
                text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
                text += "\n";
            });
        }
    }
    return text;
}

/// What a coordinator does: a checkpoint per round, by `write(id)`; one that fails is given up, and behind one that counts
/// `clean(before)` removes old ones. Returns the newest one of which `complete` said that it counts.
template <class Write, class Clean>
std::int64_t runRounds(CheckpointStore& store, std::int64_t rounds, Write write, Clean clean) {
    std::int64_t newest = 0;
    for (const CheckpointInfo& info : store.completed()) newest = std::max(newest, info.id);
    for (std::int64_t round = 0; round < rounds; ++round) {
        const std::int64_t id = store.lastId() + 1;
        try {
            write(id);
        } catch (const IoException&) {
            store.discard(id);
            continue;
        }
        clean(std::exchange(newest, id));
    }
    return newest;
}

/// A directory that is removed with all that is in it.
class TemporaryDirectory {
public:
    TemporaryDirectory() {
        const char* const base = std::getenv("TMPDIR");
        path_ = std::string(base != nullptr ? base : "/tmp") + "/millrace-test-XXXXXX";
        if (::mkdtemp(path_.data()) == nullptr) throw IoException("cannot make " + path_);
    }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    ~TemporaryDirectory() {
        const auto removeOne = [](const char* path, const struct stat*, int, struct FTW*) { return std::remove(path); };
        (void)::nftw(path_.c_str(), removeOne, 16, FTW_DEPTH | FTW_PHYS);
    }
    const std::string& path() const noexcept { return path_; }

private:
    std::string path_;
};

}  // namespace checkpoint_fixtures

#endif  // MILLRACE_TESTS_CHECKPOINT_CHECKPOINT_FIXTURES_HPP
