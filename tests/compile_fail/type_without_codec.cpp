// EXPECT: millrace: this type has no codec
// EXPECT: worker
#include <millrace/types/codec.hpp>

#include <thread>
#include <vector>

struct Pool {
    int size;
    std::thread worker;
};

struct Job {
    std::string name;
    std::vector<Pool> pools;
};

int main() {
    millrace::ByteWriter writer;
    millrace::Codec<Job>::encode(Job{}, writer);
    return static_cast<int>(millrace::codecName<Job>().size());
}
