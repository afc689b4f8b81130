#include "reference.hpp"

#include <algorithm>
#include <map>
#include <stdexcept>
#include <utility>

#ifdef MILLRACE_NEXMARK_SQLITE
#include <sqlite3.h>
#endif

namespace nexmark {

#ifdef MILLRACE_NEXMARK_SQLITE

namespace {

// Times are milliseconds since 1970.
constexpr const char* kTables = R"(
    create table person (id integer, name text, emailAddress text, creditCard text, city text, state text, dateTime integer,
                         extra text);
    create table auction (id integer, itemName text, description text, initialBid integer, reserve integer, dateTime integer,
                          expires integer, seller integer, category integer, extra text);
    create table bid (auction integer, bidder integer, price integer, channel text, url text, dateTime integer, extra text);
    create table side (key integer primary key, value text);
    with recursive n(i) as (select 0 union all select i + 1 from n where i < 9999) insert into side select i, i from n;
)";
constexpr const char* kIndexes = R"(
    create index person_id on person (id);
    create index auction_id on auction (id);
    create index auction_seller on auction (seller);
    create index bid_auction on bid (auction);
    create view day_bid as
        select *, strftime('%Y-%m-%d', dateTime / 1000, 'unixepoch') as day,
               strftime('%H:%M', dateTime / 1000, 'unixepoch') as minute,
               case when price < 10000 then 1 when price < 1000000 then 2 else 3 end as rank
        from bid;
    create view won as
        select * from (
            select a.id, a.seller, a.category, a.expires, b.price, b.bidder, b.dateTime as bidDateTime, b.extra as bidExtra,
                   row_number() over (partition by a.id order by b.price desc, b.dateTime, b.bidder, b.extra) as place
            from auction a join bid b on b.auction = a.id and b.dateTime between a.dateTime and a.expires)
        where place = 1;
)";

#define MILLRACE_NEXMARK_RANKS                                                                                   \
    "count(*), sum(rank = 1), sum(rank = 2), sum(rank = 3), count(distinct bidder), "                            \
    "count(distinct case when rank = 1 then bidder end), count(distinct case when rank = 2 then bidder end), "   \
    "count(distinct case when rank = 3 then bidder end), count(distinct auction), "                              \
    "count(distinct case when rank = 1 then auction end), count(distinct case when rank = 2 then auction end), " \
    "count(distinct case when rank = 3 then auction end) "

