#include "pipelines.hpp"

#include <millrace/connectors/sqlite_sink.hpp>
#include <millrace/millrace.hpp>

#include <sessionize/sessionize.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace crash {
namespace sessions {

using namespace millrace;
using namespace std::chrono_literals;
using sessionize::Click;
using sessionize::Visit;

constexpr std::uint64_t kClicks = 20'000;
constexpr std::uint64_t kFiles = 3;

/// One every 2 s, of 200 users, mostly up to 20 s late, some up to 10 minutes.
Click clickAt(std::uint64_t number) {
    const std::uint64_t random = mixed(number, 1);
    const auto delay = (random & 31) == 0 ? (random >> 8) % 600'000 : (random >> 8) % 20'000;
    const std::string pages[] = {"/", "/search", "/item", "/checkout"};
    return {"user" + std::to_string((random >> 40) % 200), pages[(random >> 5) % 4],
            Timestamp(24h * 365) + std::chrono::milliseconds(2000 * number) - std::chrono::milliseconds(delay)};
}

void prepare(const Settings& settings) {
    std::filesystem::create_directories(settings.directory + "/in");
    const CsvFormat<Click> format;
    for (std::uint64_t file = 0; file < kFiles; ++file) {
        std::string text;
        format.encodeHeader(text);
        text += '\n';
        for (std::uint64_t i = kClicks * file / kFiles; i < kClicks * (file + 1) / kFiles; ++i) {
            format.encode(clickAt(i), text);
            text += '\n';
        }
        std::ofstream(settings.directory + "/in/clicks-" + std::to_string(file) + ".csv") << text;
    }
}

/// Files come as fast as they are read: this holds their subtask up.
struct Pace {
    Duration perBlock{0};
    int count = 0;
    Click operator()(Click click) {
        if (perBlock > 0ns && ++count % 16 == 0) std::this_thread::sleep_for(perBlock);
        return click;
    }
};

void build(StreamEnvironment& env, const Settings& settings) {
    const auto perBlock =
        std::chrono::nanoseconds(static_cast<std::int64_t>(settings.seconds * 16e9 / double(kClicks)));
    const DataStream<Click> clicks =
        env.fromSource(FileSource::of(CsvFormat<Click>{}, settings.directory + "/in"),
                       WatermarkStrategy::forBoundedOutOfOrdernessPerRecord(30s).withTimestampAssigner(&Click::time),
                       "clicks")
            .uid("clicks")
            .setParallelism(1)
            .map(Pace{perBlock})
            .setParallelism(1);
    const sessionize::Results results = sessionize::visitsOf(clicks, 5min);
    const std::string database = settings.directory + "/visits.db";
    results.visits.sinkTo(SqliteSink<Visit>(database, "visits").createTable()).uid("visits table");
    results.late.sinkTo(SqliteSink<Click>(database, "late").createTable()).uid("late table").setParallelism(1);
}

void addRows(const std::string& path, const std::string& table, std::vector<std::string>& rows) {
    detail::SqliteConnection connection(path, 5s);
    const auto add = [](void* into, int count, char** values, char**) {
        std::string row;
        for (int i = 0; i < count; ++i) row += std::string(i == 0 ? "" : ",") + (values[i] == nullptr ? "" : values[i]);
        static_cast<std::vector<std::string>*>(into)->push_back(row);
        return 0;
    };
    const std::string exists = "SELECT name FROM sqlite_master WHERE name = '" + table + "'";
    std::vector<std::string> tables;
    if (sqlite3_exec(connection.get(), exists.c_str(), add, &tables, nullptr) != SQLITE_OK ||
        (!tables.empty() && sqlite3_exec(connection.get(), ("SELECT '" + table + "', * FROM " + table).c_str(), add,
                                         &rows, nullptr) != SQLITE_OK)) {
        throw std::runtime_error(path + ": " + sqlite3_errmsg(connection.get()));
    }
}

std::vector<std::string> committed(const Settings& settings) {
    const std::string path = settings.directory + "/visits.db";
    std::vector<std::string> rows;
    if (!std::filesystem::exists(path)) return rows;
    addRows(path, "visits", rows);
    addRows(path, "late", rows);
    return rows;
}

}  // namespace sessions

const Pipeline kSessions{"sessions", sessions::prepare, sessions::build, sessions::committed};

}  // namespace crash
