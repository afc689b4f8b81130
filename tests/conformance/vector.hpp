#ifndef MILLRACE_TESTS_CONFORMANCE_VECTOR_HPP
#define MILLRACE_TESTS_CONFORMANCE_VECTOR_HPP

#include "value.hpp"

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <vector>

namespace millrace::conformance {

using nlohmann::json;

/// One thing that came out of an operator, or should have.
struct OutputItem {
    enum class Kind { Element, Watermark, Status, Error, Query, Windows, Merge };

    Kind kind = Kind::Element;
    std::string name{};       ///< tag of the side output, the status, the query
    Value value{};            ///< element, answer, windows
    Value time{};             ///< timestamp or null; the watermark
    int at = 0;               ///< index of the input item that caused it; -1: before the first
    std::string errorText{};  ///< not compared

    bool isMarker() const noexcept {
        return kind == Kind::Watermark || kind == Kind::Status || kind == Kind::Error || kind == Kind::Query;
    }
    /// Everything but `at`.
    bool sameAs(const OutputItem& other) const {
        return kind == other.kind && name == other.name && value == other.value && time == other.time;
    }
    std::string text() const;
};

struct Vector {
    std::string id;
    json op;
    std::vector<json> input;
    std::vector<OutputItem> expected;
    std::string order;
    std::vector<std::string> required;

    std::string kind() const { return op.at("kind").get<std::string>(); }
};

/// *Failure:* std::runtime_error naming file, vector and what is wrong.
std::vector<Vector> readVectors(const std::string& path);

/// Why the two sequences differ; none if they are equal in the sense of `order`.
std::optional<std::string> difference(const std::vector<OutputItem>& expected, const std::vector<OutputItem>& actual,
                                      const std::string& order);

}  // namespace millrace::conformance

#endif  // MILLRACE_TESTS_CONFORMANCE_VECTOR_HPP
