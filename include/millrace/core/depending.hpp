#ifndef MILLRACE_CORE_DEPENDING_HPP
#define MILLRACE_CORE_DEPENDING_HPP

namespace millrace::detail {

/// T, named by what depends on the parameter of a template. What the template does with it is then compiled with its instances,
/// and not where it is defined, in every file that includes it: worth it for containers.
template <class T, class /*Parameter*/>
struct Depending {
    using Type = T;
};

}  // namespace millrace::detail

#endif  // MILLRACE_CORE_DEPENDING_HPP
