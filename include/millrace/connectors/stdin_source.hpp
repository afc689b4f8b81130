#ifndef MILLRACE_CONNECTORS_STDIN_SOURCE_HPP
#define MILLRACE_CONNECTORS_STDIN_SOURCE_HPP

#include <millrace/connectors/descriptor_reader.hpp>
#include <millrace/connectors/inbox_line_reader.hpp>
#include <millrace/core/functional.hpp>
#include <millrace/functions/source.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <utility>

namespace millrace {

/// Standard input has one split, without a position. @evolving
struct StdinSplit {
    friend bool operator==(const StdinSplit&, const StdinSplit&) = default;
};

/// Emits the lines of standard input until its end. @public
/// Not parallel. Read on a thread of the source's own, up to a mebibyte ahead: what has been read ahead when the job is
/// cancelled is lost to whoever reads standard input next.
/// *Failure:* IoException if reading fails.
/// *State and checkpoints:* at most once.
class StdinSource {
public:
    using Output = std::string;
    using Split = StdinSplit;
    static constexpr bool kSingleSplit = true;

    StdinSource() = default;
    /// Lines from another open file descriptor (a pipe, a terminal), which stays the caller's and has to stay open.
    static StdinSource fromDescriptor(int descriptor) noexcept {
        StdinSource source;
        source.descriptor_ = descriptor;
        return source;
    }

    Boundedness boundedness() const noexcept { return Boundedness::ContinuousUnbounded; }

    class Reader {
    public:
        Reader(int descriptor, std::function<void()> wakeUp) : descriptor_(descriptor), wakeUp_(std::move(wakeUp)) {}

        void open(Split) {
            reader_ = std::make_unique<detail::DescriptorReader>(descriptor_, std::size_t{1} << 20, wakeUp_);
        }
        FillResult fill(std::span<std::string> values, std::span<Timestamp> /*timestamps*/) {
            return lines_.fill(reader_->inbox(), values);
        }
        Split position() const noexcept { return {}; }
        void close() { reader_.reset(); }

    private:
        int descriptor_;
        std::function<void()> wakeUp_;
        detail::InboxLineReader lines_{"\n", nullptr};
        std::unique_ptr<detail::DescriptorReader> reader_;
    };

    Reader createReader(const SourceReaderContext& context) const { return Reader(descriptor_, context.wakeUp); }

private:
    int descriptor_ = 0;
};

}  // namespace millrace

#endif  // MILLRACE_CONNECTORS_STDIN_SOURCE_HPP
