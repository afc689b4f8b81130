#ifndef MILLRACE_VERSION_HPP
#define MILLRACE_VERSION_HPP

// The one place of the version: CMake reads these three lines.
#define MILLRACE_VERSION_MAJOR 0
#define MILLRACE_VERSION_MINOR 1
#define MILLRACE_VERSION_PATCH 0

#endif  // MILLRACE_VERSION_HPP
