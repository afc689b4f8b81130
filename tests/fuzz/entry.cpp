// What libFuzzer calls; tests/fuzz/run compiles it once per target.
#include MILLRACE_FUZZ_HEADER

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::MILLRACE_FUZZ_TARGET({data, size});
    return 0;
}
