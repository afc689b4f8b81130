#ifndef MILLRACE_EXAMPLES_ARGUMENTS_HPP
#define MILLRACE_EXAMPLES_ARGUMENTS_HPP

#include <millrace/core/errors.hpp>
#include <millrace/formats/text_value.hpp>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What the examples share and what is not about millrace: the command line.
namespace examples {

class ArgumentError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// `--name value`, `--name=value`, `--flag` and words. Take what you know, words last, then `expectNothingMore()`.
class Arguments {
public:
    Arguments(int argc, const char* const* argv) : words_(argv + 1, argv + argc) {}

    bool takeFlag(std::string_view name) { return std::erase(words_, name) > 0; }

    std::optional<std::string> takeText(std::string_view name) {
        std::optional<std::string> value;
        for (auto word = words_.begin(); word != words_.end();) {
            const bool joined = word->starts_with(name) && word->substr(name.size()).starts_with('=');
            if (*word != name && !joined) {
                ++word;
                continue;
            }
            if (joined) {
                value = word->substr(name.size() + 1);
            } else if (word + 1 != words_.end() && !(word + 1)->starts_with("--")) {
                value = *(word + 1);
                word = words_.erase(word);
            }
            if (!value || value->empty()) throw ArgumentError(std::string(name) + ": a value is missing");
            word = words_.erase(word);
        }
        return value;
    }

    /// A number or duration (`250ms`) from `least` to `most`.
    template <class T>
    T take(std::string_view name, T otherwise, T least, T most) {
        const std::optional<std::string> text = takeText(name);
        if (!text) return otherwise;
        T value{};
        if (millrace::parseText(*text, value) && value >= least && value <= most) return value;
        std::string range = " from ";
        millrace::writeText(least, range);
        range += " to ";
        millrace::writeText(most, range);
        throw ArgumentError(std::string(name) + ": expected a value" + range + ", found \"" + *text + '"');
    }

    /// The first argument that is no option.
    std::optional<std::string> takeWord() {
        for (auto word = words_.begin(); word != words_.end(); ++word) {
            if (word->starts_with("--")) continue;
            std::optional<std::string> value = std::move(*word);
            words_.erase(word);
            return value;
        }
        return std::nullopt;
    }

    void expectNothingMore() const {
        if (!words_.empty()) throw ArgumentError("unknown argument \"" + words_.front() + '"');
    }

private:
    std::vector<std::string> words_;
};

/// `run(arguments)` with the errors that a user of the program can make reported on stderr: 2 for the command line, 1
/// for a job that failed.
template <class Run>
int runExample(int argc, const char* const* argv, const char* usage, Run run) {
    try {
        Arguments arguments(argc, argv);
        if (arguments.takeFlag("--help")) {
            std::fputs(usage, stdout);
            return 0;
        }
        return run(arguments);
    } catch (const ArgumentError& error) {
        std::fprintf(stderr, "%s\n--help lists the options\n", error.what());
        return 2;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", millrace::describeException(error).c_str());
        return 1;
    }
}

}  // namespace examples

#endif  // MILLRACE_EXAMPLES_ARGUMENTS_HPP
