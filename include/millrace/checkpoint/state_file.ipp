#ifndef MILLRACE_CHECKPOINT_STATE_FILE_IPP
#define MILLRACE_CHECKPOINT_STATE_FILE_IPP

#include <millrace/checkpoint/block_compression.hpp>
#include <millrace/checkpoint/known_blocks.hpp>
#include <millrace/checkpoint/state_file.hpp>
#include <millrace/core/algorithm.hpp>
#include <millrace/core/bytes.hpp>
#include <millrace/core/crc32c.hpp>
#include <millrace/core/errors.hpp>
#include <millrace/core/message.hpp>
#include <millrace/state/table_snapshot.hpp>

#include <string_view>
#include <utility>

namespace millrace::detail {

// The first byte is no text, the line ends tell a copy in text mode.
inline constexpr unsigned char kStateFileMagic[8] = {0x89, 'm', 'r', 's', 't', '\r', '\n', 0x1a};
inline constexpr std::uint32_t kBlockMagic = 0x4b42524d;  // "MRBK"
inline constexpr std::uint64_t kBlockHeaderSize = 24;
inline constexpr std::size_t kBlockTarget = std::size_t{1} << 18;  // a block ends when it has grown to this
inline constexpr std::size_t kLargePiece = std::size_t{1} << 14;   // ends its block, and is not copied into it
enum class BlockKind : std::uint8_t { Pieces = 1, End = 2 };
inline constexpr std::uint8_t kCompressedBlock = 1;
/// From this size on a block of an incremental checkpoint ends where a key group does: small, since all of a block is written
/// anew when one entry has changed.
inline constexpr std::size_t kIncrementalBlock = std::size_t{8} << 10;

/// Collects the pieces of one state until a block is full.
class StateBlockWriter {
public:
    StateBlockWriter(FileSystem& files, const std::string& path, SnapshotCompression compression,
                     IncrementalPart* incremental)
        : compressor_(compression), file_(files.create(path)), incremental_(incremental) {}

