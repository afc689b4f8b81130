#ifndef MILLRACE_CONNECTORS_BYTE_INBOX_HPP
#define MILLRACE_CONNECTORS_BYTE_INBOX_HPP

#include <millrace/core/functional.hpp>

#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace millrace::detail {

/// Bytes on their way from an I/O thread (which never waits here) to the subtask of a source (which never waits either).
/// When `limit` bytes have piled up the I/O thread stops reading, and the other side's sender feels it.
///
/// Both callbacks are called without the lock. A wake-up that has begun may still be running when `close()` returns.
class ByteInbox {
public:
    enum class Taken : unsigned char { Some, Nothing, Ended };

    /// `onRoom` runs on the subtask's thread: it makes the I/O thread read on.
    ByteInbox(std::size_t limit, std::function<void()> wakeUp, std::function<void()> onRoom)
        : limit_(limit), wakeUp_(std::move(wakeUp)), onRoom_(std::move(onRoom)) {}

    // ---- the I/O thread ----

    /// False: stop reading, until `onRoom`.
    bool append(std::string_view bytes) {
        std::unique_lock lock(mutex_);
        if (closed_) return false;
        bytes_.append(bytes);
        paused_ = bytes_.size() >= limit_;
        const bool goOn = !paused_;
        announce(lock);
        return goOn;
    }
    /// No more bytes; with an `error` the source fails when it has emitted what came before.
    void end(std::string error = {}) {
        std::unique_lock lock(mutex_);
        if (ended_ || closed_) return;
        ended_ = true;
        error_ = std::move(error);
        announce(lock);
    }

    // ---- the subtask ----

    /// Appends all bytes to `into`. Nothing: `wakeUp` will be called. Ended: see `error()`.
    Taken take(std::string& into) {
        std::unique_lock lock(mutex_);
        if (bytes_.empty()) {
            readerWaits_ = !ended_;
            return ended_ ? Taken::Ended : Taken::Nothing;
        }
        if (into.empty()) {
            into.swap(bytes_);
        } else {
            into.append(bytes_);
        }
        bytes_.clear();
        const bool hadPaused = std::exchange(paused_, false);
        lock.unlock();
        if (hadPaused && onRoom_) onRoom_();
        return Taken::Some;
    }
    /// Why it ended; empty at a proper end. Only after `take` has returned Ended.
    const std::string& error() const noexcept { return error_; }

    void close() {
        const std::lock_guard lock(mutex_);
        closed_ = true;
        bytes_.clear();
    }

private:
    void announce(std::unique_lock<std::mutex>& lock) {
        const bool wake = std::exchange(readerWaits_, false);
        lock.unlock();
        if (wake && wakeUp_) wakeUp_();
    }

    const std::size_t limit_;
    const std::function<void()> wakeUp_;
    const std::function<void()> onRoom_;
    std::mutex mutex_;
    std::string bytes_;
    std::string error_;
    bool paused_ = false;
    bool ended_ = false;
    bool closed_ = false;
    bool readerWaits_ = false;
};

}  // namespace millrace::detail

#endif  // MILLRACE_CONNECTORS_BYTE_INBOX_HPP
