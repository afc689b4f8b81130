#ifndef MILLRACE_STATE_KEY_GROUP_STATE_IPP
#define MILLRACE_STATE_KEY_GROUP_STATE_IPP

#include <millrace/core/algorithm.hpp>
#include <millrace/core/message.hpp>
#include <millrace/state/key_group_state.hpp>

#include <span>

namespace millrace::detail {

MILLRACE_INLINE_COLD void KeyGroupWriter::streamTo(SnapshotSink& sink, std::string_view uid, std::string_view state) {
    // together some 5 MB, which stay in the cache; at the greatest maximum parallelism 40, since less than 1 KB each is not worth it
    constexpr std::size_t kAllGroups = std::size_t{4} << 20;
    limit_ = std::clamp<std::size_t>(kAllGroups / groups_.size(), 1024, 32 * 1024);
    sink_ = &sink;
    uid_ = uid;
    state_ = state;
}

MILLRACE_INLINE_COLD void KeyGroupWriter::begin(ByteWriter& group) {
    if (sink_ != nullptr) group.reserve(limit_ + 256);
    group.write(version_);
}

MILLRACE_INLINE_COLD void KeyGroupWriter::handOut(int keyGroup) {
    ByteWriter& group = groups_[static_cast<std::size_t>(keyGroup)];
    sink_->write(uid_, state_, keyGroup, group.bytes());
    group.clear();
}

MILLRACE_INLINE_COLD void KeyGroupWriter::endSegment() {
    for (int group = 0; group < maxParallelism_; ++group) {
        if (hasEntries(groups_[static_cast<std::size_t>(group)])) handOut(group);
    }
    sink_->endSegment();
}

MILLRACE_INLINE_COLD void KeyGroupWriter::writeTo(SnapshotSink& sink, std::string_view uid, std::string_view state,
                                                  const StateLayout& layout) const {
    sink.describe(uid, state, layout);
    writePieces(sink, uid, state);
}

MILLRACE_INLINE_COLD void KeyGroupWriter::writePieces(SnapshotSink& sink, std::string_view uid,
                                                      std::string_view state) const {
    for (int group = 0; group < maxParallelism_; ++group) {
        const ByteWriter& bytes = groups_[static_cast<std::size_t>(group)];
        if (hasEntries(bytes)) sink.write(uid, state, group, bytes.bytes());
    }
}

MILLRACE_INLINE_COLD void EntrySource::readEntries(std::string_view uid, std::string_view state,
                                                   const StateLayout& layout, std::uint8_t version,
                                                   void (*readOne)(void* context, ByteReader& reader),
                                                   void* context) const {
    readAs(uid, state, layout, [&](int keyGroup, std::span<const std::byte> bytes) {
        try {
            ByteReader reader(bytes);
            reader.expectVersion(version);
            while (reader.remaining() > 0) readOne(context, reader);
        } catch (const CodecException&) {
            raise<Caused<CodecException>>("state '{}' of operator uid '{}', key group {}, cannot be restored",
                                          {state, uid, keyGroup});
        }
    });
}

MILLRACE_INLINE_COLD void declareState(const SnapshotSource& source, std::string_view uid, std::string_view state,
                                       const StateLayout& layout) {
    source.readAs(uid, state, layout, [](int, std::span<const std::byte>) {});
}

}  // namespace millrace::detail

#endif  // MILLRACE_STATE_KEY_GROUP_STATE_IPP
