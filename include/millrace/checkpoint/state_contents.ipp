#ifndef MILLRACE_CHECKPOINT_STATE_CONTENTS_IPP
#define MILLRACE_CHECKPOINT_STATE_CONTENTS_IPP

#include <millrace/checkpoint/file_checkpoint.hpp>
#include <millrace/checkpoint/state_contents.hpp>
#include <millrace/core/algorithm.hpp>
#include <millrace/core/message.hpp>
#include <millrace/state/state_migration.hpp>

#include <map>
#include <span>
#include <utility>

namespace millrace {

namespace detail {

/// The first codec of a user's in a form; null if there is none.
[[gnu::cold]] inline const Schema* ownCodecIn(const Schema& schema) {
    if (schema.kind == TypeKind::None) return &schema;
    for (const Schema& part : schema.parts) {
        if (const Schema* const found = ownCodecIn(part)) return found;
    }
    return nullptr;
}

/// Reads the entries of pieces.
class ContentsReader {
public:
    ContentsReader(const SavedLayout& layout, StateContents& contents) : layout_(layout), contents_(contents) {}

    [[gnu::cold]] void read(std::span<const std::byte> piece) {
        ByteReader reader(piece);
        (void)reader.read<std::uint8_t>("a format version");
        while (reader.remaining() > 0) {
            const std::size_t begin = reader.offset();
            std::string key;
            for (std::size_t i = 0; i < layout_.entry.parts.size(); ++i) {
                const Schema& field = layout_.entry.parts[i];
                const std::string& name = layout_.entry.names[i];
                if (name == "event" && layout_.kind == "in-flight") {
                    contents_.inFlightRecords += reader.read<std::uint8_t>("what happened") == 0 ? 1 : 0;
                } else if (name == "key") {
                    describeEncoded(field, reader, key);
                } else if (name == "split") {
                    describeEncoded(field, reader, contents_.splits.emplace_back());
                } else if (name == "splits") {
                    for (std::size_t n = reader.readLength(); n > 0; --n) {
                        describeEncoded(field.parts.at(0), reader, contents_.splits.emplace_back());
                    }
                } else {
                    skipValue(field, reader);
                }
            }
            ++contents_.entries;
            KeySize& size = keys_[std::move(key)];
            size.bytes += reader.offset() - begin;
            ++size.entries;
        }
    }
    [[gnu::cold]] void finish(std::size_t largest) {
        const auto& names = layout_.entry.names;
        if (std::find(names.begin(), names.end(), "key") == names.end()) return;
        std::vector<KeySize>& keys = contents_.largestKeys;
        for (auto& [key, size] : keys_) keys.push_back({key, size.bytes, size.entries});
        std::stable_sort(keys.begin(), keys.end(),
                         [](const KeySize& a, const KeySize& b) { return a.bytes > b.bytes; });
        if (keys.size() > largest) keys.resize(largest);
    }

private:
    const SavedLayout& layout_;
    StateContents& contents_;
    std::map<std::string, KeySize> keys_;
};

}  // namespace detail

MILLRACE_INLINE_COLD StateContents readStateContents(const std::string& directory, const std::string& uid,
                                                     const std::string& state, std::size_t largestKeys,
                                                     std::shared_ptr<FileSystem> files) {
    const detail::FileCheckpoint checkpoint = detail::FileCheckpoint::manifestOf(std::move(files), directory);
    for (const detail::StateFileIndex& part : checkpoint.parts()) {
        const bool isWanted =
            std::any_of(part.states.begin(), part.states.end(),
                        [&](const detail::StateExtent& extent) { return extent.uid == uid && extent.state == state; });
        if (isWanted) checkpoint.expectIntact(part);
    }
    StateContents contents;
    const std::string schema = checkpoint.schemaOf(uid, state);
    if (schema.empty()) {
        contents.unreadable = "the snapshot does not say what its types are";
        return contents;
    }
    detail::SavedLayout layout;
    try {
        layout = detail::parseLayout(schema);
    } catch (const CodecException& error) {
        contents.unreadable = error.what();
        return contents;
    }
    if (const detail::Schema* const own = detail::ownCodecIn(layout.entry)) {
        contents.unreadable =
            detail::message("it has values of the codec {}, which only its program reads", {own->text});
        return contents;
    }
    detail::ContentsReader reader(layout, contents);
    checkpoint.read(uid, state, [&](int, int, std::span<const std::byte> bytes) { reader.read(bytes); });
    reader.finish(largestKeys);
    return contents;
}

}  // namespace millrace

#endif  // MILLRACE_CHECKPOINT_STATE_CONTENTS_IPP
