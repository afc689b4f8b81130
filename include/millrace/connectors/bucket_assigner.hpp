#ifndef MILLRACE_CONNECTORS_BUCKET_ASSIGNER_HPP
#define MILLRACE_CONNECTORS_BUCKET_ASSIGNER_HPP

#include <millrace/core/chrono.hpp>
#include <millrace/core/config.hpp>
#include <millrace/core/functional.hpp>
#include <millrace/functions/sink.hpp>
#include <millrace/time/timestamp.hpp>

#include <concepts>
#include <string>
#include <string_view>
#include <utility>

namespace millrace {

/// What a bucket assigner learns about the record at hand. @public
class BucketContext {
public:
    BucketContext(const SinkContext& sink, const std::function<Timestamp()>& clock) : sink_(sink), clock_(clock) {}

    /// `kMinTimestamp` if the record has none.
    Timestamp timestamp() const noexcept { return sink_.timestamp; }
    Timestamp currentWatermark() const noexcept { return sink_.currentWatermark; }
    /// Looks at the clock: tens of nanoseconds.
    Timestamp currentProcessingTime() const { return clock_ ? clock_() : Timestamp{}; }

private:
    const SinkContext& sink_;
    const std::function<Timestamp()>& clock_;
};

/// Says which bucket a record goes to: a directory below the sink's path, "" for the path itself. Callable with
/// `(const Record&)` or `(const Record&, const BucketContext&)`, returns a text; asked for every record. @public
template <class Assigner, class Record>
concept BucketAssignerFor = std::copy_constructible<Assigner> &&
                            (std::is_invocable_r_v<std::string_view, Assigner&, const Record&, const BucketContext&> ||
                             std::is_invocable_r_v<std::string_view, Assigner&, const Record&>);

/// All part files in the sink's path itself. @public
struct BasePathBucketAssigner {
    template <class Record>
    std::string_view operator()(const Record&, const BucketContext&) const noexcept {
        return {};
    }
};

/// Buckets by processing time: the default, one for each hour. @public
/// The pattern has the letters `yyyy MM dd HH mm ss`; other letters stand between single quotes, all other characters for
/// themselves (`/` begins a directory): "yyyy-MM-dd--HH", "yyyy/MM/dd". Time is UTC, unless an offset is given.
/// *Failure:* ConfigurationException for another letter or an open quote.
class DateTimeBucketAssigner {
public:
    explicit DateTimeBucketAssigner(std::string pattern = "yyyy-MM-dd--HH", Duration offsetFromUtc = {});

    template <class Record>
    std::string_view operator()(const Record&, const BucketContext& context) {
        return bucketAt(context.currentProcessingTime());
    }
    /// Valid until the next call.
    std::string_view bucketAt(Timestamp time) {
        if (time < from_ || time >= until_) format(time);
        return text_;
    }

private:
    void format(Timestamp time);

    std::string pattern_;
    Duration offset_;
    std::chrono::seconds unit_{86400};  ///< the text is the same for so long
    std::string text_;                  ///< for the times from from_ to until_
    Timestamp from_ = kMaxTimestamp;
    Timestamp until_ = kMinTimestamp;
};

namespace detail {

template <class Assigner, class Record>
decltype(auto) bucketOf(Assigner& assigner, const Record& record, const BucketContext& context) {
    if constexpr (std::invocable<Assigner&, const Record&, const BucketContext&>) {
        return assigner(record, context);
    } else {
        return detail::invoke(assigner, record);
    }
}

}  // namespace detail
}  // namespace millrace

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/connectors/bucket_assigner.ipp>
#endif

#endif  // MILLRACE_CONNECTORS_BUCKET_ASSIGNER_HPP
