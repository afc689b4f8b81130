#ifndef MILLRACE_CORE_LOG_HPP
#define MILLRACE_CORE_LOG_HPP

#include <millrace/core/functional.hpp>

#include <memory>
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

struct LogTarget {
    std::mutex mutex;
    std::shared_ptr<const LogCallback> callback;
};

inline LogTarget& logTarget() {
    static LogTarget target;
    return target;
}

[[gnu::cold]] inline void log(LogLevel level, std::string_view message) noexcept {
    try {
        std::shared_ptr<const LogCallback> callback;
        {
            LogTarget& target = logTarget();
            const std::lock_guard lock(target.mutex);
            callback = target.callback;
        }
        if (callback != nullptr) (*callback)(level, message);
    } catch (...) {
        // messages are written on paths that must go on (closing after a failure): losing one is the smaller evil
        return;
    }
}

}  // namespace detail

/// Sets where log messages of the whole process go; an empty function ends it. Nothing is logged by default. @public
inline void setLogCallback(LogCallback callback) {
    std::shared_ptr<const LogCallback> next;
    if (callback) next.reset(new LogCallback(std::move(callback)));
    detail::LogTarget& target = detail::logTarget();
    const std::lock_guard lock(target.mutex);
    target.callback = std::move(next);
}

}  // namespace millrace

#endif  // MILLRACE_CORE_LOG_HPP
