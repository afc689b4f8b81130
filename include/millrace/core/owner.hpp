#ifndef MILLRACE_CORE_OWNER_HPP
#define MILLRACE_CORE_OWNER_HPP

#include <cstddef>
#include <type_traits>
#include <utility>

namespace millrace::detail {

/// What the library needs of a std::unique_ptr: the pointer to one object, which it deletes. g++ takes 20 ms for each type
/// that is in a unique_ptr and less than one for this (std::exchange would be two functions more for each).
template <class T>
class Owner {
public:
    Owner() = default;
    Owner(std::nullptr_t) noexcept {}
    explicit Owner(T* object) noexcept : object_(object) {}
    Owner(Owner&& other) noexcept : object_(other.release()) {}
    template <class Derived>
        requires std::is_convertible_v<Derived*, T*>
    Owner(Owner<Derived>&& other) noexcept : object_(other.release()) {}
    Owner& operator=(Owner&& other) noexcept {
        reset(other.release());
        return *this;
    }
    ~Owner() { reset(); }

    T* get() const noexcept { return object_; }
    T& operator*() const noexcept { return *object_; }
    T* operator->() const noexcept { return object_; }
    explicit operator bool() const noexcept { return object_ != nullptr; }
    bool operator==(std::nullptr_t) const noexcept { return object_ == nullptr; }

    void reset(T* object = nullptr) noexcept {
        static_assert(sizeof(T) > 0, "the type has to be complete");
        T* const former = object_;
        object_ = object;
        delete former;
    }
    T* release() noexcept {
        T* const released = object_;
        object_ = nullptr;
        return released;
    }

private:
    T* object_ = nullptr;
};

/// The same for an array.
template <class T>
class Owner<T[]> {
public:
    Owner() = default;
    explicit Owner(T* objects) noexcept : objects_(objects) {}
    Owner(Owner&& other) noexcept : objects_(other.release()) {}
    Owner& operator=(Owner&& other) noexcept {
        reset(other.release());
        return *this;
    }
    ~Owner() { reset(); }

    T* get() const noexcept { return objects_; }
    T& operator[](std::size_t index) const noexcept { return objects_[index]; }
    bool operator==(std::nullptr_t) const noexcept { return objects_ == nullptr; }

    void reset(T* objects = nullptr) noexcept {
        static_assert(sizeof(T) > 0, "the type has to be complete");
        T* const former = objects_;
        objects_ = objects;
        delete[] former;
    }
    T* release() noexcept {
        T* const released = objects_;
        objects_ = nullptr;
        return released;
    }

private:
    T* objects_ = nullptr;
};

}  // namespace millrace::detail

#endif  // MILLRACE_CORE_OWNER_HPP
