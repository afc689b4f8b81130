#ifndef MILLRACE_TESTS_CONFORMANCE_VALUE_HPP
#define MILLRACE_TESTS_CONFORMANCE_VALUE_HPP

#include <millrace/core/bytes.hpp>
#include <millrace/types/codec.hpp>
#include <millrace/types/key_hash.hpp>

#include <nlohmann/json_fwd.hpp>

#include <compare>
#include <cstdint>
#include <ostream>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace millrace::conformance {

/// Whatever a vector may hold as a record, a key or a state: null, a truth value, a 64-bit integer, a double, a text or
/// an array of these.
class Value {
public:
    using Array = std::vector<Value>;

    Value() = default;
    Value(bool value) : data_(value) {}
    Value(std::int64_t value) : data_(value) {}
    Value(double value) : data_(value) {}
    Value(std::string value) : data_(std::move(value)) {}
    Value(const char* value) : data_(std::string(value)) {}
    Value(Array value) : data_(std::move(value)) {}
    template <class Integer>
        requires(std::is_integral_v<Integer> && !std::is_same_v<Integer, bool>)
    Value(Integer value) : data_(static_cast<std::int64_t>(value)) {}

    bool isNull() const noexcept { return data_.index() == 0; }
    bool isInteger() const noexcept { return std::holds_alternative<std::int64_t>(data_); }
    bool isDouble() const noexcept { return std::holds_alternative<double>(data_); }
    bool isNumber() const noexcept { return isInteger() || isDouble(); }
    bool isString() const noexcept { return std::holds_alternative<std::string>(data_); }
    bool isArray() const noexcept { return std::holds_alternative<Array>(data_); }

    // *Failure:* all of these throw std::runtime_error naming the value if it is of another kind.
    bool boolean() const;
    std::int64_t integer() const;
    double number() const;
    const std::string& string() const;
    const Array& array() const;
    Array& array();
    /// Element n of an array.
    const Value& at(std::size_t n) const;
    Value& at(std::size_t n);

    /// As JSON.
    std::string text() const;

    friend bool operator==(const Value& a, const Value& b);
    /// Numbers by their value, whatever their type; otherwise first by kind.
    friend bool operator<(const Value& a, const Value& b);
    /// Of integers (which wrap around) or doubles.
    friend Value operator+(const Value& a, const Value& b);
    friend Value operator-(const Value& a, const Value& b);
    friend Value operator*(const Value& a, const Value& b);
    friend std::ostream& operator<<(std::ostream& out, const Value& value);

    void encode(ByteWriter& writer) const;
    void decode(ByteReader& reader, int depth = 0);
    std::uint64_t hash() const;

private:
    std::variant<std::monostate, bool, std::int64_t, double, std::string, Array> data_;
};

Value fromJson(const nlohmann::json& json);
nlohmann::json toJson(const Value& value);

}  // namespace millrace::conformance

template <>
struct millrace::Codec<millrace::conformance::Value> {
    using Value = millrace::conformance::Value;
    static void encode(const Value& value, ByteWriter& writer) { value.encode(writer); }
    static void decode(ByteReader& reader, Value& value) { value.decode(reader); }
    static std::string name() { return "conformance.Value"; }
    static constexpr bool isDeterministic() { return true; }
};

template <>
struct millrace::KeyHash<millrace::conformance::Value> {
    static std::uint64_t of(const millrace::conformance::Value& value) { return value.hash(); }
};

#endif  // MILLRACE_TESTS_CONFORMANCE_VALUE_HPP
