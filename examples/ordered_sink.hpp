#ifndef MILLRACE_EXAMPLES_ORDERED_SINK_HPP
#define MILLRACE_EXAMPLES_ORDERED_SINK_HPP

#include <millrace/functions/sink.hpp>

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>
#include <vector>

namespace examples {

/// Hands records to another sink in the order of their timestamps, those of one timestamp sorted by `<`: each waits
/// until a watermark says that no record before it can still come. Results of windows so come out in the same order
/// however many subtasks made them; the sink itself must run at parallelism 1.
template <class Record, class Sink>
class OrderedSink {
    using InnerWriter = decltype(std::declval<const Sink&>().createWriter(millrace::WriterInitContext{}));

public:
    explicit OrderedSink(Sink sink) : sink_(std::move(sink)) {}

    class Writer {
    public:
        explicit Writer(InnerWriter inner) : inner_(std::move(inner)) {}

        void write(const Record& record, const millrace::SinkContext& context) {
            waiting_[context.timestamp].push_back(record);
        }
        void writeWatermark(millrace::Timestamp watermark) {
            release(watermark);
            if constexpr (requires { inner_.writeWatermark(watermark); }) inner_.writeWatermark(watermark);
        }
        void flush(bool endOfInput) {
            if (endOfInput) release(millrace::kMaxTimestamp);
            inner_.flush(endOfInput);
        }
        void close() { inner_.close(); }

    private:
        void release(millrace::Timestamp watermark) {
            const auto end = waiting_.upper_bound(watermark);
            for (auto at = waiting_.begin(); at != end; ++at) {
                std::sort(at->second.begin(), at->second.end());
                for (const Record& record : at->second) inner_.write(record, {at->first, watermark});
            }
            waiting_.erase(waiting_.begin(), end);
        }

        std::map<millrace::Timestamp, std::vector<Record>> waiting_;
        InnerWriter inner_;
    };

    Writer createWriter(const millrace::WriterInitContext& context) const {
        return Writer(sink_.createWriter(context));
    }

private:
    Sink sink_;
};

/// A sink that calls `fn(const Record&)`.
template <class Record, class Fn>
class FunctionSink {
public:
    explicit FunctionSink(Fn fn) : fn_(std::move(fn)) {}

    struct Writer {
        Fn fn;
        void write(const Record& record, const millrace::SinkContext& /*context*/) { fn(record); }
        void flush(bool /*endOfInput*/) {}
        void close() {}
    };
    Writer createWriter(const millrace::WriterInitContext& /*context*/) const { return {fn_}; }

private:
    Fn fn_;
};
template <class Record, class Fn>
FunctionSink<Record, Fn> forEach(Fn fn) {
    return FunctionSink<Record, Fn>(std::move(fn));
}

/// `stream.sinkTo(inOrder<Record>(sink)).setParallelism(1)`
template <class Record, class Sink>
OrderedSink<Record, Sink> inOrder(Sink sink) {
    return OrderedSink<Record, Sink>(std::move(sink));
}

}  // namespace examples

#endif  // MILLRACE_EXAMPLES_ORDERED_SINK_HPP
