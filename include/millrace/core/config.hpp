#ifndef MILLRACE_CORE_CONFIG_HPP
#define MILLRACE_CORE_CONFIG_HPP

#include <millrace/version.hpp>

#if __cplusplus < 202002L
#error "millrace: C++20 is needed; compile with -std=c++20 or, in CMake, link the target millrace::millrace."
#endif

// Bodies without template parameters are in .ipp files. Header-only (the default) each header includes its own .ipp
// at its end; with MILLRACE_SEPARATE_COMPILATION (what the target millrace::compiled defines) they are compiled once,
// through millrace/impl/compiled.hpp. In a header:
//
//     Duration parseDuration(std::string_view text);
//     ...
//     #ifndef MILLRACE_SEPARATE_COMPILATION
//     #include <millrace/time/duration.ipp>
//     #endif
//
// and in the .ipp, which includes its header first:
//
//     MILLRACE_INLINE Duration parseDuration(std::string_view text) { ... }
//
// A virtual function whose body is there is MILLRACE_INLINE in its class, too: otherwise its class's vtable, and all that
// hangs on it, would be compiled by every file that includes the header.
//
// What runs seldom, compared with blocks, is MILLRACE_INLINE_COLD: header-only, it is compiled for size, which costs
// every file that includes it less time. What runs once per block or batch and is called from several places, or is virtual,
// where g++ would guess which class it is and compile it once more into the caller, is MILLRACE_INLINE_APART: compiled once. (A
// virtual function is that in its class only, and has no macro at its body.)
#ifdef MILLRACE_SEPARATE_COMPILATION
#define MILLRACE_INLINE
#define MILLRACE_INLINE_COLD
#define MILLRACE_INLINE_APART
#else
#define MILLRACE_INLINE inline
#define MILLRACE_INLINE_COLD [[gnu::cold]] inline
#define MILLRACE_INLINE_APART [[gnu::noinline]] inline
#endif

#endif  // MILLRACE_CORE_CONFIG_HPP
