#ifndef MILLRACE_TESTING_HPP
#define MILLRACE_TESTING_HPP

// For tests of pipelines and of the functions in them: harnesses, scripted sources, sinks that collect, checks of
// whole pipelines against each other. What checks exactly-once brings checkpoints along, and is in
// <millrace/testing/verify_exactly_once.hpp>.

#include <millrace/testing/check_equivalent.hpp>
#include <millrace/testing/collect_sink.hpp>
#include <millrace/testing/failures.hpp>
#include <millrace/testing/faulty_file_system.hpp>
#include <millrace/testing/manual_clock.hpp>
#include <millrace/testing/memory_file_system.hpp>
#include <millrace/testing/operator_harness.hpp>
#include <millrace/testing/random.hpp>
#include <millrace/testing/scripted_source.hpp>
#include <millrace/testing/trace.hpp>

#endif  // MILLRACE_TESTING_HPP
