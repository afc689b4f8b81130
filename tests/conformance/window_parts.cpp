#include "any_assigner.hpp"
#include "subject.hpp"
#include "times.hpp"

#include <millrace/windowing/merging_window_set.hpp>

#include <algorithm>
#include <stdexcept>

// window_assign, window_merge_set

namespace millrace::conformance {

namespace {

Value valueOf(const TimeWindow& window) {
    return Value::Array{ticksOf(window.start), ticksOf(window.end)};
}
template <class Windows>
Value sortedValue(const Windows& windows) {
    std::vector<TimeWindow> sorted(windows.begin(), windows.end());
    std::sort(sorted.begin(), sorted.end());
    Value::Array values;
    for (const TimeWindow& window : sorted) values.push_back(valueOf(window));
    return values;
}

class AssignSubject final : public Subject {
public:
    explicit AssignSubject(AssignerRule rule) : rule_(std::move(rule)) {
        if (rule_.type == AssignerRule::Type::Global) throw std::invalid_argument("global windows have no times");
    }
    void apply(const json& item) override {
        if (item.contains("proctime")) {
            now_ = timeOf(item.at("proctime"));
            return;
        }
        const Timestamp time = timeOf(item.value("ts", json()));
        if (rule_.eventTime && time == kMinTimestamp) throw std::runtime_error("the record has no timestamp");
        WindowList<TimeWindow> windows;
        rule_.assign(fromJson(item.value("elem", json())), time, AssignerContext(now_), windows);
        items_.push_back({OutputItem::Kind::Windows, {}, sortedValue(windows)});
    }
    std::vector<OutputItem> take() override { return std::exchange(items_, {}); }

private:
    AssignerRule rule_;
    Timestamp now_{};
    std::vector<OutputItem> items_;
};

class MergeSetSubject final : public Subject {
public:
    void apply(const json& item) override {
        if (item.contains("retire")) {
            set_.retire(windowOf(item.at("retire")));
            return;
        }
        const auto added = set_.add(windowOf(item.at("add")));
        items_.push_back({OutputItem::Kind::Merge,
                          {},
                          Value::Array{valueOf(added.window), sortedValue(added.merged), sortedValue(set_.windows())}});
    }
    std::vector<OutputItem> take() override { return std::exchange(items_, {}); }

private:
    static TimeWindow windowOf(const json& window) { return {timeOf(window.at(0)), timeOf(window.at(1))}; }
    detail::MergingWindowSet<TimeWindow> set_;
    std::vector<OutputItem> items_;
};

}  // namespace

std::vector<Implementation> windowAssign(const json& op) {
    return {{"window assigners", [op] { return std::make_unique<AssignSubject>(assignerRule(op.at("assigner"))); }}};
}

std::vector<Implementation> windowMergeSet(const json&) {
    return {{"MergingWindowSet", [] { return std::make_unique<MergeSetSubject>(); }}};
}

}  // namespace millrace::conformance
