#ifndef MILLRACE_OPERATORS_PRINT_STAGE_HPP
#define MILLRACE_OPERATORS_PRINT_STAGE_HPP

#include <millrace/core/config.hpp>
#include <millrace/operators/chain_stage.hpp>
#include <millrace/types/describe.hpp>

#include <cstddef>
#include <cstdio>
#include <string>
#include <utility>

namespace millrace::detail {

/// How records of one type are written for people.
struct RecordPrinter {
    std::size_t recordBytes;
    void (*describe)(const void* record, std::string& line);
};
template <class T>
void describeRecord(const void* record, std::string& line) {
    describeInto(line, *static_cast<const T*>(record));
}
template <class T>
inline constexpr RecordPrinter kRecordPrinter{sizeof(T), &describeRecord<T>};

/// Writes an element per line, as Flink labels them: `label:2> x`, `label> x` at parallelism 1, `2> x` without a label. One class for
/// records of all types, which are described by a call: that is little beside the describing.
class PrintStage final : public OperatorStage {
public:
    PrintStage(const RecordPrinter& records, std::FILE* file, const std::string& label,
               const List<OperatorId>& operators);
    MILLRACE_INLINE_COLD ~PrintStage() override;

    MILLRACE_INLINE_COLD void close() override;
    MILLRACE_INLINE void onBlock(int input, BlockRef block) override;
    MILLRACE_INLINE Progress onWatermark(int input, Timestamp watermark) override;
    MILLRACE_INLINE void onIdle(int input) override;
    MILLRACE_INLINE void onActive(int input) override;
    Progress onProcessingTime(Timestamp) override { return Progress::Done; }
    Progress resume() override { return Progress::Done; }
    MILLRACE_INLINE_COLD Progress endInput(int input) override;
    void snapshot(SnapshotSink&) override {}

private:
    MILLRACE_INLINE_COLD void openNodes(OpenContext& context) override;
    void restoreNodes(const SnapshotSource&) override {}

    const RecordPrinter& records_;
    std::FILE* file_;
    std::string prefix_;
    std::string line_;
    int subtask_ = 0;
};

class PrintStageFactory final : public BindableStageFactory {
public:
    PrintStageFactory(const RecordPrinter& records, std::FILE* file, std::string label)
        : records_(records), file_(file), label_(std::move(label)) {}
    MILLRACE_INLINE_COLD ~PrintStageFactory() override;
    MILLRACE_INLINE_COLD Owner<Stage> create(const Shared<SharedState>& shared) const override;

private:
    const RecordPrinter& records_;
    std::FILE* file_;
    std::string label_;
};

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/operators/print_stage.ipp>
#endif

#endif  // MILLRACE_OPERATORS_PRINT_STAGE_HPP
