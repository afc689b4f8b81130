#include <millrace/windowing/window_stagger.hpp>

namespace millrace::detail {

MILLRACE_INLINE_COLD Duration staggerOf(WindowStagger stagger, Timestamp now, std::uint64_t seed,
                                        Duration step) noexcept {
    switch (stagger) {
        case WindowStagger::Aligned:
            break;
        case WindowStagger::Random: {
            // splitmix64: neighbouring seeds must not give neighbouring shifts
            std::uint64_t z = seed + 0x9e3779b97f4a7c15ULL;
            z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
            z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
            return Duration{static_cast<std::int64_t>((z ^ (z >> 31)) % static_cast<std::uint64_t>(step.count()))};
        }
        case WindowStagger::Natural:
            return floorMod(now, Duration{0}, step);
    }
    return Duration{0};
}

}  // namespace millrace::detail
