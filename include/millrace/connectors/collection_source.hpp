#ifndef MILLRACE_CONNECTORS_COLLECTION_SOURCE_HPP
#define MILLRACE_CONNECTORS_COLLECTION_SOURCE_HPP

#include <millrace/core/algorithm.hpp>
#include <millrace/core/shared.hpp>
#include <millrace/functions/source.hpp>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <span>
#include <utility>
#include <vector>

namespace millrace {

/// What is left of a collection: everything from index `next` on. @evolving
struct CollectionSplit {
    std::uint64_t next = 0;
    friend bool operator==(const CollectionSplit&, const CollectionSplit&) = default;
};

/// Emits the elements of a vector in order; what `fromData` and `fromCollection` are made of. @public
/// Bounded and not parallel. Copies of the source share the vector, which nobody changes; a restored job reads on at
/// the element it had got to.
/// *Example:* `env.fromSource(CollectionSource<int>{1, 2, 3}, noWatermarks, "numbers")`
template <class T>
class CollectionSource {
public:
    using Output = T;
    using Split = CollectionSplit;
    static constexpr bool kSingleSplit = true;

    explicit CollectionSource(std::vector<T> elements) : elements_(new Elements(std::move(elements))) {}
    CollectionSource(std::initializer_list<T> elements) : CollectionSource(std::vector<T>(elements)) {}
    template <std::input_iterator Iterator>
    CollectionSource(Iterator first, Iterator last) : CollectionSource(std::vector<T>(first, last)) {}

    Boundedness boundedness() const noexcept { return Boundedness::Bounded; }

private:
    struct Elements : detail::SharedObject {
        explicit Elements(std::vector<T> elements) : values(std::move(elements)) {}
        std::vector<T> values;
    };

public:
    class Reader {
    public:
        explicit Reader(detail::Shared<Elements> elements) : elements_(std::move(elements)) {}

        void open(Split split) { next_ = std::min<std::size_t>(split.next, elements().size()); }
        FillResult fill(std::span<T> values, std::span<Timestamp> /*timestamps*/) {
            const std::vector<T>& all = elements();
            const std::size_t count = std::min(values.size(), all.size() - next_);
            const T* const from = all.data() + next_;
            for (std::size_t i = 0; i < count; ++i) values[i] = from[i];
            next_ += count;
            return {.count = count,
                    .status = next_ == all.size() ? SourceStatus::EndOfSplit : SourceStatus::MoreAvailable};
        }
        Split position() const noexcept { return {next_}; }
        void close() noexcept {}

    private:
        const std::vector<T>& elements() const noexcept { return elements_->values; }

        detail::Shared<Elements> elements_;
        std::size_t next_ = 0;
    };

    Reader createReader(const SourceReaderContext&) const { return Reader(elements_); }

private:
    detail::Shared<Elements> elements_;
};

template <std::input_iterator Iterator>
CollectionSource(Iterator, Iterator) -> CollectionSource<std::iter_value_t<Iterator>>;

}  // namespace millrace

#endif  // MILLRACE_CONNECTORS_COLLECTION_SOURCE_HPP
