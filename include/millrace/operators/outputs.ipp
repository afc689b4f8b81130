#include <millrace/core/errors.hpp>
#include <millrace/operators/outputs.hpp>

namespace millrace::detail {

MILLRACE_INLINE_COLD void StageOutputs::add(std::string_view tag, Port& port) {
    if (tag.empty()) {
        // ports that work in place on the block come last: the others then need no copy of it
        const std::size_t at = port.wantsOwnership() ? main_.size() : 0;
        main_.addAt(at, port);
        all_.addAt(at, port);
        return;
    }
    all_.add(port);
    for (Side& side : side_) {
        if (side.key == tag) {
            side.ports.add(port);
            return;
        }
    }
    side_.add(new Side{std::string(tag), {}, {}}).ports.add(port);
}

MILLRACE_INLINE_APART void StageOutputs::flushSideBuffers() {
    for (Side& side : side_) {
        for (SideBufferBase& buffer : side.buffer) buffer.flush();
    }
}

MILLRACE_INLINE_APART Progress StageOutputs::onWatermark(Timestamp watermark) {
    flushSide();
    Progress progress = Progress::Done;
    for (Port& port : all_) {
        if (port.onWatermark(watermark) == Progress::Suspended) progress = Progress::Suspended;
    }
    return progress;
}

[[gnu::noinline]] MILLRACE_INLINE_COLD void StageOutputs::onIdle() {
    for (Port& port : all_) port.onIdle();
}

[[gnu::noinline]] MILLRACE_INLINE_COLD void StageOutputs::onActive() {
    for (Port& port : all_) port.onActive();
}

[[gnu::noinline]] MILLRACE_INLINE_COLD Progress StageOutputs::endInput() {
    flushSide();
    Progress progress = Progress::Done;
    for (Port& port : all_) {
        if (port.endInput() == Progress::Suspended) progress = Progress::Suspended;
    }
    return progress;
}

MILLRACE_INLINE_APART void StageOutputs::fanOut(const PointerList<Port>& ports, BlockRef block,
                                                const RecordLayout& layout) {
    for (std::size_t i = 0; i < ports.size(); ++i) {
        const bool last = i + 1 == ports.size();
        if (last || !ports[i].wantsOwnership()) {
            ports[i].onBlock(block, last);
        } else {
            RecordCopies copies(block, layout);
            ports[i].onBlock(copies.block(), true);
        }
    }
}

}  // namespace millrace::detail
