#ifndef MILLRACE_STATE_OPERATOR_LIST_HPP
#define MILLRACE_STATE_OPERATOR_LIST_HPP

#include <millrace/core/bytes.hpp>
#include <millrace/core/config.hpp>
#include <millrace/core/functional.hpp>
#include <millrace/state/snapshot.hpp>
#include <millrace/state/state_layout.hpp>
#include <millrace/types/codec.hpp>

#include <string>
#include <string_view>

namespace millrace::detail {

/// Writes a list that belongs to no key, an element a piece, so that another number of subtasks can share it out.
class OperatorListWriter {
public:
    /// `distribution` is kSplitState or kUnionState.
    OperatorListWriter(SnapshotSink& sink, std::string_view uid, std::string_view state, int distribution,
                       const TypeInfo& element);

    template <class T>
    void add(const T& element) {
        begin();
        Codec<T>::encode(element, bytes_);
        write();
    }

private:
    void begin();
    void write();

    SnapshotSink& sink_;
    std::string_view uid_;
    std::string_view state_;
    int distribution_;
    ByteWriter bytes_;
};

/// Calls `element` with the bytes of each element of such a list that falls to this subtask.
/// *Failure:* CodecException naming operator and state: for elements of a type that this one cannot be read from, and for
/// damaged ones.
void readOperatorList(const SnapshotSource& source, std::string_view uid, std::string_view state, const TypeInfo& info,
                      const std::function<void(ByteReader&)>& element);

/// Asks for such a list, and does nothing with it.
void declareOperatorList(const SnapshotSource& source, std::string_view uid, std::string_view state,
                         const TypeInfo& info);

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/state/operator_list.ipp>
#endif

#endif  // MILLRACE_STATE_OPERATOR_LIST_HPP
