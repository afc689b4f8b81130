#ifndef MILLRACE_TYPES_SCHEMA_EVOLUTION_HPP
#define MILLRACE_TYPES_SCHEMA_EVOLUTION_HPP

#include <string_view>

namespace millrace {

/// A field that had another name when it was saved. @public
struct RenamedField {
    std::string_view saved;
    std::string_view now;
};

/// How values of T that an older program has saved become values of today's T, where their fields do not say so
/// themselves. Specialise it beside the type: `renamed`, or `OldTypes` with a `migrate` for each of them, or both. @public
/// ```
/// template <> struct millrace::SchemaEvolution<Account> {
///     static constexpr RenamedField renamed[] = {{"amount", "balance"}};   // saved as amount, now called balance
///
///     using OldTypes = std::tuple<AccountOfMarch>;                         // for what fields alone cannot say
///     static Account migrate(const AccountOfMarch& old) { return {old.first + " " + old.last, old.cents / 100.0}; }
/// };
/// ```
/// Not needed for fields that are added (they get the value that `T{}` gives them), removed, or made wider. `migrate` is
/// used where what was saved has exactly the fields of that old type, and comes before everything else.
template <class T>
struct SchemaEvolution {
    using SaysNothing = void;
};

}  // namespace millrace

#endif  // MILLRACE_TYPES_SCHEMA_EVOLUTION_HPP
