#ifndef MILLRACE_OPERATORS_OUTPUTS_HPP
#define MILLRACE_OPERATORS_OUTPUTS_HPP

#include <millrace/operators/stage.hpp>
#include <millrace/record/collector.hpp>
#include <millrace/record/output_tag.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::detail {

/// The ports of one stage: those of the main output and of each side output that somebody reads.
class StageOutputs {
public:
    void add(std::string_view tag, Port& port) {
        if (tag.empty()) {
            // ports that work in place on the block come last: the others then need no copy of it
            const auto at = port.wantsOwnership() ? main_.end() : main_.begin();
            main_.insert(at, &port);
            return;
        }
        const auto found = std::find_if(side_.begin(), side_.end(), [&](const auto& s) { return s->key == tag; });
        if (found != side_.end()) {
            (*found)->ports.push_back(&port);
        } else {
            side_.push_back(std::make_unique<Side>());
            side_.back()->key = tag;
            side_.back()->ports.push_back(&port);
        }
        sidePorts_.push_back(&port);
    }

    const std::vector<Port*>& mainPorts() const noexcept { return main_; }

    /// Emits to a side output; a tag that nobody reads costs the comparison.
    template <class X, class U>
    void emitSide(const OutputTag<X>& tag, U&& value, Timestamp timestamp) {
        for (auto& side : side_) {
            if (side->key != tag.key()) continue;
            if (side->buffer == nullptr) side->buffer = std::make_unique<SideBuffer<X>>(side->ports);
            static_cast<SideBuffer<X>&>(*side->buffer).add(std::forward<U>(value), timestamp);
            return;
        }
    }

    /// Sends what the side outputs hold; at the end of every block and before every control event.
    void flushSide() {
        for (auto& side : side_) {
            if (side->buffer != nullptr) side->buffer->flush();
        }
    }

    Progress onWatermark(Timestamp watermark) {
        flushSide();
        Progress progress = Progress::Done;
        forEachPort([&](Port& port) {
            if (port.onWatermark(watermark) == Progress::Suspended) progress = Progress::Suspended;
        });
        return progress;
    }
    void onIdle() {
        forEachPort([](Port& port) { port.onIdle(); });
    }
    void onActive() {
        forEachPort([](Port& port) { port.onActive(); });
    }
    Progress endInput() {
        flushSide();
        Progress progress = Progress::Done;
        forEachPort([&](Port& port) {
            if (port.endInput() == Progress::Suspended) progress = Progress::Suspended;
        });
        return progress;
    }

    /// Sends a block to several ports; all but the last that wants to own its records get copies.
    template <class T>
    static void fanOut(const std::vector<Port*>& ports, Block<T> block) {
        for (std::size_t i = 0; i < ports.size(); ++i) {
            const bool last = i + 1 == ports.size();
            if (last || !ports[i]->wantsOwnership()) {
                ports[i]->onBlock(block, last);
            } else if constexpr (std::is_copy_constructible_v<T>) {
                Collector<T> copies;
                for (std::size_t r = 0; r < block.size; ++r) copies.collect(std::as_const(block.values[r]));
                Block<T> copy = copies.block(block.timestamps != nullptr);
                if (block.timestamps != nullptr) std::copy_n(block.timestamps, block.size, copy.timestamps);
                ports[i]->onBlock(copy, true);
            } else {
                throw GraphException(
                    "a stream whose records cannot be copied is read by two operators; make the record type copyable "
                    "or "
                    "share it by std::shared_ptr");
            }
        }
    }

private:
    struct SideBufferBase {
        virtual ~SideBufferBase() = default;
        virtual void flush() = 0;
    };
    template <class X>
    struct SideBuffer final : SideBufferBase {
        explicit SideBuffer(const std::vector<Port*>& to) : ports(to) {}
        template <class U>
        void add(U&& value, Timestamp timestamp) {
            const std::size_t at = elements.size();
            elements.collect(std::forward<U>(value));
            elements.stampFrom(at, timestamp);
            timed = timed || timestamp != kMinTimestamp;
        }
        void flush() override {
            if (elements.size() == 0) return;
            fanOut<X>(ports, elements.block(timed));
            elements.clear();
            timed = false;
        }
        const std::vector<Port*>& ports;
        Collector<X> elements;
        bool timed = false;
    };
    struct Side {
        std::string key;
        std::vector<Port*> ports;
        std::unique_ptr<SideBufferBase> buffer;
    };

    template <class Fn>
    void forEachPort(Fn fn) {
        for (Port* port : main_) fn(*port);
        for (Port* port : sidePorts_) fn(*port);
    }

    std::vector<Port*> main_;
    std::vector<Port*> sidePorts_;
    std::vector<std::unique_ptr<Side>> side_;
};

}  // namespace millrace::detail

#endif  // MILLRACE_OPERATORS_OUTPUTS_HPP
