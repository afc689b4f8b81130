#include <millrace/operators/print_stage.hpp>

#include <millrace/state/memory_snapshot.hpp>

#include "support/catch.hpp"
#include "support/operator_harness.hpp"

#include <cstdio>
#include <cstdlib>
#include <ostream>
#include <stdexcept>
#include <string>
#include <vector>

using namespace millrace;
using namespace millrace::testsupport;
using namespace millrace::detail;
using Catch::Matchers::ContainsSubstring;

namespace {

struct Price {
    std::string symbol;
    double price;
};
struct Secret {
    std::int64_t number;
    friend std::ostream& operator<<(std::ostream& out, const Secret& secret) {
        if (secret.number < 0) throw std::invalid_argument("not to be shown");
        return out << "no. " << secret.number;
    }
};

/// A file in memory.
class Screen {
public:
    Screen() : file_(::open_memstream(&text_, &size_)) { REQUIRE(file_ != nullptr); }
    Screen(const Screen&) = delete;
    Screen& operator=(const Screen&) = delete;
    ~Screen() {
        std::fclose(file_);
        std::free(text_);
    }
    std::FILE* file() const { return file_; }
    std::string text() {
        std::fflush(file_);
        return {text_, size_};
    }

private:
    char* text_ = nullptr;
    std::size_t size_ = 0;
    std::FILE* file_;
};

/// One subtask of a print() of records of type T.
template <class T>
struct Printer {
    Printer(Screen& screen, std::string label) : factory(kRecordPrinter<T>, screen.file(), std::move(label)) {
        factory.bind({{"print", "uid-1"}});
        stage = factory.create(nullptr);
    }
    void print(std::vector<T> records, std::vector<Timestamp> times = {}) {
        stage->onBlock(0, Block<T>{records.data(), times.empty() ? nullptr : times.data(), nullptr, records.size()});
    }

    PrintStageFactory factory;
    FakeStageContext context;
    Owner<Stage> stage;
};

}  // namespace

TEST_CASE("print writes a line per record, behind the label and the number of the subtask if there are several",
          "[operators]") {
    Screen screen;
    const auto one = [&](std::string label, int subtask, int parallelism) {
        Printer<Price> printer(screen, std::move(label));
        printer.context.subtaskIndex = subtask;
        printer.context.parallelism = parallelism;
        printer.stage->open(printer.context);
        printer.print({{"OAK", 10.5}, {"ASH", 40}});
        CHECK(printer.stage->metrics.recordsIn == 2);
        printer.stage->close();
    };
    one("prices", 0, 1);
    one("prices", 2, 3);
    one("", 1, 2);
    one("", 0, 1);
    CHECK(screen.text() ==
          "prices> {symbol: OAK, price: 10.5}\nprices> {symbol: ASH, price: 40}\n"
          "prices:3> {symbol: OAK, price: 10.5}\nprices:3> {symbol: ASH, price: 40}\n"
          "2> {symbol: OAK, price: 10.5}\n2> {symbol: ASH, price: 40}\n"
          "{symbol: OAK, price: 10.5}\n{symbol: ASH, price: 40}\n");
}

TEST_CASE("an exception while a record is described for print names operator, subtask and time", "[operators]") {
    Screen screen;
    Printer<Secret> printer(screen, "");
    printer.context.subtaskIndex = 3;
    printer.context.parallelism = 4;
    printer.stage->open(printer.context);
    try {
        printer.print({{7}, {-1}, {8}}, {at(1), at(2), at(3)});
        FAIL("expected an exception");
    } catch (const UserFunctionException& error) {
        CHECK_THAT(describeException(error), ContainsSubstring("operator 'print' (uid 'uid-1', subtask 3)") &&
                                                 ContainsSubstring("00.000000002Z") &&
                                                 ContainsSubstring("not to be shown"));
    }
    CHECK(screen.text() == "4> no. 7\n");
}

TEST_CASE("print shows event time and idleness in its metrics, passes them on, and keeps no state", "[operators]") {
    Screen screen;
    Printer<std::int64_t> printer(screen, "");
    RecordingPort<std::int64_t> behind;
    printer.stage->addOutput("side", behind);
    printer.stage->open(printer.context);
    CHECK(printer.stage->onWatermark(0, at(5)) == Progress::Done);
    CHECK(printer.stage->metrics.watermark == 5);
    printer.stage->onIdle(0);
    CHECK(printer.stage->metrics.idle);
    printer.stage->onActive(0);
    CHECK_FALSE(printer.stage->metrics.idle);
    CHECK(printer.stage->onProcessingTime(at(9)) == Progress::Done);
    CHECK(printer.stage->resume() == Progress::Done);
    MemorySnapshot snapshot;
    printer.stage->snapshot(snapshot);
    CHECK(snapshot.empty());
    printer.stage->restore(snapshot);
    CHECK(printer.stage->endInput(0) == Progress::Done);
    printer.stage->close();
    using Watermarks = std::vector<RecordingPort<std::int64_t>::Watermark>;
    CHECK(behind.watermarks == Watermarks{{5, 0}});
    CHECK(behind.controls == std::vector<std::string>{"idle", "active", "end"});
    CHECK(screen.text().empty());
}
