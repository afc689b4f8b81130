#ifndef MILLRACE_RECORD_OUTPUT_TAG_HPP
#define MILLRACE_RECORD_OUTPUT_TAG_HPP

#include <string>
#include <typeinfo>
#include <utility>

namespace millrace {

/// Names a side output and the type of its elements: `OutputTag<Trade> late{"late"}`. @public
/// Two tags are the same side output when id and type are equal.
template <class T>
class OutputTag {
public:
    using Element = T;
    explicit OutputTag(std::string id) : id_(std::move(id)), key_(id_ + '\x1f' + typeid(T).name()) {}
    const std::string& id() const noexcept { return id_; }
    /// Id and type in one; only meaningful within one process.
    const std::string& key() const noexcept { return key_; }

private:
    std::string id_;
    std::string key_;
};

}  // namespace millrace

#endif  // MILLRACE_RECORD_OUTPUT_TAG_HPP
