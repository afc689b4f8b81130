#include <millrace/graph/job_graph.hpp>

#include <utility>

namespace millrace::detail {

MILLRACE_INLINE_COLD void OperatorInfo::setParameter(std::string_view parameter, std::string_view value) {
    std::size_t at = 0;
    while (at < parameters.size() && parameters[at].name < parameter) ++at;
    if (at == parameters.size() || parameters[at].name != parameter) {
        parameters.addAt(at, new OperatorParameter).name = parameter;
    }
    parameters[at].value = value;
}

MILLRACE_INLINE_COLD void OperatorInfo::setStates(std::initializer_list<const char*> given) {
    states.clear();
    for (const char* state : given) states.emplace_back(state);
}

}  // namespace millrace::detail
