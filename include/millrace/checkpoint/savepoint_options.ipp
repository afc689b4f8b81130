#ifndef MILLRACE_CHECKPOINT_SAVEPOINT_OPTIONS_IPP
#define MILLRACE_CHECKPOINT_SAVEPOINT_OPTIONS_IPP

#include <millrace/checkpoint/savepoint_options.hpp>
#include <millrace/core/errors.hpp>
#include <millrace/core/message.hpp>

#include <string_view>

namespace millrace {

MILLRACE_INLINE_COLD SavepointOptions SavepointOptions::fromArguments(int& argc, char** argv) {
    SavepointOptions options;
    if (argc < 1) return options;
    int kept = 1;
    int next = 1;
    /// Whether the word at `next` is this option; then `value` is what belongs to it.
    const auto take = [&](std::string_view name, std::string& value) {
        const std::string_view word = argv[next];
        if (!word.starts_with(name)) return false;
        std::string_view found;
        if (word.size() > name.size()) {
            if (word[name.size()] != '=') return false;
            found = word.substr(name.size() + 1);
        } else if (next + 1 < argc && !std::string_view(argv[next + 1]).starts_with("--")) {
            found = argv[++next];
        }
        if (found.empty())
            detail::raise<ConfigurationException>("{}: a directory is missing; write {} DIR", {name, name});
        value = found;
        return true;
    };
    for (; next < argc && std::string_view(argv[next]) != "--"; ++next) {
        if (take("--from-savepoint", options.restoreFrom) || take("--savepoints", options.directory)) continue;
        if (std::string_view(argv[next]) == "--allow-non-restored-state") {
            options.allowNonRestoredState = true;
        } else {
            argv[kept++] = argv[next];
        }
    }
    while (next < argc) argv[kept++] = argv[next++];
    if (kept < argc) argv[kept] = nullptr;
    argc = kept;
    return options;
}

MILLRACE_INLINE_COLD const char* SavepointOptions::usage() noexcept {
    return R"(  --from-savepoint PATH       begins with this savepoint, unless the checkpoint directory has a newer state
  --allow-non-restored-state  drops saved state whose operator is no longer there
  --savepoints DIR            where kill -USR1 puts savepoints, and kill -TERM the last one (savepoints)
)";
}

MILLRACE_INLINE_COLD void SavepointOptions::applyTo(CheckpointConfig& config) const {
    if (!restoreFrom.empty()) config.restoreFrom = restoreFrom;
    if (allowNonRestoredState) config.allowNonRestoredState = true;
}

}  // namespace millrace

#endif  // MILLRACE_CHECKPOINT_SAVEPOINT_OPTIONS_IPP
