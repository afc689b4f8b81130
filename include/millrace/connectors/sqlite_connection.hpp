#ifndef MILLRACE_CONNECTORS_SQLITE_CONNECTION_HPP
#define MILLRACE_CONNECTORS_SQLITE_CONNECTION_HPP

#if !__has_include(<sqlite3.h>)
#error \
    "millrace: this header needs SQLite (Debian: libsqlite3-dev); link sqlite3, in CMake the target millrace::sqlite."
#endif

#include <millrace/core/chrono.hpp>
#include <millrace/core/errors.hpp>
#include <millrace/core/message.hpp>
#include <millrace/time/timestamp.hpp>

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <sqlite3.h>

// Its bodies are here and not in an .ipp file, so that millrace::compiled does without SQLite.

namespace millrace::detail {

/// Another program has the database locked.
class SqliteLocked : public IoException {
public:
    using IoException::IoException;
};

/// An open database. *Failure:* IoException with the path, what SQLite said, and what to do.
class SqliteConnection {
public:
    SqliteConnection(std::string path, Duration busyTimeout) : path_(std::move(path)), busyTimeout_(busyTimeout) {
        sqlite3* opened = nullptr;
        const int code = sqlite3_open_v2(path_.c_str(), &opened, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
        database_.reset(opened);  // also after a failure
        if (code != SQLITE_OK) fail("be opened");
        sqlite3_extended_result_codes(opened, 1);
        sqlite3_busy_timeout(
            opened, static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(busyTimeout).count()));
    }

    void execute(const std::string& sql) {
        if (sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) fail("execute " + sql);
    }
    int changes() const noexcept { return sqlite3_changes(database_.get()); }
    sqlite3* get() const noexcept { return database_.get(); }

    /// `hint` says what to do about it, where SQLite's own word does not.
    [[noreturn, gnu::cold]] void fail(const std::string& action, const std::string& hint = {}) const {
        const int code = sqlite3_errcode(database_.get()) & 0xff;
        std::string text =
            message("the SQLite database '{}' cannot {}: {}",
                    {path_, action, database_ == nullptr ? "out of memory" : sqlite3_errmsg(database_.get())});
        if (!hint.empty()) text += "; " + hint;
        if (code == SQLITE_BUSY || code == SQLITE_LOCKED) {
            const auto waited = std::chrono::duration_cast<std::chrono::milliseconds>(busyTimeout_).count();
            throw SqliteLocked(
                message("{}; another connection holds it, and did so for {} ms: let it end its transaction, or wait "
                        "longer with withBusyTimeout(…)",
                        {text, waited}));
        }
        throw IoException(text);
    }

private:
    struct Close {
        void operator()(sqlite3* database) const noexcept { sqlite3_close_v2(database); }
    };

    std::string path_;
    Duration busyTimeout_;
    std::unique_ptr<sqlite3, Close> database_;
};

/// A prepared statement; outlived by its connection.
class SqliteStatement {
public:
    SqliteStatement(SqliteConnection& connection, const std::string& sql, const std::string& hint = {})
        : connection_(&connection) {
        sqlite3_stmt* prepared = nullptr;
        if (sqlite3_prepare_v2(connection.get(), sql.c_str(), -1, &prepared, nullptr) != SQLITE_OK) {
            connection.fail("execute " + sql, hint);
        }
        statement_.reset(prepared);
    }

    // parameters are counted from 1
    void bindNull(int parameter) { check(sqlite3_bind_null(statement_.get(), parameter)); }
    void bind(int parameter, double value) { check(sqlite3_bind_double(statement_.get(), parameter, value)); }
    void bind(int parameter, std::int64_t value) { check(sqlite3_bind_int64(statement_.get(), parameter, value)); }
    /// Copies the text.
    void bind(int parameter, std::string_view value) {
        check(sqlite3_bind_text64(statement_.get(), parameter, value.data() == nullptr ? "" : value.data(),
                                  value.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
    }
    /// Runs it to its end, and makes it ready for the next time. False: SQLite has refused; `describe` the row and `fail`.
    bool run() noexcept {
        int code = SQLITE_ROW;
        while (code == SQLITE_ROW) code = sqlite3_step(statement_.get());
        sqlite3_reset(statement_.get());  // keeps the error
        return code == SQLITE_DONE;
    }

private:
    void check(int code) const {
        if (code != SQLITE_OK) connection_->fail("take a value");
    }
    struct Finalize {
        void operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }
    };

    SqliteConnection* connection_;
    std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

/// A name between double quotes.
inline std::string quotedSqlName(std::string_view name) {
    std::string quoted = "\"";
    for (const char c : name) {
        if (c == '"') quoted += '"';
        quoted += c;
    }
    return quoted + '"';
}

/// A transaction that is rolled back unless it was committed.
class SqliteTransaction {
public:
    /// Takes the write lock at once: nothing that has been looked up can change before the commit.
    explicit SqliteTransaction(SqliteConnection& connection) : connection_(connection) {
        connection_.execute("BEGIN IMMEDIATE");
    }
    SqliteTransaction(const SqliteTransaction&) = delete;
    SqliteTransaction& operator=(const SqliteTransaction&) = delete;
    ~SqliteTransaction() {
        if (!isCommitted_) sqlite3_exec(connection_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
    }
    void commit() {
        connection_.execute("COMMIT");
        isCommitted_ = true;
    }

private:
    SqliteConnection& connection_;
    bool isCommitted_ = false;
};

}  // namespace millrace::detail

#endif  // MILLRACE_CONNECTORS_SQLITE_CONNECTION_HPP