const std::map<std::string, const char*>& queries() {
    static const std::map<std::string, const char*> all{
        {"q0", "select auction, bidder, price, dateTime, extra from bid"},
        {"q1", "select auction, bidder, 908 * price, dateTime, extra from bid"},
        {"q2", "select auction, price from bid where auction % 123 = 0"},
        {"q3",
         "select p.name, p.city, p.state, a.id from auction a join person p on a.seller = p.id "
         "where a.category = 10 and p.state in ('OR', 'ID', 'CA')"},
        {"q4", "select category, sum(price) / count(*) from won group by category"},
        {"q5",
         "with hop as (select auction, (dateTime / 2000 - k) * 2000 as start, count(*) as num from bid, "
         "(select 0 as k union all select 1 union all select 2 union all select 3 union all select 4) group by 1, 2) "
         "select auction, num from hop h where num = (select max(num) from hop m where m.start = h.start)"},
        {"q6",
         "select seller, sum(price) over last / count(*) over last from won "
         "window last as (partition by seller order by expires, id rows between 10 preceding and current row)"},
        {"q7",
         "select b.auction, b.price, b.bidder, b.dateTime, b.extra from bid b join "
         "(select dateTime / 10000 as w, max(price) as highest from bid group by 1) m "
         "on b.dateTime / 10000 = m.w and b.price = m.highest"},
        {"q8",
         "select p.id, p.name, p.dateTime / 10000 * 10000 from person p where exists (select * from auction a "
         "where a.seller = p.id and a.dateTime / 10000 = p.dateTime / 10000)"},
        {"q9",
         "select a.*, a.id, w.bidder, w.price, w.bidDateTime, w.bidExtra from won w join auction a on a.id = w.id"},
        {"q10", "select auction, bidder, price, dateTime, extra, day, minute from day_bid"},
        {"q12", "select bidder, count(*) from bid group by bidder"},
        {"q13", "select auction, bidder, price, dateTime, value from bid join side on key = auction % 10000"},
        {"q14",
         "select auction, bidder, price * 908, case when hour between 8 and 18 then 'dayTime' "
         "when hour <= 6 or hour >= 20 then 'nightTime' else 'otherTime' end, dateTime, extra, "
         "length(extra) - length(replace(extra, 'c', '')) "
         "from (select *, dateTime / 3600000 % 24 as hour from bid) "
         "where price * 908 > 1000000000 and price * 908 < 50000000000"},
        {"q15", "select day, " MILLRACE_NEXMARK_RANKS "from day_bid group by day"},
        {"q16", "select channel, day, max(minute), " MILLRACE_NEXMARK_RANKS "from day_bid group by channel, day"},
        {"q17",
         "select auction, day, count(*), sum(rank = 1), sum(rank = 2), sum(rank = 3), min(price), max(price), "
         "sum(price) / count(*), sum(price) from day_bid group by auction, day"},
        {"q18",
         "select auction, bidder, price, channel, url, dateTime, extra from (select *, row_number() over "
         "(partition by bidder, auction order by dateTime desc, price desc, extra desc) as place from bid) "
         "where place = 1"},
        {"q19",
         "select * from (select *, row_number() over "
         "(partition by auction order by price desc, dateTime, bidder, extra) as place from bid) where place <= 10"},
        {"q20",
         "select b.*, a.itemName, a.description, a.initialBid, a.reserve, a.dateTime, a.expires, a.seller, a.category, "
         "a.extra from bid b join auction a on b.auction = a.id where a.category = 10"},
        {"q21",
         "select * from (select auction, bidder, price, channel, case lower(channel) when 'apple' then '0' "
         "when 'google' then '1' when 'facebook' then '2' when 'baidu' then '3' else "
         "case when instr(url, '&channel_id=') > 0 then substr(url, instr(url, '&channel_id=') + 12) end "
         "end as channelId from bid) where channelId is not null"},
        {"q22",
         "select auction, bidder, price, channel, dir1, substr(rest, 1, instr(rest, '/') - 1), "
         "substr(rest, instr(rest, '/') + 1, instr(substr(rest, instr(rest, '/') + 1), '/') - 1) "
         "from (select *, substr(path, 1, instr(path, '/') - 1) as dir1, substr(path, instr(path, '/') + 1) as rest "
         "from (select *, substr(url, length('https://www.nexmark.com/') + 1) as path from bid))"},
        {"q23",
         "select b.bidder, b.price, b.channel, b.url, b.extra, p.id, p.name, p.emailAddress, p.creditCard, p.city, "
         "p.state, p.extra, a.itemName, a.description, a.initialBid, a.reserve, a.dateTime, a.expires, a.seller, "
         "a.category, a.extra from bid b join person p on p.id = b.bidder join auction a on a.seller = b.bidder"},
    };
    return all;
}

std::int64_t millis(Timestamp time) {
    return time.time_since_epoch() / std::chrono::milliseconds(1);
}

}  // namespace

struct Reference::Database {
    sqlite3* handle = nullptr;
    std::vector<std::pair<std::int64_t, std::int64_t>> bids;  ///< bidder and time

    Database() { check(sqlite3_open(":memory:", &handle)); }
    ~Database() { sqlite3_close(handle); }

    void check(int result) const {
        if (result == SQLITE_OK || result == SQLITE_DONE || result == SQLITE_ROW) return;
        throw std::runtime_error(std::string("SQLite: ") + sqlite3_errmsg(handle));
    }
    void execute(const char* sql) const { check(sqlite3_exec(handle, sql, nullptr, nullptr, nullptr)); }

    /// A statement with values in the place of its question marks.
    class Statement {
    public:
        Statement(const Database& database, const char* sql) : database_(database) {
            database.check(sqlite3_prepare_v2(database.handle, sql, -1, &statement_, nullptr));
        }
        ~Statement() { sqlite3_finalize(statement_); }
        Statement(const Statement&) = delete;
        Statement& operator=(const Statement&) = delete;

