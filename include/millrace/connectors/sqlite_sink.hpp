#ifndef MILLRACE_CONNECTORS_SQLITE_SINK_HPP
#define MILLRACE_CONNECTORS_SQLITE_SINK_HPP

#include <millrace/connectors/random_uid.hpp>
#include <millrace/connectors/sqlite_connection.hpp>
#include <millrace/core/chrono.hpp>
#include <millrace/core/errors.hpp>
#include <millrace/core/late.hpp>
#include <millrace/formats/text_value.hpp>
#include <millrace/functions/sink.hpp>
#include <millrace/operators/checkpointed_writer.hpp>
#include <millrace/types/describe.hpp>
#include <millrace/types/reflection.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace millrace {

/// What a row does that breaks a constraint of its table, such as a primary key. @public
enum class SqliteConflict : std::uint8_t {
    Fail,     ///< the job fails
    Replace,  ///< it replaces the rows in its way
    Ignore    ///< it is left out
};

namespace detail {

/// What a sink has written between two checkpoints. Writer and number are a name that no other one has.
template <class T>
struct SqliteRows {
    std::string writer;
    std::int64_t number = 0;
    std::vector<T> rows;
};

struct SqliteOptions {
    std::string path;
    std::string table;
    Duration busyTimeout = std::chrono::seconds(5);
    SqliteConflict conflict = SqliteConflict::Fail;
    bool createsTable = false;
    std::size_t batchSize = 1000;
};

/// A connection that inserts rows of T into a table, and knows which have been inserted.
/// The table `millrace_commits` has one line for each `SqliteRows` that is in: written in the same transaction as its rows,
/// it tells a second commit of the same rows.
template <class T>
class SqliteTable {
    /// Of each writer, as many of its last commits stay known.
    static constexpr std::int64_t kCommitsKept = 10'000;

public:
    explicit SqliteTable(const SqliteOptions& options)
        : connection_(options.path, options.busyTimeout), table_(options.table),
          isStrict_(options.conflict == SqliteConflict::Fail) {
        if (options.createsTable) connection_.execute(createStatement());
        connection_.execute(
            "CREATE TABLE IF NOT EXISTS millrace_commits (writer TEXT NOT NULL, number INTEGER NOT NULL, "
            "PRIMARY KEY (writer, number)) WITHOUT ROWID");
        insert_.emplace(connection_, insertStatement(options.conflict),
                        "the table must have these columns; create it with " + createStatement() +
                            ", or let the sink do it with createTable()");
        mark_.emplace(connection_, "INSERT OR IGNORE INTO millrace_commits (writer, number) VALUES (?, ?)");
        forget_.emplace(connection_, "DELETE FROM millrace_commits WHERE writer = ? AND number < ?");
    }
    SqliteTable(const SqliteTable&) = delete;
    SqliteTable& operator=(const SqliteTable&) = delete;

