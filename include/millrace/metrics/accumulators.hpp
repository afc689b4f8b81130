#ifndef MILLRACE_METRICS_ACCUMULATORS_HPP
#define MILLRACE_METRICS_ACCUMULATORS_HPP

#include <millrace/core/algorithm.hpp>
#include <millrace/core/depending.hpp>
#include <millrace/core/errors.hpp>
#include <millrace/core/list.hpp>
#include <millrace/core/message.hpp>
#include <millrace/core/owner.hpp>
#include <millrace/core/pointer_list.hpp>
#include <millrace/core/shared.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace millrace {

/// How often a number was added to a `Histogram`. @public
struct NumberCount {
    std::int64_t number = 0;
    std::int64_t count = 0;
    bool operator==(const NumberCount&) const = default;
};

/// The merged value of an accumulator: counts, sums, extrema and averages as numbers, lists as text, histograms as how often
/// each number was added, the smallest first. @public
using AccumulatorValue = std::variant<std::int64_t, double, std::vector<std::string>, std::vector<NumberCount>>;

/// The merged values of a job's accumulators by their names, as they were when it was asked for them; a read-only map. @public
/// Copies share the values; what its functions refer to lives as long as one of them. They are templates so that programs without
/// accumulators do not compile the map.
class AccumulatorValues {
public:
    using Map = std::map<std::string, AccumulatorValue>;

    AccumulatorValues() = default;

    template <class Values = Map>
    const Values& map() const {
        static_assert(std::is_same_v<Values, Map>,
                      "millrace: the values of accumulators are an AccumulatorValues::Map");
        static const Values none;
        return values_ == nullptr ? none : static_cast<const Holder<Values>&>(*values_).values;
    }
    template <class Values = Map>
    auto begin() const {
        return map<Values>().begin();
    }
    template <class Values = Map>
    auto end() const {
        return map<Values>().end();
    }
    template <class Values = Map>
    auto find(const std::string& name) const {
        return map<Values>().find(name);
    }
    template <class Values = Map>
    bool contains(const std::string& name) const {
        return map<Values>().contains(name);
    }
    /// *Failure:* std::out_of_range when there is none of that name.
    template <class Values = Map>
    const AccumulatorValue& at(const std::string& name) const {
        return map<Values>().at(name);
    }
    template <class Values = Map>
    std::size_t size() const {
        return map<Values>().size();
    }
    bool empty() const noexcept { return values_ == nullptr; }

private:
    friend class Accumulators;
    template <class Values>
    struct Holder : detail::SharedObject {
        Values values;
    };

    detail::Shared<detail::SharedObject> values_;  ///< Holder<Map>, not empty; or null
};

/// A value that user functions add to and that is merged over the subtasks of a job. @public
/// One of your own derives from this class, has a default constructor and an `add`, and is asked for by its type:
/// `context.accumulator<Mine>("name")`.
/// *Thread safety:* one subtask writes, any thread may read. Not part of checkpoints.
class Accumulator {
public:
    virtual ~Accumulator() = default;
    virtual AccumulatorValue value() const = 0;
    /// Adds what this one has to `total`, an accumulator of the same type that no subtask writes to.
    virtual void mergeInto(Accumulator& total) const = 0;
};

