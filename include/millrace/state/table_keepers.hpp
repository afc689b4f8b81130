#ifndef MILLRACE_STATE_TABLE_KEEPERS_HPP
#define MILLRACE_STATE_TABLE_KEEPERS_HPP

#include <millrace/core/config.hpp>

#include <cstddef>

// State that owns memory cannot be copied as bytes, and no other thread may look at it. So its owner encodes it, but not all
// of it at the barrier: a little before each step that follows, and what a step is about to change first.

namespace millrace::detail {

/// Who has to see the entries of a table before they change. The table has a list of them.
class TableKeeper {
public:
    /// The slot is about to change.
    virtual void keep(std::size_t slot) noexcept = 0;
    /// All of them are; the table has forgotten the keeper.
    virtual void keepAll() noexcept = 0;
    /// The table is gone, and whatever was not kept with it.
    virtual void abandon() noexcept = 0;

    TableKeeper* next = nullptr;

protected:
    ~TableKeeper() = default;
};

/// The keepers of one table. *Thread safety:* none.
class TableKeepers {
public:
    TableKeepers() = default;
    TableKeepers(const TableKeepers&) = delete;
    TableKeepers& operator=(const TableKeepers&) = delete;
    ~TableKeepers() {
        while (TableKeeper* const keeper = take()) keeper->abandon();
    }

    bool empty() const noexcept { return first_ == nullptr; }
    void add(TableKeeper& keeper) noexcept {
        keeper.next = first_;
        first_ = &keeper;
    }
    MILLRACE_INLINE void remove(TableKeeper& keeper) noexcept;
    MILLRACE_INLINE void keep(std::size_t slot) noexcept;
    void keepAll() noexcept {
        while (TableKeeper* const keeper = take()) keeper->keepAll();
    }

private:
    TableKeeper* take() noexcept {
        TableKeeper* const keeper = first_;
        if (keeper != nullptr) first_ = keeper->next;
        return keeper;
    }
    TableKeeper* first_ = nullptr;
};

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/state/table_keepers.ipp>
#endif

#endif  // MILLRACE_STATE_TABLE_KEEPERS_HPP
