#ifndef MILLRACE_TESTS_CONFORMANCE_WINDOW_FUNCTIONS_HPP
#define MILLRACE_TESTS_CONFORMANCE_WINDOW_FUNCTIONS_HPP

#include "any_trigger.hpp"
#include "harness_subject.hpp"

#include <millrace/windowing/evictors/count_evictor.hpp>
#include <millrace/windowing/evictors/delta_evictor.hpp>
#include <millrace/windowing/evictors/time_evictor.hpp>
#include <millrace/windowing/window_function.hpp>

#include <algorithm>
#include <span>
#include <stdexcept>
#include <string>
#include <variant>

namespace millrace::conformance {

enum class FunctionName { Sum, SumWithWindow, CountWithWindow, MaxWithWindow, List, SortedListWithWindow, Each, None };

inline FunctionName functionName(const std::string& name) {
    if (name == "sum") return FunctionName::Sum;
    if (name == "sum_with_window") return FunctionName::SumWithWindow;
    if (name == "count_with_window") return FunctionName::CountWithWindow;
    if (name == "max_with_window") return FunctionName::MaxWithWindow;
    if (name == "list") return FunctionName::List;
    if (name == "sorted_list_with_window") return FunctionName::SortedListWithWindow;
    if (name == "each") return FunctionName::Each;
    if (name == "none") return FunctionName::None;
    throw std::invalid_argument("unknown window function '" + name + "'");
}
/// Whether the function needs no more than a sum, a count and a maximum.
inline bool isAggregate(FunctionName name) {
    return name <= FunctionName::MaxWithWindow;
}

/// Count, sum and maximum of element 1.
struct Summary {
    std::int64_t count = 0;
    Value sum = 0;
    Value max{};

    void add(const Value& number) {
        ++count;
        sum = sum + number;
        if (max.isNull() || max < number) max = number;
    }
    void add(const Summary& other) {
        count += other.count;
        sum = sum + other.sum;
        if (max.isNull() || max < other.max) max = other.max;
    }
};

template <class Window>
Value summaryRecord(FunctionName name, const Value& key, const Summary& summary, const Window& window) {
    Value::Array record{key};
    switch (name) {
        case FunctionName::CountWithWindow:
            record.emplace_back(summary.count);
            break;
        case FunctionName::MaxWithWindow:
            record.push_back(summary.max);
            break;
        default:
            record.push_back(summary.sum);
    }
    if (name == FunctionName::Sum) return record;
    if constexpr (requires { window.start; }) {
        record.emplace_back(ticksOf(window.start));
        record.emplace_back(ticksOf(window.end));
    } else {
        record.resize(4);  // a global window has no times
    }
    return record;
}

/// The functions of the format over all records of a window.
struct FormatWindowFunction {
    FunctionName name;

    /// `out` is whatever collects values.
    template <class Context, class Out>
    void operator()(const Value& key, Context& context, std::span<const Value> elements, Out& out) const {
        if (name == FunctionName::None) return;
        if (name == FunctionName::Each) {
            for (const Value& element : elements) out.collect(element);
            return;
        }
        if (isAggregate(name)) {
            Summary summary;
            for (const Value& element : elements) summary.add(element.at(1));
            out.collect(summaryRecord(name, key, summary, context.window()));
            return;
        }
        Value::Array numbers;
        for (const Value& element : elements) numbers.push_back(element.at(1));
        if (name == FunctionName::List) {
            out.collect(Value::Array{key, std::move(numbers)});
            return;
        }
        std::sort(numbers.begin(), numbers.end());
        Value record = Value::Array{key, std::move(numbers)};
        if constexpr (requires { context.window().start; }) {
            record.array().emplace_back(ticksOf(context.window().start));
            record.array().emplace_back(ticksOf(context.window().end));
        }
        out.collect(std::move(record));
    }
};

struct SummaryAggregate {
    Summary createAccumulator() const { return {}; }
    void add(const Value& record, Summary& summary) const { summary.add(record.at(1)); }
    const Summary& getResult(const Summary& summary) const { return summary; }
    void merge(Summary& into, const Summary& other) const { into.add(other); }
};

/// The same from a summary.
struct FormatResultFunction {
    FunctionName name;

    template <class Context>
    void operator()(const Value& key, Context& context, const Summary& summary, Collector<Value>& out) const {
        out.collect(summaryRecord(name, key, summary, context.window()));
    }
};

struct SecondElementDelta {
    template <class T>
    Value operator()(const T& record, const T& last) const {
        return recordOf(last).at(1) - recordOf(record).at(1);
    }
};

/// An evictor chosen at run time.
class AnyEvictor {
public:
    /// Removes nothing.
    static AnyEvictor none() { return {NoEviction{}}; }
    static AnyEvictor of(const json& evictor) {
        const std::string type = evictor.at("type").get<std::string>();
        const bool after = evictor.value("evict_after", false);
        if (type == "count") return {CountEvictor::of(evictor.at("count").get<std::int64_t>(), after)};
        if (type == "time") return {TimeEvictor::of(durationOf(evictor, "size_ms"), after)};
        if (type == "delta") {
            return {DeltaEvictor::of(fromJson(evictor.at("threshold")), SecondElementDelta{}, after)};
        }
        throw std::invalid_argument("unknown evictor '" + type + "'");
    }
    template <class T, class Window>
    void evictBefore(WindowElements<T>& elements, const Window& window, const EvictorContext& context) const {
        std::visit([&](const auto& evictor) { evictor.evictBefore(elements, window, context); }, evictor_);
    }
    template <class T, class Window>
    void evictAfter(WindowElements<T>& elements, const Window& window, const EvictorContext& context) const {
        std::visit([&](const auto& evictor) { evictor.evictAfter(elements, window, context); }, evictor_);
    }

private:
    using Delta = detail::DeltaEvictorOf<Value, SecondElementDelta>;
    struct NoEviction {
        void evictBefore(const auto&, const auto&, const auto&) const {}
        void evictAfter(const auto&, const auto&, const auto&) const {}
    };
    using Evictor = std::variant<NoEviction, CountEvictor, TimeEvictor, Delta>;
    AnyEvictor(Evictor evictor) : evictor_(std::move(evictor)) {}
    Evictor evictor_;
};

}  // namespace millrace::conformance

#endif  // MILLRACE_TESTS_CONFORMANCE_WINDOW_FUNCTIONS_HPP
