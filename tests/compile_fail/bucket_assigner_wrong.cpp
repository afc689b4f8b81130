// EXPECT: millrace: withBucketAssigner(fn): fn must be callable with (const Record&) or (const Record&, const BucketContext&)
#include <millrace/connectors/row_file_sink.hpp>

int main() {
    const auto sink = millrace::FileSink::forRowFormat("out", millrace::TextLineFormat{});
    (void)sink.withBucketAssigner([](int) { return "bucket"; });
}
