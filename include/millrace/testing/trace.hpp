#ifndef MILLRACE_TESTING_TRACE_HPP
#define MILLRACE_TESTING_TRACE_HPP

#include <millrace/time/timestamp.hpp>
#include <millrace/types/describe.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace millrace {
namespace testing {

/// The timestamp so many ticks after 1970: short enough for a table of test data. @public
constexpr Timestamp at(std::int64_t ticks) noexcept {
    return Timestamp{Duration{ticks}};
}

/// What can come out of an operator. @public
enum class TraceKind : unsigned char { Element, SideElement, Watermark, Idle, Active, EndOfInput };

/// One thing that came out of an operator whose main output has elements of type T. @public
template <class T>
struct TraceItem {
    TraceKind kind = TraceKind::Element;
    std::optional<T> value{};  ///< of an element; of a side output's too if it has the same type
    Timestamp time{};          ///< of an element (kMinTimestamp: it has none) or the watermark
    std::string tag{};         ///< id of the side output
    std::string text{};        ///< an element of a side output of another type, as `describeValue` shows it

    bool operator==(const TraceItem&) const = default;
};

/// Element type of a trace that is known to have no elements.
struct NoElement {
    bool operator==(const NoElement&) const = default;
};

/// Everything that came out of an operator, in order: elements, side outputs, watermarks and idleness. @public
template <class T>
class Trace : public std::vector<TraceItem<T>> {
public:
    using std::vector<TraceItem<T>>::vector;

    /// The elements of the main output alone.
    std::vector<T> elements() const {
        std::vector<T> values;
        for (const TraceItem<T>& item : *this) {
            if (item.kind == TraceKind::Element) values.push_back(*item.value);
        }
        return values;
    }
};

}  // namespace testing

namespace detail {

template <class To, class From>
testing::TraceItem<To> convertItem(const testing::TraceItem<From>& item) {
    testing::TraceItem<To> converted{item.kind, std::nullopt, item.time, item.tag, item.text};
    if constexpr (std::convertible_to<const From&, To>) {
        if (item.value.has_value()) converted.value = static_cast<To>(*item.value);
    } else if (item.value.has_value()) {
        converted.text = describeValue(*item.value);  // of a side output
    }
    return converted;
}

/// The element type of the first item that is one of the main output.
template <class... Items>
struct ElementOf {
    using Type = testing::NoElement;
};
template <class T>
struct MainItem : testing::TraceItem<T> {};
template <class T, class... More>
struct ElementOf<MainItem<T>, More...> {
    using Type = T;
};
template <class T, class... More>
struct ElementOf<testing::TraceItem<T>, More...> : ElementOf<More...> {};

template <class T>
using Owned = std::conditional_t<std::is_convertible_v<T, std::string>, std::string, std::decay_t<T>>;

}  // namespace detail

namespace testing {

// ---- what a test expects: trace(element("a", at(3)), watermark(at(9))) ----

/// An element of the main output. @public
template <class T>
detail::MainItem<detail::Owned<T>> element(T&& value, Timestamp time = kMinTimestamp) {
    return {{TraceKind::Element, detail::Owned<T>(std::forward<T>(value)), time}};
}
/// An element of the side output with this id. @public
template <class T>
TraceItem<detail::Owned<T>> sideElement(std::string tag, T&& value, Timestamp time = kMinTimestamp) {
    return {TraceKind::SideElement, detail::Owned<T>(std::forward<T>(value)), time, std::move(tag)};
}
inline TraceItem<NoElement> watermark(Timestamp time) {
    return {TraceKind::Watermark, std::nullopt, time};
}
inline TraceItem<NoElement> idle() {
    return {TraceKind::Idle};
}
inline TraceItem<NoElement> active() {
    return {TraceKind::Active};
}
inline TraceItem<NoElement> endOfInput() {
    return {TraceKind::EndOfInput};
}

/// What is expected, to be compared with a harness's `output()`. @public
template <class... Items>
auto trace(const Items&... items) {
    using T = typename detail::ElementOf<Items...>::Type;
    Trace<T> expected;
    (expected.push_back(detail::convertItem<T>(items)), ...);
    return expected;
}

template <class A, class B>
bool operator==(const Trace<A>& a, const Trace<B>& b) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
        if constexpr (std::is_same_v<A, B>) {
            if (!(a[i] == b[i])) return false;
        } else if constexpr (std::convertible_to<const B&, A>) {
            if (!(a[i] == detail::convertItem<A>(b[i]))) return false;
        } else {
            if (!(detail::convertItem<B>(a[i]) == b[i])) return false;
        }
    }
    return true;
}

template <class T>
std::ostream& operator<<(std::ostream& out, const TraceItem<T>& item) {
    const std::string ticks = std::to_string(item.time.time_since_epoch().count());
    std::string value = item.text;
    if constexpr (!std::is_same_v<T, NoElement>) {
        if (item.value.has_value()) value = describeValue(*item.value);
    }
    const std::string stamped = item.time == kMinTimestamp ? value : value + "@" + ticks;
    switch (item.kind) {
        case TraceKind::Element:
            return out << stamped;
        case TraceKind::SideElement:
            return out << item.tag << ": " << stamped;
        case TraceKind::Watermark:
            return out << "watermark " << (item.time == kMaxTimestamp ? "max" : ticks);
        case TraceKind::Idle:
            return out << "idle";
        case TraceKind::Active:
            return out << "active";
        case TraceKind::EndOfInput:
            return out << "end of input";
    }
    return out;
}
template <class T>
std::ostream& operator<<(std::ostream& out, const Trace<T>& trace) {
    out << "[";
    for (std::size_t i = 0; i < trace.size(); ++i) out << (i == 0 ? "" : ", ") << trace[i];
    return out << "]";
}

}  // namespace testing
}  // namespace millrace

#endif  // MILLRACE_TESTING_TRACE_HPP
