#ifndef MILLRACE_CORE_FUNCTION_REF_HPP
#define MILLRACE_CORE_FUNCTION_REF_HPP

#include <memory>
#include <type_traits>

namespace millrace::detail {

template <class Signature>
class FunctionRef;

/// A function of the caller for the time of a call, which is all that a parameter needs of a std::function: two functions for
/// each lambda instead of some twenty. Arguments are references, or cheap to copy. Not for variables: a temporary that it was made
/// from is gone at the end of the statement.
template <class... Args>
class FunctionRef<void(Args...)> {
public:
    template <class Fn>
        requires(!std::is_same_v<Fn, FunctionRef> && std::is_invocable_v<const Fn&, Args...>)
    FunctionRef(const Fn& fn) noexcept  // NOLINT(google-explicit-constructor): parameters are given lambdas
        : fn_(std::addressof(fn)), call_(&call<Fn>) {}

    void operator()(Args... args) const { call_(fn_, args...); }

private:
    template <class Fn>
    static void call(const void* fn, Args... args) {
        (*static_cast<const Fn*>(fn))(args...);
    }

    const void* fn_;
    void (*call_)(const void* fn, Args... args);
};

}  // namespace millrace::detail

#endif  // MILLRACE_CORE_FUNCTION_REF_HPP
