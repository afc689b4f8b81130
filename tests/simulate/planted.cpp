#include "simulate/planted.hpp"

#include <millrace/core/planted_bugs.hpp>

#include <array>
#include <string_view>

namespace millrace::simulate {

#ifdef MILLRACE_PLANTED_BUGS

using detail::PlantedBug;
struct Named {
    PlantedBug bug;
    std::string_view name;
};
constexpr std::array<Named, 12> kBugs{{
    {PlantedBug::BarrierOvertakesBatch, "barriers overtake the batch that is being filled"},
    {PlantedBug::BarrierLosesWatermark, "a barrier takes the place of the watermarks of its batch"},
    {PlantedBug::FirstBarrierCounts, "a task with several channels takes its state at the first barrier"},
    {PlantedBug::AbortedBarrierBlocks, "a barrier of a checkpoint that was given up blocks its channel"},
    {PlantedBug::KeyGroupsOneShort, "a restored subtask leaves out its last key group"},
    {PlantedBug::RestartFromTheBeginning, "a restart begins with what the process began with"},
    {PlantedBug::FailedCheckpointCommits, "sinks commit for checkpoints that have failed"},
    {PlantedBug::SavepointInPassingCommits, "sinks commit for savepoints in passing"},
    {PlantedBug::NewestIsDiscarded, "the newest checkpoint is removed in place of the oldest"},
    {PlantedBug::ChangedBeforeEncoded, "entries that are encoded by and by change before they are encoded"},
    {PlantedBug::OvertakenIsLost, "what barriers have overtaken is not in the checkpoint"},
    {PlantedBug::RescaleGoesBack, "a rescale goes on with what the process began with"},
}};

std::size_t plantedBugs() {
    return kBugs.size();
}
std::string_view plant(std::size_t number) {
    detail::plantedBug = kBugs[number].bug;
    return kBugs[number].name;
}

#else

std::size_t plantedBugs() {
    return 0;
}
std::string_view plant(std::size_t) {
    return {};
}

#endif

}  // namespace millrace::simulate
