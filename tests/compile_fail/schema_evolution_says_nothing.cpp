// EXPECT: millrace: SchemaEvolution<T> is specialised, but says nothing
// EXPECT: Account
#include <millrace/types/codec.hpp>

struct Account {
    long balance = 0;
};
template <>
struct millrace::SchemaEvolution<Account> {
    static constexpr RenamedField renames[] = {{"amount", "balance"}};  // it is called renamed
};

int main() {
    return millrace::codecName<Account>().empty() ? 1 : 0;
}
