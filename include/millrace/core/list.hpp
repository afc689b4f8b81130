#ifndef MILLRACE_CORE_LIST_HPP
#define MILLRACE_CORE_LIST_HPP

#include <cstddef>
#include <cstring>
#include <initializer_list>
#include <new>
#include <type_traits>
#include <utility>

namespace millrace::detail {

/// Larger memory with the same bytes, in place of the former.
[[gnu::cold, gnu::noinline]] inline void* movedBytes(void* former, std::size_t used, std::size_t bytes) {
    void* const larger = ::operator new(bytes);
    if (used > 0) std::memcpy(larger, former, used);
    ::operator delete(former);
    return larger;
}

/// What the library needs of a std::vector, in ten functions for each type instead of fifty: every file that includes
/// millrace compiles them.
template <class T>
class List {
public:
    List() = default;
    /// So many elements, each T{}.
    explicit List(std::size_t count) : List() { resize(count); }
    List(std::initializer_list<T> elements) : List() { copyFrom(elements.begin(), elements.size()); }
    [[gnu::cold]] List(const List& other) : List() { copyFrom(other.data_, other.size_); }
    List(List&& other) noexcept : data_(other.data_), size_(other.size_), capacity_(other.capacity_) {
        other.data_ = nullptr;
        other.size_ = other.capacity_ = 0;
    }
    List& operator=(List other) noexcept {
        swap(other);
        return *this;
    }
    ~List() {
        if constexpr (!std::is_trivially_destructible_v<T>) clear();
        release(data_);
    }

    bool empty() const noexcept { return size_ == 0; }
    std::size_t size() const noexcept { return size_; }
    std::size_t capacity() const noexcept { return capacity_; }
    T* data() noexcept { return data_; }
    T* begin() noexcept { return data_; }
    T* end() noexcept { return data_ + size_; }
    const T* begin() const noexcept { return data_; }
    const T* end() const noexcept { return data_ + size_; }
    T& operator[](std::size_t index) noexcept { return data_[index]; }
    const T& operator[](std::size_t index) const noexcept { return data_[index]; }
    T& front() noexcept { return data_[0]; }
    const T& front() const noexcept { return data_[0]; }
    T& back() noexcept { return data_[size_ - 1]; }
    const T& back() const noexcept { return data_[size_ - 1]; }

    /// From arguments that are not elements of this list.
    template <class... Args>
    T& emplace_back(Args&&... args) {
        T* const added = ::new (room()) T{std::forward<Args>(args)...};
        ++size_;
        return *added;
    }
    void push_back(T element) {
        ::new (room()) T(std::move(element));
        ++size_;
    }
    void pop_back() noexcept { data_[--size_].~T(); }
    void clear() noexcept {
        while (size_ > 0) pop_back();
    }
    /// Elements that are added are T{}.
    void resize(std::size_t count) {
        while (size_ > count) pop_back();
        reserve(count);
        for (; size_ < count; ++size_) ::new (static_cast<void*>(data_ + size_)) T{};
    }
    /// Keeps the order of the others.
    void removeAt(std::size_t index) noexcept {
        for (; index + 1 < size_; ++index) data_[index] = std::move(data_[index + 1]);
        pop_back();
    }
    /// Drops the elements for which `drop(element)` is true, and keeps the order of the others.
    template <class Drop>
    void eraseIf(Drop drop) {
        std::size_t kept = 0;
        for (std::size_t i = 0; i < size_; ++i) {
            if (drop(std::as_const(data_[i]))) continue;
            if (kept != i) data_[kept] = std::move(data_[i]);
            ++kept;
        }
        while (size_ > kept) pop_back();
    }
    void swap(List& other) noexcept {
        T* const data = data_;  // std::swap is a function more for each type of pointer
        data_ = other.data_;
        other.data_ = data;
        std::swap(size_, other.size_);
        std::swap(capacity_, other.capacity_);
    }
    /// Elements are moved, or copied if moving them may throw and they can be copied; then after an exception all is as before.
    void reserve(std::size_t capacity) {
        if (capacity > capacity_) grow(capacity);
    }

private:
    /// For one more element.
    void* room() {
        if (size_ == capacity_) grow(size_ < 4 ? 4 : 2 * size_);
        return data_ + size_;
    }
    void copyFrom(const T* elements, std::size_t count) {
        reserve(count);
        for (; size_ < count; ++size_) ::new (static_cast<void*>(data_ + size_)) T(elements[size_]);
    }

    static constexpr bool kOverAligned = alignof(T) > __STDCPP_DEFAULT_NEW_ALIGNMENT__;
    /// Called on a condition only: it always calls what is cold, so g++ takes it for cold as well.
    void grow(std::size_t capacity) {
        if constexpr (std::is_trivially_copyable_v<T> && !kOverAligned) {
            data_ = static_cast<T*>(movedBytes(data_, size_ * sizeof(T), capacity * sizeof(T)));
            capacity_ = capacity;
        } else {
            growTo(capacity);
        }
    }
    [[gnu::cold, gnu::noinline]] void growTo(std::size_t capacity) {
        T* const larger = allocate(capacity);
        if constexpr (std::is_nothrow_move_constructible_v<T>) {
            for (std::size_t i = 0; i < size_; ++i) {
                ::new (static_cast<void*>(larger + i)) T(std::move(data_[i]));
                data_[i].~T();
            }
        } else {
            std::size_t done = 0;
            try {
                for (; done < size_; ++done) {
                    ::new (static_cast<void*>(larger + done)) T(std::move_if_noexcept(data_[done]));
                }
            } catch (...) {
                while (done > 0) larger[--done].~T();
                release(larger);
                throw;
            }
            for (std::size_t i = 0; i < size_; ++i) data_[i].~T();
        }
        release(data_);
        data_ = larger;
        capacity_ = capacity;
    }
    static T* allocate(std::size_t count) {
        if constexpr (kOverAligned) {
            return static_cast<T*>(::operator new(count * sizeof(T), std::align_val_t{alignof(T)}));
        } else {
            return static_cast<T*>(::operator new(count * sizeof(T)));
        }
    }
    static void release(T* elements) noexcept {
        if constexpr (kOverAligned) {
            ::operator delete(elements, std::align_val_t{alignof(T)});
        } else {
            ::operator delete(elements);
        }
    }

    T* data_ = nullptr;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
};

}  // namespace millrace::detail

#endif  // MILLRACE_CORE_LIST_HPP
