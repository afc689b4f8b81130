#ifndef MILLRACE_TESTS_TESTING_PLANTED_BUGS_HPP
#define MILLRACE_TESTS_TESTING_PLANTED_BUGS_HPP

#include <millrace/millrace.hpp>
#include <millrace/testing/verify_exactly_once.hpp>

#include <array>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// A job with sources, state, timers, windows and a committing sink, and deliberate mistakes to put into it: what a mistake
// in the engine would do to a checkpoint, a store in front of the real one does; the others are in a source, a function or a
// sink.

namespace millrace::testsupport {

enum class PlantedBug {
    None,
    // sources
    PositionTooNear,
    PositionTooFar,
    SplitsReadAgain,
    SplitsForgotten,
    // barriers
    BarrierOvertakesRecord,
    BarriersNotAwaited,
    // what is saved, and what is restored of it
    TimersNotSaved,
    StateNotSaved,
    StateOfOneSubtaskDropped,
    WrongKeyGroups,
    KeyGroupsOfTheFirstHalfOnly,
    WatermarkNotRestored,
    OlderCheckpointRestored,
    WindowsNotSaved,
    WriterStateNotSaved,
    CommittablesNotSaved,
    // commits
    CommitBeforeSnapshot,
    CommitAtClose,
    CommitTwice,
    RecoveredNotCommitted,
    BufferLostAtBarrier,
    CommitsOneTooFew,
};

struct PlantedBugName {
    PlantedBug bug;
    std::string_view name;
};
inline constexpr std::array<PlantedBugName, 23> kPlantedBugs{{
    {PlantedBug::None, "none"},
    {PlantedBug::PositionTooNear, "the position of the source is one too near"},
    {PlantedBug::PositionTooFar, "the position of the source is one too far"},
    {PlantedBug::SplitsReadAgain, "splits that were handed out are handed out again"},
    {PlantedBug::SplitsForgotten, "splits that were not handed out yet are forgotten"},
    {PlantedBug::BarrierOvertakesRecord, "a barrier overtakes a record"},
    {PlantedBug::BarriersNotAwaited, "inputs do not wait behind a barrier"},
    {PlantedBug::TimersNotSaved, "timers are not saved"},
    {PlantedBug::StateNotSaved, "a keyed state is not saved"},
    {PlantedBug::StateOfOneSubtaskDropped, "what one subtask has saved is dropped"},
    {PlantedBug::WrongKeyGroups, "key groups are restored one further"},
    {PlantedBug::KeyGroupsOfTheFirstHalfOnly, "half of the key groups are not restored"},
    {PlantedBug::WatermarkNotRestored, "the watermark begins anew after a restore"},
    {PlantedBug::OlderCheckpointRestored, "the checkpoint before the newest is restored"},
    {PlantedBug::WindowsNotSaved, "windows are not saved"},
    {PlantedBug::WriterStateNotSaved, "the state of writers is not saved"},
    {PlantedBug::CommittablesNotSaved, "what is to be committed is not saved"},
    {PlantedBug::CommitBeforeSnapshot, "the sink commits before the checkpoint is complete"},
    {PlantedBug::CommitAtClose, "the sink writes its buffer when it is closed"},
    {PlantedBug::CommitTwice, "committing a second time has an effect"},
    {PlantedBug::RecoveredNotCommitted, "what is restored is not committed"},
    {PlantedBug::BufferLostAtBarrier, "a writer that keeps its buffer does not save it"},
    {PlantedBug::CommitsOneTooFew, "of several transactions the last is not committed"},
}};

struct PlantedItem {
    std::int32_t key = 0;
    std::int64_t value = 0;
    std::int64_t time = 0;
    bool operator==(const PlantedItem&) const = default;
};
struct PlantedSplit {
    std::uint64_t split = 0;
    std::int64_t next = 0;
};

/// The same items whenever they are read: so many splits, one after the other, a few at a time. Every item is in time but
/// the last of each block, which is late where `late` is set: watermarks come behind the items that they are about.
class PlantedSource {
public:
    using Output = PlantedItem;
    using Split = PlantedSplit;
    static constexpr bool kHasTimestamps = true;
    static constexpr bool kEmitsWatermarks = true;
    static constexpr int kFixedParallelism = 1;
    static constexpr std::int64_t kItems = 24;  // of a split

