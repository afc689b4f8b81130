#include <millrace/connectors/sqlite_sink.hpp>

#include <connectors/temp_directory.hpp>
#include <support/catch.hpp>
#include <support/checkpointed_run.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace millrace;
using namespace millrace::testsupport;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using testing::TempDirectory;
using Rows = std::vector<std::string>;

enum class Side : std::uint8_t { Buy = 1, Sell = 2 };

struct Trade {
    std::int64_t id = 0;
    std::string symbol{};
    double price = 0;
    std::optional<int> quantity{};
    Side side = Side::Buy;
    bool isOpen = false;
    Timestamp time{};
};
struct Entry {
    int id = 0;
};

/// The rows of a query, their columns joined by '|', "null" for NULL.
Rows query(const std::string& path, const std::string& sql) {
    detail::SqliteConnection connection(path, 5s);
    Rows rows;
    char* error = nullptr;
    const auto add = [](void* into, int count, char** values, char**) {
        std::string row;
        for (int i = 0; i < count; ++i)
            row += std::string(i == 0 ? "" : "|") + (values[i] == nullptr ? "null" : values[i]);
        static_cast<Rows*>(into)->push_back(row);
        return 0;
    };
    if (sqlite3_exec(connection.get(), sql.c_str(), add, &rows, &error) != SQLITE_OK) {
        rows.push_back(std::string("error: ") + error);
        sqlite3_free(error);
    }
    return rows;
}
Rows ids(const std::string& path) {
    return query(path, "SELECT id FROM entries ORDER BY id");
}
Rows upTo(int count) {
    Rows rows;
    for (int i = 1; i <= count; ++i) rows.push_back(std::to_string(i));
    std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return std::stoi(a) < std::stoi(b); });
    return rows;
}

template <class T>
using Op = detail::WriterSinkOperator<T, SqliteSink<T>>;
template <class T>
std::unique_ptr<OperatorHarness<Op<T>>> harnessOf(SqliteSink<T> sink, bool isCheckpointed = true) {
    auto harness = std::make_unique<OperatorHarness<Op<T>>>(Op<T>{std::move(sink)});
    harness->context.isCheckpointed = isCheckpointed;
    return harness;
}
template <class Harness>
MemorySnapshot checkpoint(Harness& harness, std::int64_t id) {
    harness->stage().prepareBarrier(id);
    return harness->snapshot();
}
template <class Call>
std::string messageOf(Call call) {
    try {
        call();
    } catch (const std::exception& error) {
        return describeException(error);
    }
    return "no exception";
}

TEST_CASE("rows are in the table when their checkpoint is complete, each field in its column", "[connectors][sqlite]") {
    const TempDirectory directory;
    const std::string path = directory.path("trades.db");
    const auto harness = harnessOf(SqliteSink<Trade>(path, "trades").createTable());
    harness->open();
    harness->element({1, "O'AK \"x\"", 10.5, 7, Side::Sell, true, Timestamp(1ms)}, 0);
    harness->element({-2, "", -0.25, std::nullopt, Side::Buy, false, Timestamp(0s)}, 0);
    checkpoint(harness, 1);
    CHECK(query(path, "SELECT * FROM trades").empty());
    harness->stage().notifyCheckpointComplete(1);
    CHECK(query(path, "SELECT * FROM trades ORDER BY id DESC") ==
          Rows{"1|O'AK \"x\"|10.5|7|2|1|1970-01-01T00:00:00.001Z", "-2||-0.25|null|1|0|1970-01-01T00:00:00Z"});
    CHECK(query(path, "SELECT name, type, \"notnull\" FROM pragma_table_info('trades')") ==
          Rows{"id|INTEGER|1", "symbol|TEXT|1", "price|REAL|0", "quantity|INTEGER|0", "side|INTEGER|1",
               "isOpen|INTEGER|1", "time|TEXT|1"});
    CHECK(query(path, "SELECT length(writer), number FROM millrace_commits") == Rows{"36|0"});
}

TEST_CASE("without checkpoints rows are inserted in batches, the rest at the end", "[connectors][sqlite]") {
    const TempDirectory directory;
    const std::string path = directory.path("test.db");
    const auto harness = harnessOf(SqliteSink<Entry>(path, "entries").createTable().withBatchSize(3), false);
    harness->open();
    for (int i = 1; i <= 7; ++i) harness->element({i}, 0);
    CHECK(ids(path) == upTo(6));
    harness->stage().endInput(0);
    CHECK(ids(path) == upTo(7));
}

