#include <millrace/runtime/actor.hpp>

namespace millrace::detail {

MILLRACE_INLINE bool& Actor::insideFlag() noexcept {
    thread_local bool inside = false;
    return inside;
}

MILLRACE_INLINE_APART void Actor::wake() {
    State state = state_.load();
    for (;;) {
        switch (state) {
            case State::Idle:
                if (state_.compare_exchange_weak(state, State::Scheduled)) {
                    executor_.post(*this);
                    return;
                }
                break;
            case State::Running:
                if (state_.compare_exchange_weak(state, State::Notified)) return;
                break;
            case State::Scheduled:
            case State::Notified:
            case State::Ended:
                return;
        }
    }
}

MILLRACE_INLINE void Actor::run() {
    const bool outer = insideFlag();
    insideFlag() = true;
    quantumLeft_ = executor_.quantumBlocks();
    quantumStart_ = executor_.monotonicNow();
    for (;;) {
        // an exchange: it and the loads after it are ordered behind the stores of whoever saw the state it replaces
        state_.exchange(State::Running);
        runningSince_.store(quantumStart_.count(), std::memory_order_relaxed);
        const Outcome outcome = advance();
        runningSince_.store(0, std::memory_order_relaxed);
        insideFlag() = outer;
        if (outcome == Outcome::Ended) {
            state_.store(State::Ended);
            onEnded();
            return;
        }
        if (outcome == Outcome::Wait) {
            State running = State::Running;
            if (state_.compare_exchange_strong(running, State::Idle)) return;
            if (quantumLeft_ > 0) {
                // woken while it looked for work: looking again is cheaper than a post
                insideFlag() = true;
                continue;
            }
        }
        state_.store(State::Scheduled);
        executor_.postAgain(*this);
        return;
    }
}

}  // namespace millrace::detail
