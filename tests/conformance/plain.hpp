#ifndef MILLRACE_TESTS_CONFORMANCE_PLAIN_HPP
#define MILLRACE_TESTS_CONFORMANCE_PLAIN_HPP

#include "any_trigger.hpp"
#include "harness_subject.hpp"

#include <millrace/api/data_stream.hpp>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

// The same pipelines over records that are trivially copyable, which the library treats in other ways than those that own
// memory: in blocks, with compaction behind a filter, prefetching and columns.

namespace millrace::conformance {

/// The number of a value in a table of all values that have occurred. Equal values have equal numbers.
/// *Thread safety:* none: harnesses and simulations have one thread.
std::uint32_t numberOf(const Value& value);
const Value& valueOf(std::uint32_t number);

/// Stands for a value as a record.
struct Plain {
    std::uint32_t record = 0;
    std::uint32_t key = 0;
    bool decoy = false;  ///< to be filtered out before it gets anywhere

    bool operator==(const Plain&) const = default;
};
inline Plain plainOf(const Value& value) {
    return {numberOf(value)};
}
inline const Value& recordOf(const Plain& plain) {
    return valueOf(plain.record);
}

inline OutputTag<Plain> plainTag(const std::string& name) {
    return OutputTag<Plain>(name);
}

/// Values as plain records with their keys, each behind a decoy that a filter takes out.
inline DataStream<Plain> plainRecords(const DataStream<Value>& in, const KeyOfRecord& key) {
    return in
        .flatMap([key](const Value& value, Collector<Plain>& out) {
            const std::uint32_t number = numberOf(key(value));
            out.collect({0, number, true});
            out.collect({numberOf(value), number, false});
        })
        .filter([](const Plain& plain) { return !plain.decoy; });
}

/// The values of the stream, and of the side outputs of its operator as side outputs of the same names.
DataStream<Value> valuesOf(const DataStream<Plain>& out, const std::vector<std::string>& sides);

}  // namespace millrace::conformance

#endif  // MILLRACE_TESTS_CONFORMANCE_PLAIN_HPP
