#ifndef MILLRACE_TESTING_ARRIVAL_IPP
#define MILLRACE_TESTING_ARRIVAL_IPP

#include <millrace/testing/arrival.hpp>

#include <algorithm>
#include <set>
#include <utility>

namespace millrace::detail {

MILLRACE_INLINE_COLD int Arrival::sources() const noexcept {
    int most = 0;
    for (const Step& step : steps) most = std::max(most, step.source);
    return most + 1;
}

MILLRACE_INLINE_COLD bool ArrivalPair::sameOrder() const noexcept {
    return std::equal(first.steps.begin(), first.steps.end(), second.steps.begin(), second.steps.end(),
                      [](const Arrival::Step& a, const Arrival::Step& b) {
                          return a.event == b.event && a.source == b.source && a.watermark == b.watermark;
                      });
}

MILLRACE_INLINE_COLD Arrival drawArrival(testing::Random& random, std::size_t events,
                                         const std::vector<Timestamp>& times, const ArrivalLimits& limits) {
    Arrival arrival;
    arrival.seed = random.next();
    arrival.parallelism = static_cast<int>(random.between(1, limits.mostParallelism));
    arrival.batch = limits.batch && random.chance(50);
    const std::int64_t sources = random.between(1, limits.mostSources);
    const int watermarks = random.oneOf({0, 10, 40, 100});
    std::vector<std::size_t> order(events);
    for (std::size_t i = 0; i < events; ++i) order[i] = i;
    random.shuffle(order);
    if (!times.empty()) {
        // an event that comes at its timestamp and a part of the disorder finds none before it that is later than that
        const std::int64_t disorder = limits.disorder.count();
        std::vector<Timestamp> comes(events);
        for (std::size_t i = 0; i < events; ++i) {
            const std::int64_t delay =
                random.chance(50) ? random.below(disorder) : random.oneOf({std::int64_t{0}, disorder});
            comes[i] = saturatingAdd(times[i], Duration{delay});
        }
        std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return comes[a] < comes[b]; });
    }
    for (const std::size_t event : order) {
        const bool watermark = !times.empty() && random.chance(watermarks);
        arrival.steps.push_back({event, static_cast<int>(random.below(sources)), watermark});
    }
    return arrival;
}

/// Tries smaller pairs and keeps those that still differ.
class ArrivalShrinker {
public:
    ArrivalShrinker(ArrivalPair& pair, int mostAttempts, const std::function<bool(const ArrivalPair&)>& differs)
        : pair_(pair), attemptsLeft_(mostAttempts), differs_(differs) {}

    bool attempt(ArrivalPair candidate) {
        if (attemptsLeft_ <= 0) return false;
        --attemptsLeft_;
        if (!differs_(candidate)) return false;
        pair_ = std::move(candidate);
        return true;
    }
    /// Runs of events first, in the first one's order, then shorter ones, then single ones as long as that helps.
    void dropEvents() {
        for (std::size_t length = pair_.first.steps.size() / 2; length > 0; length /= 2) {
            bool dropped = true;
            while (dropped && attemptsLeft_ > 0) {
                dropped = false;
                for (std::size_t at = 0; at < pair_.first.steps.size();) {
                    std::set<std::size_t> some;
                    for (std::size_t i = at; i < std::min(at + length, pair_.first.steps.size()); ++i) {
                        some.insert(pair_.first.steps[i].event);
                    }
                    if (some.size() < pair_.first.steps.size() && attempt(without(some))) {
                        dropped = true;
                    } else {
                        at += length;
                    }
                }
                dropped = dropped && length == 1;
            }
        }
    }
    void simplify(const std::vector<Timestamp>& times) {
        change([](Arrival& arrival) { arrival.parallelism = 1; });
        change([](Arrival& arrival) { arrival.batch = false; });
        change([](Arrival& arrival) {
            for (Arrival::Step& step : arrival.steps) step.source = 0;
        });
        change([](Arrival& arrival) {
            for (Arrival::Step& step : arrival.steps) step.watermark = false;
        });
        for (std::size_t i = 0; i < pair_.first.steps.size(); ++i) {
            change([i](Arrival& arrival) { arrival.steps[i].watermark = false; });
        }
        if (!pair_.sameOrder()) {
            ArrivalPair same = pair_;
            same.second.steps = same.first.steps;
            attempt(std::move(same));
        }
        if (!times.empty()) {
            change([&](Arrival& arrival) {
                std::stable_sort(arrival.steps.begin(), arrival.steps.end(),
                                 [&](const auto& a, const auto& b) { return times[a.event] < times[b.event]; });
            });
        }
    }

private:
    ArrivalPair without(const std::set<std::size_t>& events) const {
        ArrivalPair smaller = pair_;
        for (Arrival* arrival : {&smaller.first, &smaller.second}) {
            auto& steps = arrival->steps;
            steps.erase(std::remove_if(steps.begin(), steps.end(),
                                       [&](const Arrival::Step& step) { return events.count(step.event) > 0; }),
                        steps.end());
        }
        return smaller;
    }
    /// Both arrivals if that works, else one of them.
    void change(const std::function<void(Arrival&)>& simpler) {
        ArrivalPair both = pair_;
        simpler(both.first);
        simpler(both.second);
        if (attempt(std::move(both))) return;
        ArrivalPair one = pair_;
        simpler(one.first);
        if (attempt(std::move(one))) return;
        one = pair_;
        simpler(one.second);
        attempt(std::move(one));
    }