    PlantedSource(PlantedBug bug, std::uint64_t splits, bool late) : bug_(bug), splits_(splits), late_(late) {}

    Boundedness boundedness() const noexcept { return Boundedness::Bounded; }
    std::unique_ptr<SplitEnumerator<Split>> createEnumerator(int) const {
        std::vector<Split> splits;
        for (std::uint64_t i = 0; i < splits_; ++i) splits.push_back({i, 0});
        return std::make_unique<SplitListEnumerator<Split>>(std::move(splits));
    }

    class Reader {
    public:
        Reader(PlantedBug bug, bool late, const SourceReaderContext& context)
            : bug_(bug), late_(late), now_(context.now), wakeAt_(now_()) {}

        void open(Split split) { split_ = split; }
        FillResult fill(std::span<PlantedItem> values, std::span<Timestamp> timestamps) {
            FillResult result;
            if (now_() < wakeAt_) {
                result.status = SourceStatus::NothingAvailable;
                result.wakeAt = wakeAt_;
                return result;
            }
            wakeAt_ = now_() + std::chrono::milliseconds(3);
            const auto start = static_cast<std::int64_t>(split_.split) * kItems;
            while (split_.next < kItems && result.count < 3) {
                const std::int64_t n = start + split_.next++;
                const bool isLate = late_ && n % 7 == 6;
                const PlantedItem item{static_cast<std::int32_t>(n % 5), n, isLate ? n - 25 : n};
                values[result.count] = item;
                timestamps[result.count++] = Timestamp{Duration{item.time}};
            }
            result.watermark = Timestamp{Duration{start + split_.next - 2}};
            if (split_.next >= kItems) result.status = SourceStatus::EndOfSplit;
            return result;
        }
        Split position() const {
            Split position = split_;
            if (bug_ == PlantedBug::PositionTooNear && position.next > 0) --position.next;
            if (bug_ == PlantedBug::PositionTooFar) ++position.next;
            return position;
        }
        void close() noexcept {}

    private:
        PlantedBug bug_;
        bool late_;
        std::function<Timestamp()> now_;
        Timestamp wakeAt_;
        Split split_;
    };
    Reader createReader(const SourceReaderContext& context) const { return Reader(bug_, late_, context); }

private:
    PlantedBug bug_;
    std::uint64_t splits_;
    bool late_;
};

/// Keeps one record back until the next one comes: a barrier that comes in between overtakes it.
struct HoldBack {
    std::shared_ptr<std::int64_t> last;  ///< value of the last record, which is not kept back
    std::vector<PlantedItem> held{};
    void operator()(const PlantedItem& item, Collector<PlantedItem>& out) {
        for (const PlantedItem& each : held) out.collect(each);
        held.clear();
        if (item.value % 4 == 1 && item.value + 4 < *last) {
            held.push_back(item);
        } else {
            out.collect(item);
        }
    }
};

/// Counts the items of a key, and those that are late, and tells at timers how many there were.
struct CountItems {
    ValueState<std::int64_t> count{};
    ValueState<std::int64_t> late{};
    void open(KeyedRuntimeContext& context) {
        count = context.getState(ValueStateDescriptor<std::int64_t>{"count"});
        late = context.getState(ValueStateDescriptor<std::int64_t>{"late"});
    }
    void processElement(const PlantedItem& item, KeyedProcessContext<std::int32_t>& context,
                        Collector<std::string>& out) {
        count.update(count.valueOr(0) + 1);
        if (*context.timestamp() <= context.timerService().currentWatermark()) {
            late.update(late.valueOr(0) + 1);
            out.collect("late " + std::to_string(item.key) + ": " + std::to_string(*late.value()));
        } else {
            context.timerService().registerEventTimeTimer(*context.timestamp() + Duration{20});
        }
    }
    void onTimer(Timestamp time, OnTimerContext<std::int32_t>& context, Collector<std::string>& out) {
        out.collect("count " + std::to_string(context.currentKey()) + " at " +
                    std::to_string(time.time_since_epoch().count()) + ": " + std::to_string(count.valueOr(0)));
    }
};
/// Counts both inputs of a key, and tells at the end.
struct CountBoth {
    ValueState<std::int64_t> left{};
    ValueState<std::int64_t> right{};
    void open(KeyedRuntimeContext& context) {
        left = context.getState(ValueStateDescriptor<std::int64_t>{"left"});
        right = context.getState(ValueStateDescriptor<std::int64_t>{"right"});
    }
    void processElement1(const PlantedItem&, KeyedProcessContext<std::int32_t>& context, Collector<std::string>&) {
        left.update(left.valueOr(0) + 1);
        context.timerService().registerEventTimeTimer(Timestamp{std::chrono::hours(1)});
    }
    void processElement2(const PlantedItem&, KeyedProcessContext<std::int32_t>&, Collector<std::string>&) {
        right.update(right.valueOr(0) + 1);
    }
    void onTimer(Timestamp, OnTimerContext<std::int32_t>& context, Collector<std::string>& out) {
        out.collect("both " + std::to_string(context.currentKey()) + ": " + std::to_string(left.valueOr(0)) + " and " +
                    std::to_string(right.valueOr(0)));
    }
};

/// Like `testing::CommittedSink`, with mistakes.
class PlantedSink {
    struct Transaction {
        std::vector<std::string> lines;
        int commits = 0;
    };
    struct Shared {
        std::vector<Transaction> transactions;
        testing::FaultInjector faults;
        PlantedBug bug;
        int process = 0;

