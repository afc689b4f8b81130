// EXPECT: millrace: this type has no codec, so it cannot be part of state, of a key or of a message
#include <millrace/types/codec.hpp>

#include <millrace/state_processor.hpp>

struct Connection {
    int* socket = nullptr;
};

int main() {
    const millrace::SavepointReader savepoint("savepoint");
    return savepoint.readValueState<int, Connection>("uid", "name").empty() ? 1 : 0;
}
