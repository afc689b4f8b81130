// W1 as a oneTBB pipeline of blocks of 1000 records: a serial stage hands the blocks out, the stages of the workload run in
// parallel over whole blocks, a serial stage adds up. PROGRAM RECORDS; TBB_THREADS is the parallelism (1).

#include "peers/peer.hpp"

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_pipeline.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <vector>

namespace {

constexpr std::size_t kBlock = 1000;

struct Block {
    std::uint64_t first = 0;
    std::size_t size = 0;
    std::array<bench::Event, kBlock> events;
};

bench::Result run(std::uint64_t records, std::size_t tokens) {
    namespace tbb = oneapi::tbb;
    const bench::EventGenerator generate{1000};
    std::vector<Block> blocks(tokens);  // as many as are under way at a time, used in turn
    std::uint64_t next = 0;
    std::size_t turn = 0;
    bench::Result result;
    tbb::parallel_pipeline(
        tokens, tbb::make_filter<void, Block*>(tbb::filter_mode::serial_in_order,
                                               [&](tbb::flow_control& control) -> Block* {
                                                   if (next == records) {
                                                       control.stop();
                                                       return nullptr;
                                                   }
                                                   Block& block = blocks[turn++ % tokens];
                                                   block.first = next;
                                                   block.size = std::min<std::uint64_t>(kBlock, records - next);
                                                   next += block.size;
                                                   return &block;
                                               }) &
                    tbb::make_filter<Block*, Block*>(tbb::filter_mode::parallel,
                                                     [generate](Block* block) {
                                                         for (std::size_t i = 0; i < block->size; ++i) {
                                                             block->events[i] = generate(block->first + i);
                                                             block->events[i].value *= 1.1;
                                                         }
                                                         return block;
                                                     }) &
                    tbb::make_filter<Block*, Block*>(tbb::filter_mode::parallel,
                                                     [](Block* block) {
                                                         std::size_t kept = 0;
                                                         for (std::size_t i = 0; i < block->size; ++i) {
                                                             block->events[kept] = block->events[i];
                                                             kept += block->events[i].key % 3 != 0 ? 1 : 0;
                                                         }
                                                         block->size = kept;
                                                         return block;
                                                     }) &
                    tbb::make_filter<Block*, Block*>(tbb::filter_mode::parallel,
                                                     [](Block* block) {
                                                         for (std::size_t i = 0; i < block->size; ++i)
                                                             block->events[i].value += 1.0;
                                                         return block;
                                                     }) &
                    // in order, so that a block is free again before its turn comes
                    tbb::make_filter<Block*, void>(tbb::filter_mode::serial_in_order, [&](const Block* block) {
                        for (std::size_t i = 0; i < block->size; ++i) result.sum += block->events[i].value;
                        result.count += block->size;
                    }));
    return result;
}

}  // namespace

int main(int argc, char** argv) {
    const char* const wanted = std::getenv("TBB_THREADS");
    const int threads = wanted != nullptr ? std::max(1, std::atoi(wanted)) : 1;
    const oneapi::tbb::global_control limit(oneapi::tbb::global_control::max_allowed_parallelism,
                                            static_cast<std::size_t>(threads));
    const auto tokens = static_cast<std::size_t>(threads) * 4;
    return bench::runOnRequest("tbb", "W1", 1000, threads, argc, argv,
                               [tokens](std::uint64_t records) { return run(records, tokens); });
}
