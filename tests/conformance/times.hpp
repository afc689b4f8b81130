#ifndef MILLRACE_TESTS_CONFORMANCE_TIMES_HPP
#define MILLRACE_TESTS_CONFORMANCE_TIMES_HPP

#include "vector.hpp"

#include <millrace/time/timestamp.hpp>

// One millisecond of a vector is one tick of the library.

namespace millrace::conformance {

inline Timestamp timeOf(std::int64_t milliseconds) {
    return Timestamp{Duration{milliseconds}};
}
inline Timestamp timeOf(const json& milliseconds) {
    return milliseconds.is_null() ? kMinTimestamp : timeOf(milliseconds.get<std::int64_t>());
}
inline Duration durationOf(const json& op, const char* field, std::int64_t otherwise = 0) {
    return Duration{op.value(field, otherwise)};
}
inline std::int64_t ticksOf(Timestamp time) {
    return time.time_since_epoch().count();
}

}  // namespace millrace::conformance

#endif  // MILLRACE_TESTS_CONFORMANCE_TIMES_HPP
