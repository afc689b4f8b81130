#ifndef MILLRACE_RUNTIME_RESTORED_CHANNEL_HPP
#define MILLRACE_RUNTIME_RESTORED_CHANNEL_HPP

#include <millrace/core/pointer_list.hpp>
#include <millrace/record/batch.hpp>
#include <millrace/time/timestamp.hpp>

#include <cstddef>

namespace millrace::detail {

/// What was on its way over one channel when the restored checkpoint was taken. Owns the batches that nobody has taken.
struct RestoredChannel {
    Timestamp reached = kMinTimestamp;  ///< of the input as a whole
    Timestamp watermark = kMinTimestamp;
    bool idle = false;
    PointerList<Batch> batches;
    std::size_t next = 0;

    RestoredChannel() = default;
    RestoredChannel(const RestoredChannel&) = delete;
    RestoredChannel& operator=(const RestoredChannel&) = delete;
    ~RestoredChannel() {
        while (Batch* const batch = take()) batch->destroy();
    }
    /// Gives the next batch away; null: there is none.
    Batch* take() noexcept { return next < batches.size() ? &batches[next++] : nullptr; }
};

}  // namespace millrace::detail

#endif  // MILLRACE_RUNTIME_RESTORED_CHANNEL_HPP