        std::uint64_t prepare(std::vector<std::string>& lines) {
            transactions.push_back({std::move(lines)});
            lines.clear();
            return transactions.size();
        }
    };

public:
    PlantedSink(PlantedBug bug, testing::FaultInjector faults)
        : shared_(std::make_shared<Shared>(Shared{{}, std::move(faults), bug})) {}

    class Writer {
    public:
        Writer(std::shared_ptr<Shared> shared, std::vector<std::string> lines)
            : shared_(std::move(shared)), lines_(std::move(lines)), process_(shared_->process) {}
        void write(const std::string& line, const SinkContext&) {
            shared_->faults.pass(testing::FaultPoint::Write);
            lines_.push_back(line);
        }
        void flush(bool endOfInput) { ended_ = ended_ || endOfInput; }
        std::vector<std::uint64_t> prepareCommit() {
            shared_->faults.pass(testing::FaultPoint::PrepareCommit);
            if (lines_.empty() || process_ != shared_->process) return {};
            if (!ended_ && shared_->faults.mustKeep()) return {};
            const std::uint64_t number = shared_->prepare(lines_);
            if (shared_->bug == PlantedBug::CommitBeforeSnapshot) ++shared_->transactions[number - 1].commits;
            if (shared_->bug == PlantedBug::CommitBeforeSnapshot) return {};
            return {number};
        }
        std::vector<std::string> snapshotState(std::int64_t) const {
            return shared_->bug == PlantedBug::BufferLostAtBarrier ? std::vector<std::string>() : lines_;
        }
        void close() {
            if (shared_->bug != PlantedBug::CommitAtClose || process_ != shared_->process || lines_.empty()) return;
            ++shared_->transactions[shared_->prepare(lines_) - 1].commits;
        }

