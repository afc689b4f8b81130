#ifndef MILLRACE_CORE_SHARED_HPP
#define MILLRACE_CORE_SHARED_HPP

#include <memory>
#include <type_traits>

// What counts for a std::shared_ptr has a type of its own for each type of pointer that one is made from: some twenty functions.

namespace millrace::detail {

/// Takes an object over by its base, so that one type counts for all that derive from it.
template <class Base>
std::shared_ptr<Base> sharedAs(std::type_identity_t<Base>* object) {
    return std::shared_ptr<Base>(object);
}

/// A base for what is shared and has no other.
class SharedObject {
public:
    SharedObject() = default;
    SharedObject(const SharedObject&) = delete;
    SharedObject& operator=(const SharedObject&) = delete;
    virtual ~SharedObject() = default;
};

}  // namespace millrace::detail

#endif  // MILLRACE_CORE_SHARED_HPP