    [[gnu::cold]] void writeHeader(const StateFileOwner& owner) {
        ByteWriter header;
        header.writeBytes(kStateFileMagic, sizeof kStateFileMagic);
        header.write(static_cast<std::uint16_t>(kStateFileVersion));
        header.write(std::uint16_t{0});
        header.write(owner.checkpoint);
        header.write(owner.task);
        header.write(owner.subtask);
        header.write(crc32c(header.bytes()));
        put(header.bytes());
    }
    [[gnu::cold]] void begin(StateExtent& extent) {
        extent_ = &extent;
        extent.offset = size_;
        beginBlock();
    }
    [[gnu::cold]] void add(int keyGroup, std::span<const std::byte> bytes) {
        if (incremental_ != nullptr && count_ > 0 && keyGroup != lastAdded_) {
            // keyed state has blocks of its own
            if ((keyGroup < 0) != (lastAdded_ < 0) || block_.size() >= kIncrementalBlock) endSegment();
        }
        lastAdded_ = keyGroup;
        stats_.firstKeyGroup = count_ == 0 ? keyGroup : std::min(stats_.firstKeyGroup, keyGroup);
        stats_.lastKeyGroup = count_ == 0 ? keyGroup : std::max(stats_.lastKeyGroup, keyGroup);
        stats_.bytes += bytes.size();
        ++count_;
        block_.write(static_cast<std::int32_t>(keyGroup));
        block_.write(static_cast<std::uint64_t>(bytes.size()));
        if (bytes.size() < kLargePiece) {
            block_.writeBytes(bytes);
            if (block_.size() < kBlockTarget) return;
            bytes = {};
        }
        endBlock(bytes);
        beginBlock();
    }
    /// Ends the block at hand, if there is something in it.
    [[gnu::cold]] void endSegment() {
        if (count_ == 0) return;
        endBlock({});
        beginBlock();
    }
    [[gnu::cold]] void end() {
        if (count_ > 0) endBlock({});
        count_ = 0;
        extent_->length = size_ - extent_->offset;
    }
    /// The size of the file.
    [[gnu::cold]] std::uint64_t finish() {
        block_.clear();
        block_.writeBytes(std::vector<std::byte>(kBlockHeaderSize));
        block_.write(blocks_);
        block_.write(pieces_);
        putBlock(BlockKind::End, {});
        file_->sync();
        file_->close();
        return size_;
    }

private:
    void beginBlock() {
        block_.clear();
        block_.writeBytes(std::vector<std::byte>(kBlockHeaderSize));
        block_.writeString(extent_->uid);
        block_.writeString(extent_->state);
        countPosition_ = block_.size();
        block_.write(std::uint32_t{0});
        count_ = 0;
        stats_ = KnownBlock{};
    }
    void endBlock(std::span<const std::byte> tail) {
        block_.overwrite(countPosition_, count_);
        stats_.pieces = count_;
        const bool isShared = incremental_ != nullptr && stats_.firstKeyGroup >= 0;
        if (isShared) {
            stats_.hash = contentHash(incremental_->key, block_.bytes().subspan(kBlockHeaderSize), tail);
            const KnownBlock* const known =
                incremental_->known != nullptr ? findBlock(*incremental_->known, stats_.hash) : nullptr;
            if (known != nullptr && known->pieces == stats_.pieces && known->bytes == stats_.bytes) {
                incremental_->written.blocks.push_back(*known);
                return refer(*known);
            }
        }
        stats_.offset = size_;
        addTo(*extent_, stats_);
        ++blocks_;
        pieces_ += count_;
        const std::span<const std::byte> compressed =
            compressor_.compress(block_.bytes().subspan(kBlockHeaderSize), tail);
        if (compressed.empty()) {
            putBlock(BlockKind::Pieces, tail);
        } else {
            block_.clear();
            block_.writeBytes(std::vector<std::byte>(kBlockHeaderSize));
            block_.overwrite(5, kCompressedBlock);
            putBlock(BlockKind::Pieces, compressed);
        }
        stats_.length = size_ - stats_.offset;
        if (isShared) incremental_->written.blocks.push_back(stats_);
    }
    static void addTo(StateExtent& extent, const KnownBlock& block) {
        const bool isFirst = extent.pieces == 0;
        extent.firstKeyGroup = isFirst ? block.firstKeyGroup : std::min(extent.firstKeyGroup, block.firstKeyGroup);
        extent.lastKeyGroup = isFirst ? block.lastKeyGroup : std::max(extent.lastKeyGroup, block.lastKeyGroup);
        extent.pieces += block.pieces;
        extent.bytes += block.bytes;
    }
    /// Notes that a block of the state at hand is in another file.
    void refer(const KnownBlock& block) {
        std::vector<StateFileIndex>& files = incremental_->shared;
        auto file = std::find_if(files.begin(), files.end(),
                                 [&](const StateFileIndex& each) { return each.name == block.file->name; });
        if (file == files.end()) {
            files.push_back({block.file->name, block.file->owner, block.file->size, {}});
            file = files.end() - 1;
        }
        std::vector<StateExtent>& extents = file->states;
        if (extents.empty() || extents.back().uid != extent_->uid || extents.back().state != extent_->state ||
            extents.back().offset + extents.back().length != block.offset) {
            StateExtent& added = extents.emplace_back();
            added.uid = extent_->uid;
            added.state = extent_->state;
            added.schema = extent_->schema;
            added.offset = block.offset;
        }
        addTo(extents.back(), block);
        extents.back().length += block.length;
    }
    void putBlock(BlockKind kind, std::span<const std::byte> tail) {
        const std::span<const std::byte> payload = block_.bytes().subspan(kBlockHeaderSize);
        block_.overwrite(0, kBlockMagic);
        block_.overwrite(4, kind);
        block_.overwrite(8, static_cast<std::uint64_t>(payload.size() + tail.size()));
        block_.overwrite(16, crc32c(tail, crc32c(payload)));
        block_.overwrite(20, crc32c(block_.bytes().first(20)));
        put(block_.bytes());
        if (!tail.empty()) put(tail);
    }
    void put(std::span<const std::byte> bytes) {
        file_->write(bytes);
        size_ += bytes.size();
    }

