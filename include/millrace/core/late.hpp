#ifndef MILLRACE_CORE_LATE_HPP
#define MILLRACE_CORE_LATE_HPP

#include <cstddef>
#include <new>
#include <utility>

namespace millrace::detail {

/// A place for one object that is made later than the place and may go earlier. Where nothing else of std::optional is
/// needed: that is some thirty functions for each type.
template <class T>
class Late {
public:
    Late() = default;
    Late(const Late&) = delete;
    Late& operator=(const Late&) = delete;
    ~Late() { reset(); }

    template <class... Args>
    T& emplace(Args&&... args) {
        reset();
        object_ = ::new (static_cast<void*>(bytes_)) T(std::forward<Args>(args)...);
        return *object_;
    }
    void reset() noexcept {
        T* const former = object_;
        object_ = nullptr;
        if (former != nullptr) former->~T();
    }

    bool has_value() const noexcept { return object_ != nullptr; }
    T& operator*() noexcept { return *object_; }
    const T& operator*() const noexcept { return *object_; }
    T* operator->() noexcept { return object_; }
    const T* operator->() const noexcept { return object_; }

private:
    alignas(T) std::byte bytes_[sizeof(T)];
    T* object_ = nullptr;
};

}  // namespace millrace::detail

#endif  // MILLRACE_CORE_LATE_HPP