    private:
        std::shared_ptr<Shared> shared_;
        std::vector<std::string> lines_;
        int process_;
        bool ended_ = false;
    };
    class Committer {
    public:
        explicit Committer(std::shared_ptr<Shared> shared) : shared_(std::move(shared)), process_(shared_->process) {}
        void commit(std::span<CommitRequest<std::uint64_t>> requests) {
            if (shared_->bug == PlantedBug::CommitsOneTooFew && requests.size() > 1) {
                requests = requests.first(requests.size() - 1);
            }
            for (auto& request : requests) {
                shared_->faults.pass(testing::FaultPoint::BeforeCommit);
                if (process_ != shared_->process) continue;
                if (shared_->bug == PlantedBug::RecoveredNotCommitted && request.isRecovered()) continue;
                if (shared_->faults.mustRetry()) {
                    request.retryLater();
                    continue;
                }
                int& commits = shared_->transactions[request.getCommittable() - 1].commits;
                commits = shared_->bug == PlantedBug::CommitTwice ? commits + 1 : 1;
                shared_->faults.pass(testing::FaultPoint::AfterCommit);
            }
        }

    private:
        std::shared_ptr<Shared> shared_;
        int process_;
    };

    Writer createWriter(const WriterInitContext&) const { return Writer(shared_, {}); }
    Writer restoreWriter(const WriterInitContext&, const std::vector<std::string>& lines) const {
        return Writer(shared_, lines);
    }
    Committer createCommitter(const CommitterInitContext&) const { return Committer(shared_); }

    std::vector<std::string> committed() const {
        std::vector<std::string> lines;
        for (const Transaction& each : shared_->transactions) {
            for (int i = 0; i < each.commits; ++i) lines.insert(lines.end(), each.lines.begin(), each.lines.end());
        }
        return lines;
    }
    void killed() const { ++shared_->process; }

private:
    std::shared_ptr<Shared> shared_;
};

/// What is read of a checkpoint, changed as a mistake in the engine would.
class MangledCheckpoint final : public detail::StoredCheckpoint {
public:
    MangledCheckpoint(std::shared_ptr<const detail::StoredCheckpoint> behind, PlantedBug bug)
        : behind_(std::move(behind)), bug_(bug) {
        const auto& from = behind_->description();
        description_.id = from.id;
        description_.kind = from.kind;
        description_.jobName = from.jobName;
        description_.maxParallelism = from.maxParallelism;
        for (const auto& each : from.operators) description_.operators.add(new detail::CheckpointedOperator(each));
        place_ = behind_->place();
    }

    void read(std::string_view uid, std::string_view state, const Visitor& visit) const override {
        if (isDropped(state)) return;
        behind_->read(uid, state, [&](int subtask, int keyGroup, std::span<const std::byte> bytes) {
            if (bug_ == PlantedBug::StateOfOneSubtaskDropped && subtask == 1) return;
            if (bug_ == PlantedBug::KeyGroupsOfTheFirstHalfOnly && keyGroup > 63) return;
            if (bug_ == PlantedBug::WrongKeyGroups && keyGroup >= 0) keyGroup = (keyGroup + 64) % 128;
            if (bug_ == PlantedBug::SplitsForgotten && state == "enumerator") {
                const std::byte none[] = {std::byte{1}, std::byte{0}, std::byte{0}, std::byte{0}, std::byte{0}};
                visit(subtask, keyGroup, none);
                return;
            }
            if (bug_ == PlantedBug::WatermarkNotRestored && state == "splits") {
                std::vector<std::byte> changed(bytes.begin(), bytes.end());
                const std::int64_t none = kMinTimestamp.time_since_epoch().count();
                std::memcpy(changed.data() + changed.size() - sizeof none, &none, sizeof none);
                visit(subtask, keyGroup, changed);
                return;
            }
            visit(subtask, keyGroup, bytes);
        });
    }
    std::vector<std::string> statesOf(std::string_view uid) const override { return behind_->statesOf(uid); }
    std::string schemaOf(std::string_view uid, std::string_view state) const override {
        return behind_->schemaOf(uid, state);
    }
    bool hasSchemas() const override { return behind_->hasSchemas(); }

private:
    bool isDropped(std::string_view state) const {
        switch (bug_) {
            case PlantedBug::SplitsReadAgain:
                return state == "enumerator";
            case PlantedBug::TimersNotSaved:
                return state == "timers/event";
            case PlantedBug::StateNotSaved:
                return state == "state/count";
            case PlantedBug::WindowsNotSaved:
                return state.starts_with("window") || state.starts_with("pane");
            case PlantedBug::WriterStateNotSaved:
                return state == "sink/writer";
            case PlantedBug::CommittablesNotSaved:
                return state == "sink/committables";
            default:
                return false;
        }
    }