// All of them are templates, and return what depends on their parameters: a function that is compiled where it is defined makes
// every file that includes this compile the variant of its value (`Depending`).
namespace detail {

struct CountLongs {
    static constexpr std::int64_t kStart = 0;
    static constexpr std::int64_t kOne = 1;
    std::int64_t operator()(std::int64_t a, std::int64_t b) const noexcept { return a + b; }
};
struct AddDoubles {
    static constexpr double kStart = 0;
    double operator()(double a, double b) const noexcept { return a + b; }
};
template <class Number>
struct Smaller {
    static constexpr Number kStart = std::numeric_limits<Number>::has_infinity ? std::numeric_limits<Number>::infinity()
                                                                               : std::numeric_limits<Number>::max();
    Number operator()(Number a, Number b) const noexcept { return std::min(a, b); }
};
template <class Number>
struct Larger {
    static constexpr Number kStart = std::numeric_limits<Number>::has_infinity
                                         ? -std::numeric_limits<Number>::infinity()
                                         : std::numeric_limits<Number>::lowest();
    Number operator()(Number a, Number b) const noexcept { return std::max(a, b); }
};

template <class Number, class Fold>
class NumberAccumulator final : public Accumulator {
public:
    void add(Number x) noexcept {
        value_.store(Fold{}(value_.load(std::memory_order_relaxed), x), std::memory_order_relaxed);
    }
    void add() noexcept
        requires requires { Fold::kOne; }
    {
        add(Fold::kOne);
    }
    Number localValue() const noexcept { return value_.load(std::memory_order_relaxed); }
    typename Depending<AccumulatorValue, Number>::Type value() const override { return localValue(); }
    void mergeInto(Accumulator& total) const override { static_cast<NumberAccumulator&>(total).add(localValue()); }

private:
    std::atomic<Number> value_{Fold::kStart};
};

template <class Number>
class AverageOf final : public Accumulator {
public:
    void add(Number x) noexcept { add(x, 1); }
    Number localValue() const noexcept {
        const std::int64_t count = count_.localValue();
        return count == 0 ? 0 : sum_.localValue() / static_cast<Number>(count);
    }
    typename Depending<AccumulatorValue, Number>::Type value() const override { return localValue(); }
    void mergeInto(Accumulator& total) const override {
        static_cast<AverageOf&>(total).add(sum_.localValue(), count_.localValue());
    }

private:
    void add(Number sum, std::int64_t count) noexcept {
        sum_.add(sum);
        count_.add(count);
    }

    NumberAccumulator<Number, AddDoubles> sum_;
    NumberAccumulator<std::int64_t, CountLongs> count_;
};

template <class Text>
class ListOf final : public Accumulator {
public:
    void add(Text text) {
        const std::lock_guard lock(mutex_);
        texts_.push_back(std::move(text));
    }
    typename Depending<AccumulatorValue, Text>::Type value() const override {
        const std::lock_guard lock(mutex_);
        return texts_;
    }
    void mergeInto(Accumulator& total) const override {
        const std::lock_guard lock(mutex_);
        for (const Text& text : texts_) static_cast<ListOf&>(total).add(text);
    }

private:
    mutable std::mutex mutex_;
    std::vector<Text> texts_;
};

}  // namespace detail

/// Counts up (or down): `add()` one, `add(n)` so many. @public
using LongCounter = detail::NumberAccumulator<std::int64_t, detail::CountLongs>;
/// Sum of doubles. @public
using DoubleCounter = detail::NumberAccumulator<double, detail::AddDoubles>;
/// Smallest value added; +infinity if none. @public
using DoubleMinimum = detail::NumberAccumulator<double, detail::Smaller<double>>;
/// Largest value added; -infinity if none. @public
using DoubleMaximum = detail::NumberAccumulator<double, detail::Larger<double>>;
/// Smallest value added; the largest there is if none. @public
using LongMinimum = detail::NumberAccumulator<std::int64_t, detail::Smaller<std::int64_t>>;
/// Largest value added; the smallest there is if none. @public
using LongMaximum = detail::NumberAccumulator<std::int64_t, detail::Larger<std::int64_t>>;

/// The average of what was added, a double; 0 if nothing was. @public
/// Read while it is written to, the sum may be one value ahead of the count.
using AverageAccumulator = detail::AverageOf<double>;
/// Collects texts; the order over subtasks is unspecified. @public
using ListAccumulator = detail::ListOf<std::string>;

/// The accumulators of one job. Subtasks get theirs by name; reading merges all of one name. @public
/// *Thread safety:* all functions may be called from any thread.
/// *Failure:* a name used with two types throws ConfigurationException.
class Accumulators {
public:
    Accumulators() = default;
    Accumulators(const Accumulators&) = delete;
    Accumulators& operator=(const Accumulators&) = delete;

