// EXPECT: millrace: keyBy(selector): the key's type has no codec
#include <millrace/millrace.hpp>

class Handle {
public:
    explicit Handle(int id) : id_(id) {}
    int id() const { return id_; }
    bool operator==(const Handle&) const = default;

private:
    int id_;
};

template <>
struct millrace::KeyHash<Handle> {
    static std::uint32_t of(const Handle& handle) { return millrace::keyHash(handle.id()); }
};

int main() {
    millrace::StreamExecutionEnvironment env;
    env.fromData({1, 2}).keyBy([](int x) { return Handle(x); }).sum().print();
    env.execute();
}
