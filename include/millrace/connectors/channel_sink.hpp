#ifndef MILLRACE_CONNECTORS_CHANNEL_SINK_HPP
#define MILLRACE_CONNECTORS_CHANNEL_SINK_HPP

#include <millrace/connectors/channel.hpp>
#include <millrace/core/functional.hpp>
#include <millrace/functions/sink.hpp>

#include <atomic>
#include <memory>
#include <utility>
#include <vector>

namespace millrace {

/// Puts the elements of a stream into a `Channel` from which the host application pops. @public
/// The channel closes when all subtasks have ended (with several sinks on one channel: of all sinks), and at once when
/// the job fails or is cancelled: `pop` then returns what is left, then none. If the host closes the channel first,
/// further elements are dropped and the job goes on.
///
/// A full channel holds the pipeline up without blocking a thread: the subtask pauses, and the channel has by then taken
/// what one block wrote beyond its capacity. (Without `WriterInitContext::wakeUp` it cannot: then `write` waits.)
template <class T>
class ChannelSink {
public:
    explicit ChannelSink(Channel<T> channel) : registration_(std::make_shared<Registration>(channel.queue())) {}

    class Writer;

    Writer createWriter(const WriterInitContext& context) const {
        registration_->writerCreated(context.parallelism);
        return Writer(registration_, context.wakeUp);
    }

private:
    using Queue = detail::ChannelQueue<T>;

    /// One sink among those of the queue: shared by the sink's copies and its writers, ends with the last of them.
    class Registration {
    public:
        explicit Registration(std::shared_ptr<Queue> queue) : queue_(std::move(queue)) { queue_->attachSink(); }
        Registration(const Registration&) = delete;
        Registration& operator=(const Registration&) = delete;
        ~Registration() { detach(false); }

        void writerCreated(int parallelism) {
            if (!attached_.exchange(true)) {  // a new run, after an earlier one has ended
                openWriters_ = parallelism;
                queue_->attachSink();
            }
            int unset = 0;
            openWriters_.compare_exchange_strong(unset, parallelism);
        }
        void writerClosed(bool failed) {
            const bool last = --openWriters_ == 0;
            if (last || failed) detach(failed);
        }
        Queue& queue() noexcept { return *queue_; }

    private:
        void detach(bool failed) {
            if (attached_.exchange(false)) queue_->detachSink(failed);
        }

        std::shared_ptr<Queue> queue_;
        std::atomic<bool> attached_{true};
        std::atomic<int> openWriters_{0};
    };

    std::shared_ptr<Registration> registration_;
};

template <class T>
class ChannelSink<T>::Writer {
public:
    Writer(std::shared_ptr<Registration> registration, std::function<void()> wakeUp)
        : registration_(std::move(registration)) {
        if (wakeUp) wakeUp_ = std::make_shared<const std::function<void()>>(std::move(wakeUp));
    }
    Writer(Writer&&) noexcept = default;
    Writer& operator=(Writer&&) = delete;
    ~Writer() { close(); }

    void write(T element, const SinkContext& /*context*/) {
        if (wakeUp_ == nullptr) {
            (void)registration_->queue().putWaiting(std::move(element));
        } else {
            batch_.push_back(std::move(element));
        }
    }
    /// Called after each block: passes on what was written. False: the subtask should pause until `wakeUp`.
    bool afterBlock() { return wakeUp_ == nullptr || registration_->queue().putOverdrawing(batch_, wakeUp_); }

    void flush(bool endOfInput) {
        (void)afterBlock();
        complete_ = complete_ || endOfInput;
    }
    void close() {
        if (registration_ == nullptr) return;
        // closed before the input has ended: the job as a whole has failed or was cancelled
        registration_->writerClosed(!complete_);
        registration_.reset();
    }

private:
    std::shared_ptr<Registration> registration_;
    std::shared_ptr<const std::function<void()>> wakeUp_;
    std::vector<T> batch_;
    bool complete_ = false;
};

}  // namespace millrace

#endif  // MILLRACE_CONNECTORS_CHANNEL_SINK_HPP