TEST_CASE("rows are in the table once, wherever the job crashes", "[connectors][sqlite]") {
    std::vector<Entry> input;
    for (int i = 1; i <= 10; ++i) input.push_back({i});
    bool more = true;
    for (std::size_t first = 0; more; ++first) {
        for (const std::size_t apart : {0, 1, 3}) {
            CAPTURE(first, apart);
            const TempDirectory directory(testing::inMemoryDirectory());
            const std::string path = directory.path("test.db");
            CheckpointedRun<Op<Entry>> run(Op<Entry>{SqliteSink<Entry>(path, "entries").createTable()}, input, 3);
            const bool crashed =
                run.run(apart == 0 ? std::set<std::size_t>{first} : std::set<std::size_t>{first, first + apart});
            CHECK(ids(path) == upTo(10));
            CHECK(run.ended());
            if (apart == 0) more = crashed;
        }
    }
}

TEST_CASE("rows are shared out when the parallelism changes", "[connectors][sqlite]") {
    const auto [from, to] = GENERATE(std::pair(2, 3), std::pair(3, 1));
    CAPTURE(from, to);
    const TempDirectory directory;
    const std::string path = directory.path("test.db");
    const SqliteSink<Entry> sink = SqliteSink<Entry>(path, "entries").createTable();
    std::vector<MemorySnapshot> taken;
    for (int subtask = 0; subtask < from; ++subtask) {
        const auto harness = harnessOf(sink);
        harness->open();
        for (int i = 1; i <= 3; ++i) harness->element({3 * subtask + i}, 0);
        taken.push_back(checkpoint(harness, 1));
        if (subtask == 0) harness->stage().notifyCheckpointComplete(1);  // the others crash before
    }
    CHECK(ids(path) == upTo(3));
    for (int times = 0; times < 2; ++times) {
        for (const auto& state : rescaled(taken, to)) {
            const auto harness = harnessOf(sink);
            harness->openFrom(*state);
        }
        CHECK(ids(path) == upTo(3 * from));
    }
}

