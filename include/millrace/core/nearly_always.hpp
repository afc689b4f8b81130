#ifndef MILLRACE_CORE_NEARLY_ALWAYS_HPP
#define MILLRACE_CORE_NEARLY_ALWAYS_HPP

namespace millrace::detail {

/// Whether something holds, as it nearly always does: g++ then keeps no register free for what is called where it does not.
/// What stands there is compiled for size, so it had better call a function. `[[likely]]` means nine times in ten.
[[gnu::always_inline]] constexpr bool nearlyAlways(bool holds) noexcept {
    return __builtin_expect_with_probability(holds, 1, 1.0) != 0;
}

}  // namespace millrace::detail

#endif  // MILLRACE_CORE_NEARLY_ALWAYS_HPP
