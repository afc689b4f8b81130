#include <millrace/core/pointer_list.hpp>

namespace millrace::detail {

MILLRACE_INLINE_COLD void PointerStore::insert(std::size_t index, const void* object) {
    pointers_.push_back(nullptr);
    for (std::size_t i = size() - 1; i > index; --i) pointers_[i] = pointers_[i - 1];
    pointers_[index] = const_cast<void*>(object);
}

MILLRACE_INLINE_COLD void PointerStore::own(std::size_t index, void* object, Destroy destroy) {
    try {
        insert(index, object);
    } catch (...) {
        destroy(object);
        throw;
    }
}

MILLRACE_INLINE_COLD void PointerStore::destroyAll(Destroy destroy) noexcept {
    for (void* object : pointers_) destroy(object);
    pointers_.clear();
}

MILLRACE_INLINE_COLD void PointerStore::remove(std::size_t index) noexcept {
    pointers_.removeAt(index);
}

}  // namespace millrace::detail
