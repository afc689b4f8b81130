#ifndef MILLRACE_CONNECTORS_CHANNEL_SOURCE_HPP
#define MILLRACE_CONNECTORS_CHANNEL_SOURCE_HPP

#include <millrace/connectors/channel.hpp>
#include <millrace/core/algorithm.hpp>
#include <millrace/core/functional.hpp>
#include <millrace/functions/source.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace millrace {

/// A channel has one split, without a position. @evolving
struct ChannelSplit {
    friend bool operator==(const ChannelSplit&, const ChannelSplit&) = default;
};

/// Emits what the host application pushes into a `Channel`, until it is closed and empty. @public
/// Unbounded and not parallel; one job at a time reads a channel. When the job ends, fails, is cancelled or is given up
/// before it ran (all copies of the source are gone), waiting and later pushes return false.
/// *State and checkpoints:* at most once: what was pushed before a failure is not pushed again.
template <class T>
class ChannelSource {
public:
    using Output = T;
    using Split = ChannelSplit;
    static constexpr bool kSingleSplit = true;

    explicit ChannelSource(const Channel<T>& channel)
        : source_(channel.queue().get(), [queue = channel.queue()](auto*) { queue->detachReader(); }) {
        source_->expectReader();
    }

    Boundedness boundedness() const noexcept { return Boundedness::ContinuousUnbounded; }

    class Reader {
    public:
        Reader(std::shared_ptr<detail::ChannelQueue<T>> source, std::function<void()> wakeUp)
            : queue_(std::move(source)) {
            queue_->attachReader(std::make_shared<const std::function<void()>>(std::move(wakeUp)));
        }
        Reader(Reader&&) noexcept = default;
        Reader& operator=(Reader&&) = delete;
        ~Reader() { close(); }

        void open(Split) noexcept {}
        FillResult fill(std::span<T> values, std::span<Timestamp> /*timestamps*/) {
            using Taken = typename detail::ChannelQueue<T>::Taken;
            FillResult result;
            if (next_ == taken_.size()) {
                // one lock for all that has come in the meantime; the two vectors change places
                taken_.clear();
                next_ = 0;
                const Taken taken = queue_->takeOrBeWoken(taken_);
                if (taken == Taken::Ended) result.status = SourceStatus::EndOfSplit;
                if (taken == Taken::Nothing) result.status = SourceStatus::NothingAvailable;
            }
            result.count = std::min(values.size(), taken_.size() - next_);
            const auto from = taken_.begin() + static_cast<std::ptrdiff_t>(next_);
            std::move(from, from + static_cast<std::ptrdiff_t>(result.count), values.begin());
            next_ += result.count;
            return result;
        }
        Split position() const noexcept { return {}; }
        void close() {
            if (queue_ == nullptr) return;
            queue_->detachReader();
            queue_.reset();
        }

    private:
        std::shared_ptr<detail::ChannelQueue<T>> queue_;
        std::vector<T> taken_;
        std::size_t next_ = 0;
    };

    Reader createReader(const SourceReaderContext& context) const { return Reader(source_, context.wakeUp); }

private:
    std::shared_ptr<detail::ChannelQueue<T>> source_;  ///< the queue; with the last copy the channel loses its reader
};

}  // namespace millrace

#endif  // MILLRACE_CONNECTORS_CHANNEL_SOURCE_HPP
