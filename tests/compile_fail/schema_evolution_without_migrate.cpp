// EXPECT: millrace: SchemaEvolution<T>: each of OldTypes needs static T migrate(const OldType& old)
// EXPECT: OldAccount
#include <millrace/types/codec.hpp>

struct OldAccount {
    long cents = 0;
};
struct Account {
    double balance = 0;
};
template <>
struct millrace::SchemaEvolution<Account> {
    using OldTypes = std::tuple<OldAccount>;
    static Account migrate(const Account& old) { return old; }
};

int main() {
    return millrace::codecName<Account>().empty() ? 1 : 0;
}
