#ifndef MILLRACE_BENCHMARKS_NEXMARK_QUERY_HPP
#define MILLRACE_BENCHMARKS_NEXMARK_QUERY_HPP

#include "events.hpp"
#include "results.hpp"

#include <millrace/api/stream_types.hpp>

#include <string>
#include <vector>

namespace nexmark {

using EventStream = millrace::DataStream<Event>;

struct Query {
    std::string name;
    /// Builds the pipeline behind the events, with the sink that fills `context.results`.
    void (*build)(const EventStream& events, const QueryContext& context);
    /// Its results depend on the clock, so that only those of a simulation can be compared.
    bool byClock = false;
    /// Its sink sees the timestamps of results.
    bool tellsTimes = true;
};

// By what they have in common.
std::vector<Query> bidQueries();      // q0 q1 q2 q10 q13 q14 q21 q22: one bid at a time
std::vector<Query> windowQueries();   // q5 q7 q8 q11 q12
std::vector<Query> auctionQueries();  // q4 q6 q9: winning bids
std::vector<Query> joinQueries();     // q3 q20 q23
std::vector<Query> tableQueries();    // q15 q16 q17 q18 q19: tables whose rows change

/// All of them, q0 first.
std::vector<Query> allQueries();

}  // namespace nexmark

#endif  // MILLRACE_BENCHMARKS_NEXMARK_QUERY_HPP
