#ifndef MILLRACE_TESTS_FUZZ_MANIFEST_TARGET_HPP
#define MILLRACE_TESTS_FUZZ_MANIFEST_TARGET_HPP

#include <millrace/checkpoint/manifest.hpp>
#include <millrace/core/errors.hpp>

#include <fuzz/require.hpp>

#include <string>

namespace fuzz {

inline void readManifestText(const std::string& text) {
    using namespace millrace::detail;
    std::string written;
    try {
        written = formatManifest(parseManifest(text, "manifest.json"));
    } catch (const millrace::CodecException&) {
        return;
    }
    // what was accepted can be written, and is then read as the same
    require(formatManifest(parseManifest(written, "manifest.json")) == written);
}

/// A manifest: as it is, and with a checksum that lets it pass.
inline void manifest(std::span<const std::uint8_t> data) {
    const std::string text(data.begin(), data.end());
    readManifestText(text);
    const std::string body = text.substr(0, text.rfind("\"checksum\": "));  // npos: all of it
    readManifestText(body + millrace::detail::manifestEnd(body));
}

}  // namespace fuzz

#endif  // MILLRACE_TESTS_FUZZ_MANIFEST_TARGET_HPP
