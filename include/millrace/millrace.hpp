#ifndef MILLRACE_MILLRACE_HPP
#define MILLRACE_MILLRACE_HPP

// The core: environment, streams, windows, thread pool, collections, text and CSV files. JSON, sockets, the other
// runtimes and testing have headers of their own.

#include <millrace/api/data_stream.hpp>  // first: errors then show few files on the way to it

#include <millrace/api/broadcast_stream.hpp>
#include <millrace/api/connected_streams.hpp>
#include <millrace/api/interval_join.hpp>
#include <millrace/api/joined_streams.hpp>
#include <millrace/api/keyed_stream.hpp>
#include <millrace/api/stream_environment.hpp>
#include <millrace/api/stream_execution_environment.hpp>
#include <millrace/api/windowed_stream.hpp>
#include <millrace/connectors/channel.hpp>
#include <millrace/connectors/channel_sink.hpp>
#include <millrace/connectors/data_generator_source.hpp>
#include <millrace/connectors/file_sink.hpp>
#include <millrace/connectors/file_source.hpp>
#include <millrace/runtime/job_client.hpp>
#include <millrace/time/watermark_strategy.hpp>
#include <millrace/version.hpp>

#endif  // MILLRACE_MILLRACE_HPP