    std::shared_ptr<const detail::StoredCheckpoint> behind_;
    PlantedBug bug_;
};

class ManglingStore final : public detail::CheckpointStore {
public:
    ManglingStore(std::shared_ptr<detail::CheckpointStore> behind, PlantedBug bug)
        : behind_(std::move(behind)), bug_(bug) {}
    std::int64_t lastId() const override { return behind_->lastId(); }
    void begin(const detail::CheckpointDescription& description) override { behind_->begin(description); }
    void writePart(std::int64_t id, int task, int subtask, const SnapshotPart& part) override {
        behind_->writePart(id, task, subtask, part);
    }
    CheckpointInfo complete(const detail::CheckpointDescription& description) override {
        return behind_->complete(description);
    }
    void discard(std::int64_t id) noexcept override { behind_->discard(id); }
    std::vector<CheckpointInfo> completed() const override {
        std::vector<CheckpointInfo> infos = behind_->completed();
        if (bug_ == PlantedBug::OlderCheckpointRestored && infos.size() > 1) infos.erase(infos.begin());
        return infos;
    }
    std::shared_ptr<const detail::StoredCheckpoint> load(std::int64_t id) const override {
        return std::make_shared<MangledCheckpoint>(behind_->load(id), bug_);
    }

private:
    std::shared_ptr<detail::CheckpointStore> behind_;
    PlantedBug bug_;
};

class PlantedJob {
public:
    PlantedJob(PlantedBug bug, bool late) : bug_(bug), late_(late), sink_(bug, faults_) {}

    void build(StreamEnvironment& env) {
        const auto source = [&](std::uint64_t splits, const std::string& name) {
            return env.fromSource(PlantedSource(bug_, splits, late_), WatermarkStrategy::noWatermarks(), name)
                .uid(name);
        };
        DataStream<PlantedItem> items = source(3, "items").map([faults = faults_](PlantedItem item) mutable {
            faults.pass(testing::FaultPoint::Read);
            return item;
        });
        if (bug_ == PlantedBug::BarrierOvertakesRecord) {
            items = items.flatMap(HoldBack{std::make_shared<std::int64_t>(3 * PlantedSource::kItems)});
        }
        const auto keyed = items.keyBy(&PlantedItem::key);
        const DataStream<std::string> counts = keyed.process(CountItems{}).uid("counts");
        const DataStream<std::string> windows =
            keyed.window(TumblingEventTimeWindows::of(Duration{10}))
                .reduce([](const PlantedItem& a, const PlantedItem& b) {
                    return PlantedItem{a.key, a.value + b.value, a.time};
                })
                .uid("windows")
                .map([](const PlantedItem& item) {
                    return "window " + std::to_string(item.key) + ": " + std::to_string(item.value);
                });
        const auto other = source(1, "others").keyBy(&PlantedItem::key);
        const DataStream<std::string> both = keyed.connect(other).process(CountBoth{}).uid("both");
        counts.unionWith(windows, both).sinkTo(sink_).uid("sink");
    }
    std::vector<std::string> committed() const { return sink_.committed(); }
    void killed() { sink_.killed(); }
    testing::FaultInjector faults() const { return faults_; }
    std::shared_ptr<detail::CheckpointStore> store(std::shared_ptr<detail::CheckpointStore> behind) const {
        return std::make_shared<ManglingStore>(std::move(behind), bug_);
    }
    CheckpointingMode mode() const {
        return bug_ == PlantedBug::BarriersNotAwaited ? CheckpointingMode::AtLeastOnce : CheckpointingMode::ExactlyOnce;
    }

private:
    PlantedBug bug_;
    bool late_;
    testing::FaultInjector faults_;
    PlantedSink sink_;
};

}  // namespace millrace::testsupport

#endif  // MILLRACE_TESTS_TESTING_PLANTED_BUGS_HPP
