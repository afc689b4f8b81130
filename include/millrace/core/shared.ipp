#include <millrace/core/shared.hpp>

namespace millrace::detail {

MILLRACE_INLINE_APART SharedReference::SharedReference(const SharedObject* object) noexcept : object_(object) {
    if (object != nullptr) object->owners_.fetch_add(1, std::memory_order_relaxed);
}

MILLRACE_INLINE_APART void SharedReference::release() noexcept {
    if (object_ == nullptr) return;
    // what others have done with the object happens before it goes
    if (object_->owners_.fetch_sub(1, std::memory_order_acq_rel) == 1) object_->endShared();
}

MILLRACE_INLINE_APART SharedReference SharedReference::ifAlive(const SharedObject& object) noexcept {
    SharedReference reference;
    std::size_t owners = object.owners_.load(std::memory_order_relaxed);
    while (owners != 0) {
        if (object.owners_.compare_exchange_weak(owners, owners + 1, std::memory_order_acquire)) {
            reference.object_ = &object;
            break;
        }
    }
    return reference;
}

MILLRACE_INLINE_COLD void Lifeline::cut() noexcept {
    const std::lock_guard lock(mutex_);
    object_ = nullptr;
}

// While this has the mutex the object's memory is still there, if not the object: its destructor waits in `cut`.
MILLRACE_INLINE_COLD SharedReference Lifeline::lock() noexcept {
    const std::lock_guard lock(mutex_);
    return object_ != nullptr ? SharedReference::ifAlive(*object_) : SharedReference();
}

}  // namespace millrace::detail
