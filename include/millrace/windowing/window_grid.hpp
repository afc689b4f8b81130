#ifndef MILLRACE_WINDOWING_WINDOW_GRID_HPP
#define MILLRACE_WINDOWING_WINDOW_GRID_HPP

#include <millrace/windowing/time_window.hpp>

#include <cstdint>
#include <limits>

namespace millrace::detail {

/// Aligned windows as numbers. Window k is [offset + k * slide, … + size). The starts and ends of all windows cut time
/// into slices: no window begins or ends inside one, so records of one slice belong to the same windows. There are one
/// or two slices per slide ("pairs"), whatever size and slide are. Tumbling: one slice per window, with its number.
class WindowGrid {
public:
    /// Requires size > 0, slide > 0, |offset| < slide.
    constexpr WindowGrid(Duration size, Duration slide, Duration offset) noexcept
        : size_(size.count()), slide_(slide.count()), offset_(offset.count()), wholeSlides_(size_ / slide_),
          rest_(size_ % slide_), perSlide_(rest_ == 0 ? 1 : 2) {}

    constexpr std::int64_t sliceOf(Timestamp t) const noexcept {
        const std::int64_t into = floorMod(t, Duration{offset_}, Duration{slide_}).count();
        const auto number =
            static_cast<std::int64_t>((static_cast<Wide>(t.time_since_epoch().count()) - offset_ - into) / slide_);
        return perSlide_ == 1 ? number : 2 * number + (into >= rest_ ? 1 : 0);
    }
    /// [start, end) of a slice, cut at the sentinels.
    constexpr TimeWindow slice(std::int64_t slice) const noexcept {
        if (perSlide_ == 1) return {timeAt(slice, 0), timeAt(Wide{slice} + 1, 0)};
        const std::int64_t number = floorHalf(slice);
        if (slice == 2 * number) return {timeAt(number, 0), timeAt(number, rest_)};
        return {timeAt(number, rest_), timeAt(Wide{number} + 1, 0)};
    }
    constexpr TimeWindow window(std::int64_t window) const noexcept {
        return {timeAt(window, 0), timeAt(window, size_)};
    }

    /// Whether there are timestamps in the slide that a slice of this number is part of: not for all numbers that a
    /// damaged snapshot may have.
    constexpr bool holdsSlice(std::int64_t slice) const noexcept {
        return isInRange(perSlide_ == 1 ? slice : floorHalf(slice), slide_);
    }
    constexpr bool holdsWindow(std::int64_t window) const noexcept { return isInRange(window, size_); }

    /// The windows [first, last] that contain a slice; none if last < first (slide > size leaves gaps).
    struct Windows {
        std::int64_t first;
        std::int64_t last;
    };
    constexpr Windows windowsOf(std::int64_t slice) const noexcept {
        if (perSlide_ == 1) return {slice - wholeSlides_ + 1, slice};
        const std::int64_t number = floorHalf(slice);
        const bool inRest = slice == 2 * number;  // the part of the slide that ends where windows end
        return {number - wholeSlides_ + (inRest ? 0 : 1), number};
    }
    /// The slices [first, end) of a window.
    struct Slices {
        std::int64_t first;
        std::int64_t end;
    };
    constexpr Slices slicesOf(std::int64_t window) const noexcept {
        if (perSlide_ == 1) return {window, window + wholeSlides_};
        return {2 * window, 2 * (window + wholeSlides_) + 1};
    }

    /// The first window whose last timestamp is behind `t`.
    constexpr std::int64_t firstWindowAfter(Timestamp t) const noexcept {
        if (t == kMinTimestamp) return std::numeric_limits<std::int64_t>::min();
        // the first k with offset + k * slide + size - 1 > t
        const Wide past = static_cast<Wide>(t.time_since_epoch().count()) + 1 - size_ - offset_;
        Wide k = past / slide_;
        if (past % slide_ < 0) --k;
        return static_cast<std::int64_t>(k + 1);
    }

private:
    __extension__ using Wide = __int128;

    static constexpr std::int64_t floorHalf(std::int64_t n) noexcept { return n >> 1; }
    constexpr bool isInRange(Wide number, std::int64_t length) const noexcept {
        const Wide start = number * slide_ + offset_;
        return start <= kMaxTimestamp.time_since_epoch().count() &&
               start + length > kMinTimestamp.time_since_epoch().count();
    }
    constexpr Timestamp timeAt(Wide number, std::int64_t into) const noexcept {
        const Wide time = number * slide_ + offset_ + into;
        if (time > kMaxTimestamp.time_since_epoch().count()) return kMaxTimestamp;
        if (time < kMinTimestamp.time_since_epoch().count()) return kMinTimestamp;
        return Timestamp{Duration{static_cast<std::int64_t>(time)}};
    }

    std::int64_t size_;
    std::int64_t slide_;
    std::int64_t offset_;
    std::int64_t wholeSlides_;  ///< size / slide
    std::int64_t rest_;         ///< size % slide
    std::int64_t perSlide_;     ///< slices per slide: 1 or 2
};

}  // namespace millrace::detail

#endif  // MILLRACE_WINDOWING_WINDOW_GRID_HPP
