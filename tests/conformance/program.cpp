#include "program.hpp"

#include "times.hpp"

#include <algorithm>
#include <stdexcept>

namespace millrace::conformance {

namespace {

std::optional<StateTtlConfig> timeToLive(const json& declaration) {
    if (!declaration.contains("ttl") || declaration.at("ttl").is_null()) return std::nullopt;
    const json& ttl = declaration.at("ttl");
    StateTtlConfig config(durationOf(ttl, "ttl_ms"));
    if (ttl.value("update", "") == "on_read_and_write") config.updateOnReadAndWrite();
    if (ttl.value("visibility", "") == "return_expired_if_not_cleaned_up") config.returnExpiredIfNotCleanedUp();
    return config;
}

template <class Descriptor>
Descriptor with(Descriptor descriptor, const std::optional<StateTtlConfig>& ttl) {
    if (ttl.has_value()) descriptor.enableTimeToLive(*ttl);
    return descriptor;
}

ReduceByName reduceFunction(const json& declaration) {
    const std::string name = declaration.at("reduce").get<std::string>();
    if (name == "sum") return {ReduceByName::Kind::Sum};
    if (name == "min") return {ReduceByName::Kind::Min};
    if (name == "max") return {ReduceByName::Kind::Max};
    throw std::invalid_argument("unknown reduce function '" + name + "'");
}

class Interpreter {
public:
    Interpreter(const Value& value, States& states, Surroundings& around)
        : value_(value), states_(states), around_(around) {}

    void run(const json& statements) {
        for (const json& statement : statements) execute(statement);
    }

private:
    Value evaluate(const json& e) {
        if (!e.is_array()) return fromJson(e);
        const std::string op = e.at(0).get<std::string>();
        const auto arg = [&](std::size_t n) { return evaluate(e.at(n)); };
        const auto name = [&] { return e.at(1).get<std::string>(); };
        if (op == "value") return value_;
        if (op == "field") {
            const auto n = e.at(1).get<std::size_t>();
            return value_.isArray() && n >= value_.array().size() ? Value{} : value_.at(n);
        }
        if (op == "key") return around_.key();
        if (op == "ts") return around_.timestamp();
        if (op == "watermark") return ticksOf(around_.watermark());
        if (op == "proctime") return ticksOf(around_.processingTime());
        if (op == "domain") return around_.domain();
        if (op == "state") return states_.read(name());
        if (op == "map_get") {
            const Value* const found = states_.get<MapState<Value, Value>>(name()).get(arg(2));
            return found != nullptr ? *found : Value{};
        }
        if (op == "map_contains") return states_.get<MapState<Value, Value>>(name()).contains(arg(2));
        if (op == "broadcast") return around_.broadcastEntries(name());
        if (op == "broadcast_get") return around_.broadcastGet(name(), arg(2));
        if (op == "+") return arg(1) + arg(2);
        if (op == "-") return arg(1) - arg(2);
        if (op == "*") return arg(1) * arg(2);
        if (op == "mod") return mod(arg(1), arg(2));
        if (op == "eq") return equal(arg(1), arg(2));
        if (op == "lt") return arg(1) < arg(2);
        if (op == "and") {
            return std::all_of(e.begin() + 1, e.end(), [&](const json& each) { return holds(each); });
        }
        if (op == "or") {
            return std::any_of(e.begin() + 1, e.end(), [&](const json& each) { return holds(each); });
        }
        if (op == "not") return !holds(e.at(1));
        if (op == "is_null") return arg(1).isNull();
        if (op == "if_null") {
            Value value = arg(1);
            return value.isNull() ? arg(2) : value;
        }
        if (op == "concat") {
            std::string text;
            for (std::size_t i = 1; i < e.size(); ++i) {
                const Value part = arg(i);
                text += part.isString() ? part.string() : part.text();
            }
            return text;
        }
        if (op == "array") {
            Value::Array values;
            for (std::size_t i = 1; i < e.size(); ++i) values.push_back(arg(i));
            return values;
        }
        if (op == "size") {
            const Value value = arg(1);
            if (value.isNull()) return 0;
            return value.isString() ? value.string().size() : value.array().size();
        }
        throw std::invalid_argument("unknown expression " + e.dump());
    }
    bool holds(const json& condition) {
        const Value value = evaluate(condition);
        return !value.isNull() && value.boolean();
    }
    static bool equal(const Value& a, const Value& b) {
        return a == b || (a.isNumber() && b.isNumber() && a.number() == b.number());
    }
    static Value mod(const Value& a, const Value& b) {
        const std::int64_t by = b.integer();
        if (by == 0) throw std::runtime_error("mod by 0");
        const std::int64_t rest = by == -1 ? 0 : a.integer() % by;
        return rest != 0 && (rest < 0) != (by < 0) ? rest + by : rest;
    }

