#ifndef MILLRACE_TYPES_SCHEMA_CHANGE_HPP
#define MILLRACE_TYPES_SCHEMA_CHANGE_HPP

#include <cstdint>
#include <string>
#include <string_view>

namespace millrace {

/// What becomes of a part of saved state in a program with other types. @public
enum class StateFate : std::uint8_t {
    Kept,         ///< as it was saved, perhaps under another name
    Converted,    ///< the same in another form: wider, optional, migrated
    Defaulted,    ///< is not in what was saved: gets the value that the type's default constructor gives it
    Dropped,      ///< the program does not have it any more
    Incompatible  ///< cannot be restored
};

constexpr std::string_view toString(StateFate fate) noexcept {
    constexpr std::string_view kNames[] = {"kept", "converted", "defaulted", "dropped", "incompatible"};
    return kNames[static_cast<std::size_t>(fate)];
}

/// What becomes of one field. @public
struct FieldChange {
    std::string field;  ///< where it is in an entry of the state: `value.price`, `elements[].cents`, `key`
    StateFate fate = StateFate::Kept;
    std::string saved;  ///< the type in the snapshot, by its codec; empty if it is not there
    std::string now;    ///< the type in the program; empty if it is not there
    std::string note;   ///< how, or why not and what to do
    bool operator==(const FieldChange&) const = default;
};

}  // namespace millrace

#endif  // MILLRACE_TYPES_SCHEMA_CHANGE_HPP
