#ifndef MILLRACE_CHECKPOINT_SAVEPOINT_READER_IPP
#define MILLRACE_CHECKPOINT_SAVEPOINT_READER_IPP

#include <millrace/checkpoint/file_checkpoint.hpp>
#include <millrace/checkpoint/savepoint_reader.hpp>
#include <millrace/core/algorithm.hpp>
#include <millrace/core/message.hpp>

namespace millrace {

namespace detail {

/// 'a', 'b'; or "nothing".
[[gnu::cold]] inline std::string quotedList(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "'" : ", '") + name + "'";
    return text.empty() ? "nothing" : text;
}

}  // namespace detail

MILLRACE_INLINE_COLD SavepointReader::SavepointReader(const std::string& directory, std::shared_ptr<FileSystem> files)
    : checkpoint_(new detail::FileCheckpoint(std::move(files), directory)), source_(checkpoint_, 0, 1) {
    if (!checkpoint_->hasSchemas()) {
        detail::raise<ConfigurationException>(
            "'{}' has format version 1, which does not say what types its state has: it cannot be read",
            {checkpoint_->place()});
    }
}

MILLRACE_INLINE_COLD std::vector<std::string> SavepointReader::uids() const {
    std::vector<std::string> uids;
    for (const detail::CheckpointedOperator& each : checkpoint_->description().operators) uids.push_back(each.uid);
    return uids;
}

MILLRACE_INLINE_COLD std::string SavepointReader::known(std::string_view uid, std::string_view prefix,
                                                        std::string_view name) const {
    const std::vector<std::string> all = uids();
    if (std::find(all.begin(), all.end(), uid) == all.end()) {
        detail::raise<ConfigurationException>("'{}' has no operator of uid '{}'; it has {}",
                                              {checkpoint_->place(), uid, detail::quotedList(all)});
    }
    std::string state = detail::message("{}{}", {prefix, name});
    const std::vector<std::string> found = states(uid);
    if (std::find(found.begin(), found.end(), state) == found.end()) {
        detail::raise<ConfigurationException>("'{}' has no '{}' of the operator uid '{}'; it has {}",
                                              {checkpoint_->place(), state, uid, detail::quotedList(found)});
    }
    return state;
}

}  // namespace millrace

#endif  // MILLRACE_CHECKPOINT_SAVEPOINT_READER_IPP
