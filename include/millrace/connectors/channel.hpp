#ifndef MILLRACE_CONNECTORS_CHANNEL_HPP
#define MILLRACE_CONNECTORS_CHANNEL_HPP

#include <millrace/connectors/channel_queue.hpp>
#include <millrace/core/chrono.hpp>
#include <millrace/core/errors.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace millrace {

/// A bounded queue between the host application and a pipeline; copies are handles on the same queue. @public
/// Into a pipeline: the host pushes and closes, `ChannelSource` takes. Out of a pipeline: `ChannelSink` pushes, and
/// closes when the job ends; the host pops. (Both at once join two jobs.)
///
/// The bound is back pressure: `push` waits while `capacity` elements are waiting (a source holds at most as many again
/// that it has already taken). What is pushed before the job starts waits for it.
///
/// *Thread safety:* all functions may be called from any thread; elements of one thread keep their order.
/// *Failure:* ConfigurationException for capacity 0, and for a `push` or `pop` that would wait for ever because the
/// calling thread is itself the one that runs the pipeline (CallerRuntime): use `tryPush`, `tryPop` and `step()` there.
/// *State and checkpoints:* at most once; elements that were in the queue when the process died are gone.
/// *Example:*
///
///     Channel<Order> orders(1024);
///     env.fromSource(ChannelSource(orders), noWatermarks, "orders").map(price).sinkTo(ChannelSink(prices));
///     auto client = env.executeAsync();
///     if (!orders.push(order)) …        // the job has ended; client.result() says why
///     orders.close();
///     while (auto price = prices.pop()) …
template <class T>
class Channel {
public:
    using Element = T;

    explicit Channel(std::size_t capacity = 1024) {
        if (capacity == 0) {
            throw ConfigurationException("Channel: capacity 0 would let nothing through; give at least 1");
        }
        queue_ = std::make_shared<detail::ChannelQueue<T>>(capacity);
    }

    /// Waits for room. False: not taken, because the channel was closed or the job that reads it has ended.
    [[nodiscard]] bool push(T element) const { return queue_->push(std::move(element)); }

    /// Never waits. False: not taken, because there is no room or the channel is closed (`closed()` tells which);
    /// `element` is then unchanged.
    [[nodiscard]] bool tryPush(T&& element) const { return queue_->tryPush(std::move(element)); }
    [[nodiscard]] bool tryPush(const T& element) const {
        T copy(element);
        return queue_->tryPush(std::move(copy));
    }

    /// Pushes the elements of a range in order and waits for room as often as needed; returns how many were taken, less
    /// than all only if the channel was closed or the job has ended.
    template <class Range>
    std::size_t pushAll(Range&& elements) const {
        std::size_t count = 0;
        for (auto&& element : elements) {
            if (!queue_->push(T(std::forward<decltype(element)>(element)))) break;
            ++count;
        }
        return count;
    }

    /// Nothing more goes in; what is in can still be taken out. Releases all who wait. May be called more than once.
    void close() const { queue_->close(); }

    /// Whether a push would be refused for good: `close()` was called or the job at the other end has ended.
    bool closed() const { return queue_->closed(); }

    /// Waits for an element. None: the channel is closed and empty.
    std::optional<T> pop() const { return queue_->pop(); }

    /// Never waits. None: there is no element at the moment, or the channel is closed and empty.
    std::optional<T> tryPop() const { return queue_->tryPop(); }

    /// Waits at most `timeout`. None: nothing came in time, or the channel is closed and empty.
    template <class Rep, class Period>
    std::optional<T> popFor(std::chrono::duration<Rep, Period> timeout) const {
        return queue_->popUntil(std::chrono::steady_clock::now() +
                                std::chrono::ceil<std::chrono::steady_clock::duration>(timeout));
    }

    /// Never waits: all that is there now, in order.
    std::vector<T> drain() const {
        std::vector<T> elements;
        queue_->take(elements);
        return elements;
    }

    /// Elements waiting.
    std::size_t size() const { return queue_->size(); }
    std::size_t capacity() const noexcept { return queue_->capacity(); }

    /// For ChannelSource and ChannelSink. @internal
    const std::shared_ptr<detail::ChannelQueue<T>>& queue() const noexcept { return queue_; }

private:
    std::shared_ptr<detail::ChannelQueue<T>> queue_;
};

}  // namespace millrace

#endif  // MILLRACE_CONNECTORS_CHANNEL_HPP
