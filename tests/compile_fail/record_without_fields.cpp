// EXPECT: millrace: the fields of this type cannot be listed
// EXPECT: MILLRACE_FIELDS(Type, field, ...)
#include <millrace/types/reflection.hpp>

class Hidden {
public:
    explicit Hidden(int v) : value_(v) {}

private:
    int value_;
};

int main() {
    return static_cast<int>(millrace::fieldCount<Hidden>());
}
