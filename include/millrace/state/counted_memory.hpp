#ifndef MILLRACE_STATE_COUNTED_MEMORY_HPP
#define MILLRACE_STATE_COUNTED_MEMORY_HPP

#include <millrace/core/errors.hpp>
#include <millrace/state/state_memory.hpp>
#include <millrace/types/codec_rules.hpp>

#include <cstddef>
#include <memory>
#include <new>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

// Memory that state has beside its tables, counted when it is reserved and given back.

namespace millrace::detail {

/// Allocates as std::allocator does, and counts it in an account (null: nowhere). `kBeside` is what else each element costs
/// in a place that grows with this one. Moves and swaps take the account along.
/// *Failure:* std::bad_alloc; StateMemoryException.
template <class T, std::size_t kBeside = 0>
class CountedAllocator {
public:
    using value_type = T;
    using propagate_on_container_copy_assignment = std::true_type;
    using propagate_on_container_move_assignment = std::true_type;
    using propagate_on_container_swap = std::true_type;
    template <class U>
    struct rebind {
        using other = CountedAllocator<U, kBeside>;
    };

    CountedAllocator() = default;
    explicit CountedAllocator(StateMemory* account) noexcept : account_(account) {}
    template <class U>
    CountedAllocator(const CountedAllocator<U, kBeside>& other) noexcept : account_(other.account()) {}

    T* allocate(std::size_t count) {
        if (account_ != nullptr) account_->takeOwned(count * kBytes);
        try {
            return std::allocator<T>().allocate(count);
        } catch (...) {
            if (account_ != nullptr) account_->giveOwned(count * kBytes);
            throw;
        }
    }
    void deallocate(T* memory, std::size_t count) noexcept {
        std::allocator<T>().deallocate(memory, count);
        if (account_ != nullptr) account_->giveOwned(count * kBytes);
    }
    StateMemory* account() const noexcept { return account_; }
    bool operator==(const CountedAllocator&) const = default;

private:
    static constexpr std::size_t kBytes = sizeof(T) + kBeside;
    StateMemory* account_ = nullptr;
};

template <class T, std::size_t kBeside = 0>
using CountedVector = std::vector<T, CountedAllocator<T, kBeside>>;

/// Whether values of T have memory beside themselves of which `ownedBytes` knows. Not for types with a codec of a user's,
/// whose parts need not be known.
template <class T>
constexpr bool ownsMemory() {
    if constexpr (std::is_trivially_copyable_v<T> || HasOwnCodec<T>) {
        return false;
    } else {
        constexpr TypeKind kind = kTypeKind<T>;
        if constexpr (kind == TypeKind::String || kind == TypeKind::Sequence || kind == TypeKind::Set ||
                      kind == TypeKind::Map) {
            return true;
        } else if constexpr (kind == TypeKind::None) {
            return false;
        } else {
            return !allParts<T>([]<class Part>() { return !ownsMemory<Part>(); });
        }
    }
}
template <class T>
inline constexpr bool kOwnsMemory = ownsMemory<T>();

/// An estimate of it, of what containers hold without what their elements own: found in a few steps.
template <class T>
std::size_t ownedBytes(const T& value) noexcept {
    if constexpr (!kOwnsMemory<T>) {
        return 0;
    } else if constexpr (kTypeKind<T> == TypeKind::String) {
        return value.capacity() > std::string().capacity() ? value.capacity() + 1 : 0;
    } else if constexpr (kTypeKind<T> == TypeKind::Sequence) {
        using Element = typename T::value_type;
        if constexpr (std::is_same_v<Element, bool>) {
            return value.size() / 8;
        } else if constexpr (requires { value.capacity(); }) {
            return value.capacity() * sizeof(Element);
        } else {
            return value.size() * (sizeof(Element) + 2 * sizeof(void*));
        }
    } else if constexpr (kTypeKind<T> == TypeKind::Set || kTypeKind<T> == TypeKind::Map) {
        return value.size() * (sizeof(typename T::value_type) + 4 * sizeof(void*));
    } else if constexpr (kTypeKind<T> == TypeKind::Optional) {
        return value.has_value() ? ownedBytes(*value) : 0;
    } else if constexpr (kTypeKind<T> == TypeKind::Variant) {
        return value.valueless_by_exception()
                   ? 0
                   : std::visit([](const auto& part) { return detail::ownedBytes(part); }, value);
    } else if constexpr (kTypeKind<T> == TypeKind::Array) {
        std::size_t sum = 0;
        for (const auto& element : value) sum += ownedBytes(element);
        return sum;
    } else if constexpr (kTypeKind<T> == TypeKind::Aggregate) {
        return applyToFields(value, [](const auto&... part) { return (std::size_t{0} + ... + ownedBytes(part)); });
    } else {
        return std::apply([](const auto&... part) { return (std::size_t{0} + ... + ownedBytes(part)); }, value);
    }
}

/// What the elements of a list or map own, as far as it has been counted: it is given back with this object.
class OwnedBytes {
public:
    explicit OwnedBytes(StateMemory* account) noexcept : account_(account) {}
    OwnedBytes(OwnedBytes&& other) noexcept : account_(other.account_), bytes_(std::exchange(other.bytes_, 0)) {}
    OwnedBytes& operator=(OwnedBytes&&) = delete;
    ~OwnedBytes() { change(bytes_, 0); }

    /// Elements that owned so many bytes own so many now. *Failure:* StateMemoryException; they count all the same.
    void change(std::size_t before, std::size_t now) {
        if (account_ == nullptr || before == now) return;
        bytes_ += now - before;
        if (now > before) {
            account_->addOwned(now - before);
        } else {
            account_->giveOwned(before - now);
        }
    }
    /// One more element, which owns so many bytes. *Failure:* StateMemoryException; it is not counted.
    void add(std::size_t bytes) {
        if (account_ == nullptr || bytes == 0) return;
        account_->takeOwned(bytes);
        bytes_ += bytes;
    }
    std::size_t bytes() const noexcept { return bytes_; }

private:
    StateMemory* account_;
    std::size_t bytes_ = 0;
};
/// Of elements that own nothing.
struct NothingOwned {
    explicit NothingOwned(StateMemory*) noexcept {}
    static void change(std::size_t, std::size_t) noexcept {}
    static void add(std::size_t) noexcept {}
    static std::size_t bytes() noexcept { return 0; }
};
template <class... T>
using OwnedBy = std::conditional_t<(kOwnsMemory<T> || ...), OwnedBytes, NothingOwned>;

/// `call()`, which changes `value`, of a list or map that keeps account of what its elements own.
template <class T, class Owned, class Call>
void changeOwner(const T& value, Owned& owned, Call&& call) {
    if constexpr (!kOwnsMemory<T>) {
        call();
    } else {
        const std::size_t before = ownedBytes(value);
        try {
            call();
        } catch (...) {
            try {
                owned.change(before, ownedBytes(value));
            } catch (const StateMemoryException&) {
                // what was thrown first counts
            }
            throw;
        }
        owned.change(before, ownedBytes(value));
    }
}

}  // namespace millrace::detail

#endif  // MILLRACE_STATE_COUNTED_MEMORY_HPP
