#ifndef MILLRACE_RUNTIME_SAVEPOINT_SIGNAL_GUARD_IPP
#define MILLRACE_RUNTIME_SAVEPOINT_SIGNAL_GUARD_IPP

#include <millrace/core/errors.hpp>
#include <millrace/core/log.hpp>
#include <millrace/core/message.hpp>
#include <millrace/core/posix_file_system.hpp>
#include <millrace/runtime/savepoint_signal_guard.hpp>
#include <millrace/runtime/snapshot_request.hpp>

#include <csignal>
#include <ctime>
#include <mutex>
#include <utility>
#include <vector>

namespace millrace {

struct SavepointSignalGuard::State {
    State(std::shared_ptr<JobClient> c, std::string d, OnTerminate t)
        : client(std::move(c)), directory(std::move(d)), onTerminate(t) {}

    /// Whether there is something to wait for.
    [[gnu::cold]] bool onSignal(int signal) {
        const std::lock_guard lock(mutex);
        try {
            if (signal == SIGUSR1) {
                underWay.push_back(client->request("SIGUSR1", CheckpointKind::Savepoint, freshDirectory()));
            } else if (signal == SIGTERM) {
                terminate();
            }
        } catch (const std::exception& error) {
            warn(error);
        }
        reportDone();
        return !underWay.empty();
    }

    [[gnu::cold]] void terminate() {
        if (stop != nullptr && (!stop->isDone() || stop->error == nullptr)) {
            client->cancel();
            return;
        }
        stop = onTerminate == OnTerminate::Suspend
                   ? client->request("SIGTERM", CheckpointKind::Checkpoint, {}, true)
                   : client->request("SIGTERM", CheckpointKind::Savepoint, freshDirectory(), true);
        underWay.push_back(stop);
    }

    [[gnu::cold]] std::string freshDirectory() const {
        const std::time_t now = std::time(nullptr);
        std::tm utc{};
        gmtime_r(&now, &utc);
        char name[32];
        std::strftime(name, sizeof name, "savepoint-%Y%m%d-%H%M%S", &utc);
        const std::string path = detail::message("{}/{}", {directory, name});
        std::string free = path;
        for (int number = 2; isTaken(free); ++number) free = detail::message("{}-{}", {path, number});
        return free;
    }
    [[gnu::cold]] bool isTaken(const std::string& path) const {
        for (const auto& each : underWay) {
            if (each->target == path) return true;
        }
        try {
            return posixFileSystem()->kindOf(path) != FileKind::None;
        } catch (const PermissionException&) {
            return false;  // who is to write there says so, and what to do
        }
    }

    [[gnu::cold]] void reportDone() {
        for (std::size_t i = 0; i < underWay.size();) {
            const std::shared_ptr<detail::SnapshotRequest> each = underWay[i];
            if (!each->isDone()) {
                ++i;
                continue;
            }
            underWay.erase(underWay.begin() + static_cast<std::ptrdiff_t>(i));
            try {
                if (each->error != nullptr) std::rethrow_exception(each->error);
                detail::log(LogLevel::Info,
                            detail::message(
                                "{}{} of job '{}' is in '{}{}",
                                {each->kind == CheckpointKind::Savepoint ? "savepoint " : "checkpoint ", each->info.id,
                                 client->jobName(), each->info.path, each->stop ? "', and the job ends" : "'"}));
            } catch (const std::exception& error) {
                warn(error);
            }
        }
    }
    [[gnu::cold]] void warn(const std::exception& error) const {
        detail::log(LogLevel::Warning, detail::message("job '{}' was asked by a signal: {}",
                                                       {client->jobName(), describeException(error)}));
    }

    std::shared_ptr<JobClient> client;
    std::string directory;
    OnTerminate onTerminate;
    std::mutex mutex;
    std::vector<std::shared_ptr<detail::SnapshotRequest>> underWay;
    std::shared_ptr<detail::SnapshotRequest> stop;  // the last one, also when it has failed
};

MILLRACE_INLINE_COLD SavepointSignalGuard::SavepointSignalGuard(std::shared_ptr<JobClient> client,
                                                                std::string directory, OnTerminate onTerminate) {
    (void)client->supervisor("SavepointSignalGuard");
    if (directory.empty()) {
        throw ConfigurationException("SavepointSignalGuard: the directory for savepoints is empty; name one");
    }
    state_ = std::make_shared<State>(std::move(client), std::move(directory), onTerminate);
    watch_ = std::make_unique<detail::SignalWatch>("SavepointSignalGuard", std::initializer_list<int>{SIGUSR1, SIGTERM},
                                                   [state = state_](int signal) { return state->onSignal(signal); });
}

MILLRACE_INLINE_COLD SavepointSignalGuard::~SavepointSignalGuard() {
    watch_.reset();
    state_->reportDone();
}

MILLRACE_INLINE_COLD std::string SavepointSignalGuard::savepointPath() const {
    const std::lock_guard lock(state_->mutex);
    if (state_->stop == nullptr || !state_->stop->isDone() || state_->stop->error != nullptr) return {};
    return state_->stop->info.kind == CheckpointKind::Savepoint ? state_->stop->info.path : std::string();
}

}  // namespace millrace

#endif  // MILLRACE_RUNTIME_SAVEPOINT_SIGNAL_GUARD_IPP
