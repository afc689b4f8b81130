#ifndef MILLRACE_CORE_POSIX_FILE_SYSTEM_HPP
#define MILLRACE_CORE_POSIX_FILE_SYSTEM_HPP

#include <millrace/core/config.hpp>
#include <millrace/core/file_system.hpp>

#include <memory>

namespace millrace {

/// The file system of the machine. @evolving
std::shared_ptr<FileSystem> posixFileSystem();

}  // namespace millrace

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/core/posix_file_system.ipp>
#endif

#endif  // MILLRACE_CORE_POSIX_FILE_SYSTEM_HPP
