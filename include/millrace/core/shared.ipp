#include <millrace/core/shared.hpp>

namespace millrace::detail {

MILLRACE_INLINE_APART SharedReference::SharedReference(const SharedObject* object) noexcept : object_(object) {
    if (object != nullptr) object->owners_.fetch_add(1, std::memory_order_relaxed);
}

MILLRACE_INLINE_APART void SharedReference::release() noexcept {
    if (object_ == nullptr) return;
    // what others have done with the object happens before it goes
    if (object_->owners_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete object_;
}

}  // namespace millrace::detail
