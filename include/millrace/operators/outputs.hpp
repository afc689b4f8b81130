#ifndef MILLRACE_OPERATORS_OUTPUTS_HPP
#define MILLRACE_OPERATORS_OUTPUTS_HPP

#include <millrace/core/algorithm.hpp>
#include <millrace/core/config.hpp>
#include <millrace/core/pointer_list.hpp>
#include <millrace/operators/stage.hpp>
#include <millrace/record/collector.hpp>
#include <millrace/record/output_tag.hpp>

#include <string>
#include <string_view>

namespace millrace::detail {

/// The ports of one stage: those of the main output and of each side output that somebody reads.
class StageOutputs {
public:
    /// Adds a port of the main output (`tag` is empty) or of a side output.
    void add(std::string_view tag, Port& port);
    const PointerList<Port>& mainPorts() const noexcept { return main_; }
    /// Whether whoever reads the main output is called directly, and alone.
    bool callsDirectly() const noexcept { return main_.size() == 1 && main_.front().wantsOwnership(); }
    /// Whether event time of everyone who reads the main output waits for this subtask.
    bool isWaitedFor() const noexcept {
        for (const Port& port : main_) {
            if (!port.isWaitedFor()) return false;
        }
        return true;
    }

    /// Emits to a side output; a tag that nobody reads costs the comparison.
    template <class X, class U>
    void emitSide(const OutputTag<X>& tag, U&& value, Timestamp timestamp) {
        emitSide<X>(tag.key(), std::forward<U>(value), timestamp);
    }
    template <class X, class U>
    void emitSide(const std::string& key, U&& value, Timestamp timestamp) {
        for (Side& side : side_) {
            if (side.key != key) continue;
            if (side.buffer.empty()) side.buffer.add(new SideBuffer<X>(side.ports));
            static_cast<SideBuffer<X>&>(side.buffer.front()).add(std::forward<U>(value), timestamp);
            return;
        }
    }

    /// Sends what the side outputs hold; at the end of every block and before every control event.
    void flushSide() {
        if (!side_.empty()) flushSideBuffers();
    }

    Progress onWatermark(Timestamp watermark);
    void onIdle();
    void onActive();
    Progress endInput();

    /// Sends a block to several ports; all but the last that wants to own its records get copies.
    template <class T>
    static void fanOut(const PointerList<Port>& ports, Block<T> block) {
        fanOut(ports, block, kRecordLayout<T>);
    }

private:
    struct SideBufferBase {
        virtual ~SideBufferBase() = default;
        virtual void flush() = 0;
    };
    template <class X>
    struct SideBuffer final : SideBufferBase {
        explicit SideBuffer(const PointerList<Port>& to) : ports(to) {}
        [[gnu::cold]] ~SideBuffer() override = default;
        template <class U>
        void add(U&& value, Timestamp timestamp) {
            const std::size_t at = elements.size();
            elements.collect(std::forward<U>(value));
            elements.stampFrom(at, timestamp);
            timed = timed || timestamp != kMinTimestamp;
        }
        [[gnu::noinline]] void flush() override {
            if (elements.size() == 0) return;
            fanOut<X>(ports, elements.block(timed));
            elements.clear();
            timed = false;
        }
        const PointerList<Port>& ports;
        Collector<X> elements;
        bool timed = false;
    };
    struct Side {
        std::string key;
        PointerList<Port> ports;
        OwnerList<SideBufferBase> buffer;  ///< one, once something has been emitted
    };

    void flushSideBuffers();
    static void fanOut(const PointerList<Port>& ports, BlockRef block, const RecordLayout& layout);

    PointerList<Port> main_;
    PointerList<Port> all_;  ///< the main output's first
    OwnerList<Side> side_;
};

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/operators/outputs.ipp>
#endif

#endif  // MILLRACE_OPERATORS_OUTPUTS_HPP