    void insert(const std::vector<T>& rows) {
        SqliteTransaction transaction(connection_);
        insertAll(rows);
        transaction.commit();
    }
    /// False: they had been inserted before.
    bool insertOnce(const SqliteRows<T>& rows) {
        SqliteTransaction transaction(connection_);
        mark_->bind(1, std::string_view(rows.writer));
        mark_->bind(2, rows.number);
        if (!mark_->run()) connection_.fail("be written to");
        if (connection_.changes() == 0) return false;
        forget_->bind(1, std::string_view(rows.writer));
        forget_->bind(2, rows.number - kCommitsKept);
        if (!forget_->run()) connection_.fail("be written to");
        insertAll(rows.rows);
        transaction.commit();
        return true;
    }

private:
    void insertAll(const std::vector<T>& rows) {
        for (const T& row : rows) {
            int column = 0;
            forEachField(row, [&](std::string_view name, const auto& field) { bind(++column, name, field); });
            if (insert_->run()) continue;
            const bool isConstraint = (sqlite3_extended_errcode(connection_.get()) & 0xff) == SQLITE_CONSTRAINT;
            connection_.fail("take the row " + describeValue(row) + " into " + quotedSqlName(table_),
                             isConstraint && isStrict_
                                 ? "if rows may repeat, use onConflict(SqliteConflict::Replace) or Ignore"
                                 : std::string());
        }
    }
    template <class Field>
    void bind(int column, std::string_view name, const Field& field) {
        if constexpr (kIsStdOptional<Field>) {
            if (field.has_value()) {
                bind(column, name, *field);
            } else {
                insert_->bindNull(column);
            }
        } else if constexpr (HasOwnTextFormat<Field>) {
            bindText(column, field);
        } else if constexpr (std::is_floating_point_v<Field>) {
            insert_->bind(column, static_cast<double>(field));
        } else if constexpr (std::is_enum_v<Field>) {
            bind(column, name, static_cast<std::int64_t>(static_cast<std::underlying_type_t<Field>>(field)));
        } else if constexpr (std::is_same_v<Field, bool> || kIsIntegerText<Field>) {
            if constexpr (std::is_unsigned_v<Field> && sizeof(Field) == 8) {
                if (field > static_cast<Field>(std::numeric_limits<std::int64_t>::max())) {
                    raise<IoException>("SQLite: the column \"{}\" cannot take {}: integers end at 9223372036854775807",
                                       {name, std::to_string(field)});
                }
            }
            insert_->bind(column, static_cast<std::int64_t>(field));
        } else if constexpr (std::is_same_v<Field, std::string>) {
            insert_->bind(column, std::string_view(field));
        } else {
            bindText(column, field);
        }
    }
    template <class Field>
    void bindText(int column, const Field& field) {
        static_assert(
            TextValue<Field>,
            "millrace: SqliteSink<T>: this field of T cannot be a column. It can be bool, an integer, a floating point "
            "number, an enum, a string, a time, a duration, an optional of these, or a type with a TextFormat.");
        text_.clear();
        if constexpr (TextValue<Field>) writeText(field, text_);
        insert_->bind(column, std::string_view(text_));
    }

    std::string insertStatement(SqliteConflict conflict) const {
        std::string columns;
        std::string marks;
        for (const std::string_view name : fieldNames<T>()) {
            columns += (columns.empty() ? "" : ", ") + quotedSqlName(name);
            marks += marks.empty() ? "?" : ", ?";
        }
        const char* const orElse = conflict == SqliteConflict::Replace  ? " OR REPLACE"
                                   : conflict == SqliteConflict::Ignore ? " OR IGNORE"
                                                                        : "";
        return message("INSERT{} INTO {} ({}) VALUES ({})", {orElse, quotedSqlName(table_), columns, marks});
    }
    std::string createStatement() const {
        std::string columns;
        T probe{};
        forEachField(probe, [&](std::string_view name, const auto& field) {
            columns += (columns.empty() ? "" : ", ") + quotedSqlName(name) + " " +
                       sqlType<std::remove_cvref_t<decltype(field)>>();
        });
        return message("CREATE TABLE IF NOT EXISTS {} ({})", {quotedSqlName(table_), columns});
    }
    template <class Field>
    static std::string sqlType() {
        if constexpr (kIsStdOptional<Field>) {
            const std::string type = sqlType<typename Field::value_type>();
            return type.substr(0, type.find(' '));
        } else if constexpr (HasOwnTextFormat<Field>) {
            return "TEXT NOT NULL";
        } else if constexpr (std::is_floating_point_v<Field>) {
            return "REAL";  // SQLite has no NaN, and stores NULL for it
        } else if constexpr (std::is_enum_v<Field> || std::is_same_v<Field, bool> || kIsIntegerText<Field>) {
            return "INTEGER NOT NULL";
        } else {
            return "TEXT NOT NULL";
        }
    }

    SqliteConnection connection_;
    std::string table_;
    bool isStrict_;
    Late<SqliteStatement> insert_;
    Late<SqliteStatement> mark_;
    Late<SqliteStatement> forget_;
    std::string text_;
};

}  // namespace detail

