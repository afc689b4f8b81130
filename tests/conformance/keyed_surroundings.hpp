#ifndef MILLRACE_TESTS_CONFORMANCE_KEYED_SURROUNDINGS_HPP
#define MILLRACE_TESTS_CONFORMANCE_KEYED_SURROUNDINGS_HPP

#include "harness_subject.hpp"
#include "plain.hpp"
#include "program.hpp"

#include <millrace/operators/keyed_process_context.hpp>

#include <type_traits>
#include <utility>

namespace millrace::conformance {

// Programs are about values, whatever the records and keys are.
inline const Value& valueOf(const Value& key) {
    return key;
}
template <class Record>
Record recordAs(Value value) {
    if constexpr (std::is_same_v<Record, Plain>) {
        return plainOf(value);
    } else {
        return value;
    }
}

/// What a program sees in a context of elements or timers with a key.
template <class Context, class Record = Value>
class KeyedSurroundings : public Surroundings {
public:
    KeyedSurroundings(Context& context, Collector<Record>& out, Value domain = {})
        : context_(context), out_(out), domain_(std::move(domain)) {}

    Value key() const override { return valueOf(context_.currentKey()); }
    Value timestamp() const override {
        const auto time = context_.timestamp();
        return time.has_value() ? Value(ticksOf(*time)) : Value{};
    }
    Timestamp watermark() const override { return context_.timerService().currentWatermark(); }
    Timestamp processingTime() const override { return context_.timerService().currentProcessingTime(); }
    Value domain() const override { return domain_; }
    void emit(Value value) override { out_.collect(recordAs<Record>(std::move(value))); }
    void side(const std::string& tag, Value value) override {
        context_.output(OutputTag<Record>(tag), recordAs<Record>(std::move(value)));
    }
    void eventTimer(Timestamp time, bool add) override {
        add ? context_.timerService().registerEventTimeTimer(time) : context_.timerService().deleteEventTimeTimer(time);
    }
    void processingTimer(Timestamp time, bool add) override {
        add ? context_.timerService().registerProcessingTimeTimer(time)
            : context_.timerService().deleteProcessingTimeTimer(time);
    }

protected:
    Context& context_;

private:
    Collector<Record>& out_;
    Value domain_;
};

/// The names of timer domains and programs in the format.
inline const char* nameOf(TimeDomain domain) {
    return domain == TimeDomain::EventTime ? "event" : "processing";
}
inline const char* timerProgram(TimeDomain domain) {
    return domain == TimeDomain::EventTime ? "on_event_timer" : "on_processing_timer";
}

}  // namespace millrace::conformance

#endif  // MILLRACE_TESTS_CONFORMANCE_KEYED_SURROUNDINGS_HPP
