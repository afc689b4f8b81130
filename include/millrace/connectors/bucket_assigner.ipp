#ifndef MILLRACE_CONNECTORS_BUCKET_ASSIGNER_IPP
#define MILLRACE_CONNECTORS_BUCKET_ASSIGNER_IPP

#include <millrace/connectors/bucket_assigner.hpp>
#include <millrace/core/errors.hpp>
#include <millrace/core/message.hpp>
#include <millrace/formats/time_text.hpp>

namespace millrace {

namespace detail {

/// Calls `literal(char)` for what stands for itself and `field(letter, count)` for the others.
template <class Literal, class Field>
void forEachPatternPart(std::string_view pattern, Literal literal, Field field) {
    for (std::size_t i = 0; i < pattern.size();) {
        const char c = pattern[i];
        if (c == '\'') {
            const std::size_t end = pattern.find('\'', i + 1);
            if (end == std::string_view::npos) {
                raise<ConfigurationException>("DateTimeBucketAssigner: the quote in \"{}\" is not closed", {pattern});
            }
            if (end == i + 1) literal('\'');
            for (const char each : pattern.substr(i + 1, end - i - 1)) literal(each);
            i = end + 1;
        } else if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
            std::size_t count = 1;
            while (i + count < pattern.size() && pattern[i + count] == c) ++count;
            field(c, count);
            i += count;
        } else {
            literal(c);
            ++i;
        }
    }
}

}  // namespace detail

MILLRACE_INLINE_COLD DateTimeBucketAssigner::DateTimeBucketAssigner(std::string pattern, Duration offsetFromUtc)
    : pattern_(std::move(pattern)), offset_(offsetFromUtc) {
    detail::forEachPatternPart(
        pattern_, [](char) {},
        [&](char letter, std::size_t count) {
            const bool known = letter == 'y'
                                   ? count == 4
                                   : std::string_view("MdHms").find(letter) != std::string_view::npos && count == 2;
            if (!known) {
                detail::raise<ConfigurationException>(
                    "DateTimeBucketAssigner: '{}' in \"{}\" is none of yyyy, MM, dd, HH, mm, ss; put other letters "
                    "between single quotes",
                    {std::string(count, letter), pattern_});
            }
            if (letter == 'H') unit_ = std::min(unit_, std::chrono::seconds(3600));
            if (letter == 'm') unit_ = std::min(unit_, std::chrono::seconds(60));
            if (letter == 's') unit_ = std::min(unit_, std::chrono::seconds(1));
        });
}

MILLRACE_INLINE_COLD void DateTimeBucketAssigner::format(Timestamp time) {
    using namespace std::chrono;
    constexpr std::int64_t kDay = 86400;
    const std::int64_t local = floor<seconds>(time + offset_).time_since_epoch().count();
    const std::int64_t day = local >= 0 ? local / kDay : (local - kDay + 1) / kDay;
    const std::int64_t second = local - day * kDay;
    const detail::CivilDate date = detail::civilFromDays(day);
    text_.clear();
    detail::forEachPatternPart(
        pattern_, [&](char c) { text_ += c; },
        [&](char letter, std::size_t count) {
            long value = 0;
            switch (letter) {
                case 'y':
                    value = static_cast<long>(date.year);
                    break;
                case 'M':
                    value = static_cast<long>(date.month);
                    break;
                case 'd':
                    value = static_cast<long>(date.day);
                    break;
                case 'H':
                    value = static_cast<long>(second / 3600);
                    break;
                case 'm':
                    value = static_cast<long>(second / 60 % 60);
                    break;
                default:
                    value = static_cast<long>(second % 60);
            }
            const std::string digits = std::to_string(value);
            text_.append(count > digits.size() ? count - digits.size() : 0, '0');
            text_ += digits;
        });
    const std::int64_t unit = unit_.count();
    from_ = Timestamp(seconds(day * kDay + second / unit * unit)) - offset_;
    until_ = from_ + unit_;
}

}  // namespace millrace

#endif  // MILLRACE_CONNECTORS_BUCKET_ASSIGNER_IPP
