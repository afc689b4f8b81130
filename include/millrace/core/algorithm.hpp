#ifndef MILLRACE_CORE_ALGORITHM_HPP
#define MILLRACE_CORE_ALGORITHM_HPP

// The iterator algorithms of <algorithm>. libstdc++'s also brings the ranges, the parallel ones and through them hash
// tables: 0.15 s for every file that includes it.

#include <version>

#if defined(__GLIBCXX__) && __has_include(<bits/stl_algo.h>)
#include <bits/stl_algo.h>
#include <bits/stl_algobase.h>
#else
#include <algorithm>
#endif

#endif  // MILLRACE_CORE_ALGORITHM_HPP
