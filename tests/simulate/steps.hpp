#ifndef MILLRACE_TESTS_SIMULATE_STEPS_HPP
#define MILLRACE_TESTS_SIMULATE_STEPS_HPP

#include "api/random_step.hpp"

// The parts that simulated pipelines are made of; each kind is compiled in a file of its own.

namespace millrace::simulate {

using namespace testsupport;

/// Operators without state, exchanges, windows.
Step anyWindowStep(Draw& draw);
/// Keyed state, timers, joins, connected streams, broadcast state.
Step anyStateStep(Draw& draw);
/// Only what neither loses nor adds a record that comes twice: for checks of at-least-once.
Step anyPlainStep(Draw& draw);
/// What depends on the order of the records of a key and on the watermarks between them; it has no model. Must come first,
/// behind one source.
Step anyOrderedStep(Draw& draw);

}  // namespace millrace::simulate

#endif  // MILLRACE_TESTS_SIMULATE_STEPS_HPP