    void execute(const json& statement) {
        const std::string op = statement.items().begin().key();
        const json& body = statement.begin().value();
        const auto time = [&] { return timeOf(evaluate(body).integer()); };
        const auto name = [&] { return body.at(0).get<std::string>(); };
        const auto arg = [&](std::size_t n) { return evaluate(body.at(n)); };
        if (op == "emit") {
            around_.emit(evaluate(body));
        } else if (op == "side") {
            around_.side(name(), arg(1));
        } else if (op == "register_event_timer" || op == "delete_event_timer") {
            around_.eventTimer(time(), op[0] == 'r');
        } else if (op == "register_processing_timer" || op == "delete_processing_timer") {
            around_.processingTimer(time(), op[0] == 'r');
        } else if (op == "if") {
            if (holds(body.at(0))) {
                run(body.at(1));
            } else if (body.size() > 2) {
                run(body.at(2));
            }
        } else if (op == "set") {
            auto& state = states_.get<ValueState<Value>>(name());
            Value value = arg(1);
            if (value.isNull()) {
                state.clear();
            } else {
                state.update(std::move(value));
            }
        } else if (op == "clear") {
            std::visit([](auto& state) { state.clear(); }, states_.at(body.get<std::string>()));
        } else if (op == "list_add") {
            states_.get<ListState<Value>>(name()).add(arg(1));
        } else if (op == "list_update") {
            const Value values = arg(1);
            states_.get<ListState<Value>>(name()).update(values.isNull() ? Value::Array{} : values.array());
        } else if (op == "map_put") {
            states_.get<MapState<Value, Value>>(name()).put(arg(1), arg(2));
        } else if (op == "map_remove") {
            states_.get<MapState<Value, Value>>(name()).remove(arg(1));
        } else if (op == "add") {
            const Value value = arg(1);
            auto& handle = states_.at(name());
            if (auto* const reducing = std::get_if<ReducingState<Value, ReduceByName>>(&handle)) {
                reducing->add(value);
            } else {
                states_.get<AggregatingState<Value, TruncatedAverage>>(name()).add(value);
            }
        } else if (op == "for_each") {
            const Value items = arg(0);
            if (items.isNull()) return;
            for (const Value& item : items.array()) Interpreter(item, states_, around_).run(body.at(1));
        } else if (op == "broadcast_put") {
            around_.broadcastPut(name(), arg(1), arg(2));
        } else if (op == "broadcast_remove") {
            around_.broadcastRemove(name(), arg(1));
        } else if (op == "for_each_key") {
            around_.forEachKey(name(),
                               [&](Surroundings& there) { Interpreter(value_, states_, there).run(body.at(1)); });
        } else {
            throw std::invalid_argument("unknown statement " + statement.dump());
        }
    }

    Value value_;  // a copy: statements may change what it was read from
    States& states_;
    Surroundings& around_;
};

[[noreturn]] void notHere(const char* what) {
    throw std::runtime_error(std::string(what) + " is not possible here");
}

}  // namespace

void States::open(KeyedRuntimeContext& context, const json& declarations) {
    for (const auto& [name, declaration] : declarations.items()) {
        const std::string type = declaration.at("type").get<std::string>();
        const auto ttl = timeToLive(declaration);
        if (type == "value") {
            handles_[name] = context.getState(with(ValueStateDescriptor<Value>(name), ttl));
        } else if (type == "list") {
            handles_[name] = context.getListState(with(ListStateDescriptor<Value>(name), ttl));
        } else if (type == "map") {
            handles_[name] = context.getMapState(with(MapStateDescriptor<Value, Value>(name), ttl));
        } else if (type == "reducing") {
            handles_[name] = context.getReducingState(
                with(ReducingStateDescriptor<Value, ReduceByName>(name, reduceFunction(declaration)), ttl));
        } else if (type == "aggregating") {
            if (declaration.at("aggregate") != "avg") {
                throw std::invalid_argument("unknown aggregate function " + declaration.at("aggregate").dump());
            }
            handles_[name] =
                context.getAggregatingState(with(AggregatingStateDescriptor<Value, TruncatedAverage>(name), ttl));
        } else {
            throw std::invalid_argument("unknown state type '" + type + "'");
        }
    }
}
States::Handle& States::at(const std::string& name) {
    const auto found = handles_.find(name);
    if (found == handles_.end()) throw std::invalid_argument("the state '" + name + "' is not declared");
    return found->second;
}
Value States::read(const std::string& name) {
    Handle& handle = at(name);
    if (auto* const value = std::get_if<ValueState<Value>>(&handle)) return value->valueOr({});
    if (auto* const list = std::get_if<ListState<Value>>(&handle)) {
        const auto values = list->get();
        return Value::Array(values.begin(), values.end());
    }
    if (auto* const map = std::get_if<MapState<Value, Value>>(&handle)) {
        std::vector<std::pair<Value, Value>> entries;
        map->forEach([&](const Value& k, const Value& v) { entries.emplace_back(k, v); });
        return sortedEntries(std::move(entries));
    }
    if (auto* const reducing = std::get_if<ReducingState<Value, ReduceByName>>(&handle)) {
        const Value* const value = reducing->get();
        return value != nullptr ? *value : Value{};
    }
    return std::get<AggregatingState<Value, TruncatedAverage>>(handle).get().value_or(Value{});
}

Value sortedEntries(std::vector<std::pair<Value, Value>> entries) {
    std::sort(entries.begin(), entries.end(),
              [](const auto& a, const auto& b) { return a.first.text() < b.first.text(); });
    Value::Array sorted;
    for (auto& [k, v] : entries) sorted.push_back(Value::Array{std::move(k), std::move(v)});
    return sorted;
}

Value Surroundings::domain() const {
    return {};
}
void Surroundings::eventTimer(Timestamp, bool) {
    notHere("an event-time timer");
}
void Surroundings::processingTimer(Timestamp, bool) {
    notHere("a processing-time timer");
}
Value Surroundings::broadcastGet(const std::string&, const Value&) const {
    notHere("reading broadcast state");
}
Value Surroundings::broadcastEntries(const std::string&) const {
    notHere("reading broadcast state");
}
void Surroundings::broadcastPut(const std::string&, const Value&, const Value&) {
    notHere("writing broadcast state");
}
void Surroundings::broadcastRemove(const std::string&, const Value&) {
    notHere("writing broadcast state");
}
void Surroundings::forEachKey(const std::string&, const std::function<void(Surroundings&)>&) {
    notHere("visiting all keys");
}

void runProgram(const json& statements, const Value& value, States& states, Surroundings& around) {
    Interpreter(value, states, around).run(statements);
}

}  // namespace millrace::conformance
