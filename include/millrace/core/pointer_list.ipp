#include <millrace/core/pointer_list.hpp>

#include <utility>

namespace millrace::detail {

MILLRACE_INLINE_COLD void PointerStore::insert(std::size_t index, const void* object) {
    pointers_.push_back(nullptr);
    for (std::size_t i = size() - 1; i > index; --i) pointers_[i] = pointers_[i - 1];
    pointers_[index] = const_cast<void*>(object);
}

MILLRACE_INLINE_COLD void PointerStore::remove(std::size_t index) noexcept {
    pointers_.removeAt(index);
}

MILLRACE_INLINE_COLD OwnerStore::~OwnerStore() {
    clear();
}

MILLRACE_INLINE_COLD void OwnerStore::clear() noexcept {
    for (void* object : pointers_) destroy_(object);
    pointers_.clear();
}

MILLRACE_INLINE_COLD void OwnerStore::own(std::size_t index, void* object, Destroy destroy) {
    destroy_ = destroy;
    try {
        insert(index, object);
    } catch (...) {
        destroy(object);
        throw;
    }
}

MILLRACE_INLINE_COLD void OwnerStore::swapStores(OwnerStore& other) noexcept {
    pointers_.swap(other.pointers_);
    std::swap(destroy_, other.destroy_);
}

}  // namespace millrace::detail
