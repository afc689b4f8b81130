#include "api/random_state_steps.hpp"
#include "simulate/steps.hpp"

namespace millrace::simulate {

Step anyStateStep(Draw& draw) {
    return drawStateStep(draw);
}

}  // namespace millrace::simulate
