#include <millrace/runtime/sigint_guard.hpp>

#include <csignal>
#include <utility>

namespace millrace {

MILLRACE_INLINE_COLD SigintGuard::SigintGuard(std::shared_ptr<JobClient> client)
    : watch_("SigintGuard", {SIGINT}, [client = std::move(client), isStopping = false](int) mutable {
          if (std::exchange(isStopping, true)) {
              client->cancel();
          } else {
              client->stop();
          }
          return false;
      }) {}

}  // namespace millrace
