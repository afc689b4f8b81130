#include "pipelines.hpp"

#include <millrace/connectors/row_file_sink.hpp>
#include <millrace/millrace.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace crash {
namespace balances {

using namespace millrace;

constexpr std::uint64_t kBookings = 150'000;
constexpr std::uint64_t kAccounts = 40'000;  // a table large enough to be written while the task goes on

struct Booking {
    std::int64_t account;
    std::int64_t cents;
    std::int64_t number;
};

Booking bookingAt(std::uint64_t number) {
    const std::uint64_t random = mixed(number, 10);
    return {static_cast<std::int64_t>(random % kAccounts), static_cast<std::int64_t>((random >> 32) % 10'000) - 5'000,
            static_cast<std::int64_t>(number)};
}

void build(StreamEnvironment& env, const Settings& settings) {
    env.fromSource(DataGeneratorSource(bookingAt, kBookings, paced(kBookings, settings)),
                   WatermarkStrategy::noWatermarks(), "bookings")
        .uid("bookings")
        .setParallelism(1)
        .keyBy(&Booking::account)
        .reduce([](const Booking& balance, const Booking& booking) {
            return Booking{balance.account, balance.cents + booking.cents, booking.number};
        })
        .uid("balances")
        .filter([](const Booking& balance) { return balance.number % 10 == 0; })
        .sinkTo(FileSink::forRowFormat(settings.directory + "/out", CsvFormat<Booking>{}.withoutHeader())
                    .withBucketAssigner(BasePathBucketAssigner{})
                    .withRollingPolicy(OnCheckpointRollingPolicy()))
        .uid("files");
}

std::vector<std::string> committed(const Settings& settings) {
    return finishedLines(settings.directory + "/out");
}

}  // namespace balances

const Pipeline kBalances{"balances", [](const Settings&) {}, balances::build, balances::committed};

}  // namespace crash
