#ifndef MILLRACE_CORE_START_THREAD_HPP
#define MILLRACE_CORE_START_THREAD_HPP

#include <thread>

namespace millrace::detail {

/// Runs `body(argument)` on a new thread. Each type of function that std::thread is given makes some thirty functions; the
/// library's own threads have this one.
inline std::thread startThread(void (*body)(void*), void* argument) {
    return std::thread(body, argument);
}

}  // namespace millrace::detail

#endif  // MILLRACE_CORE_START_THREAD_HPP
