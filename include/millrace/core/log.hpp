#ifndef MILLRACE_CORE_LOG_HPP
#define MILLRACE_CORE_LOG_HPP

#include <millrace/core/functional.hpp>
#include <millrace/core/shared.hpp>

#include <mutex>
#include <string_view>
#include <utility>

namespace millrace {

/// How serious a log message is. @public
enum class LogLevel : unsigned char { Debug, Info, Warning, Error };

/// Gets every log message of the library. @public
/// *Thread safety:* called from any thread, by several at once. *Failure:* what it throws is dropped.
using LogCallback = std::function<void(LogLevel level, std::string_view message)>;

constexpr std::string_view toString(LogLevel level) noexcept {
    switch (level) {
        case LogLevel::Debug:
            return "DEBUG";
        case LogLevel::Info:
            return "INFO";
        case LogLevel::Warning:
            return "WARNING";
        case LogLevel::Error:
            return "ERROR";
    }
    return "?";
}

namespace detail {

/// A callback that is kept while it is called.
struct KeptLogCallback : SharedObject {
    explicit KeptLogCallback(LogCallback given) : call(std::move(given)) {}
    const LogCallback call;
};

struct LogTarget {
    std::mutex mutex;
    Shared<const KeptLogCallback> callback;
};

inline LogTarget& logTarget() {
    static LogTarget target;
    return target;
}

[[gnu::cold]] inline void log(LogLevel level, std::string_view message) noexcept {
    try {
        Shared<const KeptLogCallback> callback;
        {
            LogTarget& target = logTarget();
            const std::lock_guard lock(target.mutex);
            callback = target.callback;
        }
        if (callback) callback->call(level, message);
    } catch (...) {
        // messages are written on paths that must go on (closing after a failure): losing one is the smaller evil
        return;
    }
}

}  // namespace detail

/// Sets where log messages of the whole process go; an empty function ends it. Nothing is logged by default. @public
inline void setLogCallback(LogCallback callback) {
    detail::Shared<const detail::KeptLogCallback> next;
    if (callback) {
        next = detail::Shared<const detail::KeptLogCallback>(new detail::KeptLogCallback(std::move(callback)));
    }
    detail::LogTarget& target = detail::logTarget();
    const std::lock_guard lock(target.mutex);
    target.callback.swap(next);
}

}  // namespace millrace

#endif  // MILLRACE_CORE_LOG_HPP