TEST_CASE("only the last commits of a writer stay known", "[connectors][sqlite]") {
    const TempDirectory directory(testing::inMemoryDirectory());
    const std::string path = directory.path("test.db");
    detail::SqliteOptions options;
    options.path = path;
    options.table = "entries";
    options.createsTable = true;
    detail::SqliteTable<Entry> table(options);
    for (const std::int64_t number : {0, 1, 2, 10'001}) table.insertOnce({"w", number, {{static_cast<int>(number)}}});
    CHECK_FALSE(table.insertOnce({"w", 1, {{1}}}));
    CHECK(query(path, "SELECT number FROM millrace_commits ORDER BY number") == Rows{"1", "2", "10001"});
    CHECK(ids(path) == Rows{"0", "1", "2", "10001"});
}

TEST_CASE("a database that is locked is tried again; when it stays so, the job fails with the reason",
          "[connectors][sqlite]") {
    const TempDirectory directory;
    const std::string path = directory.path("test.db");
    const auto harness = harnessOf(SqliteSink<Entry>(path, "entries").createTable().withBusyTimeout(1ms));
    harness->open();
    harness->element({1}, 0);
    checkpoint(harness, 1);
    detail::SqliteConnection other(path, 1s);
    other.execute("BEGIN IMMEDIATE");
    harness->stage().notifyCheckpointComplete(1);
    CHECK(ids(path).empty());

    SECTION("it is released") {
        other.execute("ROLLBACK");
        harness->context.now += 1s;
        harness->stage().onProcessingTime(harness->context.now);
        CHECK(ids(path) == upTo(1));
    }
    SECTION("it is not") {
        const std::string text = messageOf([&] {
            for (int i = 0; i < 20; ++i) {
                harness->context.now += 1s;
                harness->stage().onProcessingTime(harness->context.now);
            }
        });
        CHECK_THAT(text, ContainsSubstring("asked for another try 11 times") && ContainsSubstring(path) &&
                             ContainsSubstring("database is locked") && ContainsSubstring("withBusyTimeout"));
    }
}

TEST_CASE("a missing table or column is an error when the job starts, with what to do", "[connectors][sqlite]") {
    const TempDirectory directory;
    const std::string path = directory.path("test.db");
    const auto harness = harnessOf(SqliteSink<Entry>(path, "entries"));
    const std::string text = messageOf([&] { harness->open(); });
    CHECK_THAT(text, ContainsSubstring("'" + path + "'") && ContainsSubstring("no such table: entries") &&
                         ContainsSubstring("CREATE TABLE IF NOT EXISTS \"entries\" (\"id\" INTEGER NOT NULL)") &&
                         ContainsSubstring("createTable()"));
    query(path, "CREATE TABLE entries (other INTEGER)");
    CHECK_THAT(messageOf([&] { harnessOf(SqliteSink<Entry>(path, "entries"))->open(); }),
               ContainsSubstring("no column named id"));
    CHECK_THAT(messageOf([&] { harnessOf(SqliteSink<Entry>(directory.path("no/test.db"), "entries"))->open(); }),
               ContainsSubstring("cannot be opened: unable to open database file"));
    directory.write("text.db",
                    "this is no database, but it is long enough to look like one, or at least to be read as one");
    CHECK_THAT(messageOf([&] { harnessOf(SqliteSink<Entry>(directory.path("text.db"), "entries"))->open(); }),
               ContainsSubstring("file is not a database"));
}

TEST_CASE("a row that breaks a constraint fails, replaces or is left out", "[connectors][sqlite]") {
    const TempDirectory directory;
    const std::string path = directory.path("test.db");
    query(path,
          "CREATE TABLE trades (id INTEGER PRIMARY KEY, symbol TEXT, price REAL, quantity INTEGER, side INTEGER, "
          "isOpen INTEGER, time TEXT)");
    query(path, "INSERT INTO trades (id, symbol) VALUES (1, 'old')");
    const auto run = [&](SqliteConflict conflict) {
        const auto harness = harnessOf(SqliteSink<Trade>(path, "trades").onConflict(conflict), false);
        harness->open();
        harness->element({2, "two"}, 0);
        harness->element({1, "new"}, 0);
        harness->stage().endInput(0);
    };
    SECTION("fail: nothing of the checkpoint is there") {
        CHECK_THAT(messageOf([&] { run(SqliteConflict::Fail); }),
                   ContainsSubstring("cannot take the row {id: 1, symbol: new") &&
                       ContainsSubstring("into \"trades\"") &&
                       ContainsSubstring("UNIQUE constraint failed: trades.id") &&
                       ContainsSubstring("onConflict(SqliteConflict::Replace)"));
        CHECK(query(path, "SELECT id, symbol FROM trades") == Rows{"1|old"});
        CHECK(query(path, "SELECT * FROM millrace_commits").empty());
    }
    SECTION("replace") {
        run(SqliteConflict::Replace);
        CHECK(query(path, "SELECT id, symbol FROM trades") == Rows{"1|new", "2|two"});
    }
    SECTION("ignore") {
        run(SqliteConflict::Ignore);
        CHECK(query(path, "SELECT id, symbol FROM trades") == Rows{"1|old", "2|two"});
    }
}

struct Large {
    std::uint64_t value = 0;
};

TEST_CASE("an SQLite sink refuses what it cannot do", "[connectors][sqlite]") {
    const TempDirectory directory;
    CHECK_THROWS_AS(SqliteSink<Entry>("", "entries"), ConfigurationException);
    CHECK_THROWS_AS(SqliteSink<Entry>(":memory:", "entries"), ConfigurationException);
    CHECK_THROWS_AS(SqliteSink<Entry>("a.db", ""), ConfigurationException);
    CHECK_THROWS_AS(SqliteSink<Entry>("a.db", "entries").withBatchSize(0), ConfigurationException);
    const auto harness = harnessOf(SqliteSink<Large>(directory.path("test.db"), "large").createTable(), false);
    harness->open();
    harness->element({UINT64_MAX}, 0);
    CHECK_THAT(messageOf([&] { harness->stage().endInput(0); }),
               ContainsSubstring("\"value\" cannot take 18446744073709551615"));
}

TEST_CASE("names of tables are quoted", "[connectors][sqlite]") {
    const TempDirectory directory;
    const std::string path = directory.path("test.db");
    const auto harness = harnessOf(SqliteSink<Entry>(path, "order \"by\"").createTable(), false);
    harness->open();
    harness->element({5}, 0);
    harness->stage().endInput(0);
    CHECK(query(path, "SELECT id FROM \"order \"\"by\"\"\"") == Rows{"5"});
}

}  // namespace
