#ifndef MILLRACE_BENCHMARKS_THROUGHPUT_AD_EVENTS_HPP
#define MILLRACE_BENCHMARKS_THROUGHPUT_AD_EVENTS_HPP

#include "baselines.hpp"
#include "pipelines.hpp"
#include "records.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

// W5, the Yahoo streaming benchmark: events of an advertisement are viewed, clicked or bought; the views are joined with
// the campaign of their ad (1000 ads, 100 campaigns) and counted per campaign and 10 s. By hand, as a pipeline, and by a
// slow reference.

namespace bench {

inline constexpr std::uint32_t kAds = 1000;
inline constexpr std::uint32_t kCampaigns = 100;
inline constexpr std::int64_t kCampaignMicros = 10'000'000;

struct AdEvent {
    std::int64_t micros = 0;
    std::uint64_t user = 0;
    std::uint64_t page = 0;
    std::uint64_t ad = 0;
    std::uint32_t address = 0;
    std::uint8_t adKind = 0;
    std::uint8_t kind = 0;  ///< 0: a view
    std::uint16_t unused = 0;
};
static_assert(sizeof(AdEvent) == 40);

/// The ids are scattered over 64 bits.
inline std::uint64_t adId(std::uint32_t ad) {
    return randomOf(ad + 77'777'777u);
}
inline std::uint32_t campaignOf(std::uint32_t ad) {
    return ad / (kAds / kCampaigns);
}
inline const std::array<std::uint64_t, kAds>& adIds() {
    static const std::array<std::uint64_t, kAds> ids = [] {
        std::array<std::uint64_t, kAds> made{};
        for (std::uint32_t ad = 0; ad < kAds; ++ad) made[ad] = adId(ad);
        return made;
    }();
    return ids;
}

struct AdEventGenerator {
    static constexpr std::int64_t stepMicros = 1;
    const std::uint64_t* ids = adIds().data();
    AdEvent operator()(std::uint64_t index) const {
        const std::uint64_t h = randomOf(index);
        const auto ad = static_cast<std::uint32_t>((((h >> 32) & 0xffff) * kAds) >> 16);
        return {static_cast<std::int64_t>(index),
                h >> 40,
                h & 0xffff,
                ids[ad],
                static_cast<std::uint32_t>(h),
                static_cast<std::uint8_t>(h & 3),
                static_cast<std::uint8_t>((((h >> 8) & 0xffff) * 3) >> 16),
                0};
    }
};

/// ad id -> campaign: open addressing in 32 KiB.
class CampaignTable {
public:
    static constexpr std::uint64_t kUnknown = kCampaigns;