        template <class... Values>
        void insert(const Values&... values) {
            int at = 0;
            (bind(++at, values), ...);
            database_.check(sqlite3_step(statement_));
            database_.check(sqlite3_reset(statement_));
        }
        bool next() {
            const int result = sqlite3_step(statement_);
            database_.check(result);
            return result == SQLITE_ROW;
        }
        std::string row() const {
            std::string text;
            for (int i = 0; i < sqlite3_column_count(statement_); ++i) {
                if (i > 0) text += '|';
                const unsigned char* const column = sqlite3_column_text(statement_, i);
                text += column == nullptr ? "null" : reinterpret_cast<const char*>(column);
            }
            return text;
        }

    private:
        void bind(int at, std::int64_t value) { database_.check(sqlite3_bind_int64(statement_, at, value)); }
        void bind(int at, const std::string& text) {
            database_.check(
                sqlite3_bind_text(statement_, at, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT));
        }

        const Database& database_;
        sqlite3_stmt* statement_ = nullptr;
    };

    /// Bids of a bidder belong together while none is more than 10 s behind the one before.
    std::vector<std::string> sessions() const {
        auto sorted = bids;
        std::sort(sorted.begin(), sorted.end());
        std::vector<std::string> rows;
        for (std::size_t i = 0; i < sorted.size();) {
            const auto [bidder, first] = sorted[i];
            std::int64_t last = first;
            const std::size_t begin = i;
            for (; i < sorted.size() && sorted[i].first == bidder && sorted[i].second <= last + 10'000; ++i) {
                last = sorted[i].second;
            }
            rows.push_back(std::to_string(bidder) + '|' + std::to_string(i - begin) + '|' + std::to_string(first) +
                           '|' + std::to_string(last + 10'000));
        }
        return rows;
    }
};

Reference::Reference(const Generator& generator, std::uint64_t events) : database_(std::make_unique<Database>()) {
    database_->execute(kTables);
    database_->execute("begin");
    {
        Database::Statement person(*database_, "insert into person values (?, ?, ?, ?, ?, ?, ?, ?)");
        Database::Statement auction(*database_, "insert into auction values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
        Database::Statement bid(*database_, "insert into bid values (?, ?, ?, ?, ?, ?, ?)");
        Event event;
        for (std::uint64_t place = 0; place < events; ++place) {
            generator.make(generator.idAt(place), event);
            if (const auto* b = std::get_if<Bid>(&event)) {
                bid.insert(b->auction, b->bidder, b->price, b->channel, b->url, millis(b->dateTime), b->extra);
                database_->bids.emplace_back(b->bidder, millis(b->dateTime));
            } else if (const auto* a = std::get_if<Auction>(&event)) {
                auction.insert(a->id, a->itemName, a->description, a->initialBid, a->reserve, millis(a->dateTime),
                               millis(a->expires), a->seller, a->category, a->extra);
            } else if (const auto* p = std::get_if<Person>(&event)) {
                person.insert(p->id, p->name, p->emailAddress, p->creditCard, p->city, p->state, millis(p->dateTime),
                              p->extra);
            }
        }
    }
    database_->execute("commit");
    database_->execute(kIndexes);
}

std::vector<std::string> Reference::rows(const std::string& query) const {
    std::vector<std::string> rows;
    if (query == "q11") {
        rows = database_->sessions();
    } else {
        Database::Statement statement(*database_, queries().at(query));
        while (statement.next()) rows.push_back(statement.row());
    }
    std::sort(rows.begin(), rows.end());
    return rows;
}

#else

struct Reference::Database {};
Reference::Reference(const Generator&, std::uint64_t) {
    throw std::runtime_error(
        "a verification needs SQLite, and this program has been built without: install libsqlite3-dev");
}
std::vector<std::string> Reference::rows(const std::string&) const {
    return {};
}

#endif

Reference::~Reference() = default;

}  // namespace nexmark
