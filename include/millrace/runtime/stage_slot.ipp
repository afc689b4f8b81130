#include <millrace/core/message.hpp>
#include <millrace/runtime/stage_slot.hpp>

namespace millrace::detail {

MILLRACE_INLINE_COLD std::string operatorNames(const GraphNode& node) {
    std::string names;
    for (const OperatorInfo& each : node.operators) {
        if (!names.empty()) names += " -> ";
        names += each.name.empty() ? each.kind : each.name;
    }
    return names.empty() ? message("node {}", {node.id}) : names;
}

MILLRACE_INLINE_COLD std::string StageSlot::place() const {
    const std::string uid = node->operators.empty() ? std::string() : node->operators.back().uid;
    return message("'{}' ({}{}{}subtask {} of {})", {operatorNames(*node), uid.empty() ? "" : "uid '", uid,
                                                     uid.empty() ? "" : "', ", subtask, parallelism});
}

MILLRACE_INLINE_COLD void StageSlot::rethrowWithPlace() const {
    try {
        throw;
    } catch (const UserFunctionException&) {
        throw;
    } catch (const StateMemoryException&) {
        throw;
    } catch (const TaskException&) {
        throw;
    } catch (const std::exception& error) {
        raise<Caused<TaskException>>("{} failed: {}", {place(), error.what()});
    } catch (...) {
        raise<Caused<TaskException>>("{} failed with an exception that is not a std::exception", {place()});
    }
}

}  // namespace millrace::detail
