#ifndef MILLRACE_TESTING_FAILURES_HPP
#define MILLRACE_TESTING_FAILURES_HPP

#include <millrace/core/errors.hpp>
#include <millrace/core/functional.hpp>
#include <millrace/types/codec.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

namespace millrace::testing {

/// What the helpers of this header throw. @public
class InjectedFailure : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// A function that fails at one of its calls; made by `failingAt`. The calls of all copies are counted together, so in a
/// job that starts again it does not fail again.
template <class Fn>
class FailingFunction {
public:
    FailingFunction(Fn fn, std::uint64_t failingCall)
        : fn_(std::move(fn)), failingCall_(failingCall), calls_(std::make_shared<std::atomic<std::uint64_t>>(0)) {}

    template <class... Args>
        requires std::invocable<Fn&, Args...>
    decltype(auto) operator()(Args&&... args) {
        if (++*calls_ == failingCall_) throw InjectedFailure("injected at call " + std::to_string(failingCall_));
        return detail::invoke(fn_, std::forward<Args>(args)...);
    }

private:
    Fn fn_;
    std::uint64_t failingCall_;
    std::shared_ptr<std::atomic<std::uint64_t>> calls_;
};

/// `fn`, but its n-th call (from 1) throws InjectedFailure: for a map, filter, sink… @public
template <class Fn>
FailingFunction<Fn> failingAt(std::uint64_t n, Fn fn) {
    return {std::move(fn), n};
}

/// Where a `Poisoned` value fails.
enum class Poison : std::uint8_t { None, OnEncode, OnDecode };

/// A value that can be told to fail when it is written to a snapshot or read back. @public
template <class T>
struct Poisoned {
    T value{};
    Poison poison = Poison::None;
    bool operator==(const Poisoned&) const = default;
};

}  // namespace millrace::testing

template <class T>
struct millrace::Codec<millrace::testing::Poisoned<T>> {
    using Value = millrace::testing::Poisoned<T>;
    static void encode(const Value& value, ByteWriter& writer) {
        if (value.poison == testing::Poison::OnEncode) throw testing::InjectedFailure("injected while encoding");
        writer.write(value.poison);
        Codec<T>::encode(value.value, writer);
    }
    static void decode(ByteReader& reader, Value& value) {
        value.poison = reader.read<testing::Poison>();
        if (value.poison == testing::Poison::OnDecode) reader.fail("injected while decoding");
        Codec<T>::decode(reader, value.value);
    }
    static std::string name() { return "poisoned<" + codecName<T>() + ">"; }
};

#endif  // MILLRACE_TESTING_FAILURES_HPP
