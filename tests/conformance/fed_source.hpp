#ifndef MILLRACE_TESTS_CONFORMANCE_FED_SOURCE_HPP
#define MILLRACE_TESTS_CONFORMANCE_FED_SOURCE_HPP

#include <millrace/functions/source.hpp>
#include <millrace/testing/scripted_source.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace millrace::conformance {

/// What a source has to say, added to while it runs. Elements, watermarks and idleness.
template <class T>
struct Feed {
    testing::Script<T> script{};
    std::function<void()> wakeUp{};  ///< of the source that reads it; empty: none does
};

/// A source that says what it is fed, and never ends. It is restored to where it was in its feed.
/// *Thread safety:* none: for simulations.
template <class T>
class FedSource {
public:
    using Output = T;
    using Split = testing::ScriptPosition;
    static constexpr bool kHasTimestamps = true;
    static constexpr bool kEmitsWatermarks = true;
    static constexpr int kFixedParallelism = 1;

    /// `begin`: how many steps another source has read already.
    FedSource(std::shared_ptr<Feed<T>> feed, std::size_t begin) : feed_(std::move(feed)), begin_{begin} {}

    Boundedness boundedness() const noexcept { return Boundedness::ContinuousUnbounded; }
    std::unique_ptr<SplitEnumerator<Split>> createEnumerator(int /*parallelism*/) const {
        return std::make_unique<SplitListEnumerator<Split>>(std::vector<Split>{begin_});
    }

    class Reader {
    public:
        explicit Reader(std::shared_ptr<Feed<T>> feed) : feed_(std::move(feed)) {}

        void open(Split split) { position_ = split; }
        FillResult fill(std::span<T> values, std::span<Timestamp> timestamps) {
            using Kind = typename testing::Script<T>::Kind;
            const auto& steps = feed_->script.steps();
            FillResult result;
            while (position_.next < steps.size()) {
                const auto& step = steps[static_cast<std::size_t>(position_.next)];
                if (step.kind == Kind::Element) {
                    if (result.count == values.size()) return result;
                    values[result.count] = step.value;
                    timestamps[result.count++] = step.time;
                    ++position_.next;
                    continue;
                }
                // what follows the elements of a block ends it
                ++position_.next;
                if (step.kind == Kind::Watermark) result.watermark = step.time;
                result.idle = step.kind == Kind::Idle;
                return result;
            }
            result.status = SourceStatus::NothingAvailable;
            return result;
        }
        Split position() const noexcept { return position_; }
        void close() noexcept {}

    private:
        std::shared_ptr<Feed<T>> feed_;
        Split position_;
    };
    Reader createReader(const SourceReaderContext& context) const {
        feed_->wakeUp = context.wakeUp;
        return Reader(feed_);
    }

private:
    std::shared_ptr<Feed<T>> feed_;
    Split begin_;
};

}  // namespace millrace::conformance

#endif  // MILLRACE_TESTS_CONFORMANCE_FED_SOURCE_HPP
