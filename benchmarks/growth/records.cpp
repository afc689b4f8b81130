#include "series.hpp"

#include "throughput/pipelines.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace bench {

namespace {

template <std::size_t kBytes>
struct Record {
    std::uint64_t key = 0;
    std::array<std::byte, kBytes - sizeof(std::uint64_t)> rest{};
};
template <>
struct Record<8> {
    std::uint64_t key = 0;
};
struct Text {
    std::uint64_t key = 0;
    std::string text;
};

/// By key between two subtasks of each side.
template <class Generator>
Side exchangeOf(Generator generate) {
    return [=](std::uint64_t records) {
        Result result;
        millrace::StreamExecutionEnvironment env(millrace::ThreadPoolRuntime{2});
        env.setParallelism(2);
        env.fromSource(millrace::DataGeneratorSource(generate, records), millrace::WatermarkStrategy::noWatermarks())
            .keyBy([](const auto& record) { return record.key; })
            .addSink(Summing(result, [](Result& sum, const auto&) { ++sum.count; }));
        env.execute();
        return result;
    };
}

template <std::size_t kBytes>
void measurePlain(Growth& growth) {
    const std::uint64_t n = growth.records(4'000'000);
    growth.measure("record", "plain", kBytes, n, exchangeOf([](std::uint64_t index) {
                       Record<kBytes> record;
                       record.key = randomOf(index) >> 44;
                       return record;
                   }),
                   n);
}

}  // namespace

void growRecords(Growth& growth) {
    if (!growth.wants("record")) return;
    measurePlain<8>(growth);
    measurePlain<32>(growth);
    measurePlain<128>(growth);
    measurePlain<512>(growth);
    const std::uint64_t n = growth.records(2'000'000);
    for (const std::size_t size : {8, 32, 128, 512}) {
        growth.measure("record", "strings", static_cast<double>(size), n, exchangeOf([size](std::uint64_t index) {
                           return Text{randomOf(index) >> 44, std::string(size, 'x')};
                       }),
                       n);
    }
}

}  // namespace bench
