#include <millrace/core/algorithm.hpp>
#include <millrace/runtime/regions.hpp>

#include <cstddef>

namespace millrace::detail {

MILLRACE_INLINE_COLD List<int> regionsOf(const JobGraph& graph) {
    List<int> regions;  // at first the least node that each is joined with
    const auto join = [&](int a, int b) {
        for (int& each : regions) {
            if (each == a || each == b) each = std::min(a, b);
        }
    };
    for (const GraphNode& node : graph.nodes) {
        regions.push_back(node.id);
        for (const GraphEdge& edge : node.inputs) join(regions[static_cast<std::size_t>(edge.from)], regions.back());
        if (node.alignment.group.empty()) continue;
        for (int other = 0; other < node.id; ++other) {
            const auto at = static_cast<std::size_t>(other);
            if (graph.nodes[at].alignment.group == node.alignment.group) join(regions[at], regions.back());
        }
    }
    int count = 0;
    for (std::size_t i = 0; i < regions.size(); ++i) {
        const int first = regions[i];
        regions[i] = first == static_cast<int>(i) ? count++ : regions[static_cast<std::size_t>(first)];
    }
    return regions;
}

}  // namespace millrace::detail
