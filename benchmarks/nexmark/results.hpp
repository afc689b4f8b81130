#ifndef MILLRACE_BENCHMARKS_NEXMARK_RESULTS_HPP
#define MILLRACE_BENCHMARKS_NEXMARK_RESULTS_HPP

#include "change.hpp"
#include "events.hpp"
#include "row_hash.hpp"

#include "throughput/latency_histogram.hpp"

#include <millrace/functions/sink.hpp>
#include <millrace/types/reflection.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace nexmark {

/// How long after it was due each result has come, at a fixed rate. The timestamp of a result says when that was: when the
/// event that made it was scheduled, when a window or an auction ended.
struct Latencies {
    std::atomic<std::int64_t> start{0};  ///< nanoseconds of the steady clock at which `first` is due
    Timestamp first;                     ///< of the first event
    Timestamp from;                      ///< results that were due before are not counted: the program warms up
    Timestamp until;                     ///< nor those that only the end of the input has brought
    bool byClock = false;                ///< timestamps are those of the system's clock
    bench::LatencyHistogram histogram;

    static std::int64_t now() {
        return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
    }
    void count(Timestamp due, bench::LatencyHistogram& into) const {
        std::int64_t after = now() - start.load(std::memory_order_relaxed);
        if (byClock) {
            due = first + (due - std::chrono::time_point_cast<Timestamp::duration>(std::chrono::system_clock::now())) +
                  std::chrono::nanoseconds(after);
        }
        if (due < from || due > until) return;
        into.add(after - (due - first) / std::chrono::nanoseconds(1));
    }
};

/// Result rows as a table: a replaced row is taken out again, so neither their order nor what comes in between matters.
struct Results {
    std::int64_t rows = 0;       ///< that are left at the end
    std::uint64_t checksum = 0;  ///< of those
    std::uint64_t changes = 0;   ///< all that has been put out

    /// Set for a verification: every row as text, fields between '|', with +1 or -1 for how often it is there.
    bool keepsRows = false;
    std::vector<std::pair<std::string, int>> kept;

    Latencies* latencies = nullptr;  ///< set: they are measured
};

/// What a query knows of its surroundings.
struct QueryContext {
    Results& results;
    std::string directory;  ///< for files that it writes
};

/// How many of something there are in all, and with each of the three ranks of price.
struct CountsByRank {
    std::int64_t total = 0;
    std::int64_t rank1 = 0;
    std::int64_t rank2 = 0;
    std::int64_t rank3 = 0;

    /// Of rank 0, 1 or 2.
    std::int64_t& ofRank(int rank) { return rank == 0 ? rank1 : rank == 1 ? rank2 : rank3; }
};

/// `fn(field)` for each field of a row; counts are four of them.
template <class Row, class Fn>
void forEachColumn(const Row& row, const Fn& fn) {
    millrace::forEachField(row, [&](std::string_view /*name*/, const auto& field) {
        if constexpr (std::is_same_v<std::remove_cvref_t<decltype(field)>, CountsByRank>) {
            forEachColumn(field, fn);
        } else {
            fn(field);
        }
    });
}

template <class Row>
std::uint64_t hashOfFields(const Row& row) {
    RowHash hash;
    forEachColumn(row, [&](const auto& field) { hash.add(field); });
    return hash.value();
}

inline void appendText(std::string& out, std::int64_t value) {
    out += std::to_string(value);
}
inline void appendText(std::string& out, Timestamp time) {
    out += std::to_string(millisOf(time));
}
inline void appendText(std::string& out, const std::string& text) {
    out += text;
}

template <class Row>
std::string textOf(const Row& row) {
    std::string text;
    bool first = true;
    forEachColumn(row, [&](const auto& field) {
        if (!std::exchange(first, false)) text += '|';
        appendText(text, field);
    });
    return text;
}

/// A sink that adds up the rows that it gets; the copies of all subtasks together make the result.
class ResultSink {
public:
    explicit ResultSink(Results& results) : total_(std::make_shared<Total>(results)), latencies_(results.latencies) {
        mine_.keepsRows = results.keepsRows;
    }

    template <class Row>
    void operator()(const Row& row, const millrace::SinkContext& context) {
        if (latencies_ != nullptr) [[unlikely]]
            latencies_->count(context.timestamp, histogram());
        (*this)(row);
    }
    template <class Row>
    void operator()(const Row& row) {
        add(row, 1);
    }
    template <class Row>
    void operator()(const Change<Row>& change) {
        add(change.row, change.kind == RowKind::UpdateBefore ? -1 : 1);
    }
    void close() {
        const std::lock_guard lock(total_->mutex);
        Results& all = total_->results;
        all.rows += mine_.rows;
        all.checksum += mine_.checksum;
        all.changes += mine_.changes;
        for (auto& each : mine_.kept) all.kept.push_back(std::move(each));
        mine_ = Results{};
        if (!histogram_.empty()) all.latencies->histogram.add(histogram_.front());
        histogram_.clear();
    }

private:
    struct Total {
        explicit Total(Results& into) : results(into) {}
        std::mutex mutex;
        Results& results;
    };

    template <class Row>
    void add(const Row& row, int sign) {
        const std::uint64_t hash = hashOfFields(row);
        mine_.checksum += sign > 0 ? hash : -hash;
        mine_.rows += sign;
        ++mine_.changes;
        if (mine_.keepsRows) [[unlikely]]
            mine_.kept.emplace_back(textOf(row), sign);
    }

    bench::LatencyHistogram& histogram() {
        if (histogram_.empty()) histogram_.emplace_back();
        return histogram_.front();
    }

    std::shared_ptr<Total> total_;
    Results mine_;
    Latencies* latencies_;
    std::vector<bench::LatencyHistogram> histogram_;  ///< of this copy; none until there is a result
};

}  // namespace nexmark

#endif  // MILLRACE_BENCHMARKS_NEXMARK_RESULTS_HPP
