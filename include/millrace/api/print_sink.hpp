#ifndef MILLRACE_API_PRINT_SINK_HPP
#define MILLRACE_API_PRINT_SINK_HPP

#include <millrace/core/function_ref.hpp>
#include <millrace/core/message.hpp>
#include <millrace/functions/runtime_context.hpp>
#include <millrace/types/describe.hpp>

#include <cstdio>
#include <string>
#include <utility>

namespace millrace::detail {

/// Writes an element per line, as Flink labels them: `label:2> x`, `label> x` at parallelism 1, `2> x` without a label.
class PrintFunction {
public:
    PrintFunction(std::FILE* file, std::string label) : file_(file), prefix_(std::move(label)) {}
    [[gnu::cold, gnu::noinline]] PrintFunction(const PrintFunction&) = default;
    [[gnu::cold, gnu::noinline]] PrintFunction(PrintFunction&&) noexcept = default;
    [[gnu::cold, gnu::noinline]] PrintFunction& operator=(const PrintFunction&) = default;
    [[gnu::cold, gnu::noinline]] PrintFunction& operator=(PrintFunction&&) noexcept = default;
    [[gnu::cold, gnu::noinline]] ~PrintFunction() = default;

    void open(RuntimeContext& context) {
        if (context.parallelism() > 1) {
            prefix_ = message("{}{}{}", {prefix_, prefix_.empty() ? "" : ":", context.subtaskIndex() + 1});
        }
        if (!prefix_.empty()) prefix_ += "> ";
    }
    template <class T>
    void operator()(const T& element) {
        print([&](std::string& line) { describeInto(line, element); });
    }
    void close() { std::fflush(file_); }

private:
    // Describing is compiled for size, and called by a pointer: or else the loop around it would be as well.
    [[gnu::noinline]] void print(FunctionRef<void(std::string&)> describe) {
        line_.clear();
        appendText(line_, prefix_);
        describe(line_);
        appendText(line_, "\n");
        std::fwrite(line_.data(), 1, line_.size(), file_);  // one call: lines of several subtasks do not mix
    }

    std::FILE* file_;
    std::string prefix_;
    std::string line_;
};

}  // namespace millrace::detail

#endif  // MILLRACE_API_PRINT_SINK_HPP
