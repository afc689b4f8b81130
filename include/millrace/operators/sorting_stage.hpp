#ifndef MILLRACE_OPERATORS_SORTING_STAGE_HPP
#define MILLRACE_OPERATORS_SORTING_STAGE_HPP

#include <millrace/core/config.hpp>
#include <millrace/core/owner.hpp>
#include <millrace/operators/sort_buffer.hpp>
#include <millrace/operators/stage.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace millrace::detail {

/// Batch execution of a keyed stage: takes in all of its keyed inputs first, then gives the stage one key after the other,
/// each key's records in the order of their time, and ends every key (`Stage::endKey`) before the next one begins. Inputs
/// without a key (a broadcast) pass through at once, so they are complete before the first keyed record.
/// Watermarks but the last are dropped: in a bounded input they say nothing that sorting does not say better.
class SortingStage final : public Stage {
public:
    /// `codecs[i]`: of logical input i; null for inputs without a key.
    SortingStage(Owner<Stage> inner, std::vector<std::unique_ptr<KeyedRecordCodec>> codecs, std::size_t memoryBudget,
                 const std::string& directory);
    MILLRACE_INLINE ~SortingStage() override;

    MILLRACE_INLINE void addOutput(std::string_view tag, Port& port) override;
    MILLRACE_INLINE void open(StageContext& context) override;
    MILLRACE_INLINE void close() override;
    MILLRACE_INLINE void onBlock(int input, BlockRef block) override;
    MILLRACE_INLINE Progress onWatermark(int input, Timestamp watermark) override;
    MILLRACE_INLINE void onIdle(int input) override;
    MILLRACE_INLINE void onActive(int input) override;
    MILLRACE_INLINE Progress onProcessingTime(Timestamp now) override;
    MILLRACE_INLINE Progress resume() override;
    MILLRACE_INLINE Progress endInput(int input) override;
    MILLRACE_INLINE void snapshot(SnapshotSink& sink) override;
    MILLRACE_INLINE void restore(const SnapshotSource& source) override;

private:
    struct Input {
        std::unique_ptr<KeyedRecordCodec> codec;
        std::unique_ptr<SortBuffer> sorted;  ///< null for inputs without a key
        bool complete = false;               ///< its last watermark has come
        bool ended = false;
        bool endGiven = false;
    };
    enum class Phase : std::uint8_t { Collecting, Replaying, Finished };

    bool step(Progress& progress);
    Progress replay();
    void giveRun(std::size_t input);
    int smallest();
    void copyMetrics();

    Owner<Stage> inner_;
    std::vector<Input> inputs_;
    StageContext* context_ = nullptr;
    Phase phase_ = Phase::Collecting;
    bool innerSuspended_ = false;
    bool keyOpen_ = false;
    std::uint32_t hash_ = 0;
    std::vector<std::byte> key_;
    std::size_t watermarksGiven_ = 0;
};

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/operators/sorting_stage.ipp>
#endif

#endif  // MILLRACE_OPERATORS_SORTING_STAGE_HPP
