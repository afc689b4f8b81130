#ifndef MILLRACE_STATE_STATE_TTL_CONFIG_HPP
#define MILLRACE_STATE_STATE_TTL_CONFIG_HPP

#include <millrace/core/errors.hpp>
#include <millrace/time/timestamp.hpp>

#include <cstdint>

namespace millrace {

class StateDescriptor;

/// How long a state lives without being touched, by the processing-time clock. @public
/// ```
/// ValueStateDescriptor<Profile> profile("profile", StateTtlConfig(24h).updateOnReadAndWrite());
/// ```
/// Each value, list element, map entry and accumulator has its own stamp, the time of the last write (or read, see
/// `UpdateType`); it has expired once stamp + ttl <= now. Expired state is removed when it is read next, and in the
/// background: accesses to the states of any keys take turns to look at all of them (`cleanupIncrementally`).
/// *State and checkpoints:* what has expired when a checkpoint or savepoint is taken is not in it, what has when one is
/// restored is dropped. Stamps are saved, the configuration is not: after a restart the new one holds for the old
/// stamps. State saved without stamps counts as written when it is restored.
class StateTtlConfig {
public:
    enum class UpdateType : std::uint8_t { OnCreateAndWrite, OnReadAndWrite };
    enum class StateVisibility : std::uint8_t {
        NeverReturnExpired,          ///< expired state reads as absent
        ReturnExpiredIfNotCleanedUp  ///< the first read returns what has expired and removes it
    };

    /// *Failure:* ConfigurationException unless `ttl` > 0.
    explicit StateTtlConfig(Duration ttl) : ttl_(ttl) {
        if (ttl <= Duration{0}) {
            throw ConfigurationException(
                "StateTtlConfig: the time to live must be positive; to keep state for ever "
                "give its descriptor no StateTtlConfig");
        }
    }

    StateTtlConfig& setUpdateType(UpdateType type) noexcept {
        updateType_ = type;
        return *this;
    }
    StateTtlConfig& setStateVisibility(StateVisibility visibility) noexcept {
        visibility_ = visibility;
        return *this;
    }
    StateTtlConfig& updateOnReadAndWrite() noexcept { return setUpdateType(UpdateType::OnReadAndWrite); }
    StateTtlConfig& returnExpiredIfNotCleanedUp() noexcept {
        return setStateVisibility(StateVisibility::ReturnExpiredIfNotCleanedUp);
    }

    /// Each access to the state lets its operator look at the states of so many keys, in turn, and remove what has
    /// expired; with `runForEveryRecord` each record of the operator does, too. 5 and false unless set. State that is
    /// not accessed at all is not cleaned up. *Failure:* ConfigurationException unless `entries` > 0.
    StateTtlConfig& cleanupIncrementally(int entries, bool runForEveryRecord) {
        if (entries <= 0) {
            throw ConfigurationException(
                "StateTtlConfig: cleanupIncrementally needs a positive number of entries; to remove expired state only "
                "when it is read call disableCleanupInBackground()");
        }
        cleanupEntries_ = entries;
        cleansForEveryRecord_ = runForEveryRecord;
        return *this;
    }
    /// Expired state is removed only when its key comes again; it is left out of snapshots all the same.
    StateTtlConfig& disableCleanupInBackground() noexcept {
        cleanupEntries_ = 0;
        cleansForEveryRecord_ = false;
        return *this;
    }
    /// As in Flink, where it has to be asked for: snapshots never have state that has expired.
    StateTtlConfig& cleanupFullSnapshot() noexcept { return *this; }

    /// False for what a descriptor has that was given none.
    bool isEnabled() const noexcept { return ttl_ > Duration{0}; }
    Duration ttl() const noexcept { return ttl_; }
    UpdateType updateType() const noexcept { return updateType_; }
    StateVisibility stateVisibility() const noexcept { return visibility_; }
    /// 0: no cleanup in the background.
    int cleanupEntries() const noexcept { return cleanupEntries_; }
    bool cleansForEveryRecord() const noexcept { return cleansForEveryRecord_; }

    // As in Flink: StateTtlConfig::newBuilder(ttl).setUpdateType(…).build()
    static StateTtlConfig newBuilder(Duration ttl) { return StateTtlConfig(ttl); }
    StateTtlConfig build() const noexcept { return *this; }

private:
    friend class StateDescriptor;
    StateTtlConfig() = default;  // none: state is kept for ever

    Duration ttl_{0};
    UpdateType updateType_ = UpdateType::OnCreateAndWrite;
    StateVisibility visibility_ = StateVisibility::NeverReturnExpired;
    bool cleansForEveryRecord_ = false;
    int cleanupEntries_ = 5;
};

}  // namespace millrace

#endif  // MILLRACE_STATE_STATE_TTL_CONFIG_HPP
