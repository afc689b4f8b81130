#ifndef MILLRACE_STATE_DENSE_INDEX_HPP
#define MILLRACE_STATE_DENSE_INDEX_HPP

#include <millrace/core/list.hpp>

#include <cstddef>
#include <cstdint>

namespace millrace::detail {

/// Finds the positions of entries that lie densely in an array, by their hashes. A few entries are simply compared;
/// more of them have a table. *Thread safety:* none.
class DenseIndex {
public:
    static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
    /// What it has reserved for an entry, about: a hash, and places of the table, of which it fills an eighth to a half.
    static constexpr std::size_t kBytesPerEntry = 5 * sizeof(std::uint32_t);

    std::size_t size() const noexcept { return hashes_.size(); }

    /// The position whose entry has this hash and is the `same(position)`.
    template <class Same>
    std::size_t find(std::uint32_t hash, Same same) const {
        if (table_.empty()) {
            for (std::size_t i = 0; i < hashes_.size(); ++i) {
                if (hashes_[i] == hash && same(i)) return i;
            }
            return kNone;
        }
        const std::size_t mask = table_.size() - 1;
        for (std::size_t at = place(hash); table_[at] != 0; at = (at + 1) & mask) {
            const std::size_t position = table_[at] - 1;
            if (hashes_[position] == hash && same(position)) return position;
        }
        return kNone;
    }
    /// The entry at position `size()` has this hash.
    void add(std::uint32_t hash) {
        if (hashes_.size() >= kCompared && 2 * (hashes_.size() + 1) > table_.size()) rebuild(hashes_.size() + 1);
        hashes_.push_back(hash);
        if (!table_.empty()) put(hash, hashes_.size());
    }
    /// The entry at `position` goes, and the last one takes its place.
    void remove(std::size_t position) noexcept {
        const std::size_t last = hashes_.size() - 1;
        if (!table_.empty()) {
            free(slotOf(position));
            if (position != last) table_[slotOf(last)] = static_cast<std::uint32_t>(position + 1);
        }
        hashes_[position] = hashes_[last];
        hashes_.pop_back();
    }
    void clear() noexcept {
        hashes_.clear();
        table_.clear();
    }

private:
    static constexpr std::size_t kCompared = 8;

    std::size_t place(std::uint32_t hash) const noexcept { return (hash * 0x9E3779B1u >> 7) & (table_.size() - 1); }
    void put(std::uint32_t hash, std::size_t positionAndOne) noexcept {
        std::size_t at = place(hash);
        while (table_[at] != 0) at = (at + 1) & (table_.size() - 1);
        table_[at] = static_cast<std::uint32_t>(positionAndOne);
    }
    std::size_t slotOf(std::size_t position) const noexcept {
        std::size_t at = place(hashes_[position]);
        while (table_[at] != position + 1) at = (at + 1) & (table_.size() - 1);
        return at;
    }
    void free(std::size_t hole) noexcept {
        const std::size_t mask = table_.size() - 1;
        for (std::size_t at = (hole + 1) & mask; table_[at] != 0; at = (at + 1) & mask) {
            if (((at - place(hashes_[table_[at] - 1])) & mask) >= ((at - hole) & mask)) {
                table_[hole] = table_[at];
                hole = at;
            }
        }
        table_[hole] = 0;
    }
    void rebuild(std::size_t entries) {
        std::size_t capacity = 4 * kCompared;
        while (capacity < 4 * entries) capacity *= 2;
        table_.clear();
        table_.resize(capacity);
        for (std::size_t i = 0; i < hashes_.size(); ++i) put(hashes_[i], i + 1);
    }

    List<std::uint32_t> hashes_;  ///< of the entries, by position
    List<std::uint32_t> table_;   ///< position + 1, or 0; empty as long as the entries are few
};

}  // namespace millrace::detail

#endif  // MILLRACE_STATE_DENSE_INDEX_HPP
