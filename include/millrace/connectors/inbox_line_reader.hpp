#ifndef MILLRACE_CONNECTORS_INBOX_LINE_READER_HPP
#define MILLRACE_CONNECTORS_INBOX_LINE_READER_HPP

#include <millrace/connectors/byte_inbox.hpp>
#include <millrace/core/errors.hpp>
#include <millrace/functions/source.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace millrace::detail {

/// Cuts the bytes of an inbox into lines. What is left at the end is a line too.
class InboxLineReader {
public:
    /// `incomplete` counts a last line without delimiter; may be null.
    InboxLineReader(std::string delimiter, LongCounter* incomplete)
        : delimiter_(std::move(delimiter)), incomplete_(incomplete) {}

    /// *Failure:* IoException with the inbox's error, after the lines before it.
    FillResult fill(ByteInbox& inbox, std::span<std::string> values) {
        constexpr std::size_t kLongestLine = std::size_t{1} << 28;
        FillResult result;
        while (result.count < values.size()) {
            const std::size_t end = pending_.find(delimiter_, searched_);
            if (end != std::string::npos) {
                assign(values[result.count++], end);
                next_ = searched_ = end + delimiter_.size();
                continue;
            }
            pending_.erase(0, next_);
            next_ = 0;
            // a delimiter of several characters may have begun
            searched_ = pending_.size() < delimiter_.size() ? 0 : pending_.size() - (delimiter_.size() - 1);
            if (pending_.size() > kLongestLine) {
                throw IoException("a line is longer than " + std::to_string(kLongestLine >> 20) +
                                  " MiB; is the delimiter right?");
            }
            if (result.count > 0) return result;  // hand over what there is before asking for more
            const ByteInbox::Taken taken = inbox.take(pending_);
            if (taken == ByteInbox::Taken::Nothing) {
                result.status = SourceStatus::NothingAvailable;
                return result;
            }
            if (taken == ByteInbox::Taken::Ended) {
                if (!pending_.empty()) {
                    if (incomplete_ != nullptr) incomplete_->add();
                    assign(values[result.count++], pending_.size());
                    pending_.clear();
                    searched_ = 0;
                    return result;  // the end, or the error, with the next call
                }
                if (!inbox.error().empty()) throw IoException(inbox.error());
                result.status = SourceStatus::EndOfSplit;
                return result;
            }
        }
        return result;
    }

private:
    void assign(std::string& line, std::size_t end) const {
        std::string_view text = std::string_view(pending_).substr(next_, end - next_);
        if (delimiter_ == "\n" && text.ends_with('\r')) text.remove_suffix(1);
        line.assign(text);
    }

    std::string delimiter_;
    LongCounter* incomplete_;
    std::string pending_;  // bytes from next_ on are not in a line yet; none up to searched_ begins a delimiter
    std::size_t next_ = 0;
    std::size_t searched_ = 0;
};

}  // namespace millrace::detail

#endif  // MILLRACE_CONNECTORS_INBOX_LINE_READER_HPP
