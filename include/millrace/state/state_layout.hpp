#ifndef MILLRACE_STATE_STATE_LAYOUT_HPP
#define MILLRACE_STATE_STATE_LAYOUT_HPP

#include <millrace/core/config.hpp>
#include <millrace/types/codec.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace millrace::detail {

/// A part of each entry of a state.
struct StateField {
    std::string_view name;
    const TypeInfo* type = nullptr;
    bool isInternal = false;  ///< not the user's: the number of a window, a stamp…
};

/// What the pieces of a state look like: a byte with the version of the format, then entries, each the fields one behind the
/// other. Snapshots keep it as a text, so that another program can tell what it finds, and whether it fits.
struct StateLayout {
    std::string_view kind;  ///< what the operator keeps there: "value", "sessions"…
    StateField fields[6]{};

    std::size_t fieldCount() const noexcept {
        std::size_t count = 0;
        while (count < 6 && fields[count].type != nullptr) ++count;
        return count;
    }
};

/// `value{key:i64,stamp:optional<i64>,value:{cents:i64}}`
std::string layoutText(const StateLayout& layout);

// ---- types that only layouts have

/// Flags of a window in a byte; a T only if bit 0 is set.
template <class T>
inline constexpr TypeInfo kFlaggedInfo{.kind = TypeKind::Flagged, .count = 1, .parts = kPartInfos<T>};

/// Whether parts have stamps, in a byte; the number of parts; the stamps; the parts.
template <class T>
inline constexpr TypeInfo kStampedListInfo{.kind = TypeKind::StampedList, .count = 1, .parts = kPartInfos<T>};
template <class K, class V>
inline constexpr TypeInfo kStampedMapInfo{.kind = TypeKind::StampedMap, .count = 2, .parts = kPartInfos<K, V>};

/// A list of parts that each have a time in front of them.
template <class T>
inline constexpr TypeInfo kTimedInfo{.kind = TypeKind::Tuple, .count = 2, .parts = kPartInfos<std::int64_t, T>};
template <class T>
inline constexpr const TypeInfo* kTimedInfos[2] = {&kTimedInfo<T>, nullptr};
template <class T>
inline constexpr TypeInfo kTimedListInfo{.kind = TypeKind::Sequence, .count = 1, .parts = kTimedInfos<T>};

template <class T>
inline constexpr TypeInfo kListInfo{.kind = TypeKind::Sequence, .count = 1, .parts = kPartInfos<T>};
template <class K, class V>
inline constexpr TypeInfo kMapInfo{.kind = TypeKind::Map, .count = 2, .parts = kPartInfos<K, V>};
inline constexpr TypeInfo kStampInfo{.kind = TypeKind::Optional, .count = 1, .parts = kPartInfos<std::int64_t>};

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/state/state_layout.ipp>
#endif

#endif  // MILLRACE_STATE_STATE_LAYOUT_HPP