    /// What one region of a job puts its own into; all are read together. While the job is built.
    Accumulators& part(std::size_t number) {
        while (parts_.size() <= number) {
            Accumulators& added = parts_.add(new Accumulators);
            added.whole_ = this;
            added.number_ = parts_.size();
        }
        return parts_[number];
    }
    /// Before a region starts again; nothing that got an accumulator of it uses it any more.
    void clearPart(std::size_t number) {
        const std::lock_guard lock(mutex_);
        for (Entry& each : entries_) {
            for (std::size_t i = each.accumulators.size(); i-- > 0;) {
                if (each.owners[i] != number + 1) continue;
                delete each.accumulators.release(i);
                each.owners.removeAt(i);
            }
        }
    }

    /// A new accumulator for the calling subtask; lives as long as the job's result.
    template <class A>
    A& create(std::string_view name) {
        return (whole_ != nullptr ? *whole_ : *this).createFor<A>(name, number_);
    }

    /// Current values, merged over the subtasks.
    AccumulatorValues values() const {
        const std::lock_guard lock(mutex_);
        AccumulatorValues merged;
        if (merge_ != nullptr) merge_(entries_, merged);
        return merged;
    }

    /// Before the job starts again; nothing that got an accumulator uses it any more.
    void clear() {
        const std::lock_guard lock(mutex_);
        entries_.clear();
    }

private:
    struct Entry {
        std::string name;
        detail::OwnerList<Accumulator> accumulators;  ///< one of each subtask
        Accumulator* (*newTotal)() = nullptr;         ///< of their type, for the caller to delete
        detail::List<std::size_t> owners;             ///< the part that each is of, from 1; 0: of the whole
    };

    template <class A>
    static Accumulator* newOf() {
        return new A;
    }
    template <class A>
    A& createFor(std::string_view name, std::size_t owner) {
        const std::lock_guard lock(mutex_);
        Entry& entry = entryOf(name);
        if (!entry.accumulators.empty() && dynamic_cast<const A*>(&entry.accumulators.front()) == nullptr) {
            detail::raise<ConfigurationException>(
                "accumulator '{}' is already used with another type; give each type a name of its own", {name});
        }
        A* const accumulator = new A;
        entry.accumulators.add(accumulator);
        entry.owners.push_back(owner);
        entry.newTotal = &newOf<A>;
        // here, and a template, so that programs without accumulators do not compile it
        merge_ = &Accumulators::merge<AccumulatorValues::Map>;
        return *accumulator;
    }
    Entry& entryOf(std::string_view name) {
        for (Entry& each : entries_) {
            if (each.name == name) return each;
        }
        return entries_.add(new Entry{std::string(name), {}, nullptr, {}});
    }
    template <class Values>
    static void merge(const detail::OwnerList<Entry>& entries, AccumulatorValues& merged) {
        auto* const holder = new AccumulatorValues::Holder<Values>;
        detail::Shared<detail::SharedObject> values(holder);
        for (const Entry& each : entries) {
            if (each.accumulators.empty()) continue;
            const detail::Owner<typename detail::Depending<Accumulator, Values>::Type> total(each.newTotal());
            for (const Accumulator& accumulator : each.accumulators) accumulator.mergeInto(*total);
            holder->values.emplace(each.name, total->value());
        }
        if (!holder->values.empty()) merged.values_ = std::move(values);
    }

    mutable std::mutex mutex_;
    detail::OwnerList<Entry> entries_;
    detail::OwnerList<Accumulators> parts_;
    Accumulators* whole_ = nullptr;
    std::size_t number_ = 0;
    void (*merge_)(const detail::OwnerList<Entry>&, AccumulatorValues&) = nullptr;
};

}  // namespace millrace

#endif  // MILLRACE_METRICS_ACCUMULATORS_HPP
