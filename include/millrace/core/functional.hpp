#ifndef MILLRACE_CORE_FUNCTIONAL_HPP
#define MILLRACE_CORE_FUNCTIONAL_HPP

// std::function, and a way to call pointers to members like functions. libstdc++'s <functional> also brings hash tables:
// 0.1 s for every file that includes it.

#include <type_traits>
#include <utility>
#include <version>

#if defined(__GLIBCXX__) && __has_include(<bits/std_function.h>)
#include <bits/std_function.h>
#include <bits/stl_function.h>
#else
#include <functional>
#endif

namespace millrace::detail {

/// Calls or reads a member of `object`, or of what `object` points to.
template <class Result, class Member, class Object, class... Args>
constexpr Result invokeMember(Member member, Object&& object, Args&&... args) {
    if constexpr (std::is_member_object_pointer_v<Member>) {
        if constexpr (requires { std::forward<Object>(object).*member; }) {
            return std::forward<Object>(object).*member;
        } else {
            return (*std::forward<Object>(object)).*member;
        }
    } else if constexpr (requires { (std::forward<Object>(object).*member)(std::forward<Args>(args)...); }) {
        return (std::forward<Object>(object).*member)(std::forward<Args>(args)...);
    } else {
        return ((*std::forward<Object>(object)).*member)(std::forward<Args>(args)...);
    }
}

/// What std::invoke does, in fewer functions.
template <class Fn, class... Args>
constexpr std::invoke_result_t<Fn, Args...> invoke(Fn&& fn, Args&&... args) {
    if constexpr (std::is_member_pointer_v<std::remove_reference_t<Fn>>) {
        return invokeMember<std::invoke_result_t<Fn, Args...>>(fn, std::forward<Args>(args)...);
    } else {
        return std::forward<Fn>(fn)(std::forward<Args>(args)...);
    }
}

}  // namespace millrace::detail

#endif  // MILLRACE_CORE_FUNCTIONAL_HPP
