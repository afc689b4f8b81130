#include <millrace/runtime/stage_slot.hpp>

namespace millrace::detail {

MILLRACE_INLINE_COLD std::string operatorNames(const GraphNode& node) {
    std::string names;
    for (const OperatorInfo& each : node.operators) {
        if (!names.empty()) names += " -> ";
        names += each.name.empty() ? each.kind : each.name;
    }
    return names.empty() ? "node " + std::to_string(node.id) : names;
}

MILLRACE_INLINE_COLD std::string StageSlot::place() const {
    std::string text = "'" + operatorNames(*node) + "' (";
    if (!node->operators.empty() && !node->operators.back().uid.empty()) {
        text += "uid '" + node->operators.back().uid + "', ";
    }
    return text + "subtask " + std::to_string(subtask) + " of " + std::to_string(node->parallelism.value_or(1)) + ")";
}

MILLRACE_INLINE_COLD void StageSlot::rethrowWithPlace() const {
    try {
        throw;
    } catch (const UserFunctionException&) {
        throw;
    } catch (const TaskException&) {
        throw;
    } catch (const std::exception& error) {
        std::throw_with_nested(TaskException(place() + " failed: " + error.what()));
    } catch (...) {
        std::throw_with_nested(TaskException(place() + " failed with an exception that is not a std::exception"));
    }
}

}  // namespace millrace::detail