    CampaignTable() {
        for (std::uint32_t ad = 0; ad < kAds; ++ad) {
            std::size_t at = slotOf(adId(ad));
            while (slots_[at].campaignPlus1 != 0) at = (at + 1) % kSlots;
            slots_[at] = {adId(ad), campaignOf(ad) + 1};
        }
    }
    std::uint64_t find(std::uint64_t ad) const {
        std::size_t at = slotOf(ad);
        while (slots_[at].ad != ad) {
            if (slots_[at].campaignPlus1 == 0) return kUnknown;
            at = (at + 1) % kSlots;
        }
        return slots_[at].campaignPlus1 - 1;
    }

private:
    static constexpr std::size_t kSlots = 2048;
    struct Slot {
        std::uint64_t ad = 0;
        std::uint64_t campaignPlus1 = 0;
    };
    static std::size_t slotOf(std::uint64_t ad) { return (ad * kGolden) >> 53; }
    std::array<Slot, kSlots> slots_{};
};

namespace hand {

/// A batch at a time: first a selection without a branch, which keeps of an event what is needed later, then the counts.
inline Result campaignCounts(std::uint64_t count) {
    static std::uint64_t ads[kWatermarkEvery + 1];
    static std::int64_t times[kWatermarkEvery + 1];
    static const CampaignTable campaigns;
    constexpr std::int64_t kPanes = 2;
    std::uint64_t panes[kPanes][kCampaigns] = {};
    std::uint64_t* current = panes[0];
    std::int64_t paneStart = 0, fired = 0, latest = 0;
    const AdEventGenerator generate;
    Result result;
    const auto onWatermark = [&](std::int64_t micros) {
        for (; fired <= latest && (fired + 1) * kCampaignMicros - 1 <= micros; ++fired) {
            std::uint64_t* const pane = panes[fired % kPanes];
            for (std::uint64_t i = 0; i < kCampaigns; ++i) {
                if (pane[i] != 0) result.addWindow(i, (fired + 1) * kCampaignMicros, pane[i], 0);
                pane[i] = 0;
            }
        }
    };
    for (std::uint64_t from = 0; from < count; from += kWatermarkEvery) {
        const std::uint64_t end = std::min(count, from + kWatermarkEvery);
        std::size_t selected = 0;
        for (std::uint64_t i = from; i < end; ++i) {
            const AdEvent event = generate(i);
            ads[selected] = event.ad;
            times[selected] = event.micros;
            selected += event.kind == 0;
        }
        for (std::size_t i = 0; i < selected; ++i) {
            const std::uint64_t campaign = campaigns.find(ads[i]);
            if (campaign == CampaignTable::kUnknown) continue;
            if (static_cast<std::uint64_t>(times[i] - paneStart) >= static_cast<std::uint64_t>(kCampaignMicros))
                [[unlikely]] {
                const std::int64_t pane = times[i] / kCampaignMicros;
                paneStart = pane * kCampaignMicros;
                current = panes[pane % kPanes];
                latest = std::max(latest, pane);
            }
            ++current[campaign];
        }
        onWatermark(static_cast<std::int64_t>(end) - 1);
    }
    onWatermark(kLastWatermark);
    return result;
}

}  // namespace hand

namespace reference {

inline Result campaignCounts(std::uint64_t count) {
    const std::size_t windows = static_cast<std::size_t>(count) / kCampaignMicros + 1;
    std::vector<std::uint64_t> counts(windows * kCampaigns);
    const AdEventGenerator generate;
    for (std::uint64_t i = 0; i < count; ++i) {
        const AdEvent event = generate(i);
        if (event.kind != 0) continue;
        const auto ad = std::find(adIds().begin(), adIds().end(), event.ad) - adIds().begin();
        ++counts[static_cast<std::size_t>(event.micros / kCampaignMicros) * kCampaigns +
                 campaignOf(static_cast<std::uint32_t>(ad))];
    }
    Result result;
    for (std::size_t i = 0; i < counts.size(); ++i) {
        if (counts[i] == 0) continue;
        result.addWindow(i % kCampaigns, static_cast<std::int64_t>(i / kCampaigns + 1) * kCampaignMicros, counts[i], 0);
    }
    return result;
}

}  // namespace reference

struct AdView {
    std::uint64_t ad = 0;
    std::int64_t micros = 0;
};
struct CampaignView {
    std::uint64_t campaign = 0;
    std::int64_t micros = 0;
};
struct ViewCount {
    using Accumulator = std::uint64_t;
    std::uint64_t createAccumulator() const { return 0; }
    void add(const CampaignView&, std::uint64_t& views) const { ++views; }
    std::uint64_t getResult(const std::uint64_t& views) const { return views; }
    void merge(std::uint64_t& into, const std::uint64_t& other) const { into += other; }
};

inline void campaignCounts(millrace::StreamEnvironment& env, std::uint64_t count, Result& result) {
    static const CampaignTable campaigns;
    env.fromSource(WorkloadSource(AdEventGenerator(), count), millrace::WatermarkStrategy::noWatermarks())
        .filter([](const AdEvent& event) { return event.kind == 0; })
        .map([](const AdEvent& event) {
            return AdView{event.ad, event.micros};
        })
        .map([](const AdView& view) {
            return CampaignView{campaigns.find(view.ad), view.micros};
        })
        .filter([](const CampaignView& view) { return view.campaign != CampaignTable::kUnknown; })
        .keyBy(&CampaignView::campaign)
        .window(millrace::TumblingEventTimeWindows::of(std::chrono::microseconds(kCampaignMicros)))
        .aggregate(ViewCount(), WithKeyAndEnd())
        .addSink(Summing(result, [](Result& sum, const WindowResult<std::uint64_t>& window) {
            sum.addWindow(window.key, window.endMicros, window.content, 0);
        }));
}

}  // namespace bench

#endif  // MILLRACE_BENCHMARKS_THROUGHPUT_AD_EVENTS_HPP
