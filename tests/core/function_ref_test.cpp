#include <millrace/core/function_ref.hpp>

#include "support/catch.hpp"

#include <stdexcept>
#include <string>
#include <vector>

namespace {

using Visitor = millrace::detail::FunctionRef<void(int number, const std::string& text)>;

void visitTwice(const Visitor& visit) {
    visit(1, "one");
    visit(2, "two");
}

void passOn(const Visitor& visit) {
    const Visitor again = visit;
    visitTwice(again);
}

}  // namespace

TEST_CASE("a FunctionRef calls the function it was made from, and copies call the same one", "[core]") {
    std::vector<std::string> seen;
    const auto visit = [&seen](int number, const std::string& text) { seen.push_back(std::to_string(number) + text); };
    passOn(visit);
    passOn([&seen](int number, const std::string&) { seen.push_back(std::to_string(-number)); });
    CHECK(seen == std::vector<std::string>{"1one", "2two", "-1", "-2"});
}

TEST_CASE("what the function of a FunctionRef throws goes through", "[core]") {
    CHECK_THROWS_WITH(passOn([](int number, const std::string&) {
                          if (number == 2) throw std::runtime_error("two");
                      }),
                      "two");
}