/// Inserts rows of a plain struct into a table of an SQLite database, exactly once. @public
/// ```
/// trades.sinkTo(SqliteSink<Trade>("trades.db", "trades")).setParallelism(1);
/// ```
/// The fields are columns of the same names: integers, bool and enums as INTEGER, floating point as REAL, everything else as
/// TEXT in the form it has in CSV (times in ISO 8601); an empty optional is NULL.
///
/// Rows wait in memory until the next checkpoint, and are part of it; when it is complete they are inserted in one transaction,
/// together with a line in the table `millrace_commits` that says so. If the job fails between that and its own notice of it,
/// it finds the line after the restore and inserts nothing twice. Readers see rows per checkpoint. Without checkpoints rows are
/// inserted in batches, and the rest when the input ends.
/// SQLite has one writer at a time: use parallelism 1, unless the rest of the pipeline is slow.
///
/// *Failure:* IoException with what to do: when the job starts (no such table or column), or when a row cannot be inserted. A
/// database that another program has locked is tried again, for about a minute all in all.
/// *State and checkpoints:* rows that are not inserted yet.
template <class T>
class SqliteSink {
    static_assert(
        Reflectable<T>,
        "millrace: SqliteSink<T>: T has to be a plain struct (see MILLRACE_FIELDS for others): its fields are the "
        "columns of the table.");
    static_assert(detail::RequireCodec<T>::kChecked);
    using Rows = detail::SqliteRows<T>;
    using Table = detail::SqliteTable<T>;

public:
    /// *Failure:* ConfigurationException for an empty name, or a database in memory, of which each connection has its own.
    SqliteSink(std::string path, std::string table) {
        if (path.empty() || path.starts_with(":memory:")) {
            throw ConfigurationException("SqliteSink: the database has to be a file, not '" + path + "'");
        }
        if (table.empty()) throw ConfigurationException("SqliteSink: the name of the table is empty");
        options_.path = std::move(path);
        options_.table = std::move(table);
    }

    /// Makes the table if there is none.
    SqliteSink createTable() && {
        options_.createsTable = true;
        return std::move(*this);
    }
    SqliteSink onConflict(SqliteConflict conflict) && {
        options_.conflict = conflict;
        return std::move(*this);
    }
    /// How long to wait for a lock that another connection holds, each time; 5 s. It is the subtask's thread that waits.
    SqliteSink withBusyTimeout(Duration timeout) && {
        options_.busyTimeout = timeout;
        return std::move(*this);
    }
    /// Rows per transaction where there are no checkpoints; 1000. *Failure:* ConfigurationException for 0.
    SqliteSink withBatchSize(std::size_t rows) && {
        if (rows == 0) throw ConfigurationException("SqliteSink: withBatchSize(0): give at least 1 row");
        options_.batchSize = rows;
        return std::move(*this);
    }

    class Writer {
    public:
        Writer(const detail::SqliteOptions& options, bool isCheckpointed)
            : table_(std::make_unique<Table>(options)), batchSize_(options.batchSize), isCheckpointed_(isCheckpointed),
              uid_(detail::randomUid()) {}

        void write(T row, const SinkContext& /*context*/) {
            rows_.push_back(std::move(row));
            if (!isCheckpointed_ && rows_.size() >= batchSize_) {
                table_->insert(rows_);
                rows_.clear();
            }
        }
        void flush(bool /*endOfInput*/) {}
        std::vector<Rows> prepareCommit() {
            std::vector<Rows> committables;
            if (!rows_.empty()) committables.push_back({uid_, number_++, std::exchange(rows_, {})});
            return committables;
        }
        void close() { table_.reset(); }

    private:
        std::unique_ptr<Table> table_;  ///< also tells at once when there is no such table
        std::size_t batchSize_;
        bool isCheckpointed_;
        std::string uid_;  ///< new for each writer
        std::int64_t number_ = 0;
        std::vector<T> rows_;
    };
    Writer createWriter(const WriterInitContext& context) const { return Writer(options_, context.isCheckpointed); }

    class Committer {
    public:
        explicit Committer(const detail::SqliteOptions& options) : options_(options) {}
        void commit(std::span<CommitRequest<Rows>> requests) {
            for (CommitRequest<Rows>& request : requests) {
                try {
                    if (table_ == nullptr) table_ = std::make_unique<Table>(options_);
                    if (!table_->insertOnce(request.getCommittable())) request.signalAlreadyCommitted();
                } catch (const detail::SqliteLocked& error) {
                    request.retryLater(error.what());
                }
            }
        }

    private:
        detail::SqliteOptions options_;
        std::unique_ptr<Table> table_;
    };
    Committer createCommitter(const CommitterInitContext&) const { return Committer(options_); }

private:
    detail::SqliteOptions options_;
};

}  // namespace millrace

#endif  // MILLRACE_CONNECTORS_SQLITE_SINK_HPP
