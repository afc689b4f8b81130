#include "api/random_window_steps.hpp"
#include "simulate/steps.hpp"

namespace millrace::simulate {

Step anyWindowStep(Draw& draw) {
    return drawWindowStep(draw);
}

Step anyPlainStep(Draw& draw) {
    switch (draw.below(5)) {
        case 0:
            return chain(1 + draw.below(5), draw.below(5));
        case 1:
            return throughText();
        case 2:
            return exchange(draw.below(6));
        case 3:
            return unionWithItself();
        default:
            return sideOutput();
    }
}

}  // namespace millrace::simulate
