// EXPECT: millrace: sinkTo(sink): a sink whose writer has prepareCommit() needs createCommitter(const CommitterInitContext&) const
#include <millrace/committing_sink.hpp>
#include <millrace/millrace.hpp>

#include <vector>

struct NumberSink {
    struct Writer {
        void write(int, const millrace::SinkContext&) {}
        void flush(bool) {}
        std::vector<int> prepareCommit() { return {}; }
        void close() {}
    };
    Writer createWriter(const millrace::WriterInitContext&) const { return {}; }
};

int main() {
    millrace::StreamExecutionEnvironment env;
    env.fromData({1, 2, 3}).sinkTo(NumberSink{});
    env.execute();
}
