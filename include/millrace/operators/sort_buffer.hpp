#ifndef MILLRACE_OPERATORS_SORT_BUFFER_HPP
#define MILLRACE_OPERATORS_SORT_BUFFER_HPP

#include <millrace/core/bytes.hpp>
#include <millrace/core/config.hpp>
#include <millrace/operators/keyed_record_codec.hpp>
#include <millrace/time/timestamp.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace millrace::detail {

/// An encoded record on its way out of a `SortBuffer`; the bytes are valid until the next one is asked for.
struct SortedRecord {
    std::uint32_t hash = 0;
    Timestamp time = kMinTimestamp;
    std::span<const std::byte> key;
    std::span<const std::byte> record;

    bool sameKeyAs(std::uint32_t otherHash, std::span<const std::byte> otherKey) const noexcept;
    /// By hash, key and time.
    bool isBefore(const SortedRecord& other) const noexcept;
};

/// Sorts encoded records by key, and those of a key by time; equal ones stay in the order of their arrival. Beyond a budget
/// of memory, sorted runs go to temporary files, which are merged (external merge sort: Knuth, volume 3, 5.4).
/// Keys are put in the order of (hash, encoded key): equal keys meet, and that is all that grouping needs.
/// *Thread safety:* none. *Failure:* MillraceException naming directory and cause when a file cannot be written or read.
class SortBuffer {
public:
    /// `directory`: where temporary files go; empty for $TMPDIR or /tmp. They have no names and vanish with the buffer.
    explicit SortBuffer(std::size_t memoryBudget, std::string directory = {});
    SortBuffer(const SortBuffer&) = delete;
    SortBuffer& operator=(const SortBuffer&) = delete;
    ~SortBuffer();

    /// Where records are encoded to; `added` must follow each time.
    EncodedRecords& pending() noexcept { return records_; }
    void added();

    /// No more records; `next` follows.
    void sort();
    /// The smallest record that is left; false at the end.
    bool next(SortedRecord& record);
    /// Looks at what `next` will give.
    const SortedRecord* peek();

    std::size_t runsOnDisk() const noexcept { return runs_.size(); }

private:
    using Entry = EncodedRecords::Entry;
    class Run;

    SortedRecord at(const Entry& entry) const noexcept;
    void sortEntries();
    void spill();
    void mergeRuns();
    bool advance();

    EncodedRecords records_;
    std::size_t nextEntry_ = 0;
    std::size_t budget_;
    std::string directory_;
    std::vector<std::unique_ptr<Run>> runs_;
    Run* current_ = nullptr;  ///< the run whose head is `head_`; null: the memory
    SortedRecord head_;
    bool hasHead_ = false;
    bool started_ = false;
};

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/operators/sort_buffer.ipp>
#endif

#endif  // MILLRACE_OPERATORS_SORT_BUFFER_HPP
