#ifndef MILLRACE_TESTS_CONFORMANCE_PROGRAM_HPP
#define MILLRACE_TESTS_CONFORMANCE_PROGRAM_HPP

#include "vector.hpp"

#include <millrace/functions/keyed_runtime_context.hpp>

#include <functional>
#include <map>
#include <string>
#include <variant>

// The small language in which vectors write process functions.

namespace millrace::conformance {

/// The reduce functions of the format.
struct ReduceByName {
    enum class Kind { Sum, Min, Max };
    Kind kind = Kind::Sum;
    Value operator()(const Value& a, const Value& b) const {
        if (kind == Kind::Sum) return a + b;
        const bool less = b < a;
        return (kind == Kind::Min) == less ? b : a;
    }
};

/// The sum divided by the count, truncated toward zero.
struct TruncatedAverage {
    struct Accumulator {
        Value sum = 0;
        std::int64_t count = 0;
    };
    Accumulator createAccumulator() const { return {}; }
    void add(const Value& value, Accumulator& acc) const {
        acc.sum = acc.sum + value;
        ++acc.count;
    }
    Value getResult(const Accumulator& acc) const {
        if (acc.sum.isInteger()) return acc.sum.integer() / acc.count;
        return acc.sum.number() / static_cast<double>(acc.count);
    }
};

/// The keyed states that a vector declares.
class States {
public:
    using Handle = std::variant<ValueState<Value>, ListState<Value>, MapState<Value, Value>,
                                ReducingState<Value, ReduceByName>, AggregatingState<Value, TruncatedAverage>>;

    void open(KeyedRuntimeContext& context, const json& declarations);
    Handle& at(const std::string& name);

    Value read(const std::string& name);
    template <class State>
    State& get(const std::string& name) {
        if (State* const state = std::get_if<State>(&at(name))) return *state;
        throw std::runtime_error("the state '" + name + "' is of another type");
    }

private:
    std::map<std::string, Handle> handles_;
};

/// What a program may ask and do where it runs. Members that do not apply throw.
class Surroundings {
public:
    virtual ~Surroundings() = default;
    virtual Value key() const = 0;
    virtual Value timestamp() const = 0;
    virtual Timestamp watermark() const = 0;
    virtual Timestamp processingTime() const = 0;
    virtual Value domain() const;
    virtual void emit(Value value) = 0;
    virtual void side(const std::string& tag, Value value) = 0;
    virtual void eventTimer(Timestamp time, bool add);
    virtual void processingTimer(Timestamp time, bool add);
    virtual Value broadcastGet(const std::string& name, const Value& key) const;
    virtual Value broadcastEntries(const std::string& name) const;
    virtual void broadcastPut(const std::string& name, const Value& key, const Value& value);
    virtual void broadcastRemove(const std::string& name, const Value& key);
    /// Runs `body` for every key that has the state, with that key current.
    virtual void forEachKey(const std::string& name, const std::function<void(Surroundings&)>& body);
};

/// Entries sorted by the JSON text of their keys.
Value sortedEntries(std::vector<std::pair<Value, Value>> entries);

/// Runs a list of statements for a value.
void runProgram(const json& statements, const Value& value, States& states, Surroundings& around);

}  // namespace millrace::conformance

#endif  // MILLRACE_TESTS_CONFORMANCE_PROGRAM_HPP
