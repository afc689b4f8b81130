#ifndef MILLRACE_API_WINDOWED_STREAM_HPP
#define MILLRACE_API_WINDOWED_STREAM_HPP
namespace millrace { template <class T, class KeySelector, class Assigner>
class WindowedStream{public: WindowedStream(detail::StreamInput, KeySelector, Assigner){} }; }
#endif
