// EXPECT: millrace: fromSource(source, strategy): this is not a source; see functions/source.hpp for its parts: Output, Split, boundedness(), createReader(context), and createEnumerator(parallelism) const, or kSingleSplit = true
#include <millrace/millrace.hpp>

#include <memory>
#include <span>

using namespace millrace;

struct Sensors {
    using Output = double;
    struct Split {
        int sensor = 0;
    };
    Boundedness boundedness() const { return Boundedness::ContinuousUnbounded; }
    std::unique_ptr<SplitEnumerator<Split>> createEnumerator(int /*parallelism*/) { return nullptr; }  // not const

    struct Reader {
        void open(Split) {}
        FillResult fill(std::span<double>, std::span<Timestamp>) { return {}; }
        Split position() const { return {}; }
        void close() {}
    };
    Reader createReader(const SourceReaderContext&) const { return {}; }
};

int main() {
    StreamExecutionEnvironment env;
    env.fromSource(Sensors(), WatermarkStrategy::noWatermarks()).print();
    env.execute();
}
