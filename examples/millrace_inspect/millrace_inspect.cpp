// Shows what there is in a checkpoint or savepoint.

#include <millrace/checkpoint/checkpoint_summary.hpp>
#include <millrace/checkpoint/state_contents.hpp>
#include <millrace/formats/json_lines_format.hpp>

#include <fmt/format.h>
#include <arguments.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

using namespace millrace;

namespace {

constexpr const char* kUsage = R"(Shows what there is in a checkpoint or savepoint: operators, states, sizes, types.

usage: millrace_inspect [DIR] [OPTION...]
  DIR        the directory of a checkpoint or savepoint (default: the one that comes with the example)
  --keys N   the N largest keys of each state (default 3; 0: do not look, which is faster)
  --verify   read all state, and say which file is damaged
  --json     one line of JSON
  --help

The states are sorted by size. A piece is the state of one key group, or one element of a list: a split of a source.
What is damaged is named on the standard error (and in "damage" of the JSON), behind all that could be read; then the program
ends with 1.
)";

/// What was read of one state.
struct Contents {
    std::string uid;
    std::string state;
    std::uint64_t entries = 0;
    std::vector<KeySize> largestKeys;
    std::vector<std::string> splits;
    std::uint64_t inFlightRecords = 0;  ///< that barriers have overtaken
    std::string unreadable;
};

struct Report {
    std::int64_t id = 0;
    std::string kind;
    Timestamp triggered;
    std::string path;
    std::string jobName;
    std::string fingerprint;
    int maxParallelism = 0;
    int formatVersion = 0;
    int files = 0;
    std::uint64_t fileBytes = 0;
    std::uint64_t stateBytes = 0;
    std::vector<std::string> references;  ///< checkpoints beside this one whose files it needs
    std::vector<OperatorSummary> operators;
    std::vector<Contents> contents;
    std::vector<std::string> damage;
};

std::string kindOf(const CheckpointSummary& summary) {
    return summary.info.kind == CheckpointKind::Savepoint ? "savepoint" : "checkpoint";
}

/// Calls `read`; what it finds damaged is added, once.
template <class Read>
bool reads(std::vector<std::string>& damage, Read read) {
    try {
        read();
        return true;
    } catch (const MillraceException& error) {
        std::string text = describeException(error);
        if (std::find(damage.begin(), damage.end(), text) == damage.end()) damage.push_back(std::move(text));
        return false;
    }
}

/// Positions of sources, and with `keys` the largest keys of every state.
std::vector<Contents> readContents(const std::string& directory, const CheckpointSummary& summary, std::size_t keys,
                                   std::vector<std::string>& damage) {
    std::vector<Contents> all;
    for (const OperatorSummary& each : summary.operators) {
        for (const StateSummary& state : each.states) {
            const bool isAlwaysRead = state.kind == "splits" || state.kind == "enumerator" || state.kind == "in-flight";
            if (state.kind.empty() || (keys == 0 && !isAlwaysRead)) continue;
            StateContents contents;
            if (!reads(damage, [&] { contents = readStateContents(directory, each.uid, state.name, keys); })) {
                contents.unreadable = "it is damaged";
            }
            all.push_back({each.uid, state.name, contents.entries, std::move(contents.largestKeys),
                           std::move(contents.splits), contents.inFlightRecords, std::move(contents.unreadable)});
        }
    }
    return all;
}

void printJson(CheckpointSummary summary, std::vector<Contents> contents, std::vector<std::string> damage) {
    std::string line;
    JsonLinesFormat<Report>{}.encode(
        {summary.info.id, kindOf(summary), summary.info.triggered, summary.info.path, summary.jobName,
         summary.fingerprint, summary.maxParallelism, summary.formatVersion, summary.files, summary.fileBytes,
         summary.info.bytes, std::move(summary.references), std::move(summary.operators), std::move(contents),
         std::move(damage)},
        line);
    fmt::print("{}\n", line);
}

std::string keyGroups(const StateSummary& state) {
    if (state.pieces == 0 || state.lastKeyGroup < 0) return "none";  // it belongs to no key
    return fmt::format("{} to {}", std::max(state.firstKeyGroup, 0), state.lastKeyGroup);
}

using Row = std::vector<std::string>;

void printTable(const std::vector<Row>& rows) {
    std::vector<std::size_t> widths(rows.front().size());
    for (const Row& row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    }
    for (const Row& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) line += fmt::format("{:{}}  ", row[i], widths[i]);
        line.erase(line.find_last_not_of(' ') + 1);
        fmt::print("{}\n", line);
    }
}

