// EXPECT: millrace: FileSink::forRowFormat(path, format): #include <millrace/connectors/row_file_sink.hpp>
#include <millrace/millrace.hpp>

int main() {
    (void)millrace::FileSink::forRowFormat("out", millrace::TextLineFormat{});
}
