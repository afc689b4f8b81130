#ifndef MILLRACE_CORE_ERRORS_HPP
#define MILLRACE_CORE_ERRORS_HPP

#include <cstring>
#include <stdexcept>
#include <string>

namespace millrace {

/// Root of everything millrace throws. A cause, where there is one, is nested as by `std::throw_with_nested`;
/// `describeException` prints the whole chain. @public
class MillraceException : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// An option or argument that cannot work (parallelism 0, window size 0, duplicate uid…). Nothing has run. @public
class ConfigurationException : public MillraceException {
public:
    using MillraceException::MillraceException;
};

/// The recorded pipeline cannot be executed as it stands (no sink, window without watermarks…). Nothing has run. @public
class GraphException : public MillraceException {
public:
    using MillraceException::MillraceException;
};

/// Input that does not have the form it should have: where it is (file, line, column), what was expected, what was found. @public
class FormatException : public MillraceException {
public:
    using MillraceException::MillraceException;
};

/// A file, directory, socket or stream could not be used. @public
class IoException : public MillraceException {
public:
    using MillraceException::MillraceException;
};

/// One that this process has not the right to use. @public
class PermissionException : public IoException {
public:
    using IoException::IoException;
};

/// Bytes of a snapshot or message that do not decode. @public
class CodecException : public MillraceException {
public:
    using MillraceException::MillraceException;
};

/// A function of the user threw: names the operator, its uid, the subtask and the record; the cause is nested. @public
class UserFunctionException : public MillraceException {
public:
    using MillraceException::MillraceException;
};

/// A checkpoint or savepoint could not be taken; the cause, where there is one, is nested. @public
class CheckpointException : public MillraceException {
public:
    using MillraceException::MillraceException;
};

/// A state was saved as a type from which that of the program cannot be made: names uid, state and field, and says what to
/// do. What was saved is as it was. @public
class StateMigrationException : public MillraceException {
public:
    using MillraceException::MillraceException;
};

/// A state would take more memory than `setStateMemoryLimit` allows: names operator, uid, subtask and state. @public
class StateMemoryException : public MillraceException {
public:
    using MillraceException::MillraceException;
};

/// A job ended in failure; thrown by `execute()`, with the cause nested. @public
class JobExecutionException : public MillraceException {
public:
    using MillraceException::MillraceException;
};

namespace detail {

[[gnu::cold, gnu::noinline]] inline void appendCause(const char* cause, std::string& text) {
    if (std::strstr(text.c_str(), cause) != nullptr) return;
    text += "; caused by: ";
    text += cause;
}
[[gnu::cold]] inline void appendCauses(const std::exception& error, std::string& text) {
    try {
        std::rethrow_if_nested(error);
    } catch (const std::exception& cause) {
        appendCause(cause.what(), text);
        appendCauses(cause, text);
    } catch (...) {
        appendCause("an exception that is not a std::exception", text);
    }
}

}  // namespace detail

/// The messages of an exception and of all its nested causes, joined by "; caused by: ". A cause whose message is part of
/// the text already is not repeated. @public
inline std::string describeException(const std::exception& error) {
    std::string text = error.what();
    detail::appendCauses(error, text);
    return text;
}

}  // namespace millrace

#endif  // MILLRACE_CORE_ERRORS_HPP
