#include <millrace/types/codec.hpp>

#include <string>

struct OldAccount {
    long cents = 0;
};
struct Account {
    double balance = 0;
    std::string owner;
};
template <>
struct millrace::SchemaEvolution<Account> {
    static constexpr RenamedField renamed[] = {{"name", "owner"}, {"holder", "owner"}};
    using OldTypes = std::tuple<OldAccount, std::string>;
    static Account migrate(const OldAccount& old) { return {static_cast<double>(old.cents) / 100, ""}; }
    static Account migrate(const std::string& old) { return {0, old}; }
};

int main() {
    return millrace::codecName<Account>().empty() ? 1 : 0;
}
