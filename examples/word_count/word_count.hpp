#ifndef WORD_COUNT_WORD_COUNT_HPP
#define WORD_COUNT_WORD_COUNT_HPP

#include <millrace/millrace.hpp>

#include <cctype>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace word_count {

struct WordCount {
    std::string word;
    std::int64_t count;
};

/// Emits the words of a line in lower case, with count 1. A word is a run of letters; an apostrophe between two letters
/// belongs to it.
inline void splitIntoWords(const std::string& line, millrace::Collector<WordCount>& out) {
    const auto isLetter = [&line](std::size_t at) {
        return at < line.size() && std::isalpha(static_cast<unsigned char>(line[at])) != 0;
    };
    std::string word;
    for (std::size_t at = 0; at <= line.size(); ++at) {
        if (isLetter(at)) {
            word += static_cast<char>(std::tolower(static_cast<unsigned char>(line[at])));
        } else if (!word.empty() && at < line.size() && line[at] == '\'' && isLetter(at + 1)) {
            word += '\'';
        } else if (!word.empty()) {
            out.collect(WordCount{word, 1});
            word.clear();
        }
    }
}

/// For every word of the input its count so far; the last one for a word is the count of the whole text.
inline millrace::DataStream<WordCount> countWords(const millrace::DataStream<std::string>& lines) {
    return lines.flatMap(splitIntoWords).name("words").keyBy(&WordCount::word).sum(&WordCount::count).name("counts");
}

}  // namespace word_count

#endif  // WORD_COUNT_WORD_COUNT_HPP
