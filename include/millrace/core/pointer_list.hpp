#ifndef MILLRACE_CORE_POINTER_LIST_HPP
#define MILLRACE_CORE_POINTER_LIST_HPP

#include <millrace/core/config.hpp>
#include <millrace/core/list.hpp>

#include <cstddef>

namespace millrace::detail {

/// What all lists of pointers have in common, and their iterators.
class PointerStore {
public:
    bool empty() const noexcept { return pointers_.empty(); }
    std::size_t size() const noexcept { return pointers_.size(); }
    void clear() noexcept { pointers_.clear(); }

    struct Place {
        void operator++() noexcept { ++at; }
        bool operator!=(const Place& other) const noexcept { return at != other.at; }
        void* const* at;
    };
    template <class T>
    struct Iterator : Place {
        T& operator*() const noexcept { return *static_cast<T*>(*at); }
    };

protected:
    void insert(std::size_t index, const void* object);
    void remove(std::size_t index) noexcept;

    List<void*> pointers_;
};

/// A list whose objects are its own. How to destroy them it learns with the first one: who only has such a list, and adds
/// nothing, compiles nothing for it.
class OwnerStore : public PointerStore {
public:
    void clear() noexcept;

protected:
    using Destroy = void (*)(void* object) noexcept;

    OwnerStore() = default;
    OwnerStore(OwnerStore&&) noexcept = default;
    ~OwnerStore();

    /// If there is no memory for its pointer the object is destroyed.
    void own(std::size_t index, void* object, Destroy destroy);
    void swapStores(OwnerStore& other) noexcept;

private:
    Destroy destroy_ = nullptr;
};

/// Pointers to objects of others, in order. A file that includes many such lists compiles faster than with a vector for
/// each type; for everything that is not touched per record.
template <class T>
class PointerList : public PointerStore {
public:
    T& operator[](std::size_t index) const noexcept { return *static_cast<T*>(pointers_[index]); }
    T& front() const noexcept { return (*this)[0]; }
    T& back() const noexcept { return (*this)[size() - 1]; }
    Iterator<T> begin() const noexcept { return {{pointers_.begin()}}; }
    Iterator<T> end() const noexcept { return {{pointers_.end()}}; }

    void add(T& object) { insert(size(), &object); }
    void addAt(std::size_t index, T& object) { insert(index, &object); }
    void removeAt(std::size_t index) noexcept { remove(index); }
};

/// The same for objects that belong to the list. They stay where they are.
template <class T>
class OwnerList : public OwnerStore {
public:
    OwnerList() = default;
    OwnerList(const OwnerList& other) : OwnerList() {
        for (const T& object : other) add(new T(object));
    }
    OwnerList(OwnerList&& other) noexcept = default;
    OwnerList& operator=(OwnerList other) noexcept {
        swap(other);
        return *this;
    }
    ~OwnerList() = default;

    T& operator[](std::size_t index) const noexcept { return *static_cast<T*>(pointers_[index]); }
    T& front() const noexcept { return (*this)[0]; }
    T& back() const noexcept { return (*this)[size() - 1]; }
    Iterator<T> begin() const noexcept { return {{pointers_.begin()}}; }
    Iterator<T> end() const noexcept { return {{pointers_.end()}}; }

    /// Takes the object over.
    T& add(T* object) { return addAt(size(), object); }
    T& addAt(std::size_t index, T* object) {
        own(index, object, &destroy);
        return *object;
    }
    /// Gives the object away.
    T* release(std::size_t index) noexcept {
        T* const object = &(*this)[index];
        remove(index);
        return object;
    }
    void swap(OwnerList& other) noexcept { swapStores(other); }

private:
    [[gnu::cold]] static void destroy(void* object) noexcept { delete static_cast<T*>(object); }
};

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/core/pointer_list.ipp>
#endif

#endif  // MILLRACE_CORE_POINTER_LIST_HPP
