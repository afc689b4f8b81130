#ifndef MILLRACE_API_INTERVAL_JOIN_IPP
#define MILLRACE_API_INTERVAL_JOIN_IPP

#include <millrace/api/interval_join.hpp>

namespace millrace::detail {

MILLRACE_INLINE_COLD void checkIntervalBounds(Duration lower, Duration upper) {
    if (lower <= upper) return;
    throw ConfigurationException("intervalJoin(…).between(" + describeValue(lower) + ", " + describeValue(upper) +
                                 "): the lower bound is greater than the upper one, so nothing could ever join; write "
                                 "between(lower, upper), both relative to the left element's time");
}

}  // namespace millrace::detail

#endif  // MILLRACE_API_INTERVAL_JOIN_IPP
