#ifndef MILLRACE_API_BATCH_HPP
#define MILLRACE_API_BATCH_HPP

// `StreamEnvironment::setRuntimeMode`. Not part of `millrace.hpp`: sorting with files costs every program that includes it.

#include <millrace/api/stream_environment.hpp>

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/api/batch.ipp>
#endif

#endif  // MILLRACE_API_BATCH_HPP
