#ifndef MILLRACE_RUNTIME_ASIO_HPP
#define MILLRACE_RUNTIME_ASIO_HPP

// The one way in which millrace includes Boost.Asio. <utility> must come first: Boost 1.74 in C++20 uses std::exchange
// in <boost/asio/awaitable.hpp> without including it. Sockets and timers include their own single headers behind this.
#include <utility>

#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#endif  // MILLRACE_RUNTIME_ASIO_HPP
