#ifndef MILLRACE_API_FIELD_REDUCTIONS_HPP
#define MILLRACE_API_FIELD_REDUCTIONS_HPP

#include <millrace/api/recording.hpp>
#include <millrace/api/rejected_stream.hpp>
#include <millrace/operators/rolling_functions.hpp>
#include <millrace/types/codec.hpp>

#include <string>
#include <utility>

namespace millrace {

/// The built-in reductions of keyed streams (rolling) and of windows. A field is a pointer to a member of the element; for
/// a stream of plain numbers there is none. @public
/// `Derived` provides `reduceWith(function, kind)`.
template <class Derived, class T>
class FieldReductions {
public:
    /// Sum of a field; the other members are those of the first element.
    template <class Field = detail::WholeValue>
    auto sum(Field field = {}) const {
        return reduceField<detail::SumFunction>(std::move(field), "sum");
    }
    /// Smallest value of a field: only that is replaced, the other members stay those of the first element. See `minBy`.
    template <class Field = detail::WholeValue>
    auto min(Field field = {}) const {
        return reduceField<detail::MinFunction>(std::move(field), "min");
    }
    template <class Field = detail::WholeValue>
    auto max(Field field = {}) const {
        return reduceField<detail::MaxFunction>(std::move(field), "max");
    }
    /// The whole element with the smallest field; among equals the first one (`first`: false: the last one).
    template <class Field = detail::WholeValue>
    auto minBy(Field field = {}, bool first = true) const {
        return reduceField<detail::MinByFunction>(std::move(field), "minBy", first);
    }
    template <class Field = detail::WholeValue>
    auto maxBy(Field field = {}, bool first = true) const {
        return reduceField<detail::MaxByFunction>(std::move(field), "maxBy", first);
    }

private:
    template <template <class> class Function, class Field, class... Options>
    auto reduceField(Field field, std::string kind, Options... options) const {
        if constexpr (!detail::InPlaceReduce<Function<Field>, T>) {
            static_assert(
                detail::kRejected<Field>,
                "millrace: sum, min, max, minBy, maxBy: the field must be a pointer to a member of the stream's "
                "element (none for a stream of numbers) that can be compared, and added for sum.");
            return detail::RejectedStream{};
        } else if constexpr (!HasCodec<T>) {
            static_assert(
                detail::kRejected<T>,
                "millrace: sum, min, max, minBy, maxBy: the stream's element has no codec, so its state could not "
                "be saved. Specialise millrace::Codec for it, or make it a plain aggregate.");
            return detail::RejectedStream{};
        } else {
            return static_cast<const Derived&>(*this).reduceWith(Function<Field>{std::move(field), options...},
                                                                 std::move(kind));
        }
    }
};

}  // namespace millrace

#endif  // MILLRACE_API_FIELD_REDUCTIONS_HPP