/// The types of what is in the states.
void printFields(const CheckpointSummary& summary) {
    std::vector<Row> rows{{"uid", "state", "kind", "field", "type"}};
    for (const OperatorSummary& each : summary.operators) {
        for (const StateSummary& state : each.states) {
            bool isFirst = true;
            for (const FieldSummary& field : state.fields) {
                rows.push_back({isFirst ? each.uid : "", isFirst ? state.name : "", isFirst ? state.kind : "",
                                field.field, field.type});
                isFirst = false;
            }
        }
    }
    if (rows.size() == 1) return;
    fmt::print("\n");
    printTable(rows);
}

void printContents(const std::vector<Contents>& contents) {
    std::vector<Row> keys{{"uid", "state", "key", "bytes", "entries"}};
    std::vector<Row> positions{{"uid", "reads next"}};
    std::vector<Row> overtaken{{"uid", "input", "records on their way"}};
    for (const Contents& each : contents) {
        for (const KeySize& key : each.largestKeys) {
            keys.push_back({each.uid, each.state, key.key, std::to_string(key.bytes), std::to_string(key.entries)});
        }
        for (const std::string& split : each.splits) positions.push_back({each.uid, split});
        if (each.inFlightRecords > 0) {
            overtaken.push_back(
                {each.uid, each.state.substr(each.state.find('/') + 1), std::to_string(each.inFlightRecords)});
        }
        if (!each.unreadable.empty()) fmt::print("\n{} {}: {}\n", each.uid, each.state, each.unreadable);
    }
    if (positions.size() > 1) {
        fmt::print("\n");
        printTable(positions);
    }
    if (overtaken.size() > 1) {
        fmt::print("\n");
        printTable(overtaken);
    }
    if (keys.size() > 1) {
        fmt::print("\n");
        printTable(keys);
    }
}

void printText(const CheckpointSummary& summary) {
    std::string triggered;
    writeText(summary.info.triggered, triggered);
    fmt::print("{} {} of job \"{}\", triggered {}, maximum parallelism {}\n", kindOf(summary), summary.info.id,
               summary.jobName, triggered, summary.maxParallelism);
    fmt::print("{} operators, {} bytes of state in {} files ({} bytes), format version {}\n", summary.operators.size(),
               summary.info.bytes, summary.files, summary.fileBytes, summary.formatVersion);
    for (const std::string& each : summary.references) fmt::print("needs files of {} beside it\n", each);
    fmt::print("\n");

    std::vector<std::pair<std::uint64_t, Row>> states;  // by size
    for (const OperatorSummary& each : summary.operators) {
        std::string subtasks = std::to_string(each.parallelism);
        if (each.finishedSubtasks > 0) subtasks += fmt::format(" ({} finished)", each.finishedSubtasks);
        if (each.states.empty()) states.push_back({0, {each.uid, each.name, subtasks, "none"}});
        for (const StateSummary& state : each.states) {
            states.push_back(
                {state.bytes,
                 {each.uid, each.name, subtasks, state.name, std::to_string(state.pieces), std::to_string(state.bytes),
                  std::to_string(state.largestSubtaskBytes), keyGroups(state)}});
        }
    }
    std::stable_sort(states.begin(), states.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    std::vector<Row> rows{{"uid", "operator", "subtasks", "state", "pieces", "bytes", "largest subtask", "key groups"}};
    for (auto& [bytes, row] : states) rows.push_back(std::move(row));
    printTable(rows);
}

int run(examples::Arguments& arguments) {
    const bool isJson = arguments.takeFlag("--json");
    const bool verifies = arguments.takeFlag("--verify");
    const auto keys = arguments.take<std::size_t>("--keys", 3, 0, 1'000'000);
    const std::string directory = arguments.takeWord().value_or(MILLRACE_EXAMPLE_DATA "/savepoint");
    arguments.expectNothingMore();

    const CheckpointSummary summary = summarizeCheckpoint(directory);
    std::vector<std::string> damage = summary.damage;
    std::vector<Contents> contents = readContents(directory, summary, keys, damage);
    // files that are not what the manifest says are known; what is in the others shows when it is read
    const bool isVerified = verifies && reads(damage, [&] { verifyCheckpoint(directory); });
    if (isJson) {
        printJson(summary, std::move(contents), damage);
    } else {
        printText(summary);
        printFields(summary);
        printContents(contents);
        if (isVerified) fmt::print("\nall state has been read: it is intact\n");
    }
    std::fflush(stdout);
    for (const std::string& each : damage) fmt::print(stderr, "{}\n", each);
    return damage.empty() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    return examples::runExample(argc, argv, kUsage, run);
}
