#ifndef MILLRACE_WINDOWING_WINDOW_CELL_CODEC_IPP
#define MILLRACE_WINDOWING_WINDOW_CELL_CODEC_IPP

#include <millrace/windowing/window_cell_codec.hpp>

namespace millrace::detail {

MILLRACE_INLINE_COLD Timestamp readTime(ByteReader& reader) {
    return Timestamp{Duration{reader.read<std::int64_t>("a time")}};
}

MILLRACE_INLINE_COLD void writeTimers(const TriggerTimers& timers, ByteWriter& writer) {
    for (const WindowTimers* const domain : {&timers.event, &timers.processing}) {
        writer.writeLength(domain->size());
        for (const Timestamp time : *domain) writer.write(time.time_since_epoch().count());
    }
}

MILLRACE_INLINE_COLD void readTimers(ByteReader& reader, TriggerTimers& timers) {
    for (WindowTimers* const domain : {&timers.event, &timers.processing}) {
        for (std::size_t n = reader.readLength(sizeof(std::int64_t), "timers of a window"); n > 0; --n) {
            domain->add(readTime(reader));
        }
    }
}

}  // namespace millrace::detail

#endif  // MILLRACE_WINDOWING_WINDOW_CELL_CODEC_IPP
