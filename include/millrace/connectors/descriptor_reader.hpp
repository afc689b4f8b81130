#ifndef MILLRACE_CONNECTORS_DESCRIPTOR_READER_HPP
#define MILLRACE_CONNECTORS_DESCRIPTOR_READER_HPP

#include <millrace/connectors/byte_inbox.hpp>
#include <millrace/connectors/file_line_reader.hpp>
#include <millrace/core/config.hpp>
#include <millrace/core/functional.hpp>

#include <cstddef>
#include <memory>
#include <thread>

namespace millrace::detail {

/// Reads a file descriptor (standard input, a pipe) into an inbox on a thread of its own. The thread only reads when
/// there is something to read, and waits together with a pipe by which `close()` stops it: it never hangs.
class DescriptorReader {
public:
    DescriptorReader(int descriptor, std::size_t inboxLimit, std::function<void()> wakeUp);
    DescriptorReader(const DescriptorReader&) = delete;
    DescriptorReader& operator=(const DescriptorReader&) = delete;
    ~DescriptorReader();

    ByteInbox& inbox() noexcept { return inbox_; }

private:
    void run();
    void signal(char what) noexcept;

    const int descriptor_;
    FileDescriptor signalOut_;
    FileDescriptor signalIn_;
    ByteInbox inbox_;
    std::thread thread_;
};

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/connectors/descriptor_reader.ipp>
#endif

#endif  // MILLRACE_CONNECTORS_DESCRIPTOR_READER_HPP
