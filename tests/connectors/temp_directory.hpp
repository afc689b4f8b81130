#ifndef MILLRACE_TESTS_CONNECTORS_TEMP_DIRECTORY_HPP
#define MILLRACE_TESTS_CONNECTORS_TEMP_DIRECTORY_HPP

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>

namespace millrace::testing {

/// A directory of this test's own, gone at its end.
class TempDirectory {
public:
    TempDirectory() : TempDirectory(std::filesystem::temp_directory_path()) {}
    explicit TempDirectory(const std::filesystem::path& parent) {
        std::string pattern = (parent / "millrace-test-XXXXXX").string();
        if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp failed for " + pattern);
        path_ = pattern;
    }
    TempDirectory(const TempDirectory&) = delete;
    TempDirectory& operator=(const TempDirectory&) = delete;
    ~TempDirectory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    std::string path() const { return path_.string(); }
    std::string path(std::string_view name) const { return (path_ / name).string(); }

    /// Writes a file and returns its path; makes the directories on the way.
    std::string write(std::string_view name, std::string_view content) const {
        const std::filesystem::path file = path_ / name;
        std::filesystem::create_directories(file.parent_path());
        std::ofstream(file, std::ios::binary) << content;
        return file.string();
    }

private:
    std::filesystem::path path_;
};

/// A parent for the directories of tests that write to the disk thousands of times, where they need not wait for it.
inline std::filesystem::path inMemoryDirectory() {
    const std::filesystem::path shared = "/dev/shm";
    std::error_code ignored;
    return std::filesystem::is_directory(shared, ignored) ? shared : std::filesystem::temp_directory_path();
}

inline std::string readFile(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace millrace::testing

#endif  // MILLRACE_TESTS_CONNECTORS_TEMP_DIRECTORY_HPP
