#include "pipelines.hpp"

#include <millrace/millrace.hpp>

#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

namespace crash {
namespace careless {

using namespace millrace;

constexpr std::uint64_t kNumbers = 20'000;

/// Rows stay in memory until there are 300, which no checkpoint knows of; then they are visible at once.
class CarelessSink {
public:
    class Writer {
    public:
        explicit Writer(std::string path) : path_(std::move(path)) {}
        void write(const std::string& row, const SinkContext& /*context*/) {
            rows_ += row + '\n';
            if (++count_ % 300 == 0) writeOut();
        }
        void flush(bool endOfInput) {
            if (endOfInput) writeOut();
        }
        void close() {}

    private:
        void writeOut() {
            std::ofstream(path_, std::ios::app) << rows_;
            rows_.clear();
        }
        std::string path_;
        std::string rows_;
        int count_ = 0;
    };

    explicit CarelessSink(std::string path) : path_(std::move(path)) {}
    Writer createWriter(const WriterInitContext& /*context*/) const { return Writer(path_); }

private:
    std::string path_;
};

void build(StreamEnvironment& env, const Settings& settings) {
    env.fromSource(DataGeneratorSource([](std::uint64_t i) { return static_cast<std::int64_t>(i); }, kNumbers,
                                       paced(kNumbers, settings)),
                   WatermarkStrategy::noWatermarks(), "numbers")
        .setParallelism(1)
        .map([sum = std::int64_t{0}](std::int64_t number) mutable {
            sum += number;  // a member, no state
            return std::to_string(number) + (number % 10 == 0 ? " " + std::to_string(sum) : "");
        })
        .setParallelism(1)
        .sinkTo(CarelessSink(settings.directory + "/numbers"))
        .setParallelism(1);
}

std::vector<std::string> committed(const Settings& settings) {
    return finishedLines(settings.directory + "/numbers");
}

}  // namespace careless

const Pipeline kCareless{"careless", [](const Settings&) {}, careless::build, careless::committed};

}  // namespace crash
