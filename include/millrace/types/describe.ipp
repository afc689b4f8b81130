#include <millrace/core/message.hpp>
#include <millrace/types/describe.hpp>

#include <cstdint>
#include <cstdio>
#include <ctime>
#include <limits>

namespace millrace::detail {

MILLRACE_INLINE_COLD std::string describeTime(std::chrono::sys_time<std::chrono::nanoseconds> time) {
    // by hand, since a floor to seconds cannot be subtracted again near the smallest time
    constexpr std::int64_t kSecond = 1'000'000'000;
    const std::int64_t ticks = time.time_since_epoch().count();
    if (ticks == std::numeric_limits<std::int64_t>::min()) return "none";  // no timestamp, no watermark yet
    if (ticks == std::numeric_limits<std::int64_t>::max()) return "end";   // the watermark behind everything
    const std::int64_t rest = ((ticks % kSecond) + kSecond) % kSecond;
    const auto whole = static_cast<std::time_t>(ticks / kSecond - (ticks % kSecond < 0 ? 1 : 0));
    std::tm parts{};
    gmtime_r(&whole, &parts);
    char text[64];
    std::string result(text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts));
    if (rest != 0) {
        std::snprintf(text, sizeof text, ".%09lld", static_cast<long long>(rest));
        std::string_view digits = text;
        while (digits.back() == '0') digits.remove_suffix(1);
        result += digits;
    }
    result += 'Z';
    return result;
}

MILLRACE_INLINE_COLD std::string describeDuration(std::chrono::nanoseconds duration) {
    struct Unit {
        long long length;
        const char* name;
    };
    constexpr Unit kUnits[] = {{3'600'000'000'000, "h"}, {60'000'000'000, "min"}, {1'000'000'000, "s"},
                               {1'000'000, "ms"},        {1'000, "us"},           {1, "ns"}};
    for (const Unit& unit : kUnits) {
        if (duration.count() % unit.length == 0 && (duration.count() != 0 || unit.length == 1'000'000'000)) {
            return message("{}{}", {duration.count() / unit.length, unit.name});
        }
    }
    return {};
}

MILLRACE_INLINE_APART void appendText(std::string& out, std::string_view text) {
    out += text;
}
MILLRACE_INLINE_COLD void appendInteger(std::string& out, long long value) {
    char text[24];
    appendText(out, {text, static_cast<std::size_t>(std::snprintf(text, sizeof text, "%lld", value))});
}
MILLRACE_INLINE_COLD void appendInteger(std::string& out, unsigned long long value) {
    char text[24];
    appendText(out, {text, static_cast<std::size_t>(std::snprintf(text, sizeof text, "%llu", value))});
}
MILLRACE_INLINE_COLD void appendReal(std::string& out, double value) {
    char text[64];
    appendText(out, {text, static_cast<std::size_t>(std::snprintf(text, sizeof text, "%.*g", 10, value))});
}

}  // namespace millrace::detail
