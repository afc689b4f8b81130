#ifndef MILLRACE_WINDOWING_WINDOW_RECORD_HPP
#define MILLRACE_WINDOWING_WINDOW_RECORD_HPP

#include <millrace/core/functional.hpp>

namespace millrace::detail {

/// What windows do with one of the things that come to them: elements of the stream, unless specialised.
template <class Record>
struct WindowRecord {
    template <class KeySelector>
    [[gnu::always_inline]] static decltype(auto) keyOf(KeySelector& selector, const Record& record) {
        return detail::invoke(selector, record);
    }
    template <class Traits, class Aggregate>
    static typename Traits::Accumulator first(Aggregate& aggregate, const Record& record) {
        return Traits::firstAccumulator(aggregate, record);
    }
    template <class Traits, class Aggregate>
    [[gnu::always_inline]] static void add(Aggregate& aggregate, const Record& record,
                                           typename Traits::Accumulator& acc) {
        Traits::add(aggregate, record, acc);
    }
    /// The element of the stream; null if there is none.
    static Record* element(Record& record) noexcept { return &record; }
    /// What messages show of it.
    static const Record& shown(const Record& record) noexcept { return record; }
};

}  // namespace millrace::detail

#endif  // MILLRACE_WINDOWING_WINDOW_RECORD_HPP
