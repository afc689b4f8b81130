#ifndef MILLRACE_CORE_PLANTED_BUGS_HPP
#define MILLRACE_CORE_PLANTED_BUGS_HPP

// Deliberate mistakes in the engine, which random trials must find (tests/simulate). They are there only where
// MILLRACE_PLANTED_BUGS is defined, which one build of the tests does for the bodies in .ipp files; else
// `if (MILLRACE_PLANTED(x))` is `if (false)`.

#ifdef MILLRACE_PLANTED_BUGS

#include <cstdint>

namespace millrace::detail {

enum class PlantedBug : std::uint8_t {
    None,
    BarrierOvertakesBatch,
    BarrierLosesWatermark,
    FirstBarrierCounts,
    AbortedBarrierBlocks,
    KeyGroupsOneShort,
    RestartFromTheBeginning,
    FailedCheckpointCommits,
    SavepointInPassingCommits,
    NewestIsDiscarded,
    OvertakenIsLost,
    RescaleGoesBack,
    ChangedBeforeEncoded,
};
inline PlantedBug plantedBug = PlantedBug::None;

}  // namespace millrace::detail

#define MILLRACE_PLANTED(bug) (::millrace::detail::plantedBug == ::millrace::detail::PlantedBug::bug)

#else

#define MILLRACE_PLANTED(bug) false

#endif

#endif  // MILLRACE_CORE_PLANTED_BUGS_HPP
