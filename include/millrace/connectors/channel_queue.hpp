#ifndef MILLRACE_CONNECTORS_CHANNEL_QUEUE_HPP
#define MILLRACE_CONNECTORS_CHANNEL_QUEUE_HPP

#include <millrace/core/algorithm.hpp>
#include <millrace/core/chrono.hpp>
#include <millrace/core/errors.hpp>
#include <millrace/core/functional.hpp>
#include <millrace/core/list.hpp>

#include <condition_variable>
#include <cstddef>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace millrace::detail {

/// The queue behind `Channel`. The host's side may wait on condition variables; the pipeline's side never does: it is
/// called back when there is something to take, or room again.
template <class T>
class ChannelQueue {
public:
    using WakeUp = std::shared_ptr<const std::function<void()>>;
    enum class Taken : unsigned char { Some, Nothing, Ended };

    explicit ChannelQueue(std::size_t capacity) : capacity_(capacity) {}

    // ---- the host's side ----

    bool push(T&& element) {
        std::unique_lock lock(mutex_);
        while (count() >= capacity_ && !refusing()) {
            if (takingThread_ == std::this_thread::get_id()) failPush();
            const Waiting waiting(waitingPushes_);
            room_.wait(lock);
        }
        return pushLocked(std::move(element), lock);
    }
    bool tryPush(T&& element) {
        std::unique_lock lock(mutex_);
        return count() < capacity_ && pushLocked(std::move(element), lock);
    }

    std::optional<T> pop() {
        std::unique_lock lock(mutex_);
        while (count() == 0 && !refusing()) {
            if (puttingThread_ == std::this_thread::get_id()) failPop();
            const Waiting waiting(waitingPops_);
            filled_.wait(lock);
        }
        return popLocked(lock);
    }
    std::optional<T> popUntil(std::chrono::steady_clock::time_point deadline) {
        std::unique_lock lock(mutex_);
        while (count() == 0 && !refusing()) {
            const Waiting waiting(waitingPops_);
            if (filled_.wait_until(lock, deadline) == std::cv_status::timeout) break;
        }
        return popLocked(lock);
    }
    std::optional<T> tryPop() {
        std::unique_lock lock(mutex_);
        return popLocked(lock);
    }
    /// Moves all there is into `into`, which must be empty.
    void take(std::vector<T>& into) {
        std::unique_lock lock(mutex_);
        takeLocked(into);
        finish(lock);
    }

    void close() { refuse(closed_); }
    bool closed() const {
        const std::lock_guard lock(mutex_);
        return refusing();
    }
    std::size_t size() const {
        const std::lock_guard lock(mutex_);
        return count();
    }
    std::size_t capacity() const noexcept { return capacity_; }

    // ---- a pipeline that takes ----

    /// A job will read: pushes are taken, and wait for it.
    void expectReader() {
        const std::lock_guard lock(mutex_);
        readerEnded_ = false;
    }
    void attachReader(WakeUp wakeUp) {
        const std::lock_guard lock(mutex_);
        readerWakeUp_ = std::move(wakeUp);
        readerEnded_ = false;
    }
    /// As `take`; where there is nothing, the next push wakes the reader.
    Taken takeOrBeWoken(std::vector<T>& into) {
        std::unique_lock lock(mutex_);
        takingThread_ = std::this_thread::get_id();
        if (count() == 0) {
            const bool complete = closed_ || sinksEnded_;
            readerWaits_ = !complete;
            return complete ? Taken::Ended : Taken::Nothing;
        }
        takeLocked(into);
        finish(lock);
        return Taken::Some;
    }
    /// The reader does not come back: from now on pushes are refused.
    void detachReader() { refuse(readerEnded_); }

    // ---- a pipeline that puts in ----

    void attachSink() {
        const std::lock_guard lock(mutex_);
        ++openSinks_;
        sinksEnded_ = false;
    }
    /// With the last sink, or at once if one has failed, the channel ends.
    void detachSink(bool failed) {
        std::unique_lock lock(mutex_);
        const bool last = --openSinks_ == 0;
        lock.unlock();
        if (last || failed) refuse(sinksEnded_);
    }
    /// Takes all of `batch`, also beyond the capacity; drops it if the channel is closed. False: there is no room left,
    /// and `wakeUp` will be called when half of it is free; the caller should put in nothing more until then.
    bool putOverdrawing(std::vector<T>& batch, const WakeUp& wakeUp) {
        std::unique_lock lock(mutex_);
        puttingThread_ = std::this_thread::get_id();
        if (refusing()) {
            batch.clear();
            return true;
        }
        if (!batch.empty()) {
            items_.insert(items_.end(), std::make_move_iterator(batch.begin()), std::make_move_iterator(batch.end()));
            batch.clear();
            announce();
            if (waitingPops_ > 0) filled_.notify_all();
        }
        const bool hasRoom = count() < capacity_;
        // (asked again while it waits, it is still to be woken once)
        if (!hasRoom && std::find(waitingSinks_.begin(), waitingSinks_.end(), wakeUp) == waitingSinks_.end()) {
            waitingSinks_.push_back(wakeUp);
        }
        finish(lock);
        return hasRoom;
    }
    /// For a sink that cannot pause its subtask: waits for room. False: the channel is closed.
    bool putWaiting(T&& element) {
        std::unique_lock lock(mutex_);
        puttingThread_ = std::this_thread::get_id();
        while (count() >= capacity_ && !refusing()) {
            if (poppingThread_ == std::this_thread::get_id()) failPut();
            const Waiting waiting(waitingPushes_);
            room_.wait(lock);
        }
        return pushLocked(std::move(element), lock);
    }

private:
    /// One more waiting thread, for the length of a scope.
    class Waiting {
    public:
        explicit Waiting(int& threads) noexcept : threads_(threads) { ++threads_; }
        Waiting(const Waiting&) = delete;
        Waiting& operator=(const Waiting&) = delete;
        ~Waiting() { --threads_; }

