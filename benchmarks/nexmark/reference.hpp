#ifndef MILLRACE_BENCHMARKS_NEXMARK_REFERENCE_HPP
#define MILLRACE_BENCHMARKS_NEXMARK_REFERENCE_HPP

#include "generator.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace nexmark {

/// What the queries should give, from all events at once: by SQL in SQLite, sessions by a loop over sorted bids.
/// Has nothing of the pipelines.
class Reference {
public:
    /// *Failure:* std::runtime_error without SQLite.
    Reference(const Generator& generator, std::uint64_t events);
    ~Reference();
    Reference(const Reference&) = delete;
    Reference& operator=(const Reference&) = delete;

    /// The rows of a query as text, fields between '|', sorted. Of q12, whose windows depend on the clock: `bidder|bids`.
    std::vector<std::string> rows(const std::string& query) const;

private:
    struct Database;
    std::unique_ptr<Database> database_;
};

}  // namespace nexmark

#endif  // MILLRACE_BENCHMARKS_NEXMARK_REFERENCE_HPP
