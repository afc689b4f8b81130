#ifndef MILLRACE_CONNECTORS_PART_FILES_HPP
#define MILLRACE_CONNECTORS_PART_FILES_HPP

#include <millrace/connectors/file_committer.hpp>
#include <millrace/connectors/file_line_reader.hpp>
#include <millrace/connectors/rolling_policy.hpp>
#include <millrace/core/config.hpp>
#include <millrace/core/functional.hpp>
#include <millrace/time/timestamp.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::detail {

/// What a checkpoint says of a part file that was being written to.
struct PartFileState {
    std::string bucket;
    PendingFile file;
    std::uint64_t size = 0;
    std::int64_t createdTicks = 0;
};

/// A part file that is being written to.
class PartFile {
public:
    /// A new one. The name must not exist.
    PartFile(std::string bucket, PendingFile file, Timestamp now);
    /// Goes on where a checkpoint has been: what was written behind it is cut off.
    explicit PartFile(const PartFileState& state);
    PartFile(const PartFile&) = delete;
    PartFile& operator=(const PartFile&) = delete;

    /// Append to it, then call `appended`.
    std::string& buffer() noexcept { return buffer_; }
    void appended() {
        touched_ = true;
        if (buffer_.size() >= kBufferSize) writeOut();
    }
    std::uint64_t size() const noexcept { return written_ + buffer_.size(); }
    const std::string& bucket() const noexcept { return bucket_; }

    /// Whether a rule of time has come true; asked at intervals.
    bool isDue(const RollingPolicy& policy, Timestamp now) noexcept;
    /// Writes out, down to the disk.
    void sync();
    PartFileState state() const { return {bucket_, file_, size(), created_.time_since_epoch().count()}; }
    /// Writes out, down to the disk, and closes.
    PendingFile finish();

private:
    static constexpr std::size_t kBufferSize = 64 * 1024;

    void writeOut();

    std::string bucket_;
    PendingFile file_;
    FileDescriptor descriptor_;
    std::string buffer_;
    std::uint64_t written_ = 0;
    Timestamp created_;
    Timestamp lastWritten_;  ///< as of the last time it was asked
    bool touched_ = true;
    bool isEntrySynced_ = false;  ///< its directory knows of it
};

/// The part files of one subtask of a file sink: at most one open in each bucket.
class PartFiles {
public:
    PartFiles(std::string path, OutputFileConfig config, RollingPolicy policy, std::function<Timestamp()> clock);

    /// The part to append to; rolled, or new (with size 0), where that is due.
    PartFile& partFor(std::string_view bucket) {
        if (last_ != nullptr && last_->bucket() == bucket && last_->size() <= policy_.maxPartSize) [[likely]] {
            return *last_;
        }
        return findPart(bucket);
    }
    /// Rolls what is due.
    void checkTime(Timestamp now);
    void finishAll();
    /// Before a checkpoint: rolls what the policy says, and gives away what is complete.
    std::vector<PendingFile> prepareCommit();
    /// What is still being written to; it is on the disk.
    std::vector<PartFileState> snapshot();
    void restore(const std::vector<PartFileState>& states);

private:
    PartFile& findPart(std::string_view bucket);
    void finish(PartFile& part);
    template <class Which>
    void finishIf(Which which);

    std::string path_;
    OutputFileConfig config_;
    RollingPolicy policy_;
    std::function<Timestamp()> clock_;
    std::string uid_;  ///< new for each writer, so that no name is used twice
    std::uint64_t counter_ = 0;
    std::map<std::string, std::unique_ptr<PartFile>, std::less<>> open_;  ///< by bucket
    PartFile* last_ = nullptr;
    std::vector<PendingFile> pending_;
};

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/connectors/part_files.ipp>
#endif

#endif  // MILLRACE_CONNECTORS_PART_FILES_HPP
