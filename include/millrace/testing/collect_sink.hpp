#ifndef MILLRACE_TESTING_COLLECT_SINK_HPP
#define MILLRACE_TESTING_COLLECT_SINK_HPP

#include <millrace/functions/sink.hpp>
#include <millrace/testing/trace.hpp>

#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace millrace::testing {

/// An element with its timestamp (`kMinTimestamp`: none). @public
template <class T>
struct Stamped {
    T value;
    Timestamp time = kMinTimestamp;
    bool operator==(const Stamped&) const = default;

    friend std::ostream& operator<<(std::ostream& out, const Stamped& stamped) {
        return out << element(stamped.value, stamped.time);
    }
};

/// Keeps what is written to it; a copyable handle, all copies of which share what they keep. Several sinks in one job
/// collect several streams. @public
/// ```
/// CollectSink<Alert> alerts;
/// detect(trades).sinkTo(alerts);
/// env.execute();
/// CHECK(alerts.elements() == …);
/// ```
/// In order within a subtask; the subtasks of a parallel sink in no particular order.
/// *Thread safety:* may be asked while the job runs.
template <class T>
class CollectSink {
    struct Shared {
        std::mutex mutex;
        std::vector<Stamped<T>> elements;
    };

public:
    class Writer {
    public:
        explicit Writer(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
        void write(const T& value, const SinkContext& context) {
            const std::lock_guard lock(shared_->mutex);
            shared_->elements.push_back({value, context.timestamp});
        }
        void flush(bool) noexcept {}
        void close() noexcept {}

    private:
        std::shared_ptr<Shared> shared_;
    };
    Writer createWriter(const WriterInitContext&) const { return Writer(shared_); }

    std::vector<T> elements() const {
        const std::lock_guard lock(shared_->mutex);
        std::vector<T> values;
        for (const auto& element : shared_->elements) values.push_back(element.value);
        return values;
    }
    std::vector<Stamped<T>> stamped() const {
        const std::lock_guard lock(shared_->mutex);
        return shared_->elements;
    }
    std::size_t size() const {
        const std::lock_guard lock(shared_->mutex);
        return shared_->elements.size();
    }
    void clear() {
        const std::lock_guard lock(shared_->mutex);
        shared_->elements.clear();
    }

private:
    std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
};

}  // namespace millrace::testing

#endif  // MILLRACE_TESTING_COLLECT_SINK_HPP