    private:
        int& threads_;
    };

    std::size_t count() const noexcept { return items_.size() - head_; }
    bool refusing() const noexcept { return closed_ || readerEnded_ || sinksEnded_; }

    bool pushLocked(T&& element, std::unique_lock<std::mutex>& lock) {
        if (refusing()) return false;
        items_.push_back(std::move(element));
        announce();
        if (waitingPops_ > 0) filled_.notify_one();
        finish(lock);
        return true;
    }
    std::optional<T> popLocked(std::unique_lock<std::mutex>& lock) {
        poppingThread_ = std::this_thread::get_id();
        std::optional<T> element;
        if (count() == 0) return element;
        element.emplace(std::move(items_[head_]));
        ++head_;
        // the room of popped elements is reclaimed when they are at least half: constant per element
        if (head_ == items_.size()) {
            items_.clear();
            head_ = 0;
        } else if (head_ >= 64 && head_ * 2 >= items_.size()) {
            items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(head_));
            head_ = 0;
        }
        if (waitingPushes_ > 0) room_.notify_one();
        announceRoom();
        finish(lock);
        return element;
    }
    void takeLocked(std::vector<T>& into) {
        poppingThread_ = std::this_thread::get_id();
        if (head_ == 0) {
            into.swap(items_);
        } else {
            into.assign(std::make_move_iterator(items_.begin() + static_cast<std::ptrdiff_t>(head_)),
                        std::make_move_iterator(items_.end()));
            items_.clear();
            head_ = 0;
        }
        if (waitingPushes_ > 0) room_.notify_all();
        announceRoom();
    }

    void announce() {
        if (!readerWaits_) return;
        readerWaits_ = false;
        wakeUps_.push_back(readerWakeUp_);
    }
    void announceRoom() {
        if (waitingSinks_.empty() || count() > capacity_ / 2) return;
        wakeSinks();
    }
    void wakeSinks() {
        for (WakeUp& each : waitingSinks_) wakeUps_.push_back(std::move(each));
        waitingSinks_.clear();
    }
    /// Gives the lock up and then calls whoever is to be woken: that may run a runtime's scheduling.
    void finish(std::unique_lock<std::mutex>& lock) {
        if (wakeUps_.empty()) {
            lock.unlock();
            return;
        }
        List<WakeUp> wakeUps;
        wakeUps.swap(wakeUps_);
        lock.unlock();
        for (const WakeUp& wakeUp : wakeUps) {
            if (wakeUp != nullptr && *wakeUp) (*wakeUp)();
        }
    }
    void refuse(bool& flag) {
        std::unique_lock lock(mutex_);
        flag = true;
        takingThread_ = puttingThread_ = poppingThread_ = std::thread::id();
        room_.notify_all();
        filled_.notify_all();
        announce();
        wakeSinks();
        finish(lock);
    }

    [[noreturn]] void failPush() const {
        throw ConfigurationException("Channel: push would wait for ever: " + full() +
                                     " and this thread is the one that runs the reading pipeline; use tryPush and let "
                                     "the pipeline run (step()) when it returns false");
    }
    [[noreturn]] void failPop() const {
        throw ConfigurationException(
            "Channel: pop would wait for ever: the channel is empty and this thread is the one that runs the writing "
            "pipeline; use tryPop and let the pipeline run (step()) when it returns none");
    }
    [[noreturn]] void failPut() const {
        throw ConfigurationException("ChannelSink would wait for ever: " + full() +
                                     " and this thread both runs the pipeline and pops; pop between steps until tryPop "
                                     "returns none, and give the channel room for what one step writes");
    }
    std::string full() const { return "the channel is full (capacity " + std::to_string(capacity_) + ")"; }

    const std::size_t capacity_;
    mutable std::mutex mutex_;
    std::condition_variable room_;
    std::condition_variable filled_;
    std::vector<T> items_;  // the elements from index head_ on; those before have been moved from
    std::size_t head_ = 0;
    bool closed_ = false;       // close() was called
    bool readerEnded_ = false;  // the job that takes has ended
    bool sinksEnded_ = false;   // the jobs that put in have ended
    int waitingPushes_ = 0;
    int waitingPops_ = 0;
    int openSinks_ = 0;
    bool readerWaits_ = false;
    WakeUp readerWakeUp_;
    List<WakeUp> waitingSinks_;
    List<WakeUp> wakeUps_;  // to be called as soon as the lock has been given up
    // who was last on the pipeline's side, to tell a wait that cannot end
    std::thread::id takingThread_;
    std::thread::id puttingThread_;
    std::thread::id poppingThread_;
};

}  // namespace millrace::detail

#endif  // MILLRACE_CONNECTORS_CHANNEL_QUEUE_HPP
