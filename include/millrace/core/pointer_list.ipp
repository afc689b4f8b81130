#include <millrace/core/pointer_list.hpp>

namespace millrace::detail {

MILLRACE_INLINE_COLD void PointerStore::insert(std::size_t index, const void* object) {
    pointers_.insert(pointers_.begin() + static_cast<std::ptrdiff_t>(index), const_cast<void*>(object));
}

MILLRACE_INLINE_COLD void PointerStore::remove(std::size_t index) noexcept {
    pointers_.erase(pointers_.begin() + static_cast<std::ptrdiff_t>(index));
}

}  // namespace millrace::detail
