#include <millrace/state/frozen_memory.hpp>

#include "support/catch.hpp"

#include <atomic>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <random>
#include <thread>
#include <vector>

using namespace millrace::detail;

namespace {

std::vector<std::uint32_t> readCopy(FrozenMemory& memory, std::size_t count) {
    memory.keepAll();
    std::vector<std::uint32_t> copy(count);
    std::memcpy(copy.data(), memory.copy(), count * sizeof(std::uint32_t));
    return copy;
}

}  // namespace

TEST_CASE("frozen memory keeps what was there before each write", "[state]") {
    const std::size_t count = GENERATE(std::size_t{1}, std::size_t{1024}, std::size_t{1025}, std::size_t{50'000});
    std::vector<std::uint32_t> memory(count);
    std::iota(memory.begin(), memory.end(), 0u);
    const auto before = memory;
    Freezer freezer;
    CHECK_FALSE(freezer.needsKeeping());
    FrozenMemory& frozen = freezer.freeze(memory.data(), count * sizeof(std::uint32_t));
    CHECK(freezer.needsKeeping());

    std::mt19937 random(1);
    for (int i = 0; i < 100; ++i) {
        const std::size_t at = random() % count;
        freezer.keep(&memory[at], sizeof(std::uint32_t));
        memory[at] = 0xdeadbeef;
    }
    CHECK(readCopy(frozen, count) == before);
    CHECK_FALSE(freezer.needsKeeping());
    memory.assign(count, 7);  // without keeping: everything has been copied
    CHECK(readCopy(frozen, count) == before);
    frozen.release();
}

TEST_CASE("a write across two chunks keeps both", "[state]") {
    std::vector<std::byte> memory(3 * FrozenMemory::kChunkBytes, std::byte{1});
    Freezer freezer;
    FrozenMemory& frozen = freezer.freeze(memory.data(), memory.size());
    std::byte* const at = memory.data() + FrozenMemory::kChunkBytes - 4;
    freezer.keep(at, 8);
    std::memset(at, 2, 8);
    frozen.keepAll();
    CHECK(std::vector(frozen.copy(), frozen.copy() + memory.size()) ==
          std::vector<std::byte>(memory.size(), std::byte{1}));
    frozen.release();
}

TEST_CASE("thawed memory may go while the copy is still read, and the other way round", "[state]") {
    std::vector<std::uint32_t> memory(10'000, 3);
    Freezer freezer;
    SECTION("the owner first") {
        FrozenMemory& frozen = freezer.freeze(memory.data(), memory.size() * sizeof(std::uint32_t));
        freezer.thaw();
        memory.assign(memory.size(), 4);
        CHECK(readCopy(frozen, 10'000) == std::vector<std::uint32_t>(10'000, 3));
        frozen.release();
    }
    SECTION("the reader first: then nothing is kept any more") {
        freezer.freeze(memory.data(), memory.size() * sizeof(std::uint32_t)).release();
        CHECK_FALSE(freezer.needsKeeping());
    }
    SECTION("frozen again while it is frozen: two copies") {
        FrozenMemory& first = freezer.freeze(memory.data(), memory.size() * sizeof(std::uint32_t));
        freezer.keep(&memory[5], sizeof(std::uint32_t));
        memory[5] = 4;
        FrozenMemory& second = freezer.freeze(memory.data(), memory.size() * sizeof(std::uint32_t));
        freezer.keep(&memory[5], sizeof(std::uint32_t));
        memory[5] = 5;
        CHECK(readCopy(first, 10'000)[5] == 3);
        CHECK(readCopy(second, 10'000)[5] == 4);
        first.release();
        second.release();
    }
}

TEST_CASE("the copy is right whoever copies: owner and reader at once", "[state][threads]") {
    constexpr std::size_t kCount = 200'000;
    std::vector<std::uint32_t> memory(kCount);
    std::mt19937 random(7);
    for (int round = 0; round < 20; ++round) {
        for (auto& each : memory) each = static_cast<std::uint32_t>(round);
        Freezer freezer;
        FrozenMemory& frozen = freezer.freeze(memory.data(), kCount * sizeof(std::uint32_t));
        std::vector<std::uint32_t> copy;
        std::thread reader([&] {
            copy = readCopy(frozen, kCount);
            frozen.release();
        });
        for (int i = 0; i < 20'000; ++i) {
            std::uint32_t& at = memory[random() % kCount];
            if (freezer.needsKeeping()) freezer.keep(&at, sizeof at);
            at = 0xffffffff;
        }
        reader.join();
        CHECK(copy == std::vector<std::uint32_t>(kCount, static_cast<std::uint32_t>(round)));
    }
}
