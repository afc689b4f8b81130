#ifndef MILLRACE_WINDOWING_LATE_RECORDS_HPP
#define MILLRACE_WINDOWING_LATE_RECORDS_HPP

#include <millrace/operators/node.hpp>
#include <millrace/operators/outputs.hpp>
#include <millrace/time/timestamp.hpp>

#include <string>
#include <utility>

namespace millrace::detail {

/// What becomes of records that come too late for all their windows: a side output, or they are counted and dropped.
template <class T>
class LateRecords {
public:
    /// `key`: of the side output; empty: they are dropped.
    LateRecords(Duration lateness, const std::string& key) : lateness_(lateness), key_(key) {}

    void open(OpenContext& context) {
        outputs_ = &context.outputs;
        metrics_ = &context.metrics;
    }
    Duration lateness() const noexcept { return lateness_; }

    /// For a record that no window has taken; nothing happens if that was not because of its time. Null: it can only be counted.
    [[gnu::cold, gnu::noinline]] void missed(T* value, Timestamp time, Timestamp watermark) {
        if (saturatingAdd(time, lateness_) > watermark) return;
        if (!key_.empty() && value != nullptr) {
            outputs_->emitSide<T>(key_, std::move(*value), time);
        } else {
            StageMetrics::add(metrics_->lateRecordsDropped, 1);
        }
    }

private:
    Duration lateness_;
    std::string key_;
    StageOutputs* outputs_ = nullptr;
    StageMetrics* metrics_ = nullptr;
};

}  // namespace millrace::detail

#endif  // MILLRACE_WINDOWING_LATE_RECORDS_HPP
