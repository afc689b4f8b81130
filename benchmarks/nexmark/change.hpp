#ifndef MILLRACE_BENCHMARKS_NEXMARK_CHANGE_HPP
#define MILLRACE_BENCHMARKS_NEXMARK_CHANGE_HPP

#include <cstdint>

namespace nexmark {

/// What a result does to the table of results.
enum class RowKind : std::uint8_t { Insert, UpdateBefore, UpdateAfter };

/// A result of a query whose results change later. Where a row is replaced, the old one comes first.
template <class Row>
struct Change {
    RowKind kind = RowKind::Insert;
    Row row;
};

}  // namespace nexmark

#endif  // MILLRACE_BENCHMARKS_NEXMARK_CHANGE_HPP
