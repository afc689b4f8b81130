#ifndef MILLRACE_IMPL_COMPILED_HPP
#define MILLRACE_IMPL_COMPILED_HPP

// Every body of millrace that is not a template, for one translation unit of millrace::compiled.
// The list is complete and sorted: .ci/check_layers --fix writes it.

#ifndef MILLRACE_SEPARATE_COMPILATION
#error "millrace: define MILLRACE_SEPARATE_COMPILATION in every file of the program (millrace::compiled does that)."
#endif

// bodies: begin
#include <millrace/api/batch.ipp>
#include <millrace/api/check_restore.ipp>
#include <millrace/api/checkpointing.ipp>
#include <millrace/api/data_stream_sink.ipp>
#include <millrace/api/interval_join.ipp>
#include <millrace/api/recording.ipp>
#include <millrace/api/source_stream.ipp>
#include <millrace/api/stream_environment.ipp>
#include <millrace/checkpoint/block_compression.ipp>
#include <millrace/checkpoint/checkpoint_summary.ipp>
#include <millrace/checkpoint/file_checkpoint.ipp>
#include <millrace/checkpoint/file_checkpoint_store.ipp>
#include <millrace/checkpoint/known_blocks.ipp>
#include <millrace/checkpoint/manifest.ipp>
#include <millrace/checkpoint/memory_checkpoint_store.ipp>
#include <millrace/checkpoint/newest_intact.ipp>
#include <millrace/checkpoint/restart_strategy.ipp>
#include <millrace/checkpoint/savepoint_options.ipp>
#include <millrace/checkpoint/savepoint_reader.ipp>
#include <millrace/checkpoint/savepoint_writer.ipp>
#include <millrace/checkpoint/snapshot_compression.ipp>
#include <millrace/checkpoint/state_contents.ipp>
#include <millrace/checkpoint/state_file.ipp>
#include <millrace/checkpoint/subtask_state.ipp>
#include <millrace/connectors/bucket_assigner.ipp>
#include <millrace/connectors/descriptor_reader.ipp>
#include <millrace/connectors/file_committer.ipp>
#include <millrace/connectors/file_line_reader.ipp>
#include <millrace/connectors/file_split.ipp>
#include <millrace/connectors/output_file.ipp>
#include <millrace/connectors/part_files.ipp>
#include <millrace/connectors/random_uid.ipp>
#include <millrace/connectors/socket_connection.ipp>
#include <millrace/core/content_hash.ipp>
#include <millrace/core/crc32c.ipp>
#include <millrace/core/message.ipp>
#include <millrace/core/pointer_list.ipp>
#include <millrace/core/posix_file_system.ipp>
#include <millrace/functions/checkpointed_function.ipp>
#include <millrace/graph/batch_stage.ipp>
#include <millrace/graph/execution_plan.ipp>
#include <millrace/graph/graph_builder.ipp>
#include <millrace/graph/graph_scale.ipp>
#include <millrace/graph/job_graph.ipp>
#include <millrace/operators/chain_stage.ipp>
#include <millrace/operators/channel_port.ipp>
#include <millrace/operators/checkpointed_writer.ipp>
#include <millrace/operators/guarded_function.ipp>
#include <millrace/operators/outputs.ipp>
#include <millrace/operators/sort_buffer.ipp>
#include <millrace/operators/sorting_stage.ipp>
#include <millrace/operators/user_function.ipp>
#include <millrace/record/batch.ipp>
#include <millrace/runtime/actor.ipp>
#include <millrace/runtime/blocking_work_thread.ipp>
#include <millrace/runtime/caller_runtime.ipp>
#include <millrace/runtime/channel.ipp>
#include <millrace/runtime/channel_state.ipp>
#include <millrace/runtime/checkpoint_coordinator.ipp>
#include <millrace/runtime/checkpoint_participant.ipp>
#include <millrace/runtime/executor_timers.ipp>
#include <millrace/runtime/job.ipp>
#include <millrace/runtime/job_client.ipp>
#include <millrace/runtime/job_wiring.ipp>
#include <millrace/runtime/savepoint_signal_guard.ipp>
#include <millrace/runtime/segment_pool.ipp>
#include <millrace/runtime/sigint_guard.ipp>
#include <millrace/runtime/signal_watch.ipp>
#include <millrace/runtime/simulated_runtime.ipp>
#include <millrace/runtime/source_alignment.ipp>
#include <millrace/runtime/stage_slot.ipp>
#include <millrace/runtime/stall_report.ipp>
#include <millrace/runtime/task.ipp>
#include <millrace/runtime/task_input.ipp>
#include <millrace/runtime/thread_pool_runtime.ipp>
#include <millrace/runtime/timer_thread.ipp>
#include <millrace/state/broadcast_state.ipp>
#include <millrace/state/frozen_memory.ipp>
#include <millrace/state/key_group_state.ipp>
#include <millrace/state/keyed_state_store.ipp>
#include <millrace/state/operator_list.ipp>
#include <millrace/state/state_cells.ipp>
#include <millrace/state/state_layout.ipp>
#include <millrace/state/state_memory.ipp>
#include <millrace/state/state_migration.ipp>
#include <millrace/testing/arrival.ipp>
#include <millrace/testing/fault_injector.ipp>
#include <millrace/testing/fault_plan.ipp>
#include <millrace/testing/fault_trial.ipp>
#include <millrace/testing/faulty_checkpoint_store.ipp>
#include <millrace/testing/faulty_file_system.ipp>
#include <millrace/testing/memory_file_system.ipp>
#include <millrace/testing/pipeline_host.ipp>
#include <millrace/testing/trial_scenario.ipp>
#include <millrace/types/schema.ipp>
#include <millrace/types/type_info.ipp>
#include <millrace/types/value_migration.ipp>
#include <millrace/windowing/sliding_event_time_windows.ipp>
#include <millrace/windowing/tumbling_event_time_windows.ipp>
#include <millrace/windowing/wake_queue.ipp>
#include <millrace/windowing/window_arguments.ipp>
#include <millrace/windowing/window_cell_codec.ipp>
#include <millrace/windowing/window_failures.ipp>
#include <millrace/windowing/window_stagger.ipp>
// bodies: end

#endif  // MILLRACE_IMPL_COMPILED_HPP