    BlockCompressor compressor_;
    std::unique_ptr<WritableFile> file_;
    ByteWriter block_;
    StateExtent* extent_ = nullptr;
    std::size_t countPosition_ = 0;
    std::uint32_t count_ = 0;  // pieces in the block
    KnownBlock stats_;         // of the block
    int lastAdded_ = 0;        // key group
    IncrementalPart* incremental_;
    std::uint64_t blocks_ = 0;
    std::uint64_t pieces_ = 0;
    std::uint64_t size_ = 0;
};

/// Puts what a part writes into a file, and remembers where.
class StateFileSink final : public TableSink {
public:
    struct Unwanted {};  ///< thrown to leave the part's `writeTo`

    StateFileSink(StateBlockWriter& writer, StateFileIndex& index, const std::function<bool()>& isWanted,
                  bool isIncremental)
        : writer_(writer), index_(index), isWanted_(isWanted), isIncremental_(isIncremental) {}

    [[gnu::cold]] void setSchema(std::string_view uid, std::string_view state, std::string schema) override {
        schemas_.push_back({std::string(uid), std::string(state), std::move(schema)});
    }
    [[gnu::cold]] void write(std::string_view uid, std::string_view state, int keyGroup,
                             std::span<const std::byte> bytes) override {
        if (!isWanted_()) throw Unwanted();
        if (!isOpen_ || index_.states.back().uid != uid || index_.states.back().state != state) {
            end();
            isOpen_ = true;
            StateExtent& extent = index_.states.emplace_back();
            extent.uid = uid;
            extent.state = state;
            for (const Schema& each : schemas_) {
                if (each.uid == uid && each.state == state) extent.schema = each.text;
            }
            writer_.begin(extent);
        }
        writer_.add(keyGroup, bytes);
    }
    bool wantsSegments() const noexcept override { return isIncremental_; }
    void endSegment() override {
        if (isOpen_) writer_.endSegment();
    }
    void end() {
        if (!isOpen_) return;
        isOpen_ = false;
        writer_.end();
        if (index_.states.back().pieces == 0) index_.states.pop_back();  // all of it is in other files
    }

private:
    struct Schema {
        std::string uid;
        std::string state;
        std::string text;
    };
    StateBlockWriter& writer_;
    StateFileIndex& index_;
    const std::function<bool()>& isWanted_;
    bool isIncremental_;
    bool isOpen_ = false;  ///< the last state of the index is being written
    std::vector<Schema> schemas_;
};

MILLRACE_INLINE_COLD StateFileIndex writeStateFile(FileSystem& files, const std::string& path,
                                                   const StateFileOwner& owner, const SnapshotPart& part,
                                                   const std::function<bool()>& isWanted,
                                                   SnapshotCompression compression, IncrementalPart* incremental) {
    StateFileIndex index;
    index.name = path.substr(path.rfind('/') + 1);  // npos + 1 is 0
    index.owner = owner;
    StateBlockWriter writer(files, path, compression, incremental);
    writer.writeHeader(owner);
    StateFileSink sink(writer, index, isWanted, incremental != nullptr);
    try {
        part.writeTo(sink);
    } catch (const StateFileSink::Unwanted&) {
        return index;
    }
    sink.end();
    index.size = writer.finish();
    return index;
}

/// Calls `visit(uid, state, keyGroup, bytes)` for what is in a block of pieces, and returns how many there were.
/// *Failure:* CodecException.
template <class Visit>
std::uint32_t readPieces(std::span<const std::byte> payload, Visit visit) {
    ByteReader reader(payload);
    const std::string_view uid = reader.readString();
    const std::string_view state = reader.readString();
    const auto count = reader.read<std::uint32_t>("a number of pieces");
    for (std::uint32_t i = 0; i < count; ++i) {
        const auto keyGroup = reader.read<std::int32_t>("a key group");
        const auto size = reader.read<std::uint64_t>("a length");
        if (size > reader.remaining()) reader.fail("a piece is longer than its block");
        visit(uid, state, keyGroup, reader.readBytes(static_cast<std::size_t>(size)));
    }
    reader.expectEnd();
    return count;
}

struct StateFileReader::Block {
    BlockKind kind;
    std::uint64_t offset;  // of the payload
    std::uint64_t end;
    std::vector<std::byte> payload;  // as it was before it was compressed
};

MILLRACE_INLINE_COLD StateFileReader::StateFileReader(FileSystem& files, std::string path)
    : StateFileReader(files.open(path), path) {}

MILLRACE_INLINE_COLD StateFileReader::StateFileReader(std::unique_ptr<ReadableFile> file, std::string path)
    : file_(std::move(file)), path_(std::move(path)), size_(file_->size()) {
    readHeader();
}

MILLRACE_INLINE_COLD void StateFileReader::fail(std::uint64_t offset, const std::string& problem) const {
    raise<CodecException>(
        "the state file '{}' is damaged at byte {} of {}: {}. Restore from another checkpoint, or from a copy of this "
        "one",
        {path_, offset, size_, problem});
}

MILLRACE_INLINE_COLD void StateFileReader::readBytes(std::uint64_t offset, std::span<std::byte> into) const {
    if (file_->readAt(offset, into) < into.size()) fail(offset, "the file has become shorter");
}

MILLRACE_INLINE_COLD void StateFileReader::readHeader() {
    std::byte bytes[kStateFileHeaderSize];
    const std::size_t got = file_->readAt(0, bytes);
    ByteReader reader({bytes, got});
    const std::size_t magicSize = std::min(got, sizeof kStateFileMagic);
    if (std::memcmp(bytes, kStateFileMagic, magicSize) != 0)
        fail(0, "it does not begin as a state file of millrace does");
    if (got < kStateFileHeaderSize) fail(got, "it ends within its header");
    (void)reader.readBytes(sizeof kStateFileMagic);
    const auto version = reader.read<std::uint16_t>();
    const auto flags = reader.read<std::uint16_t>();
    owner_.checkpoint = reader.read<std::int64_t>();
    owner_.task = reader.read<std::int32_t>();
    owner_.subtask = reader.read<std::int32_t>();
    if (reader.read<std::uint32_t>() != crc32c(std::span(bytes).first(kStateFileHeaderSize - 4))) {
        fail(0, "the checksum of its header does not match");
    }
    if (version != kStateFileVersion || flags != 0) {
        raise<CodecException>(
            "the state file '{}' has format version {} and flags {} (at byte 8), but this build of millrace reads "
            "version {} and flags 0. Restore it with the version that wrote it, or a later one",
            {path_, version, flags, kStateFileVersion});
    }
}

MILLRACE_INLINE_COLD StateFileReader::Block StateFileReader::readBlock(std::uint64_t offset, std::uint64_t end) const {
    if (end - offset < kBlockHeaderSize) fail(offset, "a block was expected, but there is no room for one");
    std::byte bytes[kBlockHeaderSize];
    readBytes(offset, bytes);
    ByteReader reader(bytes);
    if (reader.read<std::uint32_t>() != kBlockMagic) fail(offset, "no block begins here");
    const auto kind = reader.read<std::uint8_t>();
    const auto compression = reader.read<std::uint8_t>();
    const auto reserved = reader.read<std::uint16_t>();
    const auto length = reader.read<std::uint64_t>();
    const auto checksum = reader.read<std::uint32_t>();
    if (reader.read<std::uint32_t>() != crc32c(std::span(bytes).first(kBlockHeaderSize - 4))) {
        fail(offset, "the checksum of a block's header does not match");
    }
    const bool isKnown = (kind == 1 && compression <= kCompressedBlock) || (kind == 2 && compression == 0);
    if (!isKnown || reserved != 0) {
        fail(offset, message("unknown kind of block: {}, {}, {}", {kind, compression, reserved}));
    }
    if (length > end - offset - kBlockHeaderSize) {
        fail(offset, message("a block of {} bytes was expected, but only {} follow",
                             {length, end - offset - kBlockHeaderSize}));
    }
    Block block{static_cast<BlockKind>(kind), offset + kBlockHeaderSize, offset + kBlockHeaderSize + length, {}};
    block.payload.resize(static_cast<std::size_t>(length));  // no more than the file has
    readBytes(block.offset, block.payload);
    if (crc32c(block.payload) != checksum) fail(offset, "the checksum of a block does not match");
    if (block.kind == BlockKind::Pieces) {
        try {
            if (compression == kCompressedBlock) block.payload = decompressBlock(block.payload);
            (void)readPieces(block.payload, [](auto&&...) {});  // nothing of it is handed out unless all of it is right
        } catch (const CodecException& error) {
            fail(offset, error.what());
        } catch (const ConfigurationException& error) {
            raise<ConfigurationException>("the state file '{}' has a block at byte {} that is {}",
                                          {path_, offset, error.what()});
        }
    }
    return block;
}

MILLRACE_INLINE_COLD void StateFileReader::read(const StateExtent& extent, const Visitor& visit) const {
    if (extent.offset < kStateFileHeaderSize || extent.offset > size_ || extent.length > size_ - extent.offset) {
        fail(extent.offset, message("the manifest says that {} bytes of state are here", {extent.length}));
    }
    std::uint64_t pieces = 0;
    for (std::uint64_t at = extent.offset; at < extent.offset + extent.length;) {
        const Block block = readBlock(at, extent.offset + extent.length);
        if (block.kind != BlockKind::Pieces) fail(at, "the file ends before the manifest says");
        pieces += readPieces(block.payload, [&](std::string_view uid, std::string_view state, int keyGroup,
                                                std::span<const std::byte> bytes) {
            if (uid != extent.uid || state != extent.state) {
                fail(at, message("state '{}' of uid '{}' is here instead of '{}' of '{}'",
                                 {state, uid, extent.state, extent.uid}));
            }
            if (keyGroup < extent.firstKeyGroup || keyGroup > extent.lastKeyGroup) {
                fail(at, message("key group {} is not among those of the manifest", {keyGroup}));
            }
            visit(keyGroup, bytes);
        });
        at = block.end;
    }
    if (pieces != extent.pieces) {
        fail(extent.offset, message("{} pieces were expected, but {} are here", {extent.pieces, pieces}));
    }
}

MILLRACE_INLINE_COLD void StateFileReader::readAll(const FullVisitor& visit) const {
    std::uint64_t blocks = 0;
    std::uint64_t pieces = 0;
    for (std::uint64_t at = kStateFileHeaderSize;;) {
        const Block block = readBlock(at, size_);
        if (block.kind == BlockKind::End) {
            ByteReader reader(block.payload);
            if (block.payload.size() != 16 || reader.read<std::uint64_t>() != blocks ||
                reader.read<std::uint64_t>() != pieces) {
                fail(at, "the counts at the end are not those of the file");
            }
            if (block.end != size_) fail(block.end, "more follows behind the end");
            return;
        }
        ++blocks;
        pieces += readPieces(block.payload, visit);
        at = block.end;
    }
}

}  // namespace millrace::detail

#endif  // MILLRACE_CHECKPOINT_STATE_FILE_IPP
