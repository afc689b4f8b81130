// EXPECT: millrace: SchemaEvolution<T>::renamed names a field that T does not have. Each is {name in the snapshot, name in T}.
// EXPECT: Account
#include <millrace/types/codec.hpp>

struct Account {
    long balance = 0;
};
template <>
struct millrace::SchemaEvolution<Account> {
    static constexpr RenamedField renamed[] = {{"balance", "amount"}};  // the wrong way round
};

int main() {
    return millrace::codecName<Account>().empty() ? 1 : 0;
}
