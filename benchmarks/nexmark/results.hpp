#ifndef MILLRACE_BENCHMARKS_NEXMARK_RESULTS_HPP
#define MILLRACE_BENCHMARKS_NEXMARK_RESULTS_HPP

#include "change.hpp"
#include "events.hpp"
#include "row_hash.hpp"

#include <millrace/types/reflection.hpp>

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace nexmark {

/// Result rows as a table: a replaced row is taken out again, so neither their order nor what comes in between matters.
struct Results {
    std::int64_t rows = 0;       ///< that are left at the end
    std::uint64_t checksum = 0;  ///< of those
    std::uint64_t changes = 0;   ///< all that has been put out

    /// Set for a verification: every row as text, fields between '|', with +1 or -1 for how often it is there.
    bool keepsRows = false;
    std::vector<std::pair<std::string, int>> kept;
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
    explicit ResultSink(Results& results) : total_(std::make_shared<Total>(results)) {
        mine_.keepsRows = results.keepsRows;
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

    std::shared_ptr<Total> total_;
    Results mine_;
};

}  // namespace nexmark

#endif  // MILLRACE_BENCHMARKS_NEXMARK_RESULTS_HPP
