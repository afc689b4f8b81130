#ifndef MILLRACE_WINDOWING_MERGING_WINDOW_SET_HPP
#define MILLRACE_WINDOWING_MERGING_WINDOW_SET_HPP

#include <millrace/core/algorithm.hpp>

#include <cstddef>
#include <vector>

namespace millrace::detail {

/// What adding a window to others that are kept apart comes to: those that it intersects become one with it. Since the
/// others do not intersect each other, one look at each of them is enough.
template <class Window>
class WindowMerge {
public:
    explicit WindowMerge(const Window& added) : added_(added), result_(added) {}

    /// Shows it one of the other windows; true if that becomes part of the result.
    bool look(const Window& other) {
        if (!other.intersects(added_)) return false;
        result_ = result_.cover(other);
        ++count_;
        last_ = other;
        return true;
    }
    /// How many windows become one with the added one.
    std::size_t count() const noexcept { return count_; }
    const Window& result() const noexcept { return result_; }
    /// Whether one of the windows has been large enough to hold the added one: then nothing is merged.
    bool absorbed() const { return count_ == 1 && result_ == last_; }

private:
    Window added_;
    Window result_;
    Window last_{};
    std::size_t count_ = 0;
};

/// The windows of one key under a merging assigner, such as sessions: no two of them intersect or touch.
template <class Window>
class MergingWindowSet {
public:
    struct Added {
        Window window;               ///< the window that now covers the added one
        std::vector<Window> merged;  ///< the windows that have become part of it; none if it was new or absorbed
    };

    Added add(const Window& window) {
        WindowMerge<Window> merge(window);
        for (const Window& other : windows_) merge.look(other);
        Added added{merge.result(), {}};
        if (merge.absorbed()) return added;
        for (std::size_t i = 0; i < windows_.size();) {
            if (windows_[i].intersects(window)) {
                added.merged.push_back(windows_[i]);
                windows_.erase(windows_.begin() + static_cast<std::ptrdiff_t>(i));
            } else {
                ++i;
            }
        }
        windows_.push_back(merge.result());
        return added;
    }
    void retire(const Window& window) {
        windows_.erase(std::remove(windows_.begin(), windows_.end(), window), windows_.end());
    }
    const std::vector<Window>& windows() const noexcept { return windows_; }

private:
    std::vector<Window> windows_;
};

}  // namespace millrace::detail

#endif  // MILLRACE_WINDOWING_MERGING_WINDOW_SET_HPP
