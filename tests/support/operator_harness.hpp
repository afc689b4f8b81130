#ifndef MILLRACE_TESTS_SUPPORT_OPERATOR_HARNESS_HPP
#define MILLRACE_TESTS_SUPPORT_OPERATOR_HARNESS_HPP

#include <millrace/operators/chain_stage.hpp>
#include <millrace/state/memory_snapshot.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

namespace millrace::testsupport {

inline Timestamp at(std::int64_t ticks) {
    return Timestamp{Duration{ticks}};
}
inline std::int64_t ticks(Timestamp t) {
    return t.time_since_epoch().count();
}

struct FakeStageContext final : detail::StageContext {
    Timestamp currentProcessingTime() const override { return now; }
    void registerProcessingTimer(Timestamp time) override { requested.push_back(time.time_since_epoch().count()); }
    std::function<void()> wakeUp() override {
        return [] {};
    }
    Accumulators& accumulators() override { return accumulatorsOfJob; }

    Timestamp now = at(0);
    std::vector<std::int64_t> requested;  ///< processing timers, in ticks
    Accumulators accumulatorsOfJob;
};

template <class T>
struct Emitted {
    T value;
    std::int64_t time;
    bool operator==(const Emitted&) const = default;
};
inline std::ostream& operator<<(std::ostream& out, const Emitted<std::int64_t>& e) {
    return out << e.value << "@" << e.time;
}
inline std::ostream& operator<<(std::ostream& out, const Emitted<std::string>& e) {
    return out << e.value << "@" << e.time;
}

/// Writes down all that comes out of a stage: elements, and one trace of everything if there is a way to show elements.
template <class T>
class RecordingPort final : public detail::Port {
public:
    void onBlock(detail::BlockRef erased, bool) override {
        const auto block = erased.as<T>();
        for (std::size_t i = 0; i < block.size; ++i) {
            if (keeps) elements.push_back({std::move(block.values[i]), ticks(block.timestampOf(i))});
            ++count;
        }
        largestBlock = std::max(largestBlock, block.size);
        ++blocks;
        if (afterBlock) afterBlock();
    }
    detail::Progress onWatermark(Timestamp watermark) override {
        watermarks.push_back({ticks(watermark), count});
        return detail::Progress::Done;
    }
    void onIdle() override { controls.push_back("idle"); }
    void onActive() override { controls.push_back("active"); }
    detail::Progress endInput() override {
        controls.push_back("end");
        return detail::Progress::Done;
    }
    void flush() override {}
    bool wantsOwnership() const noexcept override { return true; }

    struct Watermark {
        std::int64_t time;
        std::size_t elementsBefore;
        bool operator==(const Watermark&) const = default;
    };
    std::vector<Emitted<T>> elements;
    std::vector<Watermark> watermarks;
    std::vector<std::string> controls;
    std::size_t count = 0;
    std::size_t blocks = 0;
    std::size_t largestBlock = 0;
    bool keeps = true;
    std::function<void()> afterBlock;
};

/// A chain in a stage of its own, driven as a host drives it: what the harnesses for one and for two inputs share.
template <class Chain>
class StageHarness {
public:
    using Out = typename Chain::Output;

    template <class X>
    void readSide(const OutputTag<X>& tag, RecordingPort<X>& port) {
        stage_->addOutput(tag.key(), port);
    }
    void open() { stage_->open(context); }
    void openFrom(const SnapshotSource& source) {
        stage_->restore(source);
        open();
    }
    detail::ChainStage<Chain>& stage() { return *stage_; }

    MemorySnapshot snapshot() {
        MemorySnapshot taken;
        stage_->snapshot(taken);
        return taken;
    }
    /// What has come out since the last call.
    std::vector<Emitted<Out>> take() { return std::exchange(output.elements, {}); }

    FakeStageContext context;
    RecordingPort<Out> output;

protected:
    StageHarness(Chain chain, detail::OperatorId id, int maxParallelism)
        : stage_(std::make_unique<detail::ChainStage<Chain>>(chain, detail::List<detail::OperatorId>{std::move(id)})) {
        context.maxParallelism = maxParallelism;
        stage_->addOutput("", output);
    }
    template <class T>
    void pushTo(int input, T value, std::int64_t time) {
        Timestamp timestamp = at(time);
        stage_->onBlock(input, detail::Block<T>{&value, &timestamp, nullptr, 1});
    }
    template <class T>
    void pushTo(int input, std::vector<Emitted<T>> all, bool timed) {
        std::vector<T> values;
        std::vector<Timestamp> times;
        for (auto& one : all) {
            values.push_back(std::move(one.value));
            times.push_back(at(one.time));
        }
        stage_->onBlock(input, detail::Block<T>{values.data(), timed ? times.data() : nullptr, nullptr, values.size()});
    }

private:
    std::unique_ptr<detail::ChainStage<Chain>> stage_;
};

/// One operator with one input.
template <class Op>
class OperatorHarness : public StageHarness<detail::Link<detail::Input<typename Op::Input>, Op>> {
public:
    using In = typename Op::Input;
    using Chain = detail::Link<detail::Input<In>, Op>;

    explicit OperatorHarness(Op op, int maxParallelism = 128)
        : StageHarness<Chain>(Chain{{}, std::move(op)}, {"window", "uid-1"}, maxParallelism) {}

    void element(In value, std::int64_t time) { this->pushTo(0, std::move(value), time); }
    /// One block; if not `timed`, without timestamps.
    void elements(std::vector<Emitted<In>> all, bool timed = true) { this->pushTo(0, std::move(all), timed); }
    detail::Progress watermark(std::int64_t time) { return this->stage().onWatermark(0, at(time)); }
};

}  // namespace millrace::testsupport

#endif  // MILLRACE_TESTS_SUPPORT_OPERATOR_HARNESS_HPP
