#include <upgrade_state/upgrade_state.hpp>

#include <millrace/runtime/simulated_runtime.hpp>

#include <connectors/temp_directory.hpp>
#include <support/catch.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

using namespace millrace;
using namespace upgrade_state;

namespace {

using Totals = std::map<std::int64_t, std::vector<std::string>>;

std::string line(const Statement& statement) {
    return statement.owner + " " + std::to_string(statement.cents) + " " + std::to_string(statement.payments) + " " +
           std::to_string(statement.atOneShop);
}

/// The statements of version 2 in a plain loop: it has seen all payments, and counted them from `countedFrom` on.
Totals expected(const Settings& settings, std::uint64_t countedFrom) {
    Totals totals;
    std::map<std::int64_t, Statement> accounts;
    std::map<std::pair<std::int64_t, std::string>, std::int64_t> shops;
    for (std::uint64_t i = 0; i < settings.payments; ++i) {
        const Payment payment = paymentAt(i);
        Statement& account = accounts[payment.account];
        account.owner = "owner of " + std::to_string(payment.account);
        account.cents += payment.cents;
        account.atOneShop = shops[{payment.account, payment.shop}] += payment.cents;
        if (i < countedFrom) continue;
        ++account.payments;
        totals[payment.account].push_back(line(account));
    }
    return totals;
}

}  // namespace

TEST_CASE("upgrade_state: version 2 goes on with what version 1 has counted", "[examples]") {
    for (std::uint64_t seed = 0; seed < 8; ++seed) {
        CAPTURE(seed);
        const testing::TempDirectory directory(testing::inMemoryDirectory());
        const std::string savepoint = directory.path() + "/savepoint";
        Settings settings;
        settings.payments = 3000;
        settings.perSecond = 1000;
        std::uint64_t before = 0;
        {
            StreamExecutionEnvironment env{SimulatedRuntime(seed)};
            takeSavepoints(env);
            statements<version1::Accounts>(env, settings)
                .addSink([&](const Statement&) { ++before; })
                .setParallelism(1);
            const auto job = env.executeAsync("accounts");
            job->waitFor(std::chrono::milliseconds(700 + 100 * seed));
            job->stopWithSavepoint(savepoint);
            CHECK(job->result().status == JobStatus::Finished);
        }
        REQUIRE(before > 500);
        REQUIRE(before < 2500);
        Totals totals;
        StreamExecutionEnvironment env{SimulatedRuntime(seed)};
        env.setParallelism(3);
        takeSavepoints(env, savepoint);
        statements<version2::Accounts>(env, settings)
            .addSink([&](const Statement& statement) { totals[statement.account].push_back(line(statement)); })
            .setParallelism(1);
        const RestoreReport report = checkRestore(savepoint, env);
        CHECK(report.isRestorable());
        env.execute("accounts");
        CHECK(totals == expected(settings, before));
    }
}
