#ifndef MILLRACE_STATE_PROCESSOR_HPP
#define MILLRACE_STATE_PROCESSOR_HPP

// Savepoints without a job: `SavepointReader` reads the states of one, `SavepointWriter` makes one, from nothing or from another.

#include <millrace/checkpoint/savepoint_reader.hpp>
#include <millrace/checkpoint/savepoint_writer.hpp>

#endif  // MILLRACE_STATE_PROCESSOR_HPP
