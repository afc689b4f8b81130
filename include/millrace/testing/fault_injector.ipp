#ifndef MILLRACE_TESTING_FAULT_INJECTOR_IPP
#define MILLRACE_TESTING_FAULT_INJECTOR_IPP

#include <millrace/testing/failures.hpp>
#include <millrace/testing/fault_injector.hpp>
#include <millrace/testing/fault_plan.hpp>

#include <array>
#include <utility>

namespace millrace::testing {

struct FaultInjector::Shared {
    struct Waiting {
        int left;  // calls of `release` until it may go on
        std::function<void()> wakeUp;
    };

    const Fault* find(Fault::Kind kind, std::uint64_t at) const noexcept {
        for (const Fault& each : faults) {
            if (each.kind == kind && each.at == at) return &each;
        }
        return nullptr;
    }

    std::vector<Fault> faults;
    std::array<std::uint64_t, kFaultPoints> calls{};
    std::uint64_t commits = 0;
    std::uint64_t prepares = 0;
    std::uint64_t blocks = 0;
    std::vector<Waiting> waiting;
    bool killed = false;
};

MILLRACE_INLINE_COLD FaultInjector::FaultInjector() : shared_(std::make_shared<Shared>()) {}

MILLRACE_INLINE_COLD void FaultInjector::pass(FaultPoint point) {
    if (shared_->killed) throw InjectedFailure("the process has ended");
    const std::uint64_t call = ++shared_->calls[static_cast<std::size_t>(point)];
    for (const Fault& each : shared_->faults) {
        if (each.at != call || each.point != point) continue;
        if (each.kind == Fault::Kind::KillCall) shared_->killed = true;
        if (each.kind == Fault::Kind::KillCall || each.kind == Fault::Kind::FailCall) {
            throw InjectedFailure(detail::describeFault(each));
        }
    }
}

MILLRACE_INLINE_COLD bool FaultInjector::mustRetry() {
    return shared_->find(Fault::Kind::Retry, ++shared_->commits) != nullptr;
}

MILLRACE_INLINE_COLD bool FaultInjector::mustKeep() {
    return shared_->find(Fault::Kind::KeepBuffer, ++shared_->prepares) != nullptr;
}

MILLRACE_INLINE_COLD bool FaultInjector::mustWait(const std::function<void()>& wakeUp) {
    const Fault* const fault = shared_->find(Fault::Kind::Wait, ++shared_->blocks);
    if (fault == nullptr) return false;
    shared_->waiting.push_back({fault->choice, wakeUp});
    return true;
}

MILLRACE_INLINE_COLD bool FaultInjector::killed() const noexcept {
    return shared_->killed;
}

MILLRACE_INLINE_COLD std::uint64_t FaultInjector::calls(FaultPoint point) const noexcept {
    return shared_->calls[static_cast<std::size_t>(point)];
}

MILLRACE_INLINE_COLD void FaultInjector::arm(const std::vector<Fault>& faults) {
    shared_->faults = faults;
}

MILLRACE_INLINE_COLD void FaultInjector::kill() noexcept {
    shared_->killed = true;
}

MILLRACE_INLINE_COLD void FaultInjector::revive() noexcept {
    shared_->killed = false;
    shared_->waiting.clear();
}

MILLRACE_INLINE_COLD bool FaultInjector::release(bool all) {
    bool any = false;
    std::vector<Shared::Waiting> waiting = std::move(shared_->waiting);
    shared_->waiting.clear();
    for (Shared::Waiting& each : waiting) {
        if (all || --each.left <= 0) {
            any = true;
            each.wakeUp();
        } else {
            shared_->waiting.push_back(std::move(each));
        }
    }
    return any;
}

}  // namespace millrace::testing

#endif  // MILLRACE_TESTING_FAULT_INJECTOR_IPP
