#ifndef MILLRACE_CONNECTORS_DESCRIPTOR_READER_IPP
#define MILLRACE_CONNECTORS_DESCRIPTOR_READER_IPP

#include <millrace/connectors/descriptor_reader.hpp>
#include <millrace/core/errors.hpp>
#include <millrace/core/start_thread.hpp>

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace millrace::detail {

MILLRACE_INLINE DescriptorReader::DescriptorReader(int descriptor, std::size_t inboxLimit, std::function<void()> wakeUp)
    : descriptor_(descriptor), inbox_(inboxLimit, std::move(wakeUp), [this] { signal('r'); }) {
    int ends[2];
    if (::pipe(ends) != 0) throw IoException("cannot make a pipe: " + std::generic_category().message(errno));
    signalOut_ = FileDescriptor(ends[0]);
    signalIn_ = FileDescriptor(ends[1]);
    for (const int end : ends) (void)::fcntl(end, F_SETFD, FD_CLOEXEC);
    thread_ = startThread([](void* self) { static_cast<DescriptorReader*>(self)->run(); }, this);
}

MILLRACE_INLINE DescriptorReader::~DescriptorReader() {
    inbox_.close();
    signal('s');
    thread_.join();
}

MILLRACE_INLINE void DescriptorReader::signal(char what) noexcept {
    while (::write(signalIn_.get(), &what, 1) < 0 && errno == EINTR) {}
}

MILLRACE_INLINE void DescriptorReader::run() {
    const auto fail = [this] {
        inbox_.end("cannot read " +
                   (descriptor_ == STDIN_FILENO ? std::string("standard input")
                                                : "file descriptor " + std::to_string(descriptor_)) +
                   ": " + std::generic_category().message(errno));
    };
    const auto chunk = std::make_unique_for_overwrite<char[]>(64 * 1024);
    bool paused = false;
    for (;;) {
        pollfd waiting[2] = {{signalOut_.get(), POLLIN, 0}, {descriptor_, POLLIN, 0}};
        if (::poll(waiting, paused ? 1 : 2, -1) < 0) {
            if (errno == EINTR) continue;
            return fail();
        }
        if (waiting[0].revents != 0) {
            char what = 's';
            if (::read(signalOut_.get(), &what, 1) == 1 && what == 'r') {
                paused = false;
                continue;
            }
            return;
        }
        const ssize_t got = ::read(descriptor_, chunk.get(), 64 * 1024);
        if (got < 0) {
            if (errno == EINTR || errno == EAGAIN) continue;
            return fail();
        }
        if (got == 0) return inbox_.end();
        paused = !inbox_.append({chunk.get(), static_cast<std::size_t>(got)});
    }
}

}  // namespace millrace::detail

#endif  // MILLRACE_CONNECTORS_DESCRIPTOR_READER_IPP
