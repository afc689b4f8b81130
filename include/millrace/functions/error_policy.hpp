#ifndef MILLRACE_FUNCTIONS_ERROR_POLICY_HPP
#define MILLRACE_FUNCTIONS_ERROR_POLICY_HPP

#include <millrace/core/errors.hpp>
#include <millrace/record/output_tag.hpp>
#include <millrace/time/timestamp.hpp>

#include <string>
#include <type_traits>

namespace millrace {

/// A record for which a function threw, and what it threw: one kind of dead letter. @public
template <class T>
struct FailedRecord {
    T record;
    std::string error;  ///< as `describeException` says it
};

/// A pair of elements for which the function of an interval join threw is a `FailedRecord<std::pair<L, R>>`; a window whose
/// function threw is this. @public
template <class Key, class Window>
struct FailedWindow {
    Key key;
    Window window;
    std::string error;
};
/// Behind `windowAll`: there is no key.
template <class Window>
struct FailedWindow<void, Window> {
    Window window;
    std::string error;
};
/// A timer for which `onTimer` threw. @public
template <class Key>
struct FailedTimer {
    Key key;
    Timestamp time;
    std::string error;
};

namespace detail {

// What becomes of a record when there is no further try.
struct FailJob {};
struct SkipRecord {};
template <class X>
struct SendRecord {
    OutputTag<X> tag;
};

template <class Last>
inline constexpr bool kSendsRecord = false;
template <class X>
inline constexpr bool kSendsRecord<SendRecord<X>> = true;

/// Whether a policy can be that of an operator that takes records of type In.
template <class Last, class In>
inline constexpr bool kLettersFit = true;
template <class X, class In>
inline constexpr bool kLettersFit<SendRecord<X>, In> = std::is_same_v<X, In> || std::is_same_v<X, FailedRecord<In>>;

/// A policy, made by `ErrorPolicy`.
template <class Last, bool kRetries>
struct ErrorHandling {
    Last last;
    int retries = 0;

    /// When all tries have failed, the record is left out.
    ErrorHandling<SkipRecord, kRetries> orSkip() const
        requires(kRetries)
    {
        return {{}, retries};
    }
    /// When all tries have failed, the record goes to a side output.
    template <class X>
    ErrorHandling<SendRecord<X>, kRetries> orDeadLetter(const OutputTag<X>& tag) const
        requires(kRetries)
    {
        return {{tag}, retries};
    }
};

}  // namespace detail

/// What `onError` does when the function of an operator throws for a record, a pair, a window; what `onTimerError` does when
/// `onTimer` throws. @public
/// ```
/// lines.map(parse).onError(ErrorPolicy::skip())
/// calls.map(price).onError(ErrorPolicy::retry(3).orDeadLetter(kUnpriced))
/// ```
/// What the call has emitted is withdrawn. What it has done besides, to keyed state, timers, accumulators, side outputs or
/// the outside world, stays. The job's metrics count what is left out; the first error of each subtask is in the log as a warning.
class ErrorPolicy {
public:
    /// The job fails, and restarts if its strategy says so: what happens without `onError`.
    static detail::ErrorHandling<detail::FailJob, false> fail() noexcept { return {}; }
    /// The record is left out.
    static detail::ErrorHandling<detail::SkipRecord, false> skip() noexcept { return {}; }
    /// The record goes to a side output: of the operator's input type, or of `FailedRecord` of it, with the error. A window
    /// is a `FailedWindow<Key, Window>`, a timer a `FailedTimer<Key>`, a pair a `std::pair` or a `FailedRecord` of one.
    template <class X>
    static detail::ErrorHandling<detail::SendRecord<X>, false> deadLetter(const OutputTag<X>& tag) {
        return {{tag}, 0};
    }
    /// Calls the function again, at once and up to so many times; then the job fails, unless `.orSkip()` or
    /// `.orDeadLetter(tag)` follows. *Failure:* ConfigurationException below 1.
    static detail::ErrorHandling<detail::FailJob, true> retry(int times) {
        if (times < 1) throw ConfigurationException("ErrorPolicy::retry(times): give at least 1");
        return {{}, times};
    }
};

}  // namespace millrace

#endif  // MILLRACE_FUNCTIONS_ERROR_POLICY_HPP