    ArrivalPair& pair_;
    int attemptsLeft_;
    const std::function<bool(const ArrivalPair&)>& differs_;
};

MILLRACE_INLINE_COLD void shrinkArrivals(ArrivalPair& pair, const std::vector<Timestamp>& times, int mostAttempts,
                                         const std::function<bool(const ArrivalPair&)>& differs) {
    ArrivalShrinker shrinker(pair, mostAttempts, differs);
    shrinker.dropEvents();
    shrinker.simplify(times);
    shrinker.dropEvents();  // what was needed for a detail that is gone
}

inline void describeArrival(std::string& text, const Arrival& arrival, const std::vector<std::string>& events) {
    const bool several = arrival.sources() > 1;
    for (const Arrival::Step& step : arrival.steps) {
        text += "    ";
        if (several) text += "source " + std::to_string(step.source + 1) + ": ";
        text += events[step.event] + (step.watermark ? ", then a watermark\n" : "\n");
    }
}
inline void describeResults(std::string& text, const std::vector<std::string>& results, const std::string& error) {
    if (!error.empty()) {
        text += " fails: " + error + "\n";
        return;
    }
    text += results.empty() ? " nothing\n" : "\n";
    constexpr std::size_t kMost = 50;
    for (std::size_t i = 0; i < std::min(results.size(), kMost); ++i) text += "    " + results[i] + "\n";
    if (results.size() > kMost) text += "    … " + std::to_string(results.size() - kMost) + " more\n";
}
inline std::string describeSurroundings(const Arrival& arrival) {
    return "parallelism " + std::to_string(arrival.parallelism) + (arrival.batch ? ", batch" : "");
}

MILLRACE_INLINE_COLD std::string describeFailure(const EquivalenceFailure& failure) {
    const auto& [first, second] = failure.arrivals;
    const std::size_t count = first.steps.size();
    std::string text = "the pipelines differ for " + std::to_string(count) + (count == 1 ? " event" : " events") +
                       " (of " + std::to_string(failure.drawn) + "; run " + std::to_string(failure.run + 1) + " of " +
                       std::to_string(failure.runs) + ", seed " + std::to_string(failure.seed) + ")\n";
    if (failure.arrivals.sameOrder()) {
        text += "  the events, as they come to both:\n";
        describeArrival(text, first, failure.events);
    } else {
        text += "  the events, as they come to the first pipeline:\n";
        describeArrival(text, first, failure.events);
        text += "  and to the second:\n";
        describeArrival(text, second, failure.events);
    }
    text += "  the first (" + describeSurroundings(first) + ") gives";
    describeResults(text, failure.first, failure.firstError);
    text += "  the second (" + describeSurroundings(second) + ") gives";
    describeResults(text, failure.second, failure.secondError);
    text.pop_back();
    return text;
}

}  // namespace millrace::detail

#endif  // MILLRACE_TESTING_ARRIVAL_IPP
