#include "ad_events.hpp"
#include "baselines.hpp"
#include "columns.hpp"
#include "pipelines.hpp"
#include "references.hpp"
#include "workloads.hpp"

namespace bench {

/// W1, and W5: chains that filter.
void addStatelessRows(Rows& rows, Size size) {
    const std::uint64_t n = size.records(50'000'000);
    const auto expected = size.expect({33'300'550, 0, 300060078320.5996}, [n] { return reference::mapFilterMap(n); });
    rows.push_back({"W1 map-filter-map", 1'000, 1, n, expected, {hand::mapFilterMap}, onCallersThread(mapFilterMap)});
    if (hand::kHasColumns) {
        rows.push_back(
            {"W1 against AVX-512", 1'000, 1, n, expected, {hand::mapFilterMapColumns}, onCallersThread(mapFilterMap)});
    }
    rows.push_back({"W5 ad campaigns 10s",
                    kCampaigns,
                    1,
                    n,
                    size.expect({500, 0xceb055728a262c69, 0}, [n] { return reference::campaignCounts(n); }),
                    {hand::campaignCounts},
                    onCallersThread(campaignCounts)});
}

}  // namespace bench
