// EXPECT: millrace: this sink commits with checkpoints or has state (its writer has prepareCommit() or snapshotState()): #include <millrace/committing_sink.hpp>.
#include <millrace/api/data_stream.hpp>
#include <millrace/api/stream_execution_environment.hpp>

#include <vector>

struct NumberSink {
    struct Writer {
        void write(int, const millrace::SinkContext&) {}
        void flush(bool) {}
        std::vector<int> prepareCommit() { return {}; }
        void close() {}
    };
    Writer createWriter(const millrace::WriterInitContext&) const { return {}; }
    int createCommitter(const millrace::CommitterInitContext&) const { return 0; }
};

int main() {
    millrace::StreamExecutionEnvironment env;
    env.fromData({1, 2, 3}).sinkTo(NumberSink{});
    env.execute();
}
