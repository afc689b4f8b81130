#ifndef UPGRADE_STATE_UPGRADE_STATE_HPP
#define UPGRADE_STATE_UPGRADE_STATE_HPP

#include <millrace/checkpointing.hpp>
#include <millrace/millrace.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>

// A program that keeps accounts, in two versions. The second one has other structs, and goes on with what the first one has
// saved. In life these would be two states of one file; here they stand side by side.

namespace upgrade_state {

struct Payment {
    std::int64_t account = 0;
    std::string shop;
    std::int32_t cents = 0;
    bool isCard = false;
};

/// The payment with this number: a function of the number alone.
inline Payment paymentAt(std::uint64_t number) {
    const std::uint64_t mixed = (number + 1) * 0x9e3779b97f4a7c15ULL;
    return {static_cast<std::int64_t>((mixed >> 20) % 8), "shop " + std::to_string((mixed >> 30) % 3),
            static_cast<std::int32_t>(1 + (mixed >> 40) % 5000), (mixed >> 60) % 2 == 1};
}

/// What is known of an account after a payment.
struct Statement {
    std::int64_t account = 0;
    std::string owner;
    std::int64_t cents = 0;      ///< spent in all
    std::int64_t payments = 0;   ///< counted since version 2
    std::int64_t atOneShop = 0;  ///< cents, at the shop of this payment
};

struct Settings {
    std::uint64_t payments = 20'000;
    double perSecond = 40'000;  ///< by the clock
};

template <class Accounts>
millrace::DataStream<Statement> statements(millrace::StreamEnvironment& env, const Settings& settings) {
    return env
        .fromSource(millrace::DataGeneratorSource(paymentAt, settings.payments,
                                                  millrace::RateLimiterStrategy::perSecond(settings.perSecond)),
                    millrace::WatermarkStrategy::noWatermarks(), "payments")
        .uid("payments")  // state finds its operator by the uid
        .setParallelism(1)
        .keyBy(&Payment::account)
        .process(Accounts{})
        .name("accounts")
        .uid("accounts");
}

namespace version1 {

struct Owner {
    std::string first;
    std::string last;
};
enum class Kind : std::uint8_t { Unknown, Cash };
struct Account {
    Owner owner;
    std::int32_t spent = 0;
    std::string comment;
    Kind last = Kind::Unknown;
};

class Accounts {
public:
    void open(millrace::KeyedRuntimeContext& context) {
        account_ = context.getState(millrace::ValueStateDescriptor<Account>{"account"});
        shops_ = context.getMapState(millrace::MapStateDescriptor<std::string, std::int32_t>{"shops"});
    }
    void processElement(const Payment& payment, millrace::KeyedProcessContext<std::int64_t>&,
                        millrace::Collector<Statement>& out) {
        account_.mutate([&](Account& account) {
            account.owner = {"owner", "of " + std::to_string(payment.account)};
            account.spent += payment.cents;
            account.comment = "paid at " + payment.shop;
            account.last = Kind::Cash;
        });
        shops_.mutate(payment.shop, [&](std::int32_t& cents) { cents += payment.cents; });
        const Account& account = *account_.value();
        out.collect({payment.account, account.owner.first + " " + account.owner.last, account.spent, 0,
                     *shops_.get(payment.shop)});
    }

private:
    millrace::ValueState<Account> account_;
    millrace::MapState<std::string, std::int32_t> shops_;
};

}  // namespace version1

namespace version2 {

struct Owner {
    std::string name;
};
enum class Kind : std::uint16_t { Unknown, Cash, Card };  // more of them, and room for still more
struct Account {
    Owner owner;                                               // made by SchemaEvolution<Owner>
    std::int64_t cents = 0;                                    // was called spent, and wider now
    Kind last = Kind::Unknown;                                 // wider
    std::int64_t payments = 0;                                 // new: begins with 0
    std::optional<std::int64_t> limit{std::int64_t{100'000}};  // new: begins with 100 000
};                                                             // and there is no comment any more

class Accounts {
public:
    void open(millrace::KeyedRuntimeContext& context) {
        account_ = context.getState(millrace::ValueStateDescriptor<Account>{"account"});
        shops_ = context.getMapState(millrace::MapStateDescriptor<std::string, std::int64_t>{"shops"});
    }
    void processElement(const Payment& payment, millrace::KeyedProcessContext<std::int64_t>&,
                        millrace::Collector<Statement>& out) {
        account_.mutate([&](Account& account) {
            if (account.owner.name.empty()) account.owner.name = "owner of " + std::to_string(payment.account);
            account.cents += payment.cents;
            account.last = payment.isCard ? Kind::Card : Kind::Cash;
            ++account.payments;
        });
        shops_.mutate(payment.shop, [&](std::int64_t& cents) { cents += payment.cents; });
        const Account& account = *account_.value();
        out.collect({payment.account, account.owner.name, account.cents, account.payments, *shops_.get(payment.shop)});
    }

private:
    millrace::ValueState<Account> account_;
    millrace::MapState<std::string, std::int64_t> shops_;
};

}  // namespace version2

/// Takes nothing by itself; begins with the savepoint, if one is given.
inline void takeSavepoints(millrace::StreamEnvironment& env, const std::string& restoreFrom = {}) {
    millrace::CheckpointConfig config;
    config.restoreFrom = restoreFrom;
    env.enableCheckpointing(config);
}

}  // namespace upgrade_state

template <>
struct millrace::SchemaEvolution<upgrade_state::version2::Account> {
    static constexpr RenamedField renamed[] = {{"spent", "cents"}};
};
template <>
struct millrace::SchemaEvolution<upgrade_state::version2::Owner> {
    using OldTypes = std::tuple<upgrade_state::version1::Owner>;
    static upgrade_state::version2::Owner migrate(const upgrade_state::version1::Owner& old) {
        return {old.first + " " + old.last};
    }
};

#endif  // UPGRADE_STATE_UPGRADE_STATE_HPP
