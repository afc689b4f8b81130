#ifndef MILLRACE_TESTS_SUPPORT_TWO_INPUT_HARNESS_HPP
#define MILLRACE_TESTS_SUPPORT_TWO_INPUT_HARNESS_HPP

#include <millrace/operators/two_input_stage.hpp>
#include <millrace/state/memory_snapshot.hpp>

#include "support/operator_harness.hpp"

#include <cstdint>
#include <utility>
#include <vector>

namespace millrace::testsupport {

/// One operator with two inputs. They are 1 and 2, as in Flink.
template <class A, class B, class Op>
class TwoInputHarness : public StageHarness<detail::Link<detail::TwoInputs<A, B>, Op>> {
public:
    using Chain = detail::Link<detail::TwoInputs<A, B>, Op>;

    explicit TwoInputHarness(Op op, int maxParallelism = 128)
        : StageHarness<Chain>(Chain{{}, std::move(op)}, {"two inputs", "uid-2"}, maxParallelism) {}

    void element1(A value, std::int64_t time) { this->pushTo(0, std::move(value), time); }
    void element2(B value, std::int64_t time) { this->pushTo(1, std::move(value), time); }
    /// One block; if not `timed`, without timestamps.
    void elements1(std::vector<Emitted<A>> all, bool timed = true) { this->pushTo(0, std::move(all), timed); }
    void elements2(std::vector<Emitted<B>> all, bool timed = true) { this->pushTo(1, std::move(all), timed); }
    detail::Progress watermark1(std::int64_t time) { return this->stage().onWatermark(0, at(time)); }
    detail::Progress watermark2(std::int64_t time) { return this->stage().onWatermark(1, at(time)); }
    void watermarks(std::int64_t time) {
        watermark1(time);
        watermark2(time);
    }
    /// The operator's node, for what it shows to tests.
    auto& head() { return this->stage().head(); }
};

}  // namespace millrace::testsupport

#endif  // MILLRACE_TESTS_SUPPORT_TWO_INPUT_HARNESS_HPP
