#include <millrace/graph/job_graph.hpp>

#include <utility>

namespace millrace::detail {

MILLRACE_INLINE_COLD void OperatorInfo::setParameter(std::string parameter, std::string value) {
    auto at = parameters.begin();
    while (at != parameters.end() && at->name < parameter) ++at;
    if (at != parameters.end() && at->name == parameter) {
        at->value = std::move(value);
    } else {
        parameters.insert(at, {std::move(parameter), std::move(value)});
    }
}

}  // namespace millrace::detail
