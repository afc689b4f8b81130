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

constexpr std::size_t kChunk = 1024;  // entries
constexpr std::size_t kChunkBytes = kChunk * sizeof(std::uint32_t);

std::vector<std::uint32_t> readCopy(FrozenMemory& memory) {
    std::vector<std::uint32_t> copy;
    memory.read([&](const std::byte* bytes, std::size_t count) {
        if (count == 0) return;
        const std::size_t before = copy.size();
        copy.resize(before + count / sizeof(std::uint32_t));
        std::memcpy(copy.data() + before, bytes, count);
    });
    return copy;
}
std::size_t copyAll(const std::byte* chunk, std::byte* to) noexcept {
    std::memcpy(to, chunk, kChunkBytes);
    return kChunkBytes;
}
/// What is not 0 counts.
std::size_t copyOccupied(const std::byte* chunk, std::byte* to) noexcept {
    std::vector<std::uint32_t> entries(kChunk);
    std::memcpy(entries.data(), chunk, kChunkBytes);
    std::erase(entries, 0u);
    std::memcpy(to, entries.data(), entries.size() * sizeof(std::uint32_t));
    return entries.size() * sizeof(std::uint32_t);
}
FrozenMemory& freeze(Freezer& freezer, const std::vector<std::uint32_t>& memory, decltype(&copyAll) copy = copyAll) {
    return freezer.freeze(
        {reinterpret_cast<const std::byte*>(memory.data()), memory.size() * sizeof(std::uint32_t), kChunkBytes, copy});
}

}  // namespace

TEST_CASE("frozen memory keeps what was there before each write", "[state]") {
    const std::size_t count = kChunk * GENERATE(std::size_t{1}, std::size_t{2}, std::size_t{50}, std::size_t{2000});
    std::vector<std::uint32_t> memory(count);
    std::iota(memory.begin(), memory.end(), 0u);
    const auto before = memory;
    Freezer freezer;
    CHECK_FALSE(freezer.needsKeeping());
    FrozenMemory& frozen = freeze(freezer, memory);
    CHECK(freezer.needsKeeping());

    std::mt19937 random(1);
    for (int i = 0; i < 100; ++i) {
        const std::size_t at = random() % count;
        freezer.keep(at / kChunk);
        memory[at] = 0xdeadbeef;
    }
    CHECK(readCopy(frozen) == before);
    CHECK_FALSE(freezer.needsKeeping());
    memory.assign(count, 7);  // without keeping: everything has been read
    frozen.finishReading();

    // once more, with the same memory for copies
    const auto then = memory;
    FrozenMemory& again = freeze(freezer, memory);
    CHECK(&again == &frozen);
    CHECK(freezer.needsKeeping());
    for (int i = 0; i < 100; ++i) {
        const std::size_t at = random() % count;
        freezer.keep(at / kChunk);
        memory[at] = 0xdeadbeef;
    }
    CHECK(readCopy(again) == then);
    again.finishReading();
}

TEST_CASE("thawed memory may go while the copy is still read, and the other way round", "[state]") {
    std::vector<std::uint32_t> memory(10 * kChunk, 3);
    Freezer freezer;
    SECTION("the owner first") {
        FrozenMemory& frozen = freeze(freezer, memory);
        freezer.thaw();
        CHECK_FALSE(freezer.needsKeeping());
        memory.assign(memory.size(), 4);
        CHECK(readCopy(frozen) == std::vector<std::uint32_t>(10 * kChunk, 3));
        frozen.finishReading();
    }
    SECTION("the owner is gone") {
        FrozenMemory* frozen = nullptr;
        {
            Freezer other;
            frozen = &freeze(other, memory);
        }
        memory.assign(memory.size(), 4);
        CHECK(readCopy(*frozen) == std::vector<std::uint32_t>(10 * kChunk, 3));
        frozen->finishReading();
    }
    SECTION("the reader first: then nothing is kept any more") {
        freeze(freezer, memory).finishReading();
        CHECK_FALSE(freezer.needsKeeping());
    }
    SECTION("frozen again while it is frozen: two copies") {
        FrozenMemory& first = freeze(freezer, memory);
        freezer.keep(0);
        memory[5] = 4;
        FrozenMemory& second = freeze(freezer, memory);
        CHECK(&first != &second);
        freezer.keep(0);
        memory[5] = 5;
        CHECK(readCopy(first)[5] == 3);
        CHECK(readCopy(second)[5] == 4);
        first.finishReading();
        second.finishReading();
    }
    SECTION("other memory, of another size") {
        freeze(freezer, memory).finishReading();
        const std::vector<std::uint32_t> larger(20 * kChunk, 9);
        FrozenMemory& frozen = freeze(freezer, larger);
        CHECK(readCopy(frozen) == larger);
        frozen.finishReading();
    }
}

TEST_CASE("the copy is right whoever copies: owner and reader at once", "[state][threads]") {
    constexpr std::size_t kCount = 200 * kChunk;
    std::vector<std::uint32_t> memory(kCount);
    std::mt19937 random(7);
    Freezer freezer;
    for (int round = 0; round < 20; ++round) {
        freezer.thaw();
        for (auto& each : memory) each = static_cast<std::uint32_t>(round);
        FrozenMemory& frozen = freeze(freezer, memory);
        std::vector<std::uint32_t> copy;
        std::thread reader([&] {
            copy = readCopy(frozen);
            frozen.finishReading();
        });
        for (int i = 0; i < 20'000; ++i) {
            const std::size_t at = random() % kCount;
            if (freezer.needsKeeping()) freezer.keep(at / kChunk);
            memory[at] = 0xffffffff;
        }
        reader.join();
        CHECK(copy == std::vector<std::uint32_t>(kCount, static_cast<std::uint32_t>(round)));
    }
}

TEST_CASE("what does not count of a chunk is not copied, whoever copies", "[state][threads]") {
    constexpr std::size_t kCount = 200 * kChunk;
    std::mt19937 random(11);
    std::vector<std::uint32_t> memory(kCount);
    for (std::size_t i = 0; i < kCount; ++i) {
        const std::size_t chunk = i / kChunk;  // the first is empty, the second full, the others are in between
        if (chunk > 0) memory[i] = chunk == 1 || random() % 3 == 0 ? static_cast<std::uint32_t>(i) : 0;
    }
    Freezer freezer;
    for (int round = 0; round < 20; ++round) {
        auto expected = memory;
        std::erase(expected, 0u);
        FrozenMemory& frozen = freeze(freezer, memory, copyOccupied);
        std::vector<std::uint32_t> copy;
        std::thread reader([&] {
            copy = readCopy(frozen);
            frozen.finishReading();
        });
        for (int i = 0; i < 2000; ++i) {
            const std::size_t at = random() % kCount;
            if (freezer.needsKeeping()) freezer.keep(at / kChunk);
            memory[at] = memory[at] == 0 ? 7 : 0;
        }
        freezer.thaw();
        reader.join();
        CHECK(copy == expected);
    }
}
