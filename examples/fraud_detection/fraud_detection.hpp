#ifndef FRAUD_DETECTION_FRAUD_DETECTION_HPP
#define FRAUD_DETECTION_FRAUD_DETECTION_HPP

#include <millrace/millrace.hpp>

#include <chrono>
#include <compare>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace fraud_detection {

struct Payment {
    std::int64_t account;
    double amount;
    millrace::Timestamp time;

    auto operator<=>(const Payment&) const = default;
};

/// "A payment below `small` followed by one above `large` within so many seconds", valid from `time` on, until the next
/// version of the rule; one with 0 seconds retires it.
struct Rule {
    std::string rule;
    double small;
    double large;
    std::int64_t seconds;
    millrace::Timestamp time;
};

struct Alert {
    millrace::Timestamp time;
    std::int64_t account;
    std::string rule;
    double small;
    double large;

    auto operator<=>(const Alert&) const = default;
};

inline const millrace::OutputTag<Payment> kLatePayments("late payments");

/// All versions of each rule, at every subtask.
inline const millrace::MapStateDescriptor<std::string, std::vector<Rule>> kRules("rules");

/// Payments and rules arrive in no order relative to each other, and payments in no order among themselves. So a payment is
/// only written down when it comes; it is judged by a timer at its own time: then the watermark says that all earlier
/// payments, and all rules up to then, are there. The result depends on the data alone. A payment that comes when its time is
/// over cannot be judged in order: it goes to the side output of late ones.
class Detector {
public:
    void open(millrace::KeyedRuntimeContext& context) {
        waiting_ =
            context.getMapState(millrace::MapStateDescriptor<millrace::Timestamp, std::vector<double>>("waiting"));
        last_ = context.getState(millrace::ValueStateDescriptor<Payment>("last"));
    }

    void processElement(const Payment& payment, millrace::KeyedReadOnlyContext<std::int64_t>& context,
                        millrace::Collector<Alert>&) {
        if (payment.time <= context.currentWatermark()) {
            context.output(kLatePayments, payment);
            return;
        }
        const std::vector<double>* const known = waiting_.get(payment.time);
        std::vector<double> amounts = known != nullptr ? *known : std::vector<double>();
        amounts.push_back(payment.amount);
        waiting_.put(payment.time, std::move(amounts));
        context.timerService().registerEventTimeTimer(payment.time);
    }

    void processBroadcastElement(const Rule& rule, millrace::KeyedBroadcastContext<std::int64_t>& context,
                                 millrace::Collector<Alert>&) {
        auto& rules = context.getBroadcastState(kRules);
        std::vector<Rule> versions = rules.getOr(rule.rule, {});
        versions.push_back(rule);
        rules.put(rule.rule, std::move(versions));
    }

    void onTimer(millrace::Timestamp time, millrace::KeyedReadOnlyContext<std::int64_t>& context,
                 millrace::Collector<Alert>& out) {
        const std::vector<double> amounts = *waiting_.get(time);
        waiting_.remove(time);
        for (const double amount : amounts) {
            const Payment payment{context.currentKey(), amount, time};
            if (const Payment* const before = last_.value()) judge(*before, payment, context, out);
            last_.update(payment);
        }
    }

private:
    static void judge(const Payment& before, const Payment& payment,
                      const millrace::KeyedReadOnlyContext<std::int64_t>& context, millrace::Collector<Alert>& out) {
        for (const auto& [name, versions] : context.getBroadcastState(kRules).entries()) {
            const Rule* valid = nullptr;
            for (const Rule& version : versions) {
                if (version.time <= payment.time && (valid == nullptr || valid->time < version.time)) valid = &version;
            }
            if (valid == nullptr || before.amount >= valid->small || payment.amount <= valid->large) continue;
            if (payment.time - before.time > std::chrono::seconds(valid->seconds)) continue;
            out.collect(Alert{payment.time, payment.account, name, before.amount, payment.amount});
        }
    }

    millrace::MapState<millrace::Timestamp, std::vector<double>> waiting_;  ///< amounts by time, until their timer
    millrace::ValueState<Payment> last_;
};

inline millrace::DataStream<Payment> readPayments(millrace::StreamEnvironment& env, const std::string& file) {
    using namespace std::chrono_literals;
    return env.fromSource(
        millrace::FileSource::of(millrace::CsvFormat<Payment>{}, file),
        millrace::WatermarkStrategy::forBoundedOutOfOrderness(10s).withTimestampAssigner(&Payment::time), "payments");
}
inline millrace::DataStream<Rule> readRules(millrace::StreamEnvironment& env, const std::string& file) {
    return env.fromSource(millrace::FileSource::of(millrace::CsvFormat<Rule>{}, file),
                          millrace::WatermarkStrategy::forMonotonousTimestamps().withTimestampAssigner(&Rule::time),
                          "rules");
}

struct Results {
    millrace::DataStream<Alert> alerts;
    millrace::DataStream<Payment> latePayments;
};

/// The suspicious pairs of payments, and the payments that came too late to be judged.
inline Results judge(const millrace::DataStream<Payment>& payments, const millrace::DataStream<Rule>& rules) {
    const millrace::DataStream<Alert> alerts =
        payments.keyBy(&Payment::account).connect(rules.broadcast(kRules)).process(Detector{}).name("detector");
    return {alerts, alerts.getSideOutput(kLatePayments)};
}

}  // namespace fraud_detection

#endif  // FRAUD_DETECTION_FRAUD_DETECTION_HPP
