#ifndef MILLRACE_CORE_FUNCTION_REF_HPP
#define MILLRACE_CORE_FUNCTION_REF_HPP

#include <memory>
#include <type_traits>

namespace millrace::detail {

template <class Signature>
class FunctionRef;

/// A function of the caller for the time of a call, which is all that a parameter needs of a std::function: two functions for
/// each lambda instead of some twenty.
template <class... Args>
class FunctionRef<void(Args...)> {
public:
    template <class Fn>
        requires(!std::is_same_v<std::remove_cv_t<Fn>, FunctionRef>)
    FunctionRef(const Fn& fn) noexcept : fn_(std::addressof(fn)), call_(&call<Fn>) {}

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
