#ifndef MILLRACE_CORE_SHARED_HPP
#define MILLRACE_CORE_SHARED_HPP

#include <millrace/core/config.hpp>

#include <atomic>
#include <concepts>
#include <cstddef>
#include <utility>

// A std::shared_ptr is some twenty functions for each type that is shared, and as many again for each type of pointer that one is
// made from. Where nobody needs a weak reference, `Shared` is a few of one line.

namespace millrace::detail {

/// A base of what is shared: counts its references. It is made by `new` and ends with the last of them; one that no `Shared` has
/// referred to belongs to whoever has made it.
class SharedObject {
public:
    SharedObject() = default;
    SharedObject(const SharedObject&) = delete;
    SharedObject& operator=(const SharedObject&) = delete;
    virtual ~SharedObject() = default;

private:
    friend class SharedReference;
    mutable std::atomic<std::size_t> owners_{0};
};

/// What all references to shared objects have in common.
/// *Thread safety:* as of a pointer; the object may have references in several threads.
class SharedReference {
public:
    SharedReference() = default;
    explicit SharedReference(const SharedObject* object) noexcept;
    SharedReference(const SharedReference& other) noexcept : SharedReference(other.object_) {}
    SharedReference(SharedReference&& other) noexcept : object_(other.object_) { other.object_ = nullptr; }
    SharedReference& operator=(SharedReference other) noexcept {
        std::swap(object_, other.object_);
        return *this;
    }
    ~SharedReference() { release(); }

    explicit operator bool() const noexcept { return object_ != nullptr; }
    bool operator==(std::nullptr_t) const noexcept { return object_ == nullptr; }

protected:
    const SharedObject* object_ = nullptr;

private:
    void release() noexcept;
};

/// A counted reference to an object that is destroyed with the last of them.
template <class T>
class Shared : public SharedReference {
public:
    Shared() = default;
    Shared(std::nullptr_t) noexcept {}
    explicit Shared(T* object) noexcept : SharedReference(object) {}
    template <class Derived>
        requires std::convertible_to<Derived*, T*>
    Shared(Shared<Derived> other) noexcept : SharedReference(std::move(other)) {}

    void swap(Shared& other) noexcept { std::swap(object_, other.object_); }
    T* get() const noexcept { return const_cast<T*>(static_cast<const T*>(object_)); }
    T& operator*() const noexcept { return *get(); }
    T* operator->() const noexcept { return get(); }
};

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/core/shared.ipp>
#endif

#endif  // MILLRACE_CORE_SHARED_HPP
