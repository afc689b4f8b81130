#ifndef MILLRACE_CORE_CHRONO_HPP
#define MILLRACE_CORE_CHRONO_HPP

// Durations, time points, clocks and literals of <chrono>. libstdc++'s also brings calendars and string streams: 0.25 s
// for every file that includes it.

#include <version>

#if defined(__GLIBCXX__) && __has_include(<bits/chrono.h>)
#include <bits/chrono.h>
#else
#include <chrono>
#endif

#endif  // MILLRACE_CORE_CHRONO_HPP
