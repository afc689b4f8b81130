#ifndef MILLRACE_CORE_SHARED_HPP
#define MILLRACE_CORE_SHARED_HPP

#include <millrace/core/config.hpp>

#include <atomic>
#include <concepts>
#include <cstddef>
#include <mutex>
#include <utility>

// A std::shared_ptr is some twenty functions for each type that is shared, and as many again for each type of pointer that one is
// made from, and a std::weak_ptr twenty more. `Shared` and `Weak` are a few of one line.

namespace millrace::detail {

/// A base of what is shared: counts its references. It is made by `new` and ends with the last of them; one that no `Shared` has
/// referred to belongs to whoever has made it.
class SharedObject {
public:
    SharedObject() = default;
    SharedObject(const SharedObject&) = delete;
    SharedObject& operator=(const SharedObject&) = delete;
    virtual ~SharedObject() = default;

protected:
    /// What becomes of it when the last reference has gone.
    virtual void endShared() const noexcept { delete this; }

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
        swapReferences(other);
        return *this;
    }
    ~SharedReference() { release(); }

    /// Another reference to an object that may have none any more: then it stays empty.
    static SharedReference ifAlive(const SharedObject& object) noexcept;

    explicit operator bool() const noexcept { return object_ != nullptr; }
    bool operator==(std::nullptr_t) const noexcept { return object_ == nullptr; }

protected:
    void swapReferences(SharedReference& other) noexcept {
        const SharedObject* const object = object_;
        object_ = other.object_;
        other.object_ = object;
    }

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

    void swap(Shared& other) noexcept { swapReferences(other); }
    T* get() const noexcept { return const_cast<T*>(static_cast<const T*>(object_)); }
    T& operator*() const noexcept { return *get(); }
    T* operator->() const noexcept { return get(); }

private:
    template <class>
    friend class Weak;
    explicit Shared(SharedReference&& reference) noexcept : SharedReference(std::move(reference)) {}
};

/// Where weak references look whether an object is still there.
class Lifeline final : public SharedObject {
public:
    explicit Lifeline(const SharedObject& object) noexcept : object_(&object) {}
    /// From the object's destructor.
    void cut() noexcept;
    SharedReference lock() noexcept;

private:
    std::mutex mutex_;
    const SharedObject* object_;
};

/// A base of what is shared and has weak references, too.
class WatchedObject : public SharedObject {
protected:
    WatchedObject() : lifeline_(new Lifeline(*this)) {}
    ~WatchedObject() override { lifeline_->cut(); }

private:
    friend class WeakReference;
    const Shared<Lifeline> lifeline_;
};

/// A reference that does not keep its object alive. *Thread safety:* as `SharedReference`.
class WeakReference {
public:
    WeakReference() = default;
    explicit WeakReference(const WatchedObject& object) noexcept : lifeline_(object.lifeline_) {}

    /// Empty when the object is gone, or going, and before a `Shared` has referred to it.
    SharedReference lock() const noexcept { return lifeline_ ? lifeline_->lock() : SharedReference(); }
    /// Whether both are references to the same object, which may be gone.
    bool operator==(const WeakReference& other) const noexcept { return lifeline_.get() == other.lifeline_.get(); }

private:
    Shared<Lifeline> lifeline_;
};

template <class T>
class Weak : public WeakReference {
public:
    explicit Weak(T& object) noexcept : WeakReference(object) {}
    Shared<T> lock() const noexcept { return Shared<T>(WeakReference::lock()); }
};

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/core/shared.ipp>
#endif

#endif  // MILLRACE_CORE_SHARED_HPP
