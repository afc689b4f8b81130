#ifndef MILLRACE_CORE_LIST_HPP
#define MILLRACE_CORE_LIST_HPP

#include <cstddef>
#include <cstring>
#include <initializer_list>
#include <new>
#include <type_traits>
#include <utility>

namespace millrace::detail {

/// What a list is, whatever its elements: memory from `operator new`.
class ListStore {
public:
    bool empty() const noexcept { return size_ == 0; }
    std::size_t size() const noexcept { return size_; }
    std::size_t capacity() const noexcept { return capacity_; }

protected:
    /// Moves so many elements to memory that holds none.
    using Relocate = void (*)(void* to, void* from, std::size_t count) noexcept;

    ListStore() = default;
    ListStore(ListStore&& other) noexcept { swapStores(other); }
    ~ListStore() { ::operator delete(data_); }

    void swapStores(ListStore& other) noexcept {
        void* const data = data_;  // std::swap is dear to compile for each type of pointer
        data_ = other.data_;
        other.data_ = data;
        std::swap(size_, other.size_);
        std::swap(capacity_, other.capacity_);
    }
    std::size_t nextCapacity() const noexcept { return size_ < 4 ? 4 : 2 * size_; }
    /// Larger memory for elements of so many bytes. `relocate`: null where copying the bytes does.
    [[gnu::cold, gnu::noinline]] void growStore(std::size_t capacity, std::size_t bytes, Relocate relocate) {
        const std::size_t memory = capacity * bytes;
        void* const larger = ::operator new(memory);
        if (relocate != nullptr) {
            relocate(larger, data_, size_);
        } else if (size_ > 0) {
            std::memcpy(larger, data_, size_ * bytes);
        }
        ::operator delete(data_);
        data_ = larger;
        capacity_ = capacity;
    }

    void* data_ = nullptr;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
};

/// What the library needs of a std::vector, in a few functions for each type instead of fifty: every file that includes
/// millrace compiles them.
template <class T>
class List : public ListStore {
public:
    List() = default;
    /// So many elements, each T{}.
    explicit List(std::size_t count) : List() { resize(count); }
    List(std::initializer_list<T> elements) : List() { copyFrom(elements.begin(), elements.size()); }
    [[gnu::cold]] List(const List& other) : List() { copyFrom(other.data(), other.size_); }
    List(List&& other) noexcept = default;
    List& operator=(List other) noexcept {
        swapStores(other);
        return *this;
    }
    ~List() {
        if constexpr (!std::is_trivially_destructible_v<T>) clear();
        if constexpr (kOverAligned) {
            release(data());
            data_ = nullptr;
        }
    }

    T* data() noexcept { return static_cast<T*>(data_); }
    const T* data() const noexcept { return static_cast<const T*>(data_); }
    T* begin() noexcept { return static_cast<T*>(data_); }
    T* end() noexcept { return static_cast<T*>(data_) + size_; }
    const T* begin() const noexcept { return static_cast<const T*>(data_); }
    const T* end() const noexcept { return static_cast<const T*>(data_) + size_; }
    T& operator[](std::size_t index) noexcept { return static_cast<T*>(data_)[index]; }
    const T& operator[](std::size_t index) const noexcept { return static_cast<const T*>(data_)[index]; }
    T& front() noexcept { return *static_cast<T*>(data_); }
    const T& front() const noexcept { return *static_cast<const T*>(data_); }
    T& back() noexcept { return static_cast<T*>(data_)[size_ - 1]; }
    const T& back() const noexcept { return static_cast<const T*>(data_)[size_ - 1]; }

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
    void pop_back() noexcept { static_cast<T*>(data_)[--size_].~T(); }
    void clear() noexcept {
        while (size_ > 0) pop_back();
    }
    /// Elements that are added are T{}.
    void resize(std::size_t count) {
        while (size_ > count) pop_back();
        reserve(count);
        for (; size_ < count; ++size_) ::new (static_cast<void*>(end())) T{};
    }
    /// Keeps the order of the others.
    void removeAt(std::size_t index) noexcept {
        for (; index + 1 < size_; ++index) (*this)[index] = std::move((*this)[index + 1]);
        pop_back();
    }
    /// Drops the elements for which `drop(element)` is true, and keeps the order of the others.
    template <class Drop>
    void eraseIf(Drop drop) {
        std::size_t kept = 0;
        T* const elements = data();
        for (std::size_t i = 0; i < size_; ++i) {
            if (drop(std::as_const(elements[i]))) continue;
            if (kept != i) elements[kept] = std::move(elements[i]);
            ++kept;
        }
        while (size_ > kept) pop_back();
    }
    void swap(List& other) noexcept { swapStores(other); }
    /// Elements are moved, or copied if moving them may throw and they can be copied; then after an exception all is as before.
    void reserve(std::size_t capacity) {
        if (capacity > capacity_) grow(capacity);
    }

private:
    static constexpr bool kOverAligned = alignof(T) > __STDCPP_DEFAULT_NEW_ALIGNMENT__;

    /// For one more element.
    void* room() {
        if (size_ == capacity_) grow(nextCapacity());
        return end();
    }
    void copyFrom(const T* elements, std::size_t count) {
        reserve(count);
        for (; size_ < count; ++size_) ::new (static_cast<void*>(end())) T(elements[size_]);
    }
    /// Called on a condition only: it always calls what is cold, so g++ takes it for cold as well.
    void grow(std::size_t capacity) {
        if constexpr (kOverAligned || !(std::is_trivially_copyable_v<T> || std::is_nothrow_move_constructible_v<T>)) {
            growCarefully(capacity);
        } else if constexpr (std::is_trivially_copyable_v<T>) {
            growStore(capacity, sizeof(T), nullptr);
        } else {
            growStore(capacity, sizeof(T), &relocate);
        }
    }
    [[gnu::cold]] static void relocate(void* to, void* from, std::size_t count) noexcept {
        T* const elements = static_cast<T*>(from);
        for (std::size_t i = 0; i < count; ++i) {
            ::new (static_cast<void*>(static_cast<T*>(to) + i)) T(std::move(elements[i]));
            elements[i].~T();
        }
    }
    [[gnu::cold, gnu::noinline]] void growCarefully(std::size_t capacity) {
        T* const former = data();
        T* const larger = allocate(capacity);
        std::size_t done = 0;
        try {
            for (; done < size_; ++done) {
                ::new (static_cast<void*>(larger + done)) T(std::move_if_noexcept(former[done]));
            }
        } catch (...) {
            while (done > 0) larger[--done].~T();
            release(larger);
            throw;
        }
        for (std::size_t i = 0; i < size_; ++i) former[i].~T();
        release(former);
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
};

}  // namespace millrace::detail

#endif  // MILLRACE_CORE_LIST_HPP
