#ifndef MILLRACE_CONNECTORS_RANDOM_UID_HPP
#define MILLRACE_CONNECTORS_RANDOM_UID_HPP

#include <millrace/core/config.hpp>

#include <string>

namespace millrace::detail {

/// A random identifier in the form of a UUID: for names outside of the job that no other run may use. *Failure:* IoException.
std::string randomUid();

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/connectors/random_uid.ipp>
#endif

#endif  // MILLRACE_CONNECTORS_RANDOM_UID_HPP
