#ifndef MILLRACE_FORMATS_TEXT_LINE_FORMAT_HPP
#define MILLRACE_FORMATS_TEXT_LINE_FORMAT_HPP

#include <millrace/formats/parse_result.hpp>

#include <string>
#include <string_view>

namespace millrace {

/// Every line is a record, empty ones too; a carriage return at its end does not belong to it. @public
class TextLineFormat {
public:
    using Record = std::string;
    static constexpr bool kSkipsEmptyLines = false;

    bool hasHeader() const noexcept { return false; }
    void readHeader(std::string_view, std::string_view = {}) noexcept {}
    ParseResult parse(std::string_view line, std::string& into) {
        into.assign(detail::withoutCarriageReturn(line));
        return {};
    }
    void encode(const std::string& record, std::string& out) const { out += record; }
    void encodeHeader(std::string&) const noexcept {}
};

}  // namespace millrace

#endif  // MILLRACE_FORMATS_TEXT_LINE_FORMAT_HPP
